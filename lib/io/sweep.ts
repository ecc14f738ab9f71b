// Finds what has stood still, by looking at all of it now and then. Costs the path of a byte nothing: no timer to refresh,
// only a counter that the reader of the byte keeps anyway.

import { uncaught } from './uncaught.ts';

/** Something that may stand still. */
export interface Moving {
	/** Any number that changes when something moved. */
	progress(): number;
	/** Called when it has stood still for the limit; it should end itself. */
	idle(): void;
}

interface Mark {
	progress: number;
	still: number;
}

/** Looks this often within one limit, so that something idle is found at most a fifth of the limit late. */
const LOOKS = 5;

/** Watches any number of things with one timer. The timer does not keep the process alive. */
export class Sweep {
	readonly #marks: Map<Moving, Mark> = new Map();
	readonly #timer: NodeJS.Timeout;
	readonly #onBug: (thrown: unknown) => void;

	/** `onBug` is told of what one of them throws: it is looked at no more, the others are. By default the process hears of it. */
	constructor(idleMs: number, onBug: (thrown: unknown) => void = uncaught) {
		this.#onBug = onBug;
		this.#timer = setInterval(() => this.#look(), Math.max(1, Math.ceil(idleMs / LOOKS)));
		this.#timer.unref();
	}

	add(moving: Moving): void {
		this.#marks.set(moving, { progress: moving.progress(), still: 0 });
	}

	delete(moving: Moving): void {
		this.#marks.delete(moving);
	}

	/** Stops looking. What was watched stays as it is. */
	close(): void {
		clearInterval(this.#timer);
		this.#marks.clear();
	}

	#look(): void {
		for (const [moving, mark] of this.#marks) {
			try {
				this.#lookAt(moving, mark);
			} catch (thrown) {
				this.#marks.delete(moving);
				this.#onBug(thrown);
			}
		}
	}

	#lookAt(moving: Moving, mark: Mark): void {
		const progress = moving.progress();
		if (progress !== mark.progress) {
			mark.progress = progress;
			mark.still = 0;
		} else if (++mark.still > LOOKS) {
			this.#marks.delete(moving);
			moving.idle();
		}
	}
}
