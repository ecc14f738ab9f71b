// Which exits a site does not want: what one site bans is good for all others. Bounded in sites and in exits of a site; a
// ban is forgotten after a while, because addresses are forgiven.
import type { Clock } from '../core/clock.ts';
import type { Member } from './member.ts';

/** Sites that have banned something; the one that did so first goes first. */
const MAX_SITES = 1_024;

/** Exits that one site has banned: with more than that it bans everybody. */
const MAX_EXITS = 256;

/** The bans of one site at one moment. */
export class Bans {
	readonly #untilMs: ReadonlyMap<Member<unknown>, number>;
	readonly #nowMs: number;

	constructor(untilMs: ReadonlyMap<Member<unknown>, number>, nowMs: number) {
		this.#untilMs = untilMs;
		this.#nowMs = nowMs;
	}

	has(member: Member<unknown>): boolean {
		const untilMs = this.#untilMs.get(member);
		return untilMs !== undefined && untilMs > this.#nowMs;
	}
}

export class Scores {
	readonly #clock: Clock;
	/** Until when, by site and exit. */
	readonly #bySite: Map<string, Map<Member<unknown>, number>> = new Map();

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/** No site has banned anything: nothing is to be looked up. */
	get isEmpty(): boolean {
		return this.#bySite.size === 0;
	}

	/** Keeps the exit from the site for so long. */
	ban(site: string, member: Member<unknown>, ms: number): void {
		const exits = this.#bySite.get(site) ?? new Map<Member<unknown>, number>();
		this.#bySite.delete(site);
		this.#bySite.set(site, exits);
		exits.delete(member);
		exits.set(member, this.#clock.nowMs() + ms);
		if (exits.size > MAX_EXITS) exits.delete(exits.keys().next().value as Member<unknown>);
		if (this.#bySite.size > MAX_SITES) this.#bySite.delete(this.#bySite.keys().next().value as string);
	}

	/** The site took it after all. */
	forgive(site: string, member: Member<unknown>): void {
		const exits = this.#bySite.get(site);
		if (!exits?.delete(member)) return;
		if (exits.size === 0) this.#bySite.delete(site);
	}

	/** Begins with the bans of other scores; `here` is who a member of theirs is among these, null: nobody. */
	inherit(before: Scores, here: (member: Member<unknown>) => Member<unknown> | null): void {
		for (const [site, exits] of before.#bySite) {
			const known = new Map<Member<unknown>, number>();
			for (const [exit, untilMs] of exits) {
				const member = here(exit);
				if (member !== null) known.set(member, untilMs);
			}
			if (known.size > 0) this.#bySite.set(site, known);
		}
	}

	/** What the site bans now; null: nothing. A look at one moment: not to be kept. */
	bansOf(site: string): Bans | null {
		const exits = this.#bySite.get(site);
		return exits === undefined ? null : new Bans(exits, this.#clock.nowMs());
	}
}
