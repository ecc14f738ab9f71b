// The open member with the fewest links. Of many members that is the best of a few drawn ones: nearly as even as a look at
// all of them (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing"), at a cost that does not grow.
import type { Member } from './member.ts';
import type { Roster } from './roster.ts';
import { drawOpen, evenly, type Pick, type Random, type Strategy } from './strategy.ts';

/** Up to here all are looked at. */
const FEW = 16;

/** Of more, so many are drawn. */
const DRAWN = 4;

export class LeastFlows<W> implements Strategy<W> {
	readonly countsLinks = true;
	readonly #random: Random;

	constructor(random: Random) {
		this.#random = random;
	}

	pick(roster: Roster<W>, use: Pick<W>): Member<W> | null {
		const all = roster.openCount <= FEW;
		const count = all ? roster.openCount : DRAWN;
		const start = all ? Math.floor(this.#random() * count) : 0;
		let best: Member<W> | null = null;
		for (let i = 0; i < count; i++) {
			const member = all ? roster.openAt((start + i) % count) : drawOpen(roster, use, this.#random, evenly);
			if (member === null || use.skips(member)) continue;
			if (best === null || member.links < best.links) best = member;
		}
		return best;
	}
}
