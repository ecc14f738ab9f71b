// Rates of subjects, by rate-limiter-flexible: a window of a second that begins with its first use, and above it a store for
// bursts in windows of ten. What is spent is refused from memory until its window is over.
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { Clock } from '../core/clock.ts';
import type { StoreClient } from './redis-client.ts';
import type { Rate, Subject } from './shared.ts';

export type Rated = 'connections' | 'requests';

export interface Taken {
	readonly granted: number;
	readonly retryMs: number;
}

/** How long a burst has to last: so a client that always takes all of it has `perSecond + burst / 10` a second. */
const BURST_S = 10;

/** Subjects refused from memory; one more is asked about each time. */
const MOST_SPENT = 16_384;

/** A full memory is looked through no more often than this. */
const SWEEP_MS = 100;

/** A client's connection to Redis and the limiters on it. */
interface Limiters {
	readonly client: StoreClient;
	readonly byRate: Map<string, RateLimiterRedis>;
}

export class Rates {
	readonly #clock: Clock;
	/** When there is something again, for those that had nothing left. */
	readonly #spent: Map<string, number> = new Map();
	#limiters: Limiters | null = null;
	#sweptMs = 0;

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/** Refused without asking, or null: ask. */
	spent(what: Rated, subject: Subject): Taken | null {
		const name = nameOf(what, subject);
		const againMs = this.#spent.get(name);
		if (againMs === undefined) return null;
		const retryMs = againMs - this.#clock.nowMs();
		if (retryMs > 0) return { granted: 0, retryMs };
		this.#spent.delete(name);
		return null;
	}

	/** Forgets that the subject had nothing left. */
	forget(subject: Subject): void {
		this.#spent.delete(nameOf('connections', subject));
		this.#spent.delete(nameOf('requests', subject));
	}

	async take(
		client: StoreClient,
		key: string,
		{ what, subject, rate, count }: { what: Rated; subject: Subject; rate: Rate; count: number },
	): Promise<Taken> {
		const steady = await consume(this.#limiter(client, rate.perSecond, 1), `${key}:${what}`, count);
		if (steady.granted === count) return steady;
		const missing = count - steady.granted;
		const extra =
			rate.burst > 0
				? await consume(this.#limiter(client, rate.burst, BURST_S), `${key}:${what}-burst`, missing)
				: NOTHING;
		const granted = steady.granted + extra.granted;
		if (granted === 0) this.#remember(nameOf(what, subject), steady.retryMs);
		return { granted, retryMs: granted === count ? 0 : steady.retryMs };
	}

	#limiter(storeClient: StoreClient, points: number, duration: number): RateLimiterRedis {
		if (this.#limiters?.client !== storeClient) this.#limiters = { client: storeClient, byRate: new Map() };
		const name = `${points}/${duration}`;
		let limiter = this.#limiters.byRate.get(name);
		if (!limiter) {
			limiter = new RateLimiterRedis({ storeClient, points, duration, keyPrefix: '' });
			this.#limiters.byRate.set(name, limiter);
		}
		return limiter;
	}

	#remember(name: string, retryMs: number): void {
		if (this.#spent.size >= MOST_SPENT) this.#sweep();
		if (this.#spent.size < MOST_SPENT) this.#spent.set(name, this.#clock.nowMs() + retryMs);
	}

	#sweep(): void {
		const nowMs = this.#clock.nowMs();
		if (nowMs - this.#sweptMs < SWEEP_MS) return;
		this.#sweptMs = nowMs;
		for (const [name, againMs] of this.#spent) if (againMs <= nowMs) this.#spent.delete(name);
	}
}

const NOTHING: Taken = { granted: 0, retryMs: 0 };

function nameOf(what: Rated, { kind, name }: Subject): string {
	return `${what} ${kind} ${name}`;
}

/** The limiter grants all or nothing, and counts what it did not grant: of that, what was left is still ours. */
async function consume(limiter: RateLimiterRedis, key: string, count: number): Promise<Taken> {
	try {
		await limiter.consume(key, count);
		return { granted: count, retryMs: 0 };
	} catch (thrown) {
		if (!(thrown instanceof RateLimiterRes)) throw thrown;
		const before = thrown.consumedPoints - count;
		return { granted: Math.max(0, limiter.points - before), retryMs: Math.max(1, thrown.msBeforeNext) };
	}
}
