// Moves bytes from one socket to another by splice(2): through a pipe, in the kernel, without a copy here. For tunnels that
// have proved bulky: for little ones a copy costs less. A pipe is had while bytes are on their way through it and given back
// when it is empty, so an idle tunnel has none, and its end is found only when everything before it has left.
import type { Link } from '../core/link.ts';
import { type Mover, RawLink } from './link-raw.ts';
import { EAGAIN, type Result } from './native.ts';
import type { Pipe, PipePool } from './pipes.ts';

/** Most that goes into a pipe at once; a pipe takes what its places hold, half of this at most. */
const SPLICE_BYTES = 1_048_576;

/** Who counts what is moved. */
export interface Counting {
	bytes: number;
}

/** One direction between two sockets of one reactor. */
export class SpliceMover implements Mover {
	readonly #from: RawLink;
	readonly #to: RawLink;
	readonly #pool: PipePool;
	readonly #counting: Counting;
	#pipe: Pipe | null = null;
	/** In the pipe. */
	#held = 0;

	/** Null when these two are no sockets of one reactor. */
	static between(from: Link, to: Link, counting: Counting): SpliceMover | null {
		if (!(from instanceof RawLink && to instanceof RawLink) || from.reactor !== to.reactor) return null;
		return new SpliceMover(from, to, counting);
	}

	private constructor(from: RawLink, to: RawLink, counting: Counting) {
		this.#from = from;
		this.#to = to;
		this.#pool = from.reactor.pipes;
		this.#counting = counting;
	}

	/** Nobody writes to the other side but this, from now on. */
	start(): void {
		this.#from.moveBy(this);
	}

	ready(): boolean {
		this.#pipe ??= this.#pool.take();
		return this.#pipe !== null;
	}

	move(): Result {
		const pipe = this.#pipe as Pipe;
		const moved = this.#from.spliceTo(pipe.writing, SPLICE_BYTES);
		if (moved > 0) {
			this.#counting.bytes += moved;
			this.#held = moved;
			this.#flush(pipe);
		} else this.#letGo(pipe);
		return moved;
	}

	writable(): void {
		if (this.#pipe === null) return;
		this.#flush(this.#pipe);
		if (this.#held === 0) this.#from.resume();
	}

	/** The source is read again when all of it has left. A target that fails tells its own reader. */
	#flush(pipe: Pipe): void {
		while (this.#held > 0) {
			const moved = this.#to.spliceFrom(pipe.reading, this.#held);
			if (moved <= 0) {
				this.#from.pause();
				if (moved === -EAGAIN) this.#to.whenWritable(this);
				return;
			}
			this.#held -= moved;
		}
		this.#letGo(pipe);
	}

	#letGo(pipe: Pipe): void {
		this.#pipe = null;
		this.#pool.give(pipe);
	}

	/** Nothing moves any more: what is left in the pipe is lost with the link that it was for. */
	close(): void {
		if (this.#pipe === null) return;
		if (this.#held > 0) this.#pool.discard(this.#pipe);
		else this.#pool.give(this.#pipe);
		this.#pipe = null;
	}
}
