// The faster of two drawn members. How long a member takes is a moving average of its dials that fades when nobody asks
// it, so that one that was slow once is asked again; one that was never asked counts as fast.
import type { Clock } from '../core/clock.ts';
import type { Member } from './member.ts';
import type { Roster } from './roster.ts';
import { drawOpen, evenly, type Pick, type Random, type Strategy } from './strategy.ts';

/** The share of the newest dial in the average: one bad dial does not decide, five do. */
const SHARE = 0.3;

/** What is known is worth half after this long. */
const HALF_LIFE_MS = 60_000;

export class LowLatency<W> implements Strategy<W> {
	readonly countsLinks = false;
	readonly #random: Random;
	readonly #clock: Clock;

	constructor(random: Random, clock: Clock) {
		this.#random = random;
		this.#clock = clock;
	}

	pick(roster: Roster<W>, use: Pick<W>): Member<W> | null {
		const one = drawOpen(roster, use, this.#random, evenly);
		if (one === null) return null;
		const other = drawOpen(roster, use, this.#random, evenly) as Member<W>;
		const nowMs = this.#clock.nowMs();
		return latencyOf(other, nowMs) < latencyOf(one, nowMs) ? other : one;
	}
}

/** What a member's dials take, as far as that is still known: 0 when nothing is. */
export function latencyOf(member: Member<unknown>, nowMs: number): number {
	if (member.latencyMs === null) return 0;
	return member.latencyMs * 2 ** ((member.latencyAtMs - nowMs) / HALF_LIFE_MS);
}

/** A dial by this member took so long, or was given up after so long. */
export function noteLatency(member: Member<unknown>, ms: number, nowMs: number): void {
	member.latencyMs = member.latencyMs === null ? ms : member.latencyMs + SHARE * (ms - member.latencyMs);
	member.latencyAtMs = nowMs;
}
