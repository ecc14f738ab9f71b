import test from 'ava';
import { MemoryStore } from '../../lib/limits/memory-store.ts';
import type { ByteGrants, Subject } from '../../lib/limits/shared.ts';

const CLIENT: Subject = { kind: 'client', name: '192.0.2.1' };
const OTHER: Subject = { kind: 'client', name: '192.0.2.2' };
const DAY_MS = 86_400_000;

function store({ maxKeys = 1_000, maxSessions = 1_000 } = {}): { store: MemoryStore; pass: (ms: number) => void } {
	let nowMs = 5_000;
	const clock = { nowMs: () => nowMs };
	const made = new MemoryStore({ maxKeys, maxSessions }, clock, () => 20_000 * DAY_MS + nowMs);
	const pass = (ms: number): void => {
		nowMs += ms;
	};
	return { store: made, pass };
}

test('gateways that fight for ten places have ten together', (t) => {
	const { store: memory } = store();
	const held = [0, 0, 0];
	for (let round = 0; round < 60; round++) {
		const i = round % 3;
		const need = held[i]! + 1;
		held[i] = memory.answer(i, ['places', CLIENT, { limit: 10, held: held[i]!, need, want: need }]) as number;
	}
	t.is(held[0]! + held[1]! + held[2]!, 10);
});

test('what one keeps in hand leaves half to the others, what is held is held, and what is given back or dead is free', (t) => {
	const { store: memory } = store();
	const ask = (gateway: number, held: number, need: number, want: number, limit = 10): unknown =>
		memory.answer(gateway, ['places', CLIENT, { limit, held, need, want }]);
	t.is(ask(1, 0, 0, 10), 5);
	t.is(ask(2, 0, 0, 10), 2);
	t.is(ask(1, 5, 6, 6), 6);
	t.is(ask(1, 12, 13, 13), 12);
	t.is(ask(2, 2, 3, 3), 2);
	memory.hear(1, ['hold', CLIENT, 1]);
	t.is(ask(2, 2, 9, 9), 9);
	memory.release(2);
	t.is(ask(1, 1, 10, 10), 10);
	memory.hear(1, ['hold', CLIENT, 0]);
	t.is(ask(2, 0, 10, 10), 10);
});

test('a rate is so many a second, and a burst once in ten', (t) => {
	const { store: memory, pass } = store();
	const take = (count: number, subject = CLIENT): unknown =>
		memory.answer(1, ['take', 'connections', subject, { perSecond: 20, burst: 5 }, count]);
	t.deepEqual(take(15), { granted: 15, retryMs: 0 });
	pass(400);
	t.deepEqual(take(15), { granted: 10, retryMs: 600 });
	t.deepEqual(take(1), { granted: 0, retryMs: 600 });
	t.deepEqual(take(3, OTHER), { granted: 3, retryMs: 0 });
	pass(600);
	t.deepEqual(take(25), { granted: 20, retryMs: 1_000 });
	pass(9_500);
	t.deepEqual(take(25), { granted: 25, retryMs: 0 });
	t.deepEqual(memory.answer(1, ['take', 'requests', CLIENT, { perSecond: 0, burst: 0 }, 7]), {
		granted: 7,
		retryMs: 0,
	});
});

test('bytes of two gateways keep one pace, and one quota that a new day renews', (t) => {
	const { store: memory, pass } = store();
	const draw = (gateway: number): ByteGrants =>
		memory.answer(gateway, [
			'draw',
			CLIENT,
			{ down: { perSecond: 1_000, want: 100 }, day: { limit: 2_500, want: 10 } },
		]) as ByteGrants;
	let down = 0;
	let day = 0;
	for (let i = 0; i < 200; i++) {
		const { down: flowed, day: counted } = draw(i % 2);
		down += flowed;
		day += counted;
		pass(50);
	}
	t.true(Math.abs(down - 10_000) <= 400, `${down}`);
	t.is(day, 2_000);
	for (let i = 0; i < 100; i++) day += draw(0).day;
	t.is(day, 2_500);
	memory.hear(0, ['giveBack', CLIENT, { day: 30, month: 0 }]);
	t.is(draw(1).day + draw(0).day + draw(1).day + draw(0).day, 30);
	pass(DAY_MS);
	t.is(draw(1).day, 10);
	t.is(draw(1).up, 0);
});

test('failures of all gateways count together, and a ban is told once', (t) => {
	const { store: memory, pass } = store();
	const told: [string, number][] = [];
	memory.bans.onBan = (...ban) => void told.push(ban);
	const rule = { most: 2, windowMs: 1_000, banMs: 60_000 };
	const fail = (gateway: number): unknown => memory.answer(gateway, ['fail', CLIENT, 'authentication', rule]);
	t.deepEqual(
		[fail(1), fail(2)],
		[
			{ failures: 1, banMs: 0 },
			{ failures: 2, banMs: 0 },
		],
	);
	t.deepEqual(fail(1), { failures: 3, banMs: 60_000 });
	t.deepEqual(told, [['client 192.0.2.1', 60_000]]);
	pass(20_000);
	t.deepEqual(memory.bans.all(), [['client 192.0.2.1', 40_000]]);
	pass(40_000);
	t.deepEqual(memory.bans.all(), []);
	t.deepEqual(fail(2), { failures: 1, banMs: 0 });
});

test('the first exit of a session is kept for its time, unless it is gone', (t) => {
	const { store: memory, pass } = store();
	const keep = (exit: string, gone: string | null = null, longer = false): unknown =>
		memory.answer(1, ['keepExit', 'a', { place: 'direct', exit, leftMs: 1_000 }, { gone, longer }]);
	t.is(keep('one'), 'one');
	t.is(keep('two'), 'one');
	pass(600);
	t.is(keep('one', null, true), 'one');
	pass(600);
	t.deepEqual(memory.answer(2, ['exitsOf', 'a']), [{ place: 'direct', exit: 'one', leftMs: 400 }]);
	t.is(keep('three', 'one'), 'three');
	memory.hear(2, ['forgetExit', 'a', 'direct']);
	t.deepEqual(memory.answer(1, ['exitsOf', 'a']), []);
	keep('four');
	pass(1_000);
	t.deepEqual(memory.answer(1, ['exitsOf', 'a']), []);
});

test('memory is bounded: for one subject more there is no answer until others are forgotten', (t) => {
	const { store: memory, pass } = store({ maxKeys: 2, maxSessions: 2 });
	const draw = (i: number): unknown =>
		memory.answer(1, ['draw', { kind: 'user', name: `${i}` }, { up: { perSecond: 10, want: 1 } }]);
	t.deepEqual(
		[0, 1, 2].map((i) => draw(i) === null),
		[false, false, true],
	);
	const take = (i: number): unknown =>
		memory.answer(1, ['take', 'requests', { kind: 'user', name: `${i}` }, { perSecond: 1, burst: 0 }, 1]);
	t.is([...Array(9).keys()].map(take).filter((answer) => answer === null).length, 1);
	pass(61_000);
	t.not(draw(2), null);
	t.not(take(10), null);
	for (const session of ['a', 'b', 'c'])
		memory.answer(1, ['keepExit', session, { place: '', exit: 'x', leftMs: 9_000 }, { gone: null, longer: false }]);
	t.deepEqual(memory.answer(1, ['exitsOf', 'a']), []);
});
