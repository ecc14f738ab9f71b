// A client's link whose bytes are counted and held to its limits. Whoever reads and writes it meets what a slow peer would
// show: reading stops for a while, `write` says that it is enough for now. So every driver of flows is held to the same
// limits without knowing of them, and nothing is buffered for it. Bytes that are spliced pass by here as numbers alone.
import { GatewayError } from '../core/error.ts';
import type { Ip } from '../core/ip.ts';
import type { Link, Meter, Sink } from '../core/link.ts';
import type { Budget } from '../limits/budget.ts';
import type { Direction } from '../limits/bytes.ts';

/**
 * `link` as it is when nobody counts its bytes. The budget is closed by its owner, the link by its reader, as ever.
 * `takenBytes` of the client were read before, and are counted now.
 */
export function metered(link: Link, budget: Budget | null, takenBytes: number = 0): Link {
	return budget === null || link instanceof MeteredLink ? link : new MeteredLink(link, budget, takenBytes);
}

class MeteredLink implements Link, Meter {
	readonly link: Link;
	readonly #budget: Budget;
	readonly #tap: Tap;
	#sink: Sink | null = null;
	/** The reader does not want more. */
	#paused = true;
	/** The budget does not grant more of what the client sends. */
	#held = false;
	/** The budget does not grant more of what goes to the client; */
	#shut = false;
	/** the client takes no more for now. */
	#full = false;
	/** A quota is used up: what the reader hears when the link is closed. */
	#spent: GatewayError | null = null;

	constructor(link: Link, budget: Budget, takenBytes: number) {
		this.link = link;
		this.#budget = budget;
		this.#tap = new Tap(this);
		budget.onReady = (direction) => this.#ready(direction);
		budget.onSpent = (error) => this.#end(error);
		const bytes = takenBytes + link.early.length;
		if (bytes > 0) this.#held = !budget.spend('up', bytes);
	}

	get meter(): Meter {
		return this;
	}

	most(way: 'in' | 'out'): number {
		return this.#budget.most(way === 'in' ? 'up' : 'down');
	}

	moved(way: 'in' | 'out', bytes: number): boolean {
		return way === 'in' ? this.#came(bytes) : this.#went(bytes);
	}

	get early(): Buffer {
		return this.link.early;
	}

	set early(bytes: Buffer) {
		this.link.early = bytes;
	}

	get ended(): boolean {
		return this.link.ended;
	}

	get closed(): boolean {
		return this.link.closed;
	}

	get pendingBytes(): number {
		return this.link.pendingBytes;
	}

	localIp(): Ip | null {
		return this.link.localIp();
	}

	attach(sink: Sink): void {
		this.#sink = sink;
		this.#paused = false;
		this.link.attach(this.#tap);
		if (this.#held) this.link.pause();
	}

	pause(): void {
		this.#paused = true;
		this.link.pause();
	}

	resume(): void {
		this.#paused = false;
		if (!this.#held) this.link.resume();
	}

	write(bytes: Uint8Array): boolean {
		this.#full = !this.link.write(bytes);
		return this.#went(bytes.length) && !this.#full;
	}

	closeWrite(): void {
		this.link.closeWrite();
	}

	finish(lingerMs?: number): void {
		this.link.finish(lingerMs);
	}

	destroy(): void {
		this.link.destroy();
	}

	reset(): void {
		this.link.reset();
	}

	gone(): Promise<void> {
		return this.link.gone();
	}

	taken(chunk: Buffer): void {
		this.#came(chunk.length);
		this.#sink?.data(chunk);
	}

	/** Bytes of the client have come. False: no more for now. */
	#came(bytes: number): boolean {
		if (this.#budget.spend('up', bytes)) return true;
		this.#held = true;
		this.link.pause();
		return false;
	}

	/** Bytes have gone to the client. False: no more for now. */
	#went(bytes: number): boolean {
		if (!this.#budget.spend('down', bytes)) this.#shut = true;
		return !this.#shut && this.#spent === null;
	}

	endTaken(): void {
		this.#sink?.end();
	}

	drained(): void {
		this.#full = false;
		if (!this.#shut) this.#sink?.drain();
	}

	over(error: GatewayError | null): void {
		this.#sink?.closed(this.#spent ?? error);
	}

	#ready(direction: Direction): void {
		if (direction === 'up') {
			this.#held = false;
			if (!this.#paused) this.link.resume();
		} else {
			this.#shut = false;
			if (!this.#full) this.#sink?.drain();
		}
	}

	#end(error: GatewayError): void {
		const { code, side, retryAfterMs, note } = error;
		const details = {
			side,
			phase: 'relay',
			...(retryAfterMs !== undefined && { retryAfterMs }),
			...(note && { note }),
		} as const;
		this.#spent = new GatewayError(code, details);
		this.link.reset();
	}
}

/** What the client's link itself is read by. */
class Tap implements Sink {
	readonly #meter: MeteredLink;

	constructor(meter: MeteredLink) {
		this.#meter = meter;
	}

	data(chunk: Buffer): void {
		this.#meter.taken(chunk);
	}

	end(): void {
		this.#meter.endTaken();
	}

	drain(): void {
		this.#meter.drained();
	}

	closed(error: GatewayError | null): void {
		this.#meter.over(error);
	}
}
