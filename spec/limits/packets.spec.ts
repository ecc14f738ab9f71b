import test from 'ava';
import { PacketRate } from '../../lib/limits/packets.ts';

function rate(perSecond: number, maxKeys = 100): { limit: PacketRate; clock: { ms: number } } {
	const clock = { ms: 1_000 };
	return { limit: new PacketRate({ perSecond, maxKeys }, { nowMs: () => clock.ms }), clock };
}

function spent(spender: { spend(nowMs: number): boolean }, times: number, nowMs: number): number {
	let count = 0;
	for (let i = 0; i < times; i++) if (spender.spend(nowMs)) count++;
	return count;
}

test('a client has at once what a second brings, and then what time brings', (t) => {
	const { limit } = rate(1_000);
	const spender = limit.of('a');
	t.is(spent(spender, 5_000, 1_000), 1_000);
	t.is(spent(spender, 5_000, 1_010), 10);
	t.is(spent(spender, 5_000, 1_510), 500);
	t.is(spent(spender, 5_000, 60_000), 1_000);
});

test('the associations of one client share, those of two do not', (t) => {
	const { limit } = rate(10);
	t.is(spent(limit.of('a'), 6, 1_000) + spent(limit.of('a'), 6, 1_000), 10);
	t.is(spent(limit.of('b'), 20, 1_000), 10);
});

test('who comes back at once does not begin anew', (t) => {
	const { limit, clock } = rate(10);
	const first = limit.of('a');
	spent(first, 10, 1_000);
	first.release();
	t.is(spent(limit.of('a'), 10, 1_000), 0);
	clock.ms = 1_500;
	t.is(spent(limit.of('a'), 10, 1_500), 5);
});

test('clients without an association are forgotten when they are full again, or when there are too many', (t) => {
	const { limit, clock } = rate(10, 5);
	for (let i = 0; i < 50; i++) {
		const spender = limit.of(`${i}`);
		spent(spender, 5, clock.ms);
		spender.release();
		t.true(limit.keyCount <= 5);
	}
	clock.ms += 10_000;
	limit.of('new').release();
	t.is(limit.keyCount, 1);
});

test('no limit is no limit and remembers nobody', (t) => {
	const { limit } = rate(0);
	t.is(spent(limit.of('a'), 10_000, 1_000), 10_000);
	t.is(limit.keyCount, 0);
});
