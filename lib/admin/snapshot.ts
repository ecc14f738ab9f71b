// What the gateway looks like now, as the admin API tells it: numbers and words of the configuration. Nothing here names a
// client, a user or a target.
import type { MemberCount, MemberReport } from '../core/dialer.ts';
import type { LimitsMode } from '../core/observer.ts';
import type { Tally } from '../observe/tally.ts';
import { type MemberStatus, noteworthy, openByExit } from './members.ts';

/** As much of a gateway as is looked at. */
export interface Watched {
	readonly state: 'starting' | 'serving' | 'draining';
	readonly addresses: readonly string[];
	readonly liveFlows: number;
	readonly exits: readonly WatchedExit[];
	readonly sources: readonly WatchedSource[];
	readonly config: { readonly redis: object | null };
}

/** One of several processes that serve together. */
export interface WorkerStatus {
	/** From 1 on; whoever takes its place has the same. */
	readonly index: number;
	readonly pid: number;
	readonly state: Watched['state'];
	/** Open ones. */
	readonly flows: number;
	/** How often a process in this place has ended and another one was started. */
	readonly restarts: number;
}

export interface WatchedExit {
	readonly tag: string;
	readonly type: string;
	/** Null for what is no group. */
	readonly members: MemberCount | null;
	reports(): Iterable<MemberReport>;
}

/** A prefix of this machine that a way straight out leaves from. */
export interface WatchedSource {
	/** Of the way out. */
	readonly tag: string;
	readonly source: string;
	readonly addresses: number;
	readonly open: number;
	readonly rests: boolean;
}

/** How the last reload went. */
export interface LastReload {
	/** RFC 3339. */
	readonly at: string;
	readonly ok: boolean;
}

export interface Status {
	readonly version: string;
	readonly node: string;
	readonly pid: number;
	readonly state: Watched['state'];
	readonly uptimeSeconds: number;
	readonly listening: readonly string[];
	readonly flows: FlowCounts;
	readonly bytes: { readonly up: number; readonly down: number };
	readonly exits: readonly ExitStatus[];
	/** The addresses that are left from; empty where the kernel decides. */
	readonly sources: readonly WatchedSource[];
	readonly limits: LimitsStatus;
	/** None where one process does it all. */
	readonly workers: readonly WorkerStatus[];
	/** Null: none since the start. */
	readonly reload: LastReload | null;
}

export interface FlowCounts {
	readonly open: number;
	readonly openByProtocol: Readonly<Record<string, number>>;
	readonly openByExit: Readonly<Record<string, number>>;
	/** Since the start, those that are over. */
	readonly ended: number;
	/** Of these, by why. */
	readonly endedByCause: Readonly<Record<string, number>>;
}

export interface ExitStatus {
	readonly tag: string;
	readonly type: string;
	/** Where flows go that no rule sends elsewhere. */
	readonly default: boolean;
	readonly open: number;
	readonly opened: number;
	readonly failed: number;
	/** How long a dial takes on average; null before the first. */
	readonly dialSeconds: number | null;
	/** Null for what is no group. */
	readonly members: PoolStatus | null;
}

export interface PoolStatus extends MemberCount {
	/** All of a few; of many those that fail and those that are busiest. `/v1/members` has them all. */
	readonly shown: readonly MemberStatus[];
}

export interface LimitsStatus {
	readonly mode: LimitsMode;
	/** A store is configured: `shared` is what should be. */
	readonly redis: boolean;
	/** By the limit that refused. */
	readonly refused: Readonly<Record<string, number>>;
}

export function flowCounts({ live, connections }: Tally): FlowCounts {
	const openByProtocol: Record<string, number> = {};
	const openByExit: Record<string, number> = {};
	for (const { protocol, route } of live) {
		add(openByProtocol, protocol);
		if (route !== null) add(openByExit, route);
	}
	const endedByCause: Record<string, number> = {};
	let ended = 0;
	for (const { result, count } of connections) {
		add(endedByCause, result, count);
		ended += count;
	}
	return { open: live.size, openByProtocol, openByExit, ended, endedByCause };
}

function add(counts: Record<string, number>, word: string, count = 1): void {
	counts[word] = (counts[word] ?? 0) + count;
}

/** Members of one group that are told each second ... */
const MOST_SHOWN = 12;

/** ... and of all groups together, but three of each. */
const MOST_SHOWN_OF_ALL = 96;

export function exitStatuses({ exits }: Watched, tally: Tally, flows: FlowCounts): ExitStatus[] {
	const counts = new Map([...tally.exits].map((exit) => [exit.outbound, exit]));
	const groups = exits.filter(({ members }) => members !== null).length;
	const most = Math.max(3, Math.min(MOST_SHOWN, Math.floor(MOST_SHOWN_OF_ALL / groups)));
	const openOf = openByExit(groups > 0 ? tally.live : []);
	return exits.map((exit, i) => {
		const { tag, type } = exit;
		const { opened, failed, dialMs } = counts.get(tag) ?? { opened: 0, failed: 0, dialMs: 0 };
		const dialSeconds = opened === 0 ? null : Math.round(dialMs / opened) / 1_000;
		const shown = (): MemberStatus[] => noteworthy(exit.reports(), openOf(tag), most);
		const members = exit.members === null ? null : { ...exit.members, shown: shown() };
		return { tag, type, default: i === 0, open: flows.openByExit[tag] ?? 0, opened, failed, dialSeconds, members };
	});
}

/** Sources that are told one by one. */
const MOST_SOURCES = 64;

/** As they are configured; of very many the busiest, and the rest as one. */
export function sourceStatuses({ sources }: Pick<Watched, 'sources'>): readonly WatchedSource[] {
	if (sources.length <= MOST_SOURCES) return sources;
	const sorted = sources.toSorted((a, b) => b.open - a.open);
	const rest = sorted.slice(MOST_SOURCES - 1);
	const sum = (pick: (source: WatchedSource) => number): number => rest.reduce((all, each) => all + pick(each), 0);
	const others = { tag: 'other', source: 'other', addresses: sum(({ addresses }) => addresses) };
	const open = sum((each) => each.open);
	return [...sorted.slice(0, MOST_SOURCES - 1), { ...others, open, rests: rest.every(({ rests }) => rests) }];
}

export function limitsStatus({ config }: Watched, { limitsMode, limited }: Tally): LimitsStatus {
	return { mode: limitsMode, redis: config.redis !== null, refused: Object.fromEntries(limited) };
}

/** Everything. */
export function statusOf(gateway: Watched, tally: Tally, version: string, reload: LastReload | null): Status {
	const flows = flowCounts(tally);
	return {
		version,
		node: process.versions.node,
		pid: process.pid,
		state: gateway.state,
		uptimeSeconds: Math.round(performance.now() / 1_000),
		listening: gateway.addresses,
		flows,
		bytes: tally.bytes(),
		exits: exitStatuses(gateway, tally, flows),
		sources: sourceStatuses(gateway),
		limits: limitsStatus(gateway, tally),
		workers: [],
		reload,
	};
}
