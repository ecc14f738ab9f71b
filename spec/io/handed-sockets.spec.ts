import test from 'ava';
import fc from 'fast-check';
import { HandedSockets, handingOver } from '../../lib/io/handed-sockets.ts';

const IDS = { pid: 100, ppid: 99 };

test('sockets of systemd go by their names, each once, and the variables are gone', (t) => {
	const env: Record<string, string | undefined> = {
		LISTEN_PID: '100',
		LISTEN_FDS: '3',
		LISTEN_FDNAMES: 'proxy:proxy:admin',
		HOME: '/',
	};
	const handed = new HandedSockets(env, IDS);
	t.false(handed.fromPredecessor);
	t.deepEqual(env, { HOME: '/' });
	t.deepEqual(handed.take('admin'), { name: 'admin', fd: 5 });
	t.is(handed.take('admin'), null);
	t.deepEqual([handed.take('proxy')?.fd, handed.take('proxy')?.fd, handed.take('proxy')], [3, 4, null]);
});

test('what was meant for another process is nobody here', (t) => {
	for (const env of [
		{ LISTEN_PID: '101', LISTEN_FDS: '1' },
		{ LISTEN_FDS: '1' },
		{ LISTEN_PPID: '98', LISTEN_FDS: '1' },
		{},
	])
		t.is(new HandedSockets({ ...env }, IDS).take('unknown'), null);
	t.deepEqual(new HandedSockets({ LISTEN_PID: '100', LISTEN_FDS: '1' }, IDS).take('unknown'), {
		name: 'unknown',
		fd: 3,
	});
});

test('whatever sockets are called, the one that takes over finds them by it', (t) => {
	fc.assert(
		fc.property(fc.uniqueArray(fc.string({ minLength: 1, unit: 'grapheme' }), { maxLength: 5 }), (names) => {
			const env = handingOver(names.map((name, i) => ({ name, fd: 20 + i })));
			const next = new HandedSockets({ ...env }, { pid: 5, ppid: process.pid });
			t.true(next.fromPredecessor);
			for (const [i, name] of names.entries()) t.deepEqual(next.take(name), { name, fd: 3 + i });
		}),
	);
});

test('nonsense in the variables is no socket and no error', (t) => {
	for (const LISTEN_FDS of ['', 'x', '-1', 'NaN', '1e9']) {
		const handed = new HandedSockets({ LISTEN_PID: '100', LISTEN_FDS, LISTEN_FDNAMES: '%:%zz' }, IDS);
		t.notThrows(() => handed.take('none'));
	}
	t.deepEqual(new HandedSockets({ LISTEN_PID: '100', LISTEN_FDS: '1', LISTEN_FDNAMES: '%zz' }, IDS).take('%zz'), {
		name: '%zz',
		fd: 3,
	});
});
