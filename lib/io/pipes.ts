// Pipes to splice through: the kernel's own buffers, two descriptors each.
import type { Native } from './native.ts';

/** Empty pipes that are kept. */
const SPARE_PIPES = 16;

/** Instead of 64 KiB: fewer turns for as many bytes. The most that Linux grants everybody (/proc/sys/fs/pipe-max-size). */
const PIPE_BYTES = 1_048_576;

/**
 * What may stand in pipes and wait for its target, of all tunnels together. Kernel memory that no limit of the system covers:
 * readers of nothing must not have it all. Past it tunnels copy, and of each there waits what there is room for in a queue.
 */
const PARKED_BYTES = 67_108_864;

/** Two descriptors. */
export interface Pipe {
	readonly reading: number;
	readonly writing: number;
}

/** The pipes of one reactor. A pipe is in the pool, empty, or with one mover. */
export class PipePool {
	/** Whoever has a pipe adds what stands in it, and takes it off again. */
	parkedBytes = 0;
	readonly #calls: Native;
	readonly #spare: Pipe[] = [];
	readonly #ends: Int32Array = new Int32Array(2);

	constructor(calls: Native) {
		this.#calls = calls;
	}

	/** Null when there are no descriptors, or when too much stands in those that are out. */
	take(): Pipe | null {
		if (this.parkedBytes >= PARKED_BYTES) return null;
		const spare = this.#spare.pop();
		if (spare) return spare;
		if (this.#calls.pipe(this.#ends) < 0) return null;
		// One that stays small, because this user has many, moves less at once.
		this.#calls.setPipeBytes(this.#ends[1] as number, PIPE_BYTES);
		return { reading: this.#ends[0] as number, writing: this.#ends[1] as number };
	}

	/** It must be empty. */
	give(pipe: Pipe): void {
		if (this.#spare.length < SPARE_PIPES) this.#spare.push(pipe);
		else this.discard(pipe);
	}

	/** Whatever is in it. */
	discard(pipe: Pipe): void {
		this.#calls.close(pipe.reading);
		this.#calls.close(pipe.writing);
	}

	/** Closes the spare ones. */
	clear(): void {
		for (const pipe of this.#spare.splice(0)) this.discard(pipe);
	}
}
