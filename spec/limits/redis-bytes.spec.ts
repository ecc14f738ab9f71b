import test from 'ava';
import { PERIODS } from '../../lib/limits/redis-scripts.ts';
import type { Subject } from '../../lib/limits/shared.ts';
import { until } from '../helpers/process.ts';
import { needs } from '../helpers/programs.ts';
import { type Fleetmate, startRedis, startShared } from '../helpers/redis.ts';

const CLIENT: Subject = { kind: 'client', name: '192.0.2.1' };

const withRedis = needs(test, 'redis-server');

/** Redis' clock. */
async function redisMs(admin: { time(): Promise<(number | string)[]> }): Promise<number> {
	const [seconds, micros] = await admin.time();
	return Number(seconds) * 1_000 + Number(micros) / 1_000;
}

withRedis('two gateways that draw as much as they can share one rate to 5 %', async (t) => {
	const { url, admin } = await startRedis(t);
	const fleet = await Promise.all([0, 1].map(() => startShared(t, { url })));
	const perSecond = 10_000_000;
	const want = perSecond / 10;
	const [startMs, totals] = [await redisMs(admin), [0, 0]];
	const draws = async ({ shared }: Fleetmate, i: number): Promise<void> => {
		while ((await redisMs(admin)) - startMs < 3_000) {
			const { down, retryMs } = (await shared.draw(CLIENT, { down: { perSecond, want } }))!;
			totals[i]! += down;
			if (down === 0) await new Promise((resolve) => setTimeout(resolve, retryMs));
		}
	};
	await Promise.all(fleet.map(draws));
	const seconds = ((await redisMs(admin)) - startMs) / 1_000;
	const got = totals[0]! + totals[1]!;
	// what is in the bucket at the beginning and what stands in it at the end are parts of a second: 5 % of ten
	t.true(got <= perSecond * (seconds + 0.5), `${got} in ${seconds}s`);
	t.true(got >= perSecond * (seconds - 0.5), `${got} in ${seconds}s`);
	t.true(Math.min(...totals) > got / 10);
});

withRedis(
	'quotas of a day and a month are granted once over two gateways, and what is given back is granted again',
	async (t) => {
		const { url } = await startRedis(t);
		const [one, other] = (await Promise.all([0, 1].map(() => startShared(t, { url })))) as [Fleetmate, Fleetmate];
		const wants = { day: { limit: 1_000, want: 700 }, month: { limit: 1_200, want: 700 } };
		t.deepEqual(await one.shared.draw(CLIENT, wants), { up: 0, down: 0, day: 700, month: 700, retryMs: 0 });
		t.deepEqual(await other.shared.draw(CLIENT, wants), { up: 0, down: 0, day: 300, month: 500, retryMs: 0 });
		t.deepEqual(await one.shared.draw(CLIENT, wants), { up: 0, down: 0, day: 0, month: 0, retryMs: 0 });
		other.shared.giveBack(CLIENT, { day: 100, month: 5_000 });
		t.deepEqual(await other.shared.draw(CLIENT, wants), { up: 0, down: 0, day: 100, month: 700, retryMs: 0 });
	},
);

withRedis('yesterday and the month before count no more', async (t) => {
	const { url, admin } = await startRedis(t);
	const { shared } = await startShared(t, { url });
	const wants = { day: { limit: 100, want: 100 }, month: { limit: 300, want: 100 } };
	await shared.draw(CLIENT, wants);
	const [key] = await admin.keys('*:bytes');
	await admin.hincrby(key!, 'day', -1);
	t.deepEqual(await shared.draw(CLIENT, wants), { up: 0, down: 0, day: 100, month: 100, retryMs: 0 });
	await admin.hincrby(key!, 'month', -1);
	t.deepEqual(await shared.draw(CLIENT, wants), { up: 0, down: 0, day: 0, month: 100, retryMs: 0 });
	t.is(await admin.hget(key!, 'mb'), '100');
});

withRedis('days and months are those of UTC, leap years and all', async (t) => {
	const { admin } = await startRedis(t);
	const script = `local now = tonumber(ARGV[1])${PERIODS}return { day, month }`;
	for (let year = 1999; year < 2105; year++) {
		for (let month = 0; month < 12; month++) {
			for (const ms of [Date.UTC(year, month), Date.UTC(year, month + 1) - 1]) {
				const found = await admin.eval(script, 0, `${ms}`);
				t.deepEqual(found, [Math.floor(ms / 86_400_000), 12 * year + month - 2], `${year}-${month}`);
			}
		}
	}
});

withRedis('who has used little is forgotten soon, and no sooner than the quota would have given it back', async (t) => {
	const { url, admin } = await startRedis(t);
	const { shared } = await startShared(t, { url });
	const drawn = async (want: number): Promise<number> => {
		await shared.draw(CLIENT, { day: { limit: 1_000_000, want } });
		const [key] = await admin.keys('*:bytes');
		return admin.pttl(key!);
	};
	const few = await drawn(10);
	t.true(few > 50_000 && few <= 60_000, `${few}`);
	const some = await drawn(100_000);
	t.true(some > 8_000_000 && some <= 8_641_000, `${some}`);
});

withRedis('a bucket that gives nothing says when it will', async (t) => {
	const { url, admin } = await startRedis(t);
	const { shared } = await startShared(t, { url });
	const up = { perSecond: 1_000, want: 1_000 };
	t.is((await shared.draw(CLIENT, { up }))!.up, 1_000);
	const { up: none, retryMs } = (await shared.draw(CLIENT, { up }))!;
	t.is(none, 0);
	t.true(retryMs > 500 && retryMs <= 1_000);
	const startMs = await redisMs(admin);
	await until(
		'its time',
		() => redisMs(admin),
		(ms) => ms >= startMs + retryMs,
	);
	t.is((await shared.draw(CLIENT, { up }))!.up, 1_000);
	await until(
		'it is forgotten',
		() => admin.keys('*:bytes'),
		(keys) => keys.length === 0,
	);
});
