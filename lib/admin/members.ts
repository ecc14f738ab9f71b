// The exits of groups, one by one, as the admin API tells them: by tag or by group and line, as the log does. A group may
// have tens of thousands, so what is told each second are the few that somebody would look for: those that fail, and
// those that carry the most.
import type { MemberReport } from '../core/dialer.ts';
import type { Flow } from '../core/flow.ts';

export interface MemberStatus {
	readonly name: string;
	readonly state: MemberReport['state'];
	/** Until it is tried again; 0 for one that is not ejected. */
	readonly restsSeconds: number;
	/** How long it takes to be open, of late; null: not known. */
	readonly dialSeconds: number | null;
	/** Connections that live by it. */
	readonly open: number;
	/** Ways that were opened by it. */
	readonly opened: number;
	/** How often it was of no use, to a client or to a probe. */
	readonly failed: number;
	/** The same, by why. */
	readonly failedBy: Readonly<Record<string, number>>;
}

/** Connections that live, by the exit they took. */
export type OpenByExit = ReadonlyMap<string, number>;

const NONE: OpenByExit = new Map();

/** For each way out with several exits. */
export function openByExit(live: Iterable<Flow>): (tag: string) => OpenByExit {
	const byRoute = new Map<string, Map<string, number>>();
	for (const { route, exit } of live) {
		if (route === null || exit === null) continue;
		const counts = byRoute.get(route) ?? new Map<string, number>();
		byRoute.set(route, counts);
		counts.set(exit, (counts.get(exit) ?? 0) + 1);
	}
	return (tag) => byRoute.get(tag) ?? NONE;
}

/** All of them, or `count` from `first` on. */
export function memberStatuses(
	reports: Iterable<MemberReport>,
	open: OpenByExit,
	first: number = 0,
	count: number = Number.POSITIVE_INFINITY,
): MemberStatus[] {
	const told: MemberStatus[] = [];
	let index = 0;
	for (const report of reports) {
		if (index++ < first) continue;
		if (told.length >= count) break;
		told.push(statusOf(report, open));
	}
	return told;
}

function statusOf(report: MemberReport, open: OpenByExit): MemberStatus {
	const { name, state, restsMs, latencyMs, opened, faults } = report;
	return {
		name,
		state,
		restsSeconds: Math.ceil(restsMs / 1_000),
		dialSeconds: latencyMs === null ? null : Math.round(latencyMs) / 1_000,
		open: openOf(report, open),
		opened,
		failed: faultsOf(report),
		failedBy: Object.fromEntries(faults),
	};
}

/** Of a group inside a group the log names the exit that it took itself. */
function openOf({ name, inner }: MemberReport, open: OpenByExit): number {
	let count = open.get(name) ?? 0;
	for (const each of inner ?? []) count += openOf(each, open);
	return count;
}

function faultsOf({ faults }: MemberReport): number {
	let count = 0;
	for (const each of faults.values()) count += each;
	return count;
}

/** What is worth a look: all where there are `most` or fewer, in their order; else a third of that of each, those that fail and the busiest. */
export function noteworthy(reports: Iterable<MemberReport>, open: OpenByExit, most: number): MemberStatus[] {
	const first: MemberReport[] = [];
	const failing = new Top<MemberReport>(Math.floor(most / 3));
	const busy = new Top<MemberReport>(Math.floor(most / 3));
	for (const report of reports) {
		if (first.length <= most) first.push(report);
		if (report.state !== 'open') failing.offer(report, faultsOf(report));
		else busy.offer(report, openOf(report, open) * 2 ** 32 + report.opened);
	}
	const chosen = first.length <= most ? first : [...failing.all, ...busy.all];
	return chosen.map((report) => statusOf(report, open));
}

/** The few of many with the highest scores, highest first; of equal ones the earlier. */
class Top<T> {
	readonly #most: number;
	readonly #scores: number[] = [];
	readonly all: T[] = [];

	constructor(most: number) {
		this.#most = most;
	}

	offer(item: T, score: number): void {
		let place = this.#scores.length;
		while (place > 0 && (this.#scores[place - 1] as number) < score) place--;
		if (place >= this.#most) return;
		this.#scores.splice(place, 0, score);
		this.all.splice(place, 0, item);
		if (this.all.length <= this.#most) return;
		this.#scores.pop();
		this.all.pop();
	}
}
