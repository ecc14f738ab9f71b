// Exits of sessions, in the memory of one process for several gateways: which exit a session has at each place where one was
// chosen, and for how long still.
import type { Clock } from '../core/clock.ts';
import type { ExitStore } from './fleet-sessions.ts';
import type { KeptExit } from './redis-exits.ts';

interface Entry {
	readonly exit: string;
	readonly endMs: number;
}

export class MemoryExits {
	readonly #limit: number;
	readonly #clock: Clock;
	/** By session, the one written longest ago first; in it by place. */
	readonly #sessions: Map<string, Map<string, Entry>> = new Map();

	/** At most `limit` sessions; the one written longest ago makes room. */
	constructor(limit: number, clock: Clock) {
		this.#limit = limit;
		this.#clock = clock;
	}

	of(session: string): KeptExit[] {
		const nowMs = this.#clock.nowMs();
		const places = [...(this.#sessions.get(session) ?? [])];
		return places.flatMap(([place, { exit, endMs }]) =>
			endMs > nowMs ? [{ place, exit, leftMs: endMs - nowMs }] : [],
		);
	}

	/** Keeps an exit unless another one is kept that is not `gone`, the same one for `longer`; gives the one kept now. */
	keep(
		session: string,
		{ place, exit, leftMs }: KeptExit,
		{ gone, longer }: Parameters<ExitStore['keepExit']>[2],
	): string {
		const nowMs = this.#clock.nowMs();
		const places = this.#sessions.get(session) ?? new Map<string, Entry>();
		const kept = places.get(place);
		if (kept && kept.endMs > nowMs && kept.exit !== gone && (kept.exit !== exit || !longer)) return kept.exit;
		places.set(place, { exit, endMs: nowMs + leftMs });
		this.#sessions.delete(session);
		this.#sessions.set(session, places);
		if (this.#sessions.size > this.#limit) this.#sessions.delete(this.#sessions.keys().next().value as string);
		return exit;
	}

	forget(session: string, place: string): void {
		const places = this.#sessions.get(session);
		places?.delete(place);
		if (places?.size === 0) this.#sessions.delete(session);
	}
}
