// Any open member, one of weight 3 three times as often as one of weight 1.
import type { Member } from './member.ts';
import type { Roster } from './roster.ts';
import { drawOpen, type Random, type Strategy } from './strategy.ts';

export function weightedStrategy<W>(random: Random): Strategy<W> {
	return { countsLinks: false, pick: (roster, use) => drawOpen(roster, use, random, byWeight) };
}

function byWeight<W>(roster: Roster<W>, random: number): Member<W> | null {
	return roster.openByWeight(random);
}
