// How one of the members of a group is picked. A strategy looks at the roster and at what the pick is for, draws and
// remembers nothing else; health, rotation and what was tried already are settled around it.
import type { Member } from './member.ts';
import type { Roster } from './roster.ts';

/** What a member is picked for. */
export interface Pick<W> {
	/** What sticks together: a client, a session, a site; null: nothing does. */
	readonly key: string | null;
	/** Not this one, this time. Few are skipped. */
	skips(member: Member<W>): boolean;
}

export interface Strategy<W> {
	/** It wants to know how many links each member has. */
	readonly countsLinks: boolean;
	/** The best open member that is not skipped; null when there is none. */
	pick(roster: Roster<W>, use: Pick<W>): Member<W> | null;
}

/** A number from 0 up to 1. */
export type Random = () => number;

/** Draws before the open members are looked at one by one: enough to miss once in thousands, when half are skipped. */
const DRAWS = 12;

/** What `draw` gives until it gives one that is not skipped; when few are left, the first of those from a drawn place on. */
export function drawOpen<W>(
	roster: Roster<W>,
	use: Pick<W>,
	random: Random,
	draw: (roster: Roster<W>, random: number) => Member<W> | null,
): Member<W> | null {
	for (let i = 0; i < DRAWS && roster.openCount > 0; i++) {
		const member = draw(roster, random());
		if (member !== null && !use.skips(member)) return member;
	}
	const start = Math.floor(random() * roster.openCount);
	for (let i = 0; i < roster.openCount; i++) {
		const member = roster.openAt((start + i) % roster.openCount);
		if (!use.skips(member)) return member;
	}
	return null;
}

/** Each open member as likely as the other. */
export function evenly<W>(roster: Roster<W>, random: number): Member<W> | null {
	return roster.openAt(Math.floor(random * roster.openCount));
}
