// Bytes of a day or a month of UTC. Where gateways share their limits, a gateway draws blocks ahead of need, so that all of
// them together never pass the limit; what it used while the store was away is drawn afterwards.
import { localShare, type Store } from './standing.ts';

export type Period = 'day' | 'month';

/** What is drawn at once: a 256th of the limit, within these. */
const LEAST_BLOCK_BYTES = 16_384;
const MOST_BLOCK_BYTES = 16_777_216;

const DAY_MS = 86_400_000;

export class Quota {
	readonly limitBytes: number;
	readonly #period: Period;
	/** What is drawn at once, and what should move at once: the limit is passed by less than this. */
	readonly block: number;
	#id = Number.NaN;
	#spent = 0;
	/** By the store, in this period. */
	#granted = 0;
	/** The store had nothing left. */
	#dry = false;

	/** `limitBytes` is above 0. */
	constructor(period: Period, limitBytes: number) {
		this.#period = period;
		this.limitBytes = limitBytes;
		this.block = Math.min(MOST_BLOCK_BYTES, Math.max(LEAST_BLOCK_BYTES, Math.ceil(limitBytes / 256)));
	}

	/** For the log. */
	get word(): string {
		return `bytes a ${this.#period}`;
	}

	/** Bytes that should be drawn now: 0 while enough is at hand. */
	get want(): number {
		const left = this.#granted - this.#spent;
		return left < this.block / 2 ? Math.ceil(this.block - left) : 0;
	}

	/** More than what was drawn is used, and the store has not said that there is nothing left. */
	get overdrawn(): boolean {
		return !this.#dry && this.#spent > this.#granted;
	}

	/** What of the drawn bytes was not used. */
	get unused(): number {
		return Math.max(0, this.#granted - this.#spent);
	}

	/** Nothing was used in this period. */
	get untouched(): boolean {
		return this.#spent === 0;
	}

	/** Begins a new period if the old one is over. */
	turn(epochMs: number): void {
		const id = periodOf(this.#period, epochMs);
		if (id === this.#id) return;
		this.#id = id;
		this.#spent = 0;
		this.#granted = 0;
		this.#dry = false;
	}

	spend(bytes: number): void {
		this.#spent += bytes;
	}

	/** Answer to a `want`. */
	grant(bytes: number): void {
		this.#granted += bytes;
		this.#dry = bytes === 0;
	}

	/** Gives what is unused out of hand. */
	yield(): number {
		const { unused } = this;
		this.#granted -= unused;
		return unused;
	}

	/** The store is asked again whether there really is nothing. */
	forget(): void {
		this.#dry = false;
	}

	/** Whether it is all used, as far as the store said, */
	get spent(): boolean {
		return this.#dry && this.#spent >= this.#granted;
	}

	/** or, without a store, by this gateway's part. */
	spentHere(alone: boolean, store: Store): boolean {
		const share = alone ? this.limitBytes : localShare(this.limitBytes, store);
		return this.#spent >= Math.max(this.#granted, share);
	}

	/** Until the next period. */
	endsInMs(epochMs: number): number {
		if (this.#period === 'day') return DAY_MS - (epochMs % DAY_MS);
		const date = new Date(epochMs);
		return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1) - epochMs;
	}
}

/** The number of the day, or of the month, of UTC. */
export function periodOf(period: Period, epochMs: number): number {
	if (period === 'day') return Math.floor(epochMs / DAY_MS);
	const date = new Date(epochMs);
	return date.getUTCFullYear() * 12 + date.getUTCMonth();
}
