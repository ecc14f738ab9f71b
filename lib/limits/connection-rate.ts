// New connections a second of one client: a rate in windows of a second, and a store above it for bursts in windows of ten,
// by rate-limiter-flexible. The windows are the same for all clients and are counted here, so a window that is over is
// dropped whole: a timer a client, as the library would keep for windows of its own, woke the process once a connection.
import { BurstyRateLimiter, RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { Clock } from '../core/clock.ts';
import { asGatewayError, GatewayError } from '../core/error.ts';

const WINDOW_MS = 1_000;

/** How long a burst has to last: so a client that always takes all of it has `perSecond + burst / 10` a second. */
const BURST_WINDOWS = 10;

export interface ConnectionRateOptions {
	readonly perSecond: number;
	/** Above the rate, once in ten seconds; 0 for none. */
	readonly burst: number;
	/** Clients counted in one second; further new ones are refused until it is over. */
	readonly maxKeys: number;
}

export class ConnectionRate {
	readonly #options: ConnectionRateOptions;
	readonly #clock: Clock;
	/** The number of the current window, from the clock's zero. */
	#window = Number.NaN;
	#clients: Set<string> = new Set();
	#burst: RateLimiterMemory;
	#limiter: RateLimiterMemory | BurstyRateLimiter;

	constructor(options: ConnectionRateOptions, clock: Clock) {
		this.#options = options;
		this.#clock = clock;
		this.#burst = store(options.burst);
		this.#limiter = this.#burst;
	}

	/** Clients counted in the window that was last looked at. */
	get keyCount(): number {
		return this.#clients.size;
	}

	/** Counts a connection. Resolves to null, or to the `client_limit_reached` that refuses it; never rejects. */
	async take(client: string): Promise<GatewayError | null> {
		const nowMs = this.#clock.nowMs();
		this.#turn(Math.floor(nowMs / WINDOW_MS));
		if (!this.#has(client)) return refusal(WINDOW_MS - (nowMs % WINDOW_MS), 'too many clients');
		try {
			await this.#limiter.consume(client);
			return null;
		} catch (thrown) {
			if (!(thrown instanceof RateLimiterRes)) return asGatewayError(thrown, { phase: 'admission' });
			return refusal(WINDOW_MS - (nowMs % WINDOW_MS), 'rate');
		}
	}

	/** New windows, if those we have are over. */
	#turn(window: number): void {
		if (window === this.#window) return;
		const { perSecond, burst } = this.#options;
		if (Math.floor(window / BURST_WINDOWS) !== Math.floor(this.#window / BURST_WINDOWS)) this.#burst = store(burst);
		this.#window = window;
		this.#clients = new Set();
		const rate = store(perSecond);
		this.#limiter = burst > 0 ? new BurstyRateLimiter(rate, this.#burst) : rate;
	}

	/** Whether there is a place for the client in this window; takes it. */
	#has(client: string): boolean {
		if (this.#clients.has(client)) return true;
		if (this.#clients.size >= this.#options.maxKeys) return false;
		this.#clients.add(client);
		return true;
	}
}

/** Counts for as long as it is there. */
function store(points: number): RateLimiterMemory {
	return new RateLimiterMemory({ points, duration: 0, keyPrefix: '' });
}

function refusal(waitMs: number, note: string): GatewayError {
	const retryAfterMs = Math.max(1, Math.ceil(waitMs));
	return new GatewayError('client_limit_reached', { side: 'client', phase: 'admission', retryAfterMs, note });
}
