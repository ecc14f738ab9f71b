import { once } from 'node:events';
import { createServer } from 'node:net';
import test from 'ava';
import type { Subject } from '../../lib/limits/shared.ts';
import { freePort, until } from '../helpers/process.ts';
import { needs } from '../helpers/programs.ts';
import { type Fleetmate, type RedisServer, startRedis, startRedisOn, startShared } from '../helpers/redis.ts';
import type { Scope } from '../helpers/scope.ts';

const CLIENT: Subject = { kind: 'client', name: '192.0.2.1' };
const OTHER: Subject = { kind: 'client', name: '192.0.2.2' };

const withRedis = needs(test, 'redis-server');

/** What is asked all day: resolves to whether it was answered. */
async function asks({ shared }: Fleetmate, subject: Subject = CLIENT): Promise<boolean> {
	return (await shared.places(subject, { limit: 9, held: 1, need: 1, want: 1 })) !== null;
}

const isUp =
	({ shared }: Fleetmate, wanted: boolean) =>
	(): Promise<boolean> =>
		until(
			wanted ? 'up' : 'down',
			() => shared.up,
			(up) => up === wanted,
		);

/** Breaks Redis, sees the loss with its cause in one line, mends it and sees it back. */
async function outage(scope: Scope, server: RedisServer, act: () => unknown, mend: () => unknown): Promise<string[]> {
	const mate = await startShared(scope, { url: server.url, leaseMs: 600 });
	await act();
	await until(
		'the loss is seen',
		() => asks(mate),
		(answered) => !answered,
	);
	await mend();
	await isUp(mate, true)();
	return mate.notes.slice(1);
}

const lost = (cause: string): string[] => [
	`limits: Redis does not answer, limits are no longer shared: ${cause}`,
	'limits: Redis answers, limits are shared',
];

withRedis('a Redis that is not there yet is waited for, and one that dies and comes again as well', async (t) => {
	const port = await freePort();
	const mate = await startShared(t, { url: `redis://127.0.0.1:${port}` });
	t.false(mate.shared.up);
	const first = await startRedisOn(t, port);
	await isUp(mate, true)();
	await first.kill();
	await isUp(mate, false)();
	await startRedisOn(t, port);
	await isUp(mate, true)();
	t.is(mate.notes.length, 4);
	t.deepEqual(
		mate.switches.map(({ up }) => up),
		[false, true, false, true],
	);
	t.deepEqual([mate.switches[0]!.cause, mate.switches[1]!.cause], ['ECONNREFUSED', '']);
});

withRedis(
	'a Redis that hangs costs one wait; then every question is answered at once, and all of it is one line',
	async (t) => {
		const server = await startRedis(t);
		const mate = await startShared(t, { url: server.url, waitMs: 300 });
		const other = await startShared(t, { url: server.url, waitMs: 300 });
		t.is(await mate.shared.places(CLIENT, { limit: 9, held: 0, need: 2, want: 2 }), 2);
		server.process.kill('SIGSTOP');
		const asked = Array.from({ length: 200 }, () => asks(mate));
		t.deepEqual(new Set(await Promise.all(asked)), new Set([false]));
		let answered = 0;
		for (let i = 0; i < 200; i++) void asks(mate).then(() => answered++);
		for (let turn = 0; turn < 10; turn++) await Promise.resolve();
		t.is(answered, 200);
		mate.shared.hold(CLIENT, 3);
		server.process.kill('SIGCONT');
		await Promise.all([isUp(mate, true)(), isUp(other, true)()]);
		t.is(await other.shared.places(CLIENT, { limit: 9, held: 0, need: 1, want: 9 }), 3);
		t.deepEqual(mate.notes.slice(1), lost('no answer in time'));
		t.deepEqual(mate.switches.slice(1), [
			{ up: false, cause: 'no answer in time' },
			{ up: true, cause: '' },
		]);
	},
);

withRedis('a Redis that became a replica is left until it is a master again', async (t) => {
	const server = await startRedis(t);
	const { admin } = server;
	const notes = await outage(
		t,
		server,
		() => admin.replicaof('127.0.0.1', 9),
		() => admin.replicaof('NO', 'ONE'),
	);
	t.deepEqual(notes, lost('READONLY'));
});

withRedis('a Redis whose memory is full is left until there is room', async (t) => {
	const server = await startRedis(t);
	const { admin } = server;
	const room = (bytes: number) => (): Promise<unknown> => admin.config('SET', 'maxmemory', `${bytes}`);
	t.deepEqual(await outage(t, server, room(1), room(0)), lost('OOM'));
});

withRedis('a Redis that asks for a password in the middle of things is left until it does not', async (t) => {
	const server = await startRedis(t);
	const { admin } = server;
	const act = async (): Promise<void> => {
		await admin.config('SET', 'requirepass', 's3cret');
		await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
	};
	const notes = await outage(t, server, act, () => admin.config('SET', 'requirepass', ''));
	t.deepEqual(notes, lost('connection closed'));
});

withRedis('scripts that Redis forgot are told again without a word', async (t) => {
	const { url, admin } = await startRedis(t);
	const mate = await startShared(t, { url });
	await asks(mate);
	await admin.script('FLUSH');
	t.true(await asks(mate));
	t.is(mate.notes.length, 1);
});

withRedis('a database that was emptied is filled again: the salt, the gateway and its places', async (t) => {
	const { url, admin } = await startRedis(t);
	const mate = await startShared(t, { url, leaseMs: 300 });
	t.is(await mate.shared.places(CLIENT, { limit: 9, held: 3, need: 3, want: 3 }), 3);
	const before = await admin.keys('*');
	await admin.flushall();
	await until(
		'the same again',
		() => admin.keys('*'),
		(keys) => before.every((key) => keys.includes(key)),
	);
	const other = await startShared(t, { url });
	t.is(other.shared.gateways, 2);
	t.is(await other.shared.places(CLIENT, { limit: 9, held: 0, need: 1, want: 9 }), 3);
});

withRedis('a foreign key under our prefix costs its subject alone, and one line', async (t) => {
	const { url, admin } = await startRedis(t);
	const mate = await startShared(t, { url, leaseMs: 300 });
	const { shared } = mate;
	await asks(mate);
	const rate = { perSecond: 100, burst: 0 };
	await shared.take('connections', CLIENT, rate, 1);
	await shared.draw(CLIENT, { day: { limit: 100, want: 1 } });
	await shared.fail(CLIENT, 'destination', { most: 9, windowMs: 60_000, banMs: 1 });
	const keys = (await admin.keys('bauta:{?}*')).filter((key) => !key.startsWith('bauta:{bans}'));
	t.is(keys.length, 4);
	for (const key of keys) {
		await admin.del(key);
		await admin.lpush(key, 'not ours');
	}
	t.false(await asks(mate));
	t.is(await shared.take('connections', CLIENT, rate, 1), null);
	t.is(await shared.draw(CLIENT, { day: { limit: 100, want: 1 } }), null);
	t.is(await shared.fail(CLIENT, 'destination', { most: 9, windowMs: 60_000, banMs: 1 }), null);
	t.true(await asks(mate, OTHER));
	t.true(shared.up);
	t.deepEqual(mate.notes.slice(1), ['limits: a key under our prefix in Redis holds something that is not ours']);
});

withRedis('foreign keys where all subjects depend on them put the store down, with a line that says so', async (t) => {
	const { url, admin } = await startRedis(t);
	for (const [prefix, key] of [
		['one', 'gateways'],
		['two', '{bans}'],
		['three', '{bans}:changes'],
	] as const) {
		await admin.set(`${prefix}:${key}`, 'not ours');
		const { shared, switches } = await startShared(t, { url, prefix });
		t.false(shared.up);
		t.deepEqual(switches, [{ up: false, cause: 'a key of ours in Redis holds something else' }]);
	}
	const good = await startShared(t, { url, leaseMs: 300 });
	const [salt] = await admin.keys('bauta:salt:*');
	await admin.set(salt!, 'x'.repeat(1_000));
	await isUp(good, false)();
	t.is(good.switches.at(-1)!.cause, 'the salt in Redis is not ours');
});

withRedis('what a gateway with another clock wrote is not believed for longer than two leases', async (t) => {
	const { url, admin } = await startRedis(t);
	const mate = await startShared(t, { url });
	await mate.shared.places(CLIENT, { limit: 9, held: 1, need: 1, want: 1 });
	const [key] = await admin.keys('*:open');
	await admin.hset(key!, { ghost: '8 99999999999999', torn: 'x', past: '8 1' });
	t.is(await mate.shared.places(CLIENT, { limit: 3, held: 1, need: 2, want: 2 }), 2);
	t.deepEqual((await admin.hvals(key!)).length, 1);
});

test('a Redis of an old version is named as the cause', async (t) => {
	const server = createServer((socket) => {
		socket.setEncoding('latin1').on('data', (text) => {
			const names = [...String(text).matchAll(/^\*\d+\r\n\$\d+\r\n(\w+)/gm)].map(([, name]) => name!.toLowerCase());
			for (const name of names) socket.write(name === 'info' ? INFO : '-ERR unknown command HELLO\r\n');
		});
		socket.on('error', () => {});
		t.teardown(() => socket.destroy());
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.teardown(() => server.close());
	const { port } = server.address() as { port: number };
	const { switches } = await startShared(t, { url: `redis://127.0.0.1:${port}` });
	t.deepEqual(switches, [{ up: false, cause: 'older than Redis 6.2' }]);
});

const VERSION = 'redis_version:6.0.16\r\nloading:0\r\n';
const INFO = `$${VERSION.length}\r\n${VERSION}\r\n`;
