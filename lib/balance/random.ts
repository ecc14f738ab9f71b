// Any open member, each as likely as the other.
import { drawOpen, evenly, type Random, type Strategy } from './strategy.ts';

export function randomStrategy<W>(random: Random): Strategy<W> {
	return { countsLinks: false, pick: (roster, use) => drawOpen(roster, use, random, evenly) };
}
