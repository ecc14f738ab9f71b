// What several processes of one gateway tell, as one. Counts add up; where each has an opinion of its own, as of the members
// of a group, that of the one which thinks worst is told.
import type { MemberStatus } from './members.ts';
import type { ExitStatus, FlowCounts, PoolStatus, Status, WatchedSource } from './snapshot.ts';
import type { Members } from './view.ts';

/** As much of a status as is everybody's together. */
export type SharedStatus = Pick<Status, 'flows' | 'bytes' | 'exits' | 'sources' | 'limits'>;

const NOTHING: SharedStatus = {
	flows: { open: 0, openByProtocol: {}, openByExit: {}, ended: 0, endedByCause: {} },
	bytes: { up: 0, down: 0 },
	exits: [],
	sources: [],
	limits: { mode: 'local', redis: false, refused: {} },
};

/** The sum; of no process nothing. The first one's words count, where words differ. `ended` are of processes that are no more. */
export function sumOfStatuses(living: readonly SharedStatus[], ended: readonly SharedStatus[] = []): SharedStatus {
	const all = [...living, ...ended];
	const first = all[0] ?? NOTHING;
	const modes = living.map(({ limits }) => limits.mode);
	return {
		flows: all.map(({ flows }) => flows).reduce(flowsTogether, NOTHING.flows),
		bytes: { up: sum(all.map(({ bytes }) => bytes.up)), down: sum(all.map(({ bytes }) => bytes.down)) },
		exits: first.exits.map(({ tag }) =>
			exitsTogether(all.flatMap(({ exits }) => exits.filter((exit) => exit.tag === tag))),
		),
		sources: first.sources.map((source) =>
			sourcesTogether(all.flatMap(({ sources }) => sources.filter(isSame(source)))),
		),
		limits: {
			mode: modes.find((mode) => mode !== 'shared') ?? first.limits.mode,
			redis: first.limits.redis,
			refused: countsTogether(all.map(({ limits }) => limits.refused)),
		},
	};
}

/** What stays of a process that has ended: what it counted, and nothing that was open. */
export function lastOf({ flows, bytes, exits, limits }: SharedStatus): SharedStatus {
	const { ended, endedByCause } = flows;
	return {
		flows: { ...NOTHING.flows, ended, endedByCause },
		bytes,
		exits: exits.map((exit) => ({ ...exit, open: 0, members: null })),
		sources: [],
		limits,
	};
}

/** The same stretch of a group's list, as several processes see it. */
export function membersTogether(all: readonly Members[]): Members | null {
	const worst = worstOf(all);
	if (!worst) return null;
	const members = worst.members.map(({ name }) =>
		memberTogether(all.flatMap((each) => each.members.filter((member) => member.name === name))),
	);
	return { ...worst, members };
}

function sum(numbers: readonly number[]): number {
	return numbers.reduce((all, each) => all + each, 0);
}

function countsTogether(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
	const counts: Record<string, number> = {};
	for (const each of all) for (const [word, count] of Object.entries(each)) counts[word] = (counts[word] ?? 0) + count;
	return counts;
}

function flowsTogether(a: FlowCounts, b: FlowCounts): FlowCounts {
	return {
		open: a.open + b.open,
		openByProtocol: countsTogether([a.openByProtocol, b.openByProtocol]),
		openByExit: countsTogether([a.openByExit, b.openByExit]),
		ended: a.ended + b.ended,
		endedByCause: countsTogether([a.endedByCause, b.endedByCause]),
	};
}

function exitsTogether(all: readonly ExitStatus[]): ExitStatus {
	const opened = sum(all.map((exit) => exit.opened));
	const dialled = sum(all.map((exit) => (exit.dialSeconds ?? 0) * exit.opened));
	return {
		...(all[0] as ExitStatus),
		open: sum(all.map(({ open }) => open)),
		opened,
		failed: sum(all.map(({ failed }) => failed)),
		dialSeconds: opened === 0 ? null : Math.round((1_000 * dialled) / opened) / 1_000,
		members: poolTogether(all.flatMap(({ members }) => (members ? [members] : []))),
	};
}

function poolTogether(all: readonly PoolStatus[]): PoolStatus | null {
	const worst = worstOf(all);
	if (!worst) return null;
	const shown = worst.shown.map(({ name }) =>
		memberTogether(all.flatMap((pool) => pool.shown.filter((member) => member.name === name))),
	);
	return { ...worst, shown };
}

function worstOf<T extends { readonly open: number }>(all: readonly T[]): T | undefined {
	return all.toSorted((a, b) => a.open - b.open)[0];
}

const WORST_FIRST: readonly MemberStatus['state'][] = ['ejected', 'half-open', 'open'];

function memberTogether(all: readonly MemberStatus[]): MemberStatus {
	const dials = all.flatMap(({ dialSeconds }) => (dialSeconds === null ? [] : [dialSeconds]));
	return {
		name: (all[0] as MemberStatus).name,
		state: WORST_FIRST.find((state) => all.some((member) => member.state === state)) ?? 'open',
		restsSeconds: Math.max(...all.map(({ restsSeconds }) => restsSeconds)),
		dialSeconds: dials.length === 0 ? null : Math.round((1_000 * sum(dials)) / dials.length) / 1_000,
		open: sum(all.map(({ open }) => open)),
		opened: sum(all.map(({ opened }) => opened)),
		failed: sum(all.map(({ failed }) => failed)),
		failedBy: countsTogether(all.map(({ failedBy }) => failedBy)),
	};
}

function isSame({ tag, source }: WatchedSource): (other: WatchedSource) => boolean {
	return (other) => other.tag === tag && other.source === source;
}

function sourcesTogether(all: readonly WatchedSource[]): WatchedSource {
	return {
		...(all[0] as WatchedSource),
		open: sum(all.map(({ open }) => open)),
		rests: all.some(({ rests }) => rests),
	};
}
