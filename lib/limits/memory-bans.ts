// Failures and bans of subjects, in the memory of one process for several gateways. Every gateway has a copy of the bans, so
// that whoever is banned anywhere is refused everywhere without asking.
import type { Clock } from '../core/clock.ts';
import { Windows } from './memory-windows.ts';
import type { Failing, FailureRule } from './shared.ts';

export class MemoryBans {
	/** Told of a ban: whose, and for how long. */
	onBan: ((name: string, ms: number) => void) | null = null;
	readonly #limit: number;
	readonly #clock: Clock;
	readonly #failures: Windows;
	readonly #endMs: Map<string, number> = new Map();

	/** At most `limit` subjects; of bans those that began first make room. */
	constructor(limit: number, clock: Clock) {
		this.#limit = limit;
		this.#clock = clock;
		this.#failures = new Windows(limit, clock);
	}

	/** As `Shared.fail` says; null when there is no room to count. */
	fail(
		name: string,
		what: Failing,
		{ most, windowMs, banMs }: FailureRule,
	): { readonly failures: number; readonly banMs: number } | null {
		const window = this.#failures.of(`${what} ${name}`, windowMs);
		if (window === null) return null;
		const failures = ++window.used;
		if (failures <= most) return { failures, banMs: 0 };
		this.learn(name, banMs);
		this.onBan?.(name, banMs);
		return { failures, banMs };
	}

	/** Somebody is banned for `ms` from now on. */
	learn(name: string, ms: number): void {
		this.#endMs.delete(name);
		this.#endMs.set(name, this.#clock.nowMs() + ms);
		if (this.#endMs.size > this.#limit) this.#endMs.delete(this.#endMs.keys().next().value as string);
	}

	/** Nobody is banned. */
	get none(): boolean {
		return this.#endMs.size === 0;
	}

	/** 0: not banned. */
	leftMs(name: string): number {
		const endMs = this.#endMs.get(name);
		if (endMs === undefined) return 0;
		const leftMs = endMs - this.#clock.nowMs();
		if (leftMs <= 0) this.#endMs.delete(name);
		return Math.max(0, leftMs);
	}

	/** Every ban there is, with what is left of it. */
	all(): [name: string, ms: number][] {
		return [...this.#endMs.keys()]
			.map((name): [string, number] => [name, this.leftMs(name)])
			.filter(([, ms]) => ms > 0);
	}
}
