import test from 'ava';
import type { MemberStatus } from '../../lib/admin/members.ts';
import { lastOf, membersTogether, type SharedStatus, sumOfStatuses } from '../../lib/admin/summed-status.ts';

function member(part: Partial<MemberStatus>): MemberStatus {
	const none = { restsSeconds: 0, dialSeconds: null, open: 0, opened: 0, failed: 0, failedBy: {} };
	return { name: 'pool:1', state: 'open', ...none, ...part };
}

function status(n: number, members: readonly MemberStatus[]): SharedStatus {
	const open = members.filter(({ state }) => state === 'open').length;
	return {
		flows: {
			open: n,
			openByProtocol: { socks5: n },
			openByExit: { pool: n },
			ended: 10 * n,
			endedByCause: { closed: 9 * n, idle: n },
		},
		bytes: { up: n, down: 2 * n },
		exits: [
			{
				tag: 'pool',
				type: 'group',
				default: true,
				open: n,
				opened: 10 * n,
				failed: n,
				dialSeconds: n / 10,
				members: { open, ejected: members.length - open, halfOpen: 0, total: members.length, shown: members },
			},
		],
		sources: [{ tag: 'direct', source: '192.0.2.0/24', addresses: 256, open: n, rests: n > 1 }],
		limits: { mode: 'local', redis: false, refused: { requests: n } },
	};
}

const ONE = status(1, [member({ opened: 1, dialSeconds: 0.1 }), member({ name: 'pool:2' })]);
const TWO = status(2, [
	member({ state: 'ejected', restsSeconds: 9, opened: 2, dialSeconds: 0.3, failed: 3, failedBy: { dns_error: 3 } }),
	member({ name: 'pool:2', open: 2 }),
]);

test('counts of several processes add up, and of members the worst opinion is told', (t) => {
	const sum = sumOfStatuses([ONE, TWO]);
	t.like(sum.flows, { open: 3, openByProtocol: { socks5: 3 }, ended: 30, endedByCause: { closed: 27, idle: 3 } });
	t.deepEqual(sum.bytes, { up: 3, down: 6 });
	const [pool] = sum.exits;
	t.like(pool, { open: 3, opened: 30, failed: 3, dialSeconds: 0.167 });
	t.like(pool?.members, { open: 1, ejected: 1, total: 2 });
	t.deepEqual(pool?.members?.shown, [
		member({ state: 'ejected', restsSeconds: 9, opened: 3, dialSeconds: 0.2, failed: 3, failedBy: { dns_error: 3 } }),
		member({ name: 'pool:2', open: 2 }),
	]);
	t.deepEqual(sum.sources, [{ tag: 'direct', source: '192.0.2.0/24', addresses: 256, open: 3, rests: true }]);
	t.deepEqual(sum.limits, { mode: 'local', redis: false, refused: { requests: 3 } });
});

test('of a process that has ended what it counted stays, and nothing is open', (t) => {
	const sum = sumOfStatuses([ONE], [lastOf(TWO)]);
	t.like(sum.flows, { open: 1, openByExit: { pool: 1 }, ended: 30 });
	t.like(sum.exits[0], { open: 1, opened: 30 });
	t.is(sum.exits[0]?.members?.open, 2);
	t.is(sum.limits.refused.requests, 3);
	t.deepEqual(sumOfStatuses([]).exits, []);
});

test('limits are kept as the process says that they are not kept by', (t) => {
	const shared = { ...ONE, limits: { ...ONE.limits, mode: 'shared' as const, redis: true } };
	t.is(sumOfStatuses([shared, shared]).limits.mode, 'shared');
	t.is(
		sumOfStatuses([shared, { ...shared, limits: { ...shared.limits, mode: 'closed' as const } }]).limits.mode,
		'closed',
	);
});

test('members of a group are told together by name', (t) => {
	const asked = [ONE, TWO].map(({ exits }) => {
		const { shown, ...counts } = exits[0]!.members!;
		return { group: 'pool', from: 0, ...counts, members: shown };
	});
	const together = membersTogether(asked)!;
	t.like(together, { group: 'pool', total: 2, open: 1 });
	t.deepEqual(
		together.members.map(({ opened }) => opened),
		[3, 0],
	);
	t.is(membersTogether([]), null);
});
