// Moves bytes from one socket to another by splice(2): through a pipe, in the kernel, without a copy here. For tunnels that
// have proved bulky: for little ones a copy costs less. A pipe is had while bytes are on their way through it and given back
// when it is empty, so an idle tunnel has none, and its end is found only when everything before it has left.
//
// It runs in the loop of the links, not in a thread of its own: a tunnel moves over by a change of hands within one turn,
// no descriptor has two owners for a moment, and limits are asked where they are kept. A thread would add a second loop's
// wake-ups to every move and leave the work the same: it is the kernel's.
import type { Link } from '../core/link.ts';
import { type Mover, RawLink } from './link-raw.ts';
import { EAGAIN, type Result } from './native.ts';
import type { Pipe, PipePool } from './pipes.ts';

/** Least and most that goes into a pipe at once. Larger pieces wake the other side less often: twice as much saved a third. */
const LEAST_BYTES = 65_536;
const MOST_BYTES = 2_097_152;

/** To splice a smaller piece costs more than to copy it (measured: 64 bytes 15 against 11 us, there and back). */
export const LARGE_BYTES = 8_192;

/** So many smaller ones in a row, and the tunnel is no longer bulky. */
const SMALL_PIECES = 32;

/** Who counts what is moved. */
export interface Counting {
	bytes: number;
	/** Nothing large comes any more, and everything that was moved has left: the link is read as before. */
	thinned(): void;
}

/** One direction between two sockets of one reactor, past the meters of their links, which are told. */
export class SpliceMover implements Mover {
	/** As the relay knows them: to be paused and resumed. */
	readonly #near: Link;
	readonly #beyond: Link;
	/** Where the bytes move. */
	readonly #from: RawLink;
	readonly #to: RawLink;
	readonly #pool: PipePool;
	readonly #counting: Counting;
	#pipe: Pipe | null = null;
	/** In the pipe. */
	#held = 0;
	/** Of those, what the pool knows to be waiting for the target. */
	#parkedBytes = 0;
	/** What goes into the pipe next: as much as the target has taken at once, or more. */
	#pieceBytes = MOST_BYTES;
	/** The meter of the target grants no more. */
	#shut = false;
	/** In a row. */
	#smallPieces = 0;

	/** Null when these two are no sockets of one reactor. */
	static between(from: Link, to: Link, counting: Counting): SpliceMover | null {
		const [source, target] = [from.meter?.link ?? from, to.meter?.link ?? to];
		if (!(source instanceof RawLink && target instanceof RawLink) || source.reactor !== target.reactor) return null;
		return new SpliceMover(from, source, to, target, counting);
	}

	private constructor(near: Link, from: RawLink, beyond: Link, to: RawLink, counting: Counting) {
		this.#near = near;
		this.#beyond = beyond;
		this.#from = from;
		this.#to = to;
		this.#pool = from.reactor.pipes;
		this.#counting = counting;
	}

	/** Nobody writes to the other side but this, from now on. */
	start(): void {
		this.#from.moveBy(this);
	}

	/** False, and what comes is copied: while copied bytes are still to leave, and while too much stands in pipes. */
	ready(): boolean {
		if (this.#to.pendingBytes > 0) return false;
		this.#pipe ??= this.#pool.take();
		return this.#pipe !== null;
	}

	move(): Result {
		const pipe = this.#pipe as Pipe;
		const moved = this.#from.spliceTo(pipe.writing, this.#most);
		if (moved > 0) {
			this.#counting.bytes += moved;
			this.#held += moved;
			this.#flush(pipe);
			this.#tell(moved);
			if (this.#isThin(moved)) this.#stop();
		} else this.#letGo(pipe);
		return moved;
	}

	/** Where somebody counts, pieces are as small as what is granted. */
	#isThin(moved: number): boolean {
		this.#smallPieces = moved < LARGE_BYTES && !this.#near.meter && !this.#beyond.meter ? this.#smallPieces + 1 : 0;
		return this.#smallPieces >= SMALL_PIECES && this.#held === 0;
	}

	#stop(): void {
		this.#from.moveBy(null);
		this.#counting.thinned();
	}

	get #most(): number {
		const granted = Math.min(this.#near.meter?.most('in') ?? MOST_BYTES, this.#beyond.meter?.most('out') ?? MOST_BYTES);
		return Math.min(this.#pieceBytes, granted);
	}

	/** A quota that is used up by this closes the links at once. */
	#tell(moved: number): void {
		this.#near.meter?.moved('in', moved);
		if (this.#beyond.meter?.moved('out', moved) !== false) return;
		this.#shut = true;
		this.#near.pause();
	}

	writable(): void {
		if (this.#pipe === null) return;
		this.#park(0);
		this.#flush(this.#pipe);
		this.#goOn();
	}

	/** The meter of the target grants more. */
	resume(): void {
		this.#shut = false;
		this.#goOn();
	}

	#goOn(): void {
		if (this.#held === 0 && !this.#shut) this.#near.resume();
	}

	/** The source is read again when all of it has left. A target that fails tells its own reader. */
	#flush(pipe: Pipe): void {
		const before = this.#held;
		while (this.#held > 0) {
			const moved = this.#to.spliceFrom(pipe.reading, this.#held);
			if (moved <= 0) {
				this.#near.pause();
				if (moved === -EAGAIN) this.#wait(before - this.#held);
				return;
			}
			this.#held -= moved;
		}
		this.#pieceBytes = Math.min(MOST_BYTES, 2 * this.#pieceBytes);
		this.#letGo(pipe);
	}

	/** A slow target gets smaller pieces: what it does not take would stand in the kernel's memory, which nobody accounts for. */
	#wait(takenBytes: number): void {
		this.#pieceBytes = Math.max(LEAST_BYTES, takenBytes);
		this.#park(this.#held);
		this.#to.whenWritable(this);
	}

	#park(bytes: number): void {
		this.#pool.parkedBytes += bytes - this.#parkedBytes;
		this.#parkedBytes = bytes;
	}

	#letGo(pipe: Pipe): void {
		this.#pipe = null;
		this.#pool.give(pipe);
	}

	/** Nothing moves any more: what is left in the pipe is lost with the link that it was for. */
	close(): void {
		if (this.#pipe === null) return;
		this.#park(0);
		if (this.#held > 0) this.#pool.discard(this.#pipe);
		else this.#pool.give(this.#pipe);
		this.#pipe = null;
	}
}
