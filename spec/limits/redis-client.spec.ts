import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Secret } from '../../lib/core/secret.ts';
import { freePort, until } from '../helpers/process.ts';
import { needs } from '../helpers/programs.ts';
import { README } from '../helpers/readme.ts';
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

withRedis('the user that the README makes has all the rights that are needed', async (t) => {
	const words = README.block('text', 'ACL SETUSER').trim().split(/\s+/);
	const { admin, port } = await startRedis(t);
	await admin.call(words[0]!, ...words.slice(1));
	const user = { user: 'bauta', password: new Secret('a-long-password') };
	const { shared, notes } = await startShared(t, { url: `redis://127.0.0.1:${port}`, ...user, leaseMs: 300 });
	const [client] = CLIENTS as [(typeof CLIENTS)[0]];
	const rate = { perSecond: 1, burst: 1 };
	t.is(await shared.places(client, { limit: 3, held: 0, need: 1, want: 1 }), 1);
	t.is((await shared.take('connections', client, rate, 3))?.granted, 2);
	t.is((await shared.draw(client, { up: { perSecond: 9, want: 9 }, day: { limit: 9, want: 9 } }))?.up, 9);
	shared.giveBack(client, { day: 1, month: 0 });
	t.is((await shared.fail(client, 'destination', { most: 0, windowMs: 9_000, banMs: 9_000 }))?.failures, 1);
	shared.hold(client, 0);
	t.is((await shared.show(client))?.destination, 1);
	t.true(await shared.unban(client));
	t.true(await shared.reset(client));
	await until(
		'places are given back',
		() => admin.keys('*:open'),
		(keys) => keys.length === 0,
	);
	await shared.close();
	t.is(notes.length, 1);
	t.is(String(await admin.call('ACL', 'LOG')), '');
});

withRedis('rediss:// is TLS, and a certificate that nobody vouches for is refused', async (t) => {
	const tls = ['--tls-cert-file', CERTIFICATE, '--tls-key-file', join(CERTIFICATE, '../key.pem')];
	const tlsPort = await freePort();
	await startRedis(t, ['--tls-port', `${tlsPort}`, ...tls, '--tls-auth-clients', 'no']);
	const url = `rediss://localhost:${tlsPort}`;
	const good = await startShared(t, { url, ca: readFileSync(CERTIFICATE, 'utf8') });
	const bad = await startShared(t, { url });
	t.deepEqual([good.shared.up, bad.shared.up], [true, false]);
	t.is(await good.shared.places(CLIENTS[0]!, { limit: 3, held: 0, need: 1, want: 1 }), 1);
	t.regex(bad.switches[0]!.cause, /SELF_SIGNED_CERT/);
});

const CERTIFICATE = join(import.meta.dirname, '../helpers/certificate/cert.pem');
