// Carries bytes between two links until both directions are over. A FIN is passed on and the other direction goes on; a
// reset becomes a reset; a side that does not read stops the other side's reading, so no more than a stream's buffer waits.
import type { GatewayError } from '../core/error.ts';
import type { Link } from '../core/link.ts';
import { type Borrower, RawLink } from './link-raw.ts';
import { type Counting, LARGE_BYTES, SpliceMover } from './relay-splice.ts';
import type { Moving, Sweep } from './sweep.ts';

const NOTHING: Buffer = Buffer.alloc(0);

/** One direction of a tunnel is bulky when so much of it has come in large pieces. */
const BULKY_BYTES = 262_144;

export interface RelayEnd {
	/** `closed`: both directions ended by FIN. `idle`: no byte for too long. `aborted`: by `stop`. Else what went wrong. */
	readonly cause: 'closed' | 'idle' | 'aborted' | GatewayError;
	/** From the client to the far side, early bytes included. */
	readonly upBytes: number;
	readonly downBytes: number;
}

export interface RelayOptions {
	/** Ends relays that stand still. */
	readonly sweep: Sweep;
}

/** Who waits for the end of a relay: no promise, because an idle tunnel should hold as little as it can. */
export interface RelayOwner {
	/** Both links are closed, whatever happened. Once. */
	relayOver(end: RelayEnd): void;
}

/** A running relay. */
export class Relay implements Moving {
	readonly #up: Way;
	readonly #down: Way;
	readonly #sweep: Sweep;
	#cause: RelayEnd['cause'] = 'closed';
	#open = 2;
	#owner: RelayOwner | null = null;

	/** Owns both links from `run` on and closes both; takes their `early` bytes first. */
	constructor(client: Link, far: Link, options: RelayOptions) {
		this.#up = new Way(this, client, far);
		this.#down = new Way(this, far, client);
		this.#sweep = options.sweep;
	}

	/** Tells `owner` when both links are closed: perhaps before this returns, if they were. Once. */
	run(owner: RelayOwner): void {
		this.#owner = owner;
		this.#sweep.add(this);
		this.#up.start(this.#down);
		this.#down.start(this.#up);
	}

	/** Closes both links with reset: the end is `aborted`. */
	stop(): void {
		this.#end('aborted');
	}

	get upBytes(): number {
		return this.#up.bytes;
	}

	get downBytes(): number {
		return this.#down.bytes;
	}

	progress(): number {
		return this.#up.bytes + this.#down.bytes;
	}

	idle(): void {
		this.#end('idle');
	}

	#end(cause: RelayEnd['cause']): void {
		if (this.#cause === 'closed') this.#cause = cause;
		this.#up.reset();
		this.#down.reset();
	}

	/** One link is gone. The other may still flush what it has if both had sent their FIN; else it has nobody to talk to. */
	wayClosed(error: GatewayError | null): void {
		this.#open--;
		if (error) this.#end(error);
		else if (!this.#up.ended || !this.#down.ended) this.#end(this.#cause);
		const owner = this.#owner;
		if (this.#open > 0 || owner === null) return;
		this.#owner = null;
		this.#sweep.delete(this);
		owner.relayOver({ cause: this.#cause, upBytes: this.#up.bytes, downBytes: this.#down.bytes });
	}
}

/** One direction: the sink of the link it reads. */
class Way implements Borrower, Counting {
	bytes = 0;
	/** Of those, what came in large pieces. */
	#bulkyBytes = 0;
	readonly #relay: Relay;
	readonly #from: Link;
	readonly #to: Link;
	#opposite: Way | null = null;
	#closed = false;
	#mover: SpliceMover | null = null;

	constructor(relay: Relay, from: Link, to: Link) {
		this.#relay = relay;
		this.#from = from;
		this.#to = to;
	}

	get ended(): boolean {
		return this.#from.ended;
	}

	start(opposite: Way): void {
		this.#opposite = opposite;
		const early = this.#from.early;
		this.#from.early = NOTHING;
		if (this.#from.closed) return this.closed(null);
		if (this.#from instanceof RawLink && this.#to instanceof RawLink) this.#from.attachBorrower(this);
		else this.#from.attach(this);
		if (early.length > 0) this.data(early);
		if (this.#from.ended) this.end();
	}

	data(chunk: Buffer): void {
		this.bytes += chunk.length;
		if (!this.#to.write(chunk)) this.#from.pause();
		if (chunk.length >= LARGE_BYTES) this.#weigh(chunk.length);
	}

	/** Between two plain sockets most is small: it goes on from where it was read, without a buffer made for it. */
	lent(buffer: Buffer, length: number): void {
		this.bytes += length;
		if (!(this.#to as RawLink).writeFrom(buffer, length)) this.#from.pause();
		if (length >= LARGE_BYTES) this.#weigh(length);
	}

	#weigh(largeBytes: number): void {
		this.#bulkyBytes += largeBytes;
		if (this.#bulkyBytes >= BULKY_BYTES && this.#mover === null) this.#moveOver();
	}

	thinned(): void {
		this.#mover = null;
		this.#bulkyBytes = 0;
	}

	/** What was read by now has to have left before. */
	#moveOver(): void {
		if (this.#to.pendingBytes > 0) return;
		this.#mover = SpliceMover.between(this.#from, this.#to, this);
		this.#mover?.start();
	}

	end(): void {
		this.#to.closeWrite();
	}

	/** The link we read has room again for what the opposite way writes to it. */
	drain(): void {
		this.#opposite?.resume();
	}

	resume(): void {
		if (this.#mover) this.#mover.resume();
		else this.#from.resume();
	}

	reset(): void {
		if (!this.#closed) this.#from.reset();
	}

	closed(error: GatewayError | null): void {
		if (this.#closed) return;
		this.#closed = true;
		this.#mover?.close();
		this.#relay.wayClosed(error);
	}
}
