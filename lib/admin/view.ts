// What the admin listener tells of a gateway: as it is in this process, or of several processes as one.
import type { Tally } from '../observe/tally.ts';
import { type MemberStatus, memberStatuses, openByExit } from './members.ts';
import { type LastReload, type PoolStatus, type Status, statusOf, type Watched } from './snapshot.ts';

/** Members of one group, from number `from` on. */
export interface Members extends Omit<PoolStatus, 'shown'> {
	readonly group: string;
	readonly from: number;
	readonly members: readonly MemberStatus[];
}

export interface View {
	/** Brings up to date what `status` tells, where others have to be asked. */
	look?(): Promise<void>;
	status(): Status;
	/** Null: there is no such group. */
	members(group: string, from: number): Members | null | Promise<Members | null>;
}

export interface ViewDeps {
	readonly gateway: Watched;
	readonly tally: Tally;
	readonly version: string;
	/** Null: none since the start. */
	readonly lastReload: () => LastReload | null;
}

/** Members in one answer. */
const MOST_MEMBERS = 1_000;

/** Of a gateway in this process. */
export function viewOf({ gateway, tally, version, lastReload }: ViewDeps): View {
	return {
		status: () => statusOf(gateway, tally, version, lastReload()),
		members: (tag, from) => {
			const group = gateway.exits.find((exit) => exit.members !== null && exit.tag === tag);
			if (!group?.members) return null;
			const members = memberStatuses(group.reports(), openByExit(tally.live)(tag), from, MOST_MEMBERS);
			return { group: tag, ...group.members, from, members };
		},
	};
}
