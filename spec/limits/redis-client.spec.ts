import test from 'ava';
import { Secret } from '../../lib/core/secret.ts';
import { until } from '../helpers/process.ts';
import { needs } from '../helpers/programs.ts';
import { type Fleetmate, startCluster, startRedis, startSentinels, startShared } from '../helpers/redis.ts';

const withRedis = needs(test, 'redis-server');

const CLIENTS = Array.from({ length: 64 }, (_, i) => ({ kind: 'client', name: `192.0.2.${i}` }) as const);

/** One place of each client: so every slot that holds any is asked. */
async function placesOf({ shared }: Fleetmate, held: number, want: number): Promise<(number | null)[]> {
	return Promise.all(CLIENTS.map((client) => shared.places(client, { limit: 3, held, need: want, want })));
}

withRedis('limits survive the failover of a Sentinel pair', async (t) => {
	const { urls, master } = await startSentinels(t);
	const servers = { urls: urls.map((url) => new Secret(url)), sentinel: 'mymaster' };
	const [one, other] = (await Promise.all([0, 1].map(() => startShared(t, servers)))) as [Fleetmate, Fleetmate];
	t.deepEqual(new Set(await placesOf(one, 1, 2)), new Set([2]));
	await master.kill();
	await until(
		'both are back',
		() => one.shared.up && other.shared.up,
		(up) => up && one.switches.length === 3,
	);
	t.deepEqual(new Set(await placesOf(other, 0, 3)), new Set([1]));
	t.deepEqual(
		one.switches.map(({ up }) => up),
		[true, false, true],
	);
	t.is(one.notes.length, 3);
});

withRedis(
	'limits survive the failover of a Cluster, found by one URL; a Cluster that lacks slots is down',
	async (t) => {
		const { urls, masters } = await startCluster(t);
		const one = await startShared(t, { urls: urls.map((url) => new Secret(url)) });
		const other = await startShared(t, { url: urls[2]! });
		await until(
			'the cluster behind one URL is seen',
			() => other.shared.up,
			(up) => up,
		);
		t.deepEqual(new Set(await placesOf(one, 1, 2)), new Set([2]));
		t.deepEqual(new Set(await placesOf(other, 0, 2)), new Set([1]));

		await masters[0]!.kill();
		const unanswered = async (): Promise<boolean> => (await placesOf(one, 2, 2)).includes(null);
		await until('the loss is seen', unanswered, (lost) => lost);
		await until(
			'both are back',
			() => one.shared.up && other.shared.up,
			(up) => up,
		);
		t.deepEqual(new Set(await placesOf(other, 1, 3)), new Set([1]));
		t.is(one.notes.length, 3);

		await masters[1]!.kill();
		await until(
			'the cluster knows',
			() => masters[2]!.admin.cluster('INFO'),
			(info) => /state:fail/.test(info),
		);
		const late = await startShared(t, { urls: urls.map((url) => new Secret(url)) });
		t.false(late.shared.up);
		t.deepEqual(late.notes, [
			'limits: Redis does not answer, limits are no longer shared: part of the cluster is down',
		]);
	},
);

withRedis('several URLs that are no cluster are refused by name', async (t) => {
	const { url } = await startRedis(t);
	const { shared, notes } = await startShared(t, { urls: [new Secret(url), new Secret(url)] });
	t.false(shared.up);
	t.deepEqual(notes, ['limits: Redis does not answer, limits are no longer shared: not a cluster']);
});

withRedis(
	'user and password come from the URL or beside it, and a wrong one is named NOAUTH or WRONGPASS',
	async (t) => {
		const { port, url } = await startRedis(t, ['--requirepass', 'correct horse']);
		const good = await startShared(t, { url: `redis://:correct%20horse@127.0.0.1:${port}/3` });
		const beside = await startShared(t, { url, password: new Secret('correct horse') });
		const none = await startShared(t, { url });
		const wrong = await startShared(t, { url: `redis://:wrong@127.0.0.1:${port}` });
		t.deepEqual(
			[good, beside, none, wrong].map(({ shared }) => shared.up),
			[true, true, false, false],
		);
		t.regex(none.notes.join(), /NOAUTH$/);
		t.regex(wrong.notes.join(), /WRONGPASS$/);
	},
);
