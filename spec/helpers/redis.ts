// Real redis-servers on loopback, one or many, in folders that go with the scope; and gateways' limits in them.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, connect as dial, type Socket } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { systemClock } from '../../lib/core/clock.ts';
import { Secret } from '../../lib/core/secret.ts';
import { type RedisLimits, RedisShared } from '../../lib/limits/redis-shared.ts';
import { temporaryFolder } from './gateway-process.ts';
import { accepting, freePort, startProcess, until } from './process.ts';
import { program } from './programs.ts';
import type { Scope } from './scope.ts';

export interface RedisServer {
	readonly port: number;
	/** Without a password. */
	readonly url: string;
	readonly process: ChildProcess;
	/** For the spec's own questions. */
	readonly admin: Redis;
	/** SIGKILL, and waits for the end. */
	kill(): Promise<void>;
}

/** A server that keeps nothing on disk. `args` are lines of redis.conf, as arguments. */
export async function startRedis(scope: Scope, args: readonly string[] = []): Promise<RedisServer> {
	const port = await freePort();
	return startRedisOn(scope, port, args);
}

/** The same, where another one has been. */
export async function startRedisOn(scope: Scope, port: number, args: readonly string[] = []): Promise<RedisServer> {
	const own = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', temporaryFolder(scope)];
	const child = startProcess(scope, program('redis-server'), [...own, ...args], { stdio: 'ignore' });
	await accepting(port, child);
	const admin = new Redis({ port, host: '127.0.0.1', lazyConnect: true, retryStrategy: null });
	admin.on('error', () => {});
	scope.teardown(() => admin.disconnect());
	const kill = async (): Promise<void> => {
		admin.disconnect();
		const exited = once(child, 'exit');
		child.kill('SIGKILL');
		await exited;
	};
	return { port, url: `redis://127.0.0.1:${port}`, process: child, admin, kill };
}

export interface SentinelPair {
	readonly urls: readonly string[];
	readonly master: RedisServer;
	readonly replica: RedisServer;
}

/** A master named `mymaster`, its replica, and two sentinels that need 300 ms of silence. */
export async function startSentinels(scope: Scope): Promise<SentinelPair> {
	const quick = ['--repl-diskless-sync-delay', '0'];
	const master = await startRedis(scope, quick);
	const replica = await startRedis(scope, [...quick, '--replicaof', '127.0.0.1', `${master.port}`]);
	await until(
		'the replica follows',
		() => replica.admin.info('replication'),
		(info) => /link_status:up/.test(info),
	);
	const sentinels = [await startSentinel(scope, master.port, 2), await startSentinel(scope, master.port, 3)];
	for (const sentinel of sentinels) {
		const info = (): Promise<string> => sentinel.info('sentinel');
		await until('the sentinels know each other', info, (text) => /status=ok,.*slaves=1,sentinels=2/.test(text));
	}
	const urls = sentinels.map(({ options }) => `redis://127.0.0.1:${options.port}`);
	return { urls, master, replica };
}

/** What sentinels do every second, or every ten. */
const HURRIED = ['info-period', '500', 'ping-period', '500', 'ask-period', '100', 'publish-period', '100'];

/** With a quorum that is never reached a sentinel votes and does not stand for election: two that stand split the votes. */
async function startSentinel(scope: Scope, masterPort: number, quorum: number): Promise<Redis> {
	const port = await freePort();
	const file = join(temporaryFolder(scope), 'sentinel.conf');
	const lines = [
		`port ${port}`,
		'bind 127.0.0.1',
		`sentinel monitor mymaster 127.0.0.1 ${masterPort} ${quorum}`,
		'sentinel down-after-milliseconds mymaster 300',
		'sentinel failover-timeout mymaster 2000',
	];
	writeFileSync(file, lines.join('\n'));
	const child = startProcess(scope, program('redis-server'), [file, '--sentinel'], { stdio: 'ignore' });
	await accepting(port, child);
	const sentinel = new Redis({ port, host: '127.0.0.1' });
	scope.teardown(() => sentinel.disconnect());
	await sentinel.call('SENTINEL', 'DEBUG', ...HURRIED);
	return sentinel;
}

export interface RedisCluster {
	readonly urls: readonly string[];
	/** Three, of which the first has a replica. */
	readonly masters: readonly RedisServer[];
	readonly replica: RedisServer;
}

/** Three masters, and a replica of the first, that miss a node after half a second. */
export async function startCluster(scope: Scope): Promise<RedisCluster> {
	const options = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '500', '--repl-diskless-sync-delay', '0'];
	const nodes = await Promise.all([0, 1, 2, 3].map(() => startRedis(scope, options)));
	const [first, second, third, replica] = nodes as [RedisServer, RedisServer, RedisServer, RedisServer];
	const masters = [first, second, third];
	const bounds = [0, 5461, 10_923, 16_384];
	for (const [i, { admin }] of masters.entries()) {
		await admin.cluster('ADDSLOTSRANGE', bounds[i]!, bounds[i + 1]! - 1);
		await admin.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
	}
	for (const { admin } of [second, third, replica]) await admin.cluster('MEET', '127.0.0.1', first.port);
	const nodesKnown = (): Promise<unknown> => replica.admin.call('CLUSTER', 'NODES');
	await until('four nodes', nodesKnown, (text) => String(text).trim().split('\n').length === 4);
	await replica.admin.call('CLUSTER', 'REPLICATE', String(await first.admin.cluster('MYID')));
	for (const { admin } of nodes) {
		const info = async (): Promise<string> =>
			`${await admin.cluster('INFO')}${String(await admin.call('CLUSTER', 'NODES'))}`;
		await until('a whole cluster', info, (text) => /state:ok/.test(text) && /slave [0-9a-f]{40}/.test(text));
	}
	await until(
		'the replica follows',
		() => replica.admin.info('replication'),
		(info) => /link_status:up/.test(info),
	);
	return { urls: masters.map(({ url }) => url), masters, replica };
}

/** One gateway's limits, and what it has said about them. */
export interface Fleetmate {
	readonly shared: RedisShared;
	readonly switches: { readonly up: boolean; readonly cause: string }[];
	readonly notes: string[];
}

/** Limits as the gateway has them, with shorter times; started. */
export async function startShared(scope: Scope, servers: Partial<RedisLimits> & { url?: string }): Promise<Fleetmate> {
	const switches: Fleetmate['switches'] = [];
	const notes: string[] = [];
	const { url, ...rest } = servers;
	const limits: RedisLimits = {
		urls: [new Secret(url ?? '')],
		sentinel: null,
		user: null,
		password: null,
		ca: null,
		key: null,
		prefix: 'bauta',
		waitMs: 5_000,
		leaseMs: 1_200,
		saltMs: 86_400_000,
		...rest,
	};
	const shared = new RedisShared(limits, {
		clock: systemClock,
		note: (_level, event, facts) => notes.push([event, ...Object.values(facts)].join(': ')),
		modeChanged: (up, cause) => switches.push({ up, cause }),
	});
	scope.teardown(() => shared.close());
	await shared.start();
	return { shared, switches, notes };
}

/** A cable to a server that can be cut and mended: bytes are held back, as in a network that drops them. */
export interface Cable {
	readonly url: string;
	cut(): void;
	mend(): void;
}

export async function startCable(scope: Scope, port: number): Promise<Cable> {
	const sockets = new Set<Socket>();
	let isCut = false;
	const server = createServer((near) => {
		const far = dial(port, '127.0.0.1');
		for (const [from, to] of [
			[near, far],
			[far, near],
		] as const) {
			sockets.add(from);
			from.on('error', () => {}).on('close', () => to.destroy());
			from.pipe(to);
			if (isCut) from.pause();
		}
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	scope.teardown(() => {
		for (const socket of sockets) socket.destroy();
		server.close();
	});
	const url = `redis://127.0.0.1:${(server.address() as { port: number }).port}`;
	const cut = (): void => {
		isCut = true;
		for (const socket of sockets) socket.pause();
	};
	const mend = (): void => {
		isCut = false;
		for (const socket of sockets) socket.resume();
	};
	return { url, cut, mend };
}
