// New connections a second of one client: a rate in windows of a second, and a store above it for bursts, by
// rate-limiter-flexible. It forgets a client when its windows are over; how many it may hold at once is counted here.
import { BurstyRateLimiter, RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { Clock } from '../core/clock.ts';
import { asGatewayError, GatewayError } from '../core/error.ts';
import { Recency } from './recency.ts';

/** How long a burst has to last: so a client that always takes all of it has `perSecond + burst / 10` a second. */
const BURST_SECONDS = 10;

export interface ConnectionRateOptions {
	readonly perSecond: number;
	/** Above the rate, once in ten seconds; 0 for none. */
	readonly burst: number;
	/** Clients held at once. */
	readonly maxKeys: number;
}

export class ConnectionRate {
	readonly #limiters: readonly RateLimiterMemory[];
	readonly #limiter: RateLimiterMemory | BurstyRateLimiter;
	readonly #maxKeys: number;
	readonly #clock: Clock;
	readonly #held: Recency = new Recency();

	constructor(options: ConnectionRateOptions, clock: Clock) {
		const rate = new RateLimiterMemory({ points: options.perSecond, duration: 1, keyPrefix: '' });
		const burst = new RateLimiterMemory({ points: options.burst, duration: BURST_SECONDS, keyPrefix: '' });
		this.#limiters = options.burst > 0 ? [rate, burst] : [rate];
		this.#limiter = options.burst > 0 ? new BurstyRateLimiter(rate, burst) : rate;
		this.#maxKeys = options.maxKeys;
		this.#clock = clock;
	}

	/** Clients held now. */
	get keyCount(): number {
		return this.#held.size;
	}

	/** Counts a connection. Resolves to null, or to the `client_limit_reached` that refuses it; never rejects. */
	take(client: string): Promise<GatewayError | null> {
		this.#hold(client);
		return this.#limiter.consume(client).then(within, over);
	}

	/** When all places are taken the client unseen for longest is forgotten, and with it what it had used up. */
	#hold(client: string): void {
		const nowMs = this.#clock.nowMs();
		while (this.#held.takeOldest(nowMs - 1_000 * BURST_SECONDS) !== null);
		if (this.#held.size >= this.#maxKeys && !this.#held.has(client)) this.#forgetOldest();
		this.#held.touch(client, nowMs);
	}

	#forgetOldest(): void {
		const client = this.#held.takeOldest(Number.POSITIVE_INFINITY);
		if (client === null) return;
		// A promise in form only: the memory store answers at once.
		for (const limiter of this.#limiters) limiter.delete(client).catch(asGatewayError);
	}
}

function within(): null {
	return null;
}

function over(refusal: unknown): GatewayError {
	if (!(refusal instanceof RateLimiterRes)) return asGatewayError(refusal, { phase: 'admission' });
	const retryAfterMs = Math.max(1, Math.ceil(refusal.msBeforeNext));
	return new GatewayError('client_limit_reached', { side: 'client', phase: 'admission', retryAfterMs, note: 'rate' });
}
