import test from 'ava';
import { exitOf, MemorySessions } from '../../lib/balance/session-store.ts';
import { failureOf } from '../helpers/dial.ts';
import { SESSION } from '../helpers/sessions.ts';

function storeAt(start = 0, options = { limit: 100, limitPerOwner: 10 }) {
	const clock = { now: start, nowMs: () => clock.now };
	return { clock, store: new MemorySessions(options, clock) };
}

/** Chooses `e1`, `e2` and so on; all are there but those in `gone`. */
function choice(gone: string[] = [], place = 'p') {
	let count = 0;
	return { place, isThere: (exit: string) => !gone.includes(exit), choose: () => `e${++count}` };
}

test('a session keeps its exit for its time, and then gets another', async (t) => {
	const { clock, store } = storeAt();
	const exits = choice();
	t.is(await exitOf(SESSION, store, exits), 'e1');
	clock.now = 999;
	t.is(await exitOf(SESSION, store, exits), 'e1');
	clock.now = 1_000;
	t.is(await exitOf(SESSION, store, exits), 'e2');
});

test('a sliding one keeps it for as long as it is used', async (t) => {
	const { clock, store } = storeAt();
	const exits = choice();
	for (let i = 0; i < 10; i++) {
		t.is(await exitOf({ ...SESSION, sliding: true }, store, exits), 'e1');
		clock.now += 900;
	}
	clock.now += 100;
	t.is(await exitOf({ ...SESSION, sliding: true }, store, exits), 'e2');
});

test('an exit that is gone is replaced, unless the session is strict', async (t) => {
	const { store } = storeAt();
	const gone: string[] = [];
	const exits = choice(gone);
	await exitOf(SESSION, store, exits);
	gone.push('e1');
	t.like(await failureOf(exitOf({ ...SESSION, strict: true }, store, exits)), {
		code: 'hop_unavailable',
		side: 'gateway',
		retry: 'no',
	});
	t.is(await exitOf(SESSION, store, exits), 'e2');
	t.is(await exitOf({ ...SESSION, strict: true }, store, exits), 'e2');
});

test('connections that come at once get one exit', (t) => {
	const { store } = storeAt();
	t.is(store.put('k', 'first', 1_000, 'o', null), 'first');
	t.is(store.put('k', 'second', 1_000, 'o', null), 'first');
	t.is(store.put('k', 'third', 1_000, 'o', 'first'), 'third');
	t.is(store.put('k', 'fourth', 1_000, 'o', 'first'), 'third', 'who saw the old one gone hears of the new one');
});

test('sessions and places are apart', async (t) => {
	const { store } = storeAt();
	const exits = choice();
	const other = { ...choice(), choose: () => 'other' };
	t.is(await exitOf(SESSION, store, exits), 'e1');
	t.is(await exitOf({ ...SESSION, key: 'l' }, store, exits), 'e2');
	t.is(await exitOf(SESSION, store, { ...other, place: 'q' }), 'other');
	t.is(await exitOf(SESSION, store, exits), 'e1');
});

test('one owner can push out its own sessions alone', (t) => {
	const { store } = storeAt(0, { limit: 100, limitPerOwner: 3 });
	store.put('b', 'b', 1_000, 'bob', null);
	for (let i = 0; i < 1_000; i++) store.put(`a${i}`, 'a', 1_000, 'alice', null);
	t.is(store.get('b', null), 'b');
	t.deepEqual([store.get('a996', null), store.get('a997', null), store.size], [null, 'a', 4]);
});

test('memory is bounded, and who was silent longest makes room', (t) => {
	const { store } = storeAt(0, { limit: 10, limitPerOwner: 3 });
	for (let i = 0; i < 1_000; i++) {
		store.put(`k${i}`, 'x', 1_000, `o${i}`, null);
		store.put('mine', 'x', 1_000, 'me', null);
		if (i % 4 === 0) store.put(`more${i}`, 'x', 1_000, 'me', null);
		t.true(store.size <= 10);
	}
	t.is(store.get('k999', null), 'x');
	t.is(store.get('k0', null), null);
});

test('a store that was closed knows nothing', (t) => {
	const { store } = storeAt();
	store.put('k', 'x', 1_000, 'o', null);
	store.close();
	t.is(store.get('k', null), null);
});
