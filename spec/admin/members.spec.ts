import test from 'ava';
import { memberStatuses, noteworthy, openByExit } from '../../lib/admin/members.ts';
import type { MemberReport } from '../../lib/core/dialer.ts';
import { flowOf } from '../helpers/flows.ts';

function reportOf(name: string, part: Partial<MemberReport> = {}): MemberReport {
	return { name, state: 'open', restsMs: 0, latencyMs: null, opened: 0, faults: new Map(), inner: null, ...part };
}

function pool(count: number): MemberReport[] {
	return Array.from({ length: count }, (_, i) => reportOf(`pool:${i + 1}`, { opened: i % 10 }));
}

const LIVE = ['pool:3', 'pool:3', 'pool:7'].map((exit) => flowOf({ route: 'pool', exit }));

test('an exit is told in seconds, with what lives by it and why it failed', (t) => {
	const faults = new Map([
		['connection_refused', 2],
		['nothing came', 1],
	]);
	const report = reportOf('pool:3', { state: 'ejected', restsMs: 9_200, latencyMs: 48.4, opened: 5, faults });
	const open = openByExit([...LIVE, flowOf({ route: 'other', exit: 'pool:3' }), flowOf()])('pool');
	t.deepEqual(memberStatuses([report], open), [
		{
			name: 'pool:3',
			state: 'ejected',
			restsSeconds: 10,
			dialSeconds: 0.048,
			open: 2,
			opened: 5,
			failed: 3,
			failedBy: { connection_refused: 2, 'nothing came': 1 },
		},
	]);
});

test('what lives by the exits of a group inside lives by that group', (t) => {
	const inner = [reportOf('pool:3'), reportOf('pool:7')];
	t.is(memberStatuses([reportOf('inner', { inner })], openByExit(LIVE)('pool'))[0]!.open, 3);
});

test('a page of many begins where it is asked to', (t) => {
	const names = memberStatuses(pool(10), openByExit([])('pool'), 8, 4).map(({ name }) => name);
	t.deepEqual(names, ['pool:9', 'pool:10']);
});

test('of a few exits all are worth a look, in their order', (t) => {
	const names = noteworthy(pool(12), openByExit(LIVE)('pool'), 12).map(({ name }) => name);
	t.deepEqual(
		names,
		pool(12).map(({ name }) => name),
	);
});

test('of many the worst come first, then the busiest', (t) => {
	const many = pool(10_000).map((report, i) =>
		i % 100 === 50 ? { ...report, state: 'ejected' as const, faults: new Map([['x', i]]) } : report,
	);
	const shown = noteworthy(many, openByExit(LIVE)('pool'), 9);
	t.deepEqual(
		shown.map(({ name, state, open }) => [name, state, open]),
		[
			['pool:9951', 'ejected', 0],
			['pool:9851', 'ejected', 0],
			['pool:9751', 'ejected', 0],
			['pool:3', 'open', 2],
			['pool:7', 'open', 1],
			['pool:10', 'open', 0],
		],
	);
});
