import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { WorkerStatus } from '../../lib/admin/snapshot.ts';
import { answerOf, post } from '../helpers/admin.ts';
import { bauta } from '../helpers/command.ts';
import { handshakeOf, type Login, readReply } from '../helpers/handshakes.ts';
import { freePort, until } from '../helpers/process.ts';
import { connectRaw, type RawClient } from '../helpers/raw-client.ts';
import { OPEN_CONFIG, type ServiceProcess, startService } from '../helpers/service-process.ts';
import { startLoad } from '../helpers/steady-load.ts';
import { echo, startTcpOrigin } from '../helpers/tcp-origins.ts';

const TWO = `workers = 2\n${OPEN_CONFIG}`;

async function asked(
	t: ExecutionContext,
	port: number,
	target: number,
	login?: Login,
): Promise<{ client: RawClient; granted: boolean }> {
	const client = await connectRaw(t, port);
	client.write(handshakeOf('socks5', '127.0.0.1', target, login));
	return { client, granted: (await readReply(client, 'socks5')).granted };
}

async function workersOf({ status }: ServiceProcess): Promise<readonly WorkerStatus[]> {
	return (await status()).workers;
}

/** Tunnels until both workers have some. */
async function tunnelsAtBoth(t: ExecutionContext, service: ServiceProcess, target: number): Promise<RawClient[]> {
	const clients: RawClient[] = [];
	await until(
		'both have flows',
		async () => {
			clients.push((await asked(t, service.gateway.port, target)).client);
			return workersOf(service);
		},
		(workers) => workers.every(({ flows }) => flows > 0),
	);
	return clients;
}

async function isAlive(client: RawClient): Promise<boolean> {
	client.write('ping');
	try {
		return String(await client.read(4)) === 'ping';
	} catch {
		return false;
	}
}

test('one that is killed loses its own flows alone, and another one takes its place', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const service = await startService(t, TWO);
	const clients = await tunnelsAtBoth(t, service, origin.port);
	const [killed, other] = (await workersOf(service)) as [WorkerStatus, WorkerStatus];
	process.kill(killed.pid, 'SIGKILL');
	const ended = await service.gateway.record(({ msg }) => msg === 'worker ended');
	t.like(ended, { worker: 1, pid: killed.pid, how: 'SIGKILL', level: 'error' });
	const alive = await Promise.all(clients.map(isAlive));
	t.is(alive.filter(Boolean).length, other.flows);
	await service.gateway.record(({ msg }) => msg === 'worker replaced');
	const [next, same] = (await workersOf(service)) as [WorkerStatus, WorkerStatus];
	t.like(next, { index: 1, state: 'serving', flows: 0, restarts: 1 });
	t.not(next.pid, killed.pid);
	t.like(same, { ...other, flows: other.flows });
	t.is((await service.status()).flows.open, other.flows);
});

test('clients that come while a worker is away wait for the next one, and nobody is refused', async (t) => {
	const service = await startService(t, TWO);
	const [first] = (await workersOf(service)) as [WorkerStatus];
	// Stopped it takes nobody: who comes to its socket stays in the queue.
	process.kill(first.pid, 'SIGSTOP');
	const origin = await startTcpOrigin(t, echo);
	let served = 0;
	const comers = Array.from({ length: 40 }, async () => {
		const { granted } = await asked(t, service.gateway.port, origin.port);
		served++;
		return granted;
	});
	await until(
		'the other one serves',
		() => served,
		(count) => count > 0,
	);
	t.true(served < 40);
	process.kill(first.pid, 'SIGKILL');
	t.deepEqual(new Set(await Promise.all(comers)), new Set([true]));
	t.like((await workersOf(service))[0], { index: 1, restarts: 1 });
});

test('a limit of ten open connections holds over both, and a dead worker frees its places at once', async (t) => {
	const config = `workers = 2\n${OPEN_CONFIG.replace('connections_open = 0', 'connections_open = 10')}`;
	const service = await startService(t, config);
	const origin = await startTcpOrigin(t, echo);
	const attempts = await Promise.all(Array.from({ length: 100 }, () => asked(t, service.gateway.port, origin.port)));
	const granted = attempts.filter((attempt) => attempt.granted);
	t.is(granted.length, 10);
	for (const { client } of attempts.filter((attempt) => !attempt.granted)) client.end();
	const [first, second] = (await until(
		'those that were refused are gone',
		() => workersOf(service),
		(workers) => workers.reduce((sum, { flows }) => sum + flows, 0) === 10,
	)) as [WorkerStatus, WorkerStatus];
	const killed = first.flows > 0 ? first : second;
	process.kill(killed.pid, 'SIGKILL');
	await service.gateway.record(({ msg }) => msg === 'worker replaced');
	const more = await Promise.all(Array.from({ length: 40 }, () => asked(t, service.gateway.port, origin.port)));
	t.is(more.filter((attempt) => attempt.granted).length, killed.flows);
	t.true(((await service.status()).limits.refused.open_connections ?? 0) >= 90);
});

test('a session keeps its exit at both', async (t) => {
	const config = `${TWO}[egress]\nsource = ["127.0.0.0/24"]\n`;
	const service = await startService(t, config);
	const origin = await startTcpOrigin(t, (socket) => socket.end(`${socket.remoteAddress};`));
	const exitsOf = async (login?: Login): Promise<Set<string>> => {
		const exits = new Set<string>();
		for (let i = 0; i < 24; i++) {
			const { client } = await asked(t, service.gateway.port, origin.port, login);
			exits.add(String((await client.readToEnd()).bytes));
		}
		return exits;
	};
	t.is((await exitsOf({ user: 'guest-session-a', password: 'x' })).size, 1);
	t.true((await exitsOf()).size > 1);
	const workers = await workersOf(service);
	t.true(workers.every(({ state }) => state === 'serving'));
});

test('reloads reach both, or neither; with another listener or number of workers others take over', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const service = await startService(t, TWO);
	const { gateway, admin, write } = service;
	const clients = await tunnelsAtBoth(t, service, origin.port);
	const before = await workersOf(service);
	write(`${TWO}\n[[rule]]\naction = "deny"\n`);
	t.is((await post(admin, '/v1/reload')).status, 200);
	for (let i = 0; i < 12; i++) t.false((await asked(t, gateway.port, origin.port)).granted);
	write(`${TWO}\n[[rule]]\naction = "perhaps"\n`);
	t.is((await post(admin, '/v1/reload')).status, 422);
	t.deepEqual(
		(await workersOf(service)).map(({ pid }) => pid),
		before.map(({ pid }) => pid),
	);
	const port = await freePort();
	write(TWO.replace('workers = 2', 'workers = 3').replace('"127.0.0.1:0"', `"127.0.0.1:0", "127.0.0.1:${port}"`));
	const reloaded = await bauta(t, ['reload', '--admin', admin]);
	t.is(reloaded.stdout, `in force, listening on 127.0.0.1:${gateway.port}, 127.0.0.1:${port}\n`);
	for (const at of [gateway.port, port]) t.true((await asked(t, at, origin.port)).granted);
	const after = await workersOf(service);
	t.deepEqual(
		after.map(({ state }) => state),
		['serving', 'serving', 'serving', 'draining', 'draining'],
	);
	t.true((await Promise.all(clients.map(isAlive))).every(Boolean));
	for (const client of clients) client.end();
	await until(
		'the old ones have ended',
		() => workersOf(service),
		(workers) => workers.length === 3,
	);
});

test('upgrades to more processes, to fewer and to one refuse nobody', async (t) => {
	const { gateway, admin, write, status } = await startService(t, TWO);
	const load = await startLoad(t, gateway.port);
	let { pid } = await status();
	for (const workers of [3, 2, 1, 2]) {
		write(TWO.replace('workers = 2', `workers = ${workers}`));
		t.is((await post(admin, '/v1/upgrade')).status, 200);
		const next = await until('another process', status, (now) => now.pid !== pid && now.state === 'serving');
		t.is(next.workers.length, workers === 1 ? 0 : workers);
		pid = next.pid;
		const before = load.done;
		await until(
			'load goes on',
			() => load.done,
			(done) => done > before + 50,
		);
	}
	await load.stop();
	t.deepEqual(load.failures, []);
	await post(admin, '/v1/drain');
	t.is(await gateway.exit(), 0);
});

test('metrics add up, and what is of one process has its name', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const service = await startService(t, TWO);
	const clients = await tunnelsAtBoth(t, service, origin.port);
	const text = async (): Promise<string> => (await answerOf(service.admin, '/metrics')).text;
	t.regex(await text(), new RegExp(`^bauta_connections_open ${clients.length}$`, 'm'));
	t.regex(await text(), /^bauta_build_info\{.*\} 1$/m);
	for (const worker of ['supervisor', '1', '2'])
		t.regex(await text(), new RegExp(`^process_resident_memory_bytes{worker="${worker}"} \\d+$`, 'm'));
	for (const client of clients) client.end();
	const count = new RegExp(`^bauta_dial_seconds_count{outbound="direct"} ${clients.length}$`, 'm');
	t.regex(await text(), count);
	process.kill((await workersOf(service))[0]!.pid, 'SIGKILL');
	await service.gateway.record(({ msg }) => msg === 'worker replaced');
	t.regex(await text(), count);
	t.is((await service.status()).flows.ended + (await service.status()).flows.open, clients.length);
});

test('one that cannot start ends the start, with its code and its reason', async (t) => {
	const service = await startService(t, TWO);
	writeFileSync(join(service.folder, 'other.toml'), TWO.replace('127.0.0.1:0', service.gateway.address));
	const taken = await bauta(t, ['serve', '-c', join(service.folder, 'other.toml')]);
	t.is(taken.code, 69);
	t.regex(taken.stderr, /EADDRINUSE/);
});

test('without a supervisor workers end by themselves', async (t) => {
	const service = await startService(t, TWO);
	const workers = await workersOf(service);
	service.gateway.signal('SIGKILL');
	await until(
		'both are gone',
		() => workers.filter(({ pid }) => exists(pid)),
		(left) => left.length === 0,
	);
	t.is(await service.gateway.exit(), null);
	t.is(service.gateway.records.filter(({ msg }) => msg === 'the supervisor is gone, draining').length, 2);
});

function exists(pid: number): boolean {
	try {
		return process.kill(pid, 0);
	} catch {
		return false;
	}
}
