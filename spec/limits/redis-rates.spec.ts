import test from 'ava';
import type { Subject } from '../../lib/limits/shared.ts';
import { until } from '../helpers/process.ts';
import { needs } from '../helpers/programs.ts';
import { type Fleetmate, startRedis, startShared } from '../helpers/redis.ts';

const CLIENT: Subject = { kind: 'client', name: '192.0.2.1' };

const withRedis = needs(test, 'redis-server');

const pair = async (t: Parameters<typeof startRedis>[0], url: string): Promise<[Fleetmate, Fleetmate]> =>
	Promise.all([startShared(t, { url }), startShared(t, { url })]);

withRedis('a rate over two gateways is granted once, whole and in parts, then its burst, then nothing', async (t) => {
	const { url } = await startRedis(t);
	const [one, other] = await pair(t, url);
	const rate = { perSecond: 1_000, burst: 100 };
	const take = async ({ shared }: Fleetmate, count: number): Promise<number> =>
		(await shared.take('requests', CLIENT, rate, count))!.granted;
	t.is(await take(one, 600), 600);
	t.is(await take(other, 600), 500);
	const refused = (await other.shared.take('requests', CLIENT, rate, 1))!;
	t.is(refused.granted, 0);
	t.true(refused.retryMs > 0 && refused.retryMs <= 1_000);
	t.is(await take(one, 1), 0);
	t.is((await one.shared.take('connections', CLIENT, rate, 1))!.granted, 1);
});

withRedis(
	'what is spent is refused without asking until its second is over, and then granted again but for the burst',
	async (t) => {
		const { url, admin } = await startRedis(t);
		const { shared } = await startShared(t, { url });
		const rate = { perSecond: 2, burst: 1 };
		t.is((await shared.take('connections', CLIENT, rate, 9))!.granted, 3);
		const calls = async (): Promise<number> =>
			Number(/cmdstat_evalsha:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1] ?? 0);
		await shared.take('connections', CLIENT, rate, 1);
		const before = await calls();
		for (let i = 0; i < 100; i++) t.is((await shared.take('connections', CLIENT, rate, 1))!.granted, 0);
		t.true((await calls()) - before < 50);
		const later = (): Promise<number> => shared.take('connections', CLIENT, rate, 9).then((taken) => taken!.granted);
		t.is(await until('the next second', later, (granted) => granted > 0), 2);
	},
);

withRedis(
	'a rate that is off grants everything, and a database under 20,000 subjects is empty again when they are gone',
	async (t) => {
		const { url, admin } = await startRedis(t);
		const { shared } = await startShared(t, { url, leaseMs: 300 });
		t.deepEqual(await shared.take('requests', CLIENT, { perSecond: 0, burst: 0 }, 7), { granted: 7, retryMs: 0 });
		const empty = await admin.dbsize();
		const rate = { perSecond: 5, burst: 0 };
		for (let i = 0; i < 20_000; i += 500)
			await Promise.all(
				Array.from({ length: 500 }, (_, j) =>
					shared.take('connections', { kind: 'client', name: `${i + j}` }, rate, 1),
				),
			);
		t.true((await admin.dbsize()) <= empty + 20_000);
		await until(
			'nothing is left',
			() => admin.dbsize(),
			(size) => size <= empty,
		);
	},
);
