// The bytes of one subject, over all its flows: a pace for each direction and a quota for each period. Supplied by time, or
// by the store that a fleet shares, which is asked ahead of need, once at a time for everything.
import type { Clock } from '../core/clock.ts';
import type { GatewayError } from '../core/error.ts';
import type { Allowance } from './allowance.ts';
import { Bucket, type Waiter } from './bucket.ts';
import { Quota } from './quota.ts';
import type { ByteGrants, ByteWants, Subject } from './shared.ts';
import { overLimit, type Standing, type Store, standingOf } from './standing.ts';

export type Direction = 'up' | 'down';

/** A flow that hears when a quota of its subject is used up. */
export interface Spender {
	spent(error: GatewayError): void;
}

export interface BytesDeps {
	readonly clock: Clock;
	/** The time of day, for the periods of quotas. */
	readonly epochMs: () => number;
}

/** How long the store's word that a quota is used up is believed: somebody may have set it back. */
const BELIEVED_MS = 1_000;

export class Bytes {
	readonly #subject: Subject;
	readonly #store: Store;
	readonly #deps: BytesDeps;
	readonly #buckets: { readonly up: Bucket | null; readonly down: Bucket | null };
	readonly #day: Quota | null;
	readonly #month: Quota | null;
	readonly #quotas: readonly Quota[];
	readonly #spenders: Set<Spender> = new Set();
	/** Who waits for a quota's next block. */
	readonly #line: Waiter[] = [];
	#drawing = false;
	/** A timer will look again. */
	#waking = false;
	#askedMs = 0;

	constructor(allowance: Allowance, subject: Subject, store: Store, deps: BytesDeps) {
		this.#subject = subject;
		this.#store = store;
		this.#deps = deps;
		const bucket = (perSecond: number): Bucket | null =>
			perSecond > 0 ? new Bucket(perSecond, store.shared === null, deps.clock) : null;
		this.#buckets = { up: bucket(allowance.upBytesPerSecond), down: bucket(allowance.downBytesPerSecond) };
		this.#day = allowance.dayBytes > 0 ? new Quota('day', allowance.dayBytes) : null;
		this.#month = allowance.monthBytes > 0 ? new Quota('month', allowance.monthBytes) : null;
		this.#quotas = [this.#day, this.#month].filter((quota) => quota !== null);
	}

	/** Nothing is remembered that still counts. */
	get idle(): boolean {
		const { up, down } = this.#buckets;
		if (this.#spenders.size > 0 || this.#drawing || up?.idle === false || down?.idle === false) return false;
		this.#turn();
		return this.#store.shared !== null || this.#quotas.every((quota) => quota.untouched);
	}

	add(spender: Spender): void {
		this.#spenders.add(spender);
	}

	/** With the last flow goes what was drawn ahead. */
	delete(spender: Spender): void {
		this.#spenders.delete(spender);
		if (this.#spenders.size > 0 || this.#store.shared === null) return;
		const unused = { day: this.#day?.yield() ?? 0, month: this.#month?.yield() ?? 0 };
		if (unused.day > 0 || unused.month > 0) this.#store.shared.giveBack(this.#subject, unused);
	}

	/** Why no flow of the subject may open: a quota is used up. */
	refusal(): GatewayError | null {
		this.#turn();
		if (this.#deps.clock.nowMs() - this.#askedMs > BELIEVED_MS) for (const quota of this.#quotas) quota.forget();
		const quota = this.#spentQuota();
		return quota ? overLimit(quota.word, quota.endsInMs(this.#deps.epochMs())) : null;
	}

	/** Bytes have moved. */
	spend(direction: Direction, bytes: number, waiter: Waiter): void {
		this.#turn();
		this.#buckets[direction]?.spend(bytes, waiter);
		for (const quota of this.#quotas) quota.spend(bytes);
		this.#supply();
	}

	/** Bytes of this direction that should move at once, at most. */
	most(direction: Direction): number {
		let most = this.#buckets[direction]?.most ?? Number.POSITIVE_INFINITY;
		for (const quota of this.#quotas) most = Math.min(most, quota.block);
		return most;
	}

	/** More may be read of this direction. */
	ready(direction: Direction, waiter: Waiter): boolean {
		const standing = standingOf(this.#store);
		if (standing === 'open') return true;
		return !(standing === 'shared' && this.#overdrawn) && (this.#buckets[direction]?.ready(waiter) ?? true);
	}

	get #overdrawn(): boolean {
		return this.#quotas.some((quota) => quota.overdrawn);
	}

	/** Calls the waiter when more may be read. */
	wait(direction: Direction, waiter: Waiter): void {
		const bucket = this.#buckets[direction];
		if (bucket && !bucket.ready(waiter)) bucket.wait(waiter);
		else this.#line.push(waiter);
		this.#supply();
	}

	#turn(): void {
		if (this.#quotas.length === 0) return;
		const epochMs = this.#deps.epochMs();
		for (const quota of this.#quotas) quota.turn(epochMs);
	}

	#spentQuota(): Quota | null {
		const standing = standingOf(this.#store);
		if (standing === 'open') return null;
		for (const quota of this.#quotas)
			if (standing === 'shared' ? quota.spent : quota.spentHere(standing === 'alone', this.#store)) return quota;
		return null;
	}

	/** Sees to it that there are bytes to spend, lets through who may go, and ends the flows when a quota is used up. */
	#supply(): void {
		const standing = standingOf(this.#store);
		if (standing === 'shared') void this.#draw();
		else this.#supplyUnasked(standing);
	}

	#supplyUnasked(standing: Exclude<Standing, 'shared'>): void {
		this.#fill(standing);
		this.#serve();
		this.#later(standing);
	}

	#serve(): void {
		for (const bucket of [this.#buckets.up, this.#buckets.down]) bucket?.serve();
		if (standingOf(this.#store) !== 'shared' || !this.#overdrawn)
			for (const waiter of this.#line.splice(0)) if (!waiter.over) waiter.go();
		const quota = this.#spentQuota();
		if (quota) this.#end(overLimit(quota.word, quota.endsInMs(this.#deps.epochMs())));
	}

	/** By time. While the store is away its rule is `local`, or `closed`, which lets nobody in and those that are here go on. */
	#fill(standing: Exclude<Standing, 'shared'>): void {
		for (const bucket of [this.#buckets.up, this.#buckets.down]) {
			bucket?.fill(this.#paceOf(bucket, standing));
			if (standing === 'open') bucket?.open();
		}
	}

	#paceOf({ perSecond }: Bucket, standing: Standing): number {
		return standing === 'alone' ? perSecond : perSecond / (this.#store.shared?.gateways ?? 1);
	}

	#later(standing: Standing): void {
		let inMs = Number.POSITIVE_INFINITY;
		for (const bucket of [this.#buckets.up, this.#buckets.down])
			if (bucket?.waiting) inMs = Math.min(inMs, bucket.readyInMs(this.#paceOf(bucket, standing)));
		if (inMs < Number.POSITIVE_INFINITY) this.#wake(inMs);
	}

	#wake(inMs: number): void {
		if (this.#waking) return;
		this.#waking = true;
		setTimeout(() => {
			this.#waking = false;
			this.#supply();
		}, inMs).unref();
	}

	async #draw(): Promise<void> {
		const { shared } = this.#store;
		const wants = this.#drawing ? null : this.#wants();
		if (wants === null || shared === null) return;
		this.#drawing = true;
		const grants = await shared.draw(this.#subject, wants);
		this.#drawing = false;
		this.#askedMs = this.#deps.clock.nowMs();
		if (grants) this.#granted(wants, grants);
		else this.#supplyUnasked(this.#store.whenDown);
	}

	#granted(wants: ByteWants, grants: ByteGrants): void {
		const { up, down } = this.#buckets;
		if (wants.up) up?.grant(grants.up);
		if (wants.down) down?.grant(grants.down);
		this.#turn();
		if (wants.day) this.#day?.grant(grants.day);
		if (wants.month) this.#month?.grant(grants.month);
		const short = grants.up < (wants.up?.want ?? 0) || grants.down < (wants.down?.want ?? 0);
		this.#serve();
		if (short) this.#wake(Math.max(1, grants.retryMs));
		else if (up?.waiting || down?.waiting || this.#line.length > 0) void this.#draw();
	}

	/** What should be asked for now; null when enough is at hand. */
	#wants(): ByteWants | null {
		const { up, down } = this.#buckets;
		const wants: ByteWants = {
			...(up && up.want > 0 && { up: { perSecond: up.perSecond, want: up.want } }),
			...(down && down.want > 0 && { down: { perSecond: down.perSecond, want: down.want } }),
			...(this.#day && this.#day.want > 0 && { day: { limit: this.#day.limitBytes, want: this.#day.want } }),
			...(this.#month && this.#month.want > 0 && { month: { limit: this.#month.limitBytes, want: this.#month.want } }),
		};
		return Object.keys(wants).length > 0 ? wants : null;
	}

	#end(error: GatewayError): void {
		for (const spender of this.#spenders) spender.spent(error);
	}
}
