import test from 'ava';
import type { Subject } from '../../lib/limits/shared.ts';
import { until } from '../helpers/process.ts';
import { needs } from '../helpers/programs.ts';
import { type Fleetmate, startCable, startRedis, startShared } from '../helpers/redis.ts';

const CLIENT: Subject = { kind: 'client', name: '192.0.2.1' };
const USER: Subject = { kind: 'user', name: '192.0.2.1' };
const RULE = { most: 3, windowMs: 60_000, banMs: 600_000 };

const withRedis = needs(test, 'redis-server');

const banned = ({ shared }: Fleetmate, subject: Subject = CLIENT): Promise<number> =>
	until(
		'banned',
		() => shared.bannedMs(subject),
		(ms) => ms > 0,
	);

const free = ({ shared }: Fleetmate, subject: Subject = CLIENT): Promise<number> =>
	until(
		'free',
		() => shared.bannedMs(subject),
		(ms) => ms === 0,
	);

withRedis('failures at two gateways count together, and the one too many bans at both', async (t) => {
	const { url } = await startRedis(t);
	const [one, other] = (await Promise.all([0, 1].map(() => startShared(t, { url })))) as [Fleetmate, Fleetmate];
	for (let i = 1; i <= 3; i++) {
		const { shared } = i % 2 ? one : other;
		t.deepEqual(await shared.fail(CLIENT, 'authentication', RULE), { failures: i, banMs: 0 });
	}
	t.is((await one.shared.fail(CLIENT, 'destination', RULE))!.failures, 1);
	const { failures, banMs } = (await other.shared.fail(CLIENT, 'authentication', RULE))!;
	t.is(failures, 4);
	t.true(banMs > 590_000 && banMs < 601_000);
	t.true((await banned(one)) < 601_000);
	t.is(one.shared.bannedMs(USER), 0);
});

withRedis('failures are forgotten with their window, and a ban with its end', async (t) => {
	const { url, admin } = await startRedis(t);
	const mate = await startShared(t, { url });
	await mate.shared.fail(CLIENT, 'authentication', { ...RULE, windowMs: 200 });
	await until(
		'the window is over',
		() => admin.keys('*:authentication'),
		(keys) => keys.length === 0,
	);
	t.is((await mate.shared.fail(CLIENT, 'authentication', { most: 0, windowMs: 200, banMs: 300 }))!.failures, 1);
	t.true(mate.shared.bannedMs(CLIENT) > 0);
	await free(mate);
	await until(
		'nothing of it is left',
		() => admin.keys('bauta:{bans}'),
		(keys) => keys.length === 0,
	);
	t.pass();
});

withRedis(
	'a ban is lifted everywhere, and a gateway that comes or comes back knows those that are there',
	async (t) => {
		const { url, port } = await startRedis(t);
		const cable = await startCable(t, port);
		const one = await startShared(t, { url });
		const cut = await startShared(t, { url: cable.url, waitMs: 300 });
		t.true((await one.shared.ban(CLIENT, 60_000))! > 50_000);
		await banned(cut);
		cable.cut();
		await until(
			'the cut is seen',
			() => cut.shared.up,
			(up) => !up,
		);
		t.true(cut.shared.bannedMs(CLIENT) > 0);
		await one.shared.ban(USER, 60_000);
		await one.shared.unban(CLIENT);
		cable.mend();
		await until(
			'it is back',
			() => cut.shared.up,
			(up) => up,
		);
		t.deepEqual([cut.shared.bannedMs(CLIENT), cut.shared.bannedMs(USER) > 0], [0, true]);
		const late = await startShared(t, { url });
		t.deepEqual([late.shared.bannedMs(CLIENT), late.shared.bannedMs(USER) > 0], [0, true]);
		await one.shared.unban(USER);
		await Promise.all([free(cut, USER), free(late, USER)]);
	},
);

withRedis('more changes than are remembered are all heard of', async (t) => {
	const { url, admin } = await startRedis(t);
	const [one, other] = (await Promise.all([0, 1].map(() => startShared(t, { url })))) as [Fleetmate, Fleetmate];
	const subjects = Array.from({ length: 5_000 }, (_, i): Subject => ({ kind: 'user', name: `user ${i}` }));
	await Promise.all(subjects.map((subject) => one.shared.ban(subject, 600_000)));
	t.is(await admin.zcard('bauta:{bans}'), 5_000);
	t.is(await admin.zcard('bauta:{bans}:changes'), 4_096);
	const known = (): number => subjects.filter((subject) => other.shared.bannedMs(subject) > 0).length;
	await until('all are known', known, (count) => count === 5_000);
});

withRedis('the list of bans is bounded: those that end first make room', async (t) => {
	const { url, admin } = await startRedis(t);
	await admin.eval(
		`for i = 1, 65536 do redis.call('ZADD', KEYS[1], (redis.call('TIME')[1] + 100 + i) * 1000, 'x' .. i) end`,
		1,
		'bauta:{bans}',
	);
	const { shared } = await startShared(t, { url });
	await shared.ban(CLIENT, 60_000_000);
	t.is(await admin.zcard('bauta:{bans}'), 65_536);
	t.deepEqual(await admin.zrange('bauta:{bans}', '0', '0'), ['x2']);
	t.true(shared.bannedMs(CLIENT) > 59_000_000);
});
