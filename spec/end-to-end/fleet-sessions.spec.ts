// Sessions of two gateways on one real Redis: who comes to the other one, or to one that has started again, has the same exit.
import test from 'ava';
import { type ConfigInput, createGateway, type Gateway } from '../../lib/index.ts';
import { handshakeOf, readReply } from '../helpers/handshakes.ts';
import { startMiniHop } from '../helpers/mini-hops.ts';
import { until } from '../helpers/process.ts';
import { needs } from '../helpers/programs.ts';
import { connectRaw } from '../helpers/raw-client.ts';
import { startRedis } from '../helpers/redis.ts';
import type { Scope } from '../helpers/scope.ts';
import { echo, startTcpOrigin } from '../helpers/tcp-origins.ts';

async function started(
	scope: Scope,
	config: ConfigInput,
): Promise<{ gateway: Gateway; port: number; exits: string[] }> {
	const exits: string[] = [];
	const shared = Promise.withResolvers<void>();
	const gateway = createGateway(config, {
		hooks: { connected: (flow) => exits.push(String(flow.exit)) },
		observer: { limits: (mode) => mode === 'shared' && shared.resolve() },
	});
	await gateway.start();
	await shared.promise;
	scope.teardown(() => gateway.close());
	return { gateway, port: Number(gateway.addresses[0]!.split(':').at(-1)), exits };
}

needs(test, 'redis-server')(
	'a session has one exit at every gateway and after a restart, and Redis does not know whose',
	async (t) => {
		const { url, admin } = await startRedis(t);
		const origin = await startTcpOrigin(t, echo);
		const hops = await Promise.all(Array.from({ length: 12 }, () => startMiniHop(t, 'socks5')));
		const config: ConfigInput = {
			listen: ['127.0.0.1:0'],
			exit: { allow_private: true, ports: 'all' },
			group: [
				{
					tag: 'pool',
					members: hops.map(({ port }) => `socks5://127.0.0.1:${port}`),
					strategy: 'random',
				},
			],
			redis: { url: [url] },
		};
		const exitOf = async (at: { port: number; exits: string[] }, user: string): Promise<string> => {
			const client = await connectRaw(t, at.port);
			client.write(handshakeOf('socks5', '127.0.0.1', origin.port, { user, password: 'x' }));
			t.true((await readReply(client, 'socks5')).granted);
			client.end();
			return at.exits.at(-1)!;
		};
		const one = await started(t, config);
		const names = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `guest-session-${name}-ttl-10m`);
		const first: string[] = [];
		for (const name of names) first.push(await exitOf(one, name));
		t.true(new Set(first).size > 1, first.join());
		await until(
			'the fleet knows all of them',
			() => admin.keys('bauta:*:exits'),
			(keys) => keys.length === names.length,
		);
		const other = await started(t, config);
		const there: string[] = [];
		for (const name of names) there.push(await exitOf(other, name));
		t.deepEqual(there, first);
		await one.gateway.close();
		await other.gateway.close();
		const again = await started(t, config);
		const later: string[] = [];
		for (const name of names) later.push(await exitOf(again, name));
		t.deepEqual(later, first);
		for (const key of await admin.keys('bauta:*:exits')) {
			const kept = JSON.stringify(await admin.hgetall(key));
			for (const word of ['guest', '127.0.0.1', ...hops.map(({ port }) => String(port))])
				t.false(kept.includes(word), kept);
			t.true((await admin.pttl(key)) <= 600_000);
		}
	},
);
