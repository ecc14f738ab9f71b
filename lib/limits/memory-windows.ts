// What is counted in windows of time, in the memory of one process for several gateways: rates, as the store in Redis keeps
// them, and failures. A window begins with its first use, and when it is over nothing is left of it.
import type { Clock } from '../core/clock.ts';
import { BURST_MS, WINDOW_MS } from './pace.ts';
import type { Rated, Taken } from './redis-rates.ts';
import type { Rate } from './shared.ts';

/** A full memory is looked through no more often than this. */
const SWEEP_MS = 500;

interface Window {
	endMs: number;
	used: number;
}

/** Windows by name, at most `limit` of them. */
export class Windows {
	readonly #limit: number;
	readonly #clock: Clock;
	readonly #windows: Map<string, Window> = new Map();
	#sweptMs = Number.NEGATIVE_INFINITY;

	constructor(limit: number, clock: Clock) {
		this.#limit = limit;
		this.#clock = clock;
	}

	/** The one that is open, or a new one of `ms`; null when there is no room for it. */
	of(name: string, ms: number): Window | null {
		const nowMs = this.#clock.nowMs();
		const known = this.#windows.get(name);
		if (known && nowMs < known.endMs) return known;
		if (!known && this.#windows.size >= this.#limit) this.#sweep(nowMs);
		if (!known && this.#windows.size >= this.#limit) return null;
		const window = { endMs: nowMs + ms, used: 0 };
		this.#windows.set(name, window);
		return window;
	}

	#sweep(nowMs: number): void {
		if (nowMs - this.#sweptMs < SWEEP_MS) return;
		this.#sweptMs = nowMs;
		for (const [name, { endMs }] of this.#windows) if (endMs <= nowMs) this.#windows.delete(name);
	}
}

/** Takes `count` of a rate as `Shared.take` says; null when there is no room to count. */
export function takeOf(
	windows: Windows,
	{ what, name, rate, count, nowMs }: { what: Rated; name: string; rate: Rate; count: number; nowMs: number },
): Taken | null {
	if (rate.perSecond === 0) return { granted: count, retryMs: 0 };
	const steady = windows.of(`${what} ${name}`, WINDOW_MS);
	if (steady === null) return null;
	let granted = drawn(steady, rate.perSecond, count);
	if (granted < count && rate.burst > 0) {
		const burst = windows.of(`${what} burst ${name}`, BURST_MS);
		if (burst !== null) granted += drawn(burst, rate.burst, count - granted);
	}
	return { granted, retryMs: granted === count ? 0 : Math.max(1, steady.endMs - nowMs) };
}

function drawn(window: Window, limit: number, count: number): number {
	const granted = Math.max(0, Math.min(count, limit - window.used));
	window.used += granted;
	return granted;
}
