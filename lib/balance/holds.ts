// Who holds an exit, and for how long: rotation is what ends a hold. One hold for each key (a client, a session, a site), or
// a single one for the whole group. Bounded: the one unused for longest goes, and its key picks anew.
import type { Clock } from '../core/clock.ts';
import type { Member } from './member.ts';

/** Null: without end. */
export interface HoldLimits {
	readonly uses: number | null;
	readonly ms: number | null;
}

export interface Hold<W> {
	member: Member<W>;
	uses: number;
	sinceMs: number;
	/** How often the key has changed its exit. */
	turn: number;
}

/** About 10 MB; a client more than that picks anew. */
const MAX_HOLDS = 65_536;

export class Holds<W> {
	readonly #limits: HoldLimits;
	readonly #clock: Clock;
	readonly #limit: number;
	/** In order of use, the least recent first. */
	readonly #byKey: Map<string, Hold<W>> = new Map();

	constructor(limits: HoldLimits, clock: Clock, limit: number = MAX_HOLDS) {
		this.#limits = limits;
		this.#clock = clock;
		this.#limit = limit;
	}

	/** Begins with the holds of others of the same limits; `here` is who a member of theirs is among these, null: nobody. */
	inherit(before: Holds<W>, here: (member: Member<W>) => Member<W> | null): void {
		for (const [key, hold] of before.#byKey) {
			const member = here(hold.member);
			if (member !== null) this.#byKey.set(key, { ...hold, member });
		}
	}

	/** What the key held last, over or not. */
	of(key: string): Hold<W> | null {
		return this.#byKey.get(key) ?? null;
	}

	/** Whether it goes on for one more use. */
	lasts({ uses, sinceMs }: Hold<W>): boolean {
		const { uses: most, ms } = this.#limits;
		return (most === null || uses < most) && (ms === null || this.#clock.nowMs() - sinceMs < ms);
	}

	/** One more use of what it holds. */
	use(key: string, hold: Hold<W>): void {
		hold.uses++;
		this.#byKey.delete(key);
		this.#byKey.set(key, hold);
	}

	/** Holds this one from now on; the use at hand is its first. */
	take(key: string, member: Member<W>, turn: number): void {
		this.#byKey.delete(key);
		this.#byKey.set(key, { member, uses: 1, sinceMs: this.#clock.nowMs(), turn });
		if (this.#byKey.size > this.#limit) this.#byKey.delete(this.#byKey.keys().next().value as string);
	}
}
