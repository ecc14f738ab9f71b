// One after the other, in the order of the list; who is closed is passed over.
import type { Member } from './member.ts';
import type { Roster } from './roster.ts';
import type { Pick, Strategy } from './strategy.ts';

export class RoundRobin<W> implements Strategy<W> {
	readonly countsLinks = false;
	/** Where the next look begins. */
	#next = 0;

	pick(roster: Roster<W>, use: Pick<W>): Member<W> | null {
		for (let i = 0; i < roster.openCount; i++) {
			const member = roster.openFrom(this.#next) as Member<W>;
			this.#next = member.index + 1;
			if (!use.skips(member)) return member;
		}
		return null;
	}
}
