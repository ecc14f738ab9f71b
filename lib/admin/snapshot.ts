// What the gateway looks like now, as the admin API tells it: numbers and words of the configuration. Nothing here names a
// client, a user or a target.
import type { MemberCount } from '../core/dialer.ts';
import type { LimitsMode } from '../core/observer.ts';
import type { Tally } from '../observe/tally.ts';

/** As much of a gateway as is looked at. */
export interface Watched {
	readonly state: 'starting' | 'serving' | 'draining';
	readonly addresses: readonly string[];
	readonly liveFlows: number;
	readonly exits: readonly { readonly tag: string; readonly type: string; readonly members: MemberCount | null }[];
	readonly config: { readonly redis: object | null };
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
	readonly limits: LimitsStatus;
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
	readonly members: MemberCount | null;
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

export function exitStatuses({ exits }: Watched, tally: Tally, { openByExit }: FlowCounts): ExitStatus[] {
	const counts = new Map([...tally.exits].map((exit) => [exit.outbound, exit]));
	return exits.map(({ tag, type, members }, i) => {
		const { opened, failed, dialMs } = counts.get(tag) ?? { opened: 0, failed: 0, dialMs: 0 };
		const dialSeconds = opened === 0 ? null : Math.round(dialMs / opened) / 1_000;
		return { tag, type, default: i === 0, open: openByExit[tag] ?? 0, opened, failed, dialSeconds, members };
	});
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
		limits: limitsStatus(gateway, tally),
		reload,
	};
}
