// The first open member of the list: the others are for when it is not.
import type { Strategy } from './strategy.ts';

export function failoverStrategy<W>(): Strategy<W> {
	return {
		countsLinks: false,
		pick(roster, use) {
			let from = 0;
			for (let i = 0; i < roster.openCount; i++) {
				const member = roster.openFrom(from);
				if (member === null || !use.skips(member)) return member;
				from = member.index + 1;
			}
			return null;
		},
	};
}
