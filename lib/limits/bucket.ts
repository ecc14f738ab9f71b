// The pace of one direction's bytes: a bucket that fills at `perSecond`, by time or by what the shared store grants, and
// may be in debt, because a chunk that was read is passed on whole. Who meets it empty waits in line and is let through one
// by one: so several tunnels share a pace evenly, and nothing is buffered to hold them to it.
import type { Clock } from '../core/clock.ts';

/** A full bucket is worth this part of a second: the pace holds within a few percent over ten seconds. */
const CAPACITY_SECONDS = 0.1;

/** A stream's chunk, at most: what one who is let through may read at once. */
const CHUNK_BYTES = 65_536;

/** What moves at once, as a part of what a second brings, and at least: below a page a move costs more than its bytes. */
const MOVE_SECONDS = 0.01;
const LEAST_MOVE_BYTES = 4_096;

/** Something that reads when it may. */
export interface Waiter {
	/** Paid for ahead, when it was let through. */
	credit: number;
	/** Nobody needs it to read any more. */
	readonly over: boolean;
	go(): void;
}

export class Bucket {
	readonly perSecond: number;
	readonly #clock: Clock;
	readonly #capacity: number;
	#tokens: number;
	#filledMs: number;
	#line: Waiter[] = [];

	/** Starts full, or empty when the store has to fill it. */
	constructor(perSecond: number, full: boolean, clock: Clock) {
		this.perSecond = perSecond;
		this.#capacity = perSecond * CAPACITY_SECONDS;
		this.#tokens = full ? this.#capacity : 0;
		this.#clock = clock;
		this.#filledMs = clock.nowMs();
	}

	/** Bytes that should move at once, where that can be chosen, so that several tunnels take turns evenly. */
	get most(): number {
		return Math.max(LEAST_MOVE_BYTES, Math.ceil(this.perSecond * MOVE_SECONDS));
	}

	/** The waiter may read: there is something, or it has paid ahead. */
	ready(waiter: Waiter): boolean {
		return this.#tokens > 0 || waiter.credit > 0;
	}

	get waiting(): boolean {
		return this.#line.length > 0;
	}

	/** Nobody waits and no debt is left. */
	get idle(): boolean {
		return this.#line.length === 0 && this.#tokens >= 0;
	}

	/** Bytes that are missing to a full bucket, once it is half empty; else 0. */
	get want(): number {
		return this.#tokens < this.#capacity / 2 ? Math.ceil(this.#capacity - this.#tokens) : 0;
	}

	/** Bytes have moved. */
	spend(bytes: number, waiter: Waiter): void {
		const paid = Math.min(bytes, waiter.credit);
		waiter.credit -= paid;
		this.#tokens -= bytes - paid;
	}

	/** Its `go` is called when there is something in the bucket. */
	wait(waiter: Waiter): void {
		this.#line.push(waiter);
	}

	grant(bytes: number): void {
		this.#tokens += bytes;
		this.#filledMs = this.#clock.nowMs();
	}

	/** Takes what time brought, at `perSecond`. */
	fill(perSecond: number): void {
		const nowMs = this.#clock.nowMs();
		this.#tokens = Math.min(this.#capacity, this.#tokens + ((nowMs - this.#filledMs) * perSecond) / 1_000);
		this.#filledMs = nowMs;
	}

	/** Lets through who waits, as long as there is something; each pays for a part of its chunk ahead. */
	serve(): void {
		while (this.#tokens > 0) {
			const waiter = this.#line.shift();
			if (!waiter) return;
			if (waiter.over) continue;
			const ahead = Math.max(0, Math.min(CHUNK_BYTES, this.perSecond / 50) - waiter.credit);
			this.#tokens -= ahead;
			waiter.credit += ahead;
			waiter.go();
		}
	}

	/** Lets everybody through. */
	open(): void {
		for (const waiter of this.#line.splice(0)) if (!waiter.over) waiter.go();
	}

	/** When there will be something, at `perSecond`; 1 ms at least. */
	readyInMs(perSecond: number): number {
		return Math.max(1, Math.ceil(((1 - this.#tokens) * 1_000) / perSecond));
	}
}
