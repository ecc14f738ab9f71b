// Datagrams a second of one client, over all its associations and both directions: a bucket that fills steadily and holds
// what one second brings. Synchronous and without a look-up, because it is asked for every datagram.
import type { Clock } from '../core/clock.ts';

/** The allowance of one client, as one association uses it. */
export interface Spender {
	/** Takes one datagram out of the allowance; false when nothing is left. */
	spend(nowMs: number): boolean;
	/** The association is over. Once. */
	release(): void;
}

/** Who hands out allowances. */
export interface PacketLimit {
	of(client: string): Spender;
}

export interface PacketRateOptions {
	/** 0 switches the limit off. */
	readonly perSecond: number;
	/** Clients that are remembered after their last association is over; the one longest gone is forgotten first. */
	readonly maxKeys: number;
}

const NO_LIMIT: Spender = { spend: () => true, release() {} };

/** A limit that lives in this process. */
export class PacketRate implements PacketLimit {
	readonly #options: PacketRateOptions;
	readonly #clock: Clock;
	readonly #buckets: Map<string, Bucket> = new Map();
	/** Without an association: kept until they are full again, so that who comes back does not begin anew. */
	readonly #resting: Map<string, Bucket> = new Map();

	constructor(options: PacketRateOptions, clock: Clock) {
		this.#options = options;
		this.#clock = clock;
	}

	/** Clients that are remembered, with an association or without. */
	get keyCount(): number {
		return this.#buckets.size + this.#resting.size;
	}

	of(client: string): Spender {
		const { perSecond } = this.#options;
		if (perSecond === 0) return NO_LIMIT;
		const nowMs = this.#clock.nowMs();
		const bucket = this.#buckets.get(client) ?? this.#resting.get(client) ?? new Bucket(perSecond, nowMs);
		this.#resting.delete(client);
		this.#buckets.set(client, bucket);
		bucket.users++;
		return { spend: (atMs) => bucket.spend(atMs), release: () => this.#release(client, bucket) };
	}

	#release(client: string, bucket: Bucket): void {
		if (--bucket.users > 0) return;
		this.#buckets.delete(client);
		const nowMs = this.#clock.nowMs();
		for (const [other, resting] of this.#resting) {
			if (!resting.isFull(nowMs) && this.#resting.size < this.#options.maxKeys) break;
			this.#resting.delete(other);
		}
		this.#resting.set(client, bucket);
	}
}

class Bucket {
	users = 0;
	readonly #perSecond: number;
	#left: number;
	#filledMs: number;

	constructor(perSecond: number, nowMs: number) {
		this.#perSecond = perSecond;
		this.#left = perSecond;
		this.#filledMs = nowMs;
	}

	spend(nowMs: number): boolean {
		this.#left = Math.min(this.#perSecond, this.#left + ((nowMs - this.#filledMs) * this.#perSecond) / 1_000);
		this.#filledMs = nowMs;
		if (this.#left < 1) return false;
		this.#left--;
		return true;
	}

	isFull(nowMs: number): boolean {
		return this.#left + ((nowMs - this.#filledMs) * this.#perSecond) / 1_000 >= this.#perSecond;
	}
}
