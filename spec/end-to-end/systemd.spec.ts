// The units and what bauta says to systemd, tried with systemd's own programs and with a socket like the one it gives.
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { nativeCalls } from '../../lib/io/native.ts';
import { answerOf, post } from '../helpers/admin.ts';
import { BIN, bauta } from '../helpers/command.ts';
import { GatewayProcess, temporaryFolder } from '../helpers/gateway-process.ts';
import { handshakeOf, readReply } from '../helpers/handshakes.ts';
import { openNotifySocket } from '../helpers/notify-socket.ts';
import { freePort, run, startProcess, until } from '../helpers/process.ts';
import { needs, program } from '../helpers/programs.ts';
import { connectRaw } from '../helpers/raw-client.ts';
import { OPEN_CONFIG, startService } from '../helpers/service-process.ts';
import { echo, startTcpOrigin } from '../helpers/tcp-origins.ts';

const UNITS = join(import.meta.dirname, '../../systemd');
const DROP_INS = readdirSync(join(UNITS, 'bauta.service.d'));
const TOKEN = 'a-token-of-this-spec';

/** The units in a folder of their own, with these drop-ins and a command that is there. */
function unitsIn(t: ExecutionContext, ...dropIns: string[]): string {
	const folder = temporaryFolder(t);
	for (const unit of ['bauta.service', 'bauta.socket']) {
		const text = readFileSync(join(UNITS, unit), 'utf8').replace(/^(Exec\w+=)bauta /gm, '$1/bin/true ');
		writeFileSync(join(folder, unit), text);
	}
	mkdirSync(join(folder, 'bauta.service.d'));
	for (const name of dropIns) cpSync(join(UNITS, 'bauta.service.d', name), join(folder, 'bauta.service.d', name));
	return join(folder, 'bauta.service');
}

async function exposure(t: ExecutionContext, unit: string): Promise<number> {
	const { stdout } = await run(t, program('systemd-analyze'), ['security', '--offline=yes', '--no-pager', unit]);
	return Number(/Overall exposure level for \S+: ([\d.]+)/.exec(stdout.toString())?.[1]);
}

const analyze = needs(test, 'systemd-analyze');

analyze('systemd finds nothing wrong with the units, alone and with every drop-in', async (t) => {
	for (const dropIns of [[], DROP_INS]) {
		const unit = unitsIn(t, ...dropIns);
		const { code, stderr } = await run(t, program('systemd-analyze'), ['verify', '--man=no', unit]);
		t.deepEqual([code, stderr.split('\n').filter((line) => line.includes('bauta'))], [0, []]);
	}
});

analyze('the unit is exposed to 1.6 at most, also on low ports', async (t) => {
	t.true((await exposure(t, unitsIn(t))) <= 1.6);
	t.true((await exposure(t, unitsIn(t, 'low-ports.conf'))) <= 1.6);
	t.true((await exposure(t, unitsIn(t, 'network-admin.conf'))) <= 1.7);
});

const activated = needs(test, 'systemd-socket-activate');

/** systemd-socket-activate with sockets on free ports, by name; it starts bauta at the first connection. */
async function activate(t: ExecutionContext, names: readonly string[], args: readonly string[]) {
	const ports = await Promise.all(names.map(() => freePort()));
	const listens = ports.flatMap((port) => ['-l', `127.0.0.1:${port}`]);
	const env = ['-E', `PATH=${process.env.PATH}`, '-E', `BAUTA_ADMIN__TOKEN=${TOKEN}`];
	const command = [process.execPath, BIN, 'serve', '--allow-private', '--allow-ports', 'all', ...args];
	const line = [...listens, `--fdname=${names.join(':')}`, ...env, ...command];
	const child = startProcess(t, program('systemd-socket-activate'), line);
	const gateway = new GatewayProcess(child);
	await until(
		'it listens',
		() => gateway.output,
		(output) => output.includes(`Listening on 127.0.0.1:${ports.at(-1)}`),
	);
	return { gateway, ports };
}

activated('sockets of systemd are taken by their names, for clients and for the admin listener', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const names = ['web', 'admin', 'proxy'];
	const { gateway, ports } = await activate(t, names, ['-L', 'fd:proxy', '-L', 'fd:web', '--admin', 'fd:admin']);
	const [web, admin, proxy] = ports as [number, number, number];
	for (const port of [web, proxy]) {
		const client = await connectRaw(t, port);
		client.write(handshakeOf('connect', '127.0.0.1', origin.port));
		t.is((await readReply(client, 'connect')).code, 200);
		client.reset();
	}
	const headers = { Authorization: `Bearer ${TOKEN}` };
	const { json } = await answerOf(`127.0.0.1:${admin}`, '/v1/status', { headers });
	t.deepEqual((json as { listening: string[] }).listening, [`127.0.0.1:${proxy}`, `127.0.0.1:${web}`]);
	t.is(await gateway.stop(), 0);
});

activated('an upgrade hands on what systemd handed over', async (t) => {
	const { gateway, ports } = await activate(t, ['proxy', 'admin'], ['-L', 'fd:proxy', '--admin', 'fd:admin']);
	const at = `127.0.0.1:${ports[1]}`;
	const headers = { Authorization: `Bearer ${TOKEN}` };
	const pidOf = async (): Promise<number> =>
		((await answerOf(at, '/v1/status', { headers })).json as { pid: number }).pid;
	const first = await pidOf();
	t.is((await post(at, '/v1/upgrade', {}, headers)).status, 200);
	const second = await until('another process', pidOf, (pid) => pid !== first);
	t.teardown(() => void process.kill(second, 'SIGKILL'));
	(await connectRaw(t, ports[0]!)).reset();
	t.like(await gateway.record(({ msg }) => msg === 'draining'), { cause: 'upgrade' });
});

activated('a socket that nothing is configured for is closed and named', async (t) => {
	const { gateway, ports } = await activate(t, ['proxy', 'spare'], ['-L', 'fd:proxy']);
	(await connectRaw(t, ports[0]!)).reset();
	t.like(await gateway.record(({ msg }) => msg === 'socket not used'), { level: 'warn', name: 'spare' });
	t.is(await gateway.stop(), 0);
	await t.throwsAsync(connectRaw(t, ports[1]!), { code: 'ECONNREFUSED' });
});

test('a socket that nobody hands over starts nothing and is named', async (t) => {
	const { code, stderr } = await bauta(t, ['-L', 'fd:proxy']);
	t.is(code, 69);
	t.is(stderr, 'bauta: cannot listen on socket proxy, which nobody handed over: ENOENT\n');
});

const notified = nativeCalls() ? test : test.skip;

notified('systemd hears the whole life: ready, reload, refused reload, upgrade, watchdog, stop', async (t) => {
	const socket = openNotifySocket(t)!;
	const env = { NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: '200000' };
	const { gateway, write, status, admin } = await startService(t, OPEN_CONFIG, { env });
	t.is(
		await socket.message(/^READY=1/),
		`READY=1\nSTATUS=serving: 0 connections open, listening on ${gateway.address}`,
	);
	await socket.message(/^WATCHDOG=1$/);
	const count = (pattern: RegExp): number => socket.heard.filter((text) => pattern.test(text)).length;
	gateway.signal('SIGHUP');
	await until(
		'a reload',
		() => count(/^READY=1/),
		(ready) => ready === 2,
	);
	write('listen = 7');
	gateway.signal('SIGHUP');
	await until(
		'a refused one',
		() => count(/^READY=1/),
		(ready) => ready === 3,
	);
	const words = socket.heard.filter((text) => !/^(WATCHDOG|STATUS)/.test(text)).map((text) => text.split('\n')[0]);
	t.deepEqual(words, ['READY=1', 'RELOADING=1', 'READY=1', 'RELOADING=1', 'READY=1']);
	write(OPEN_CONFIG);
	gateway.signal('SIGUSR2');
	await until(
		'the next one is ready',
		() => count(/^READY=1/),
		(ready) => ready === 4,
	);
	const { pid } = await status();
	t.not(pid, gateway.pid);
	const main = socket.heard.indexOf(`MAINPID=${pid}`);
	t.true(main > 0 && main < socket.heard.findLastIndex((text) => text.startsWith('READY=1')));
	t.is(count(/^STOPPING=1/), 0, 'the service goes on');
	await post(admin, '/v1/drain', { deadline: '2s' });
	t.regex(await socket.message(/^STOPPING=1/), /^STOPPING=1\nEXTEND_TIMEOUT_USEC=7000000\nSTATUS=draining: \d+ conn/);
	t.is(await gateway.exit(), 0);
});

test('a users file and a token can be credentials', async (t) => {
	const { stdout } = await bauta(t, ['user', 'hash', 'alice'], { input: 's3same\n' });
	const credentials = temporaryFolder(t);
	writeFileSync(join(credentials, 'users'), stdout);
	writeFileSync(join(credentials, 'admin-token'), `${TOKEN}\n`);
	const config = `${OPEN_CONFIG}
[users]
file = "credential:users"
[admin]
token_file = "credential:admin-token"
`;
	const { gateway } = await startService(t, config, {
		args: ['--admin', '127.0.0.1:0'],
		env: { CREDENTIALS_DIRECTORY: credentials },
	});
	const origin = await startTcpOrigin(t, echo);
	const client = await connectRaw(t, gateway.port);
	client.write(handshakeOf('socks5', '127.0.0.1', origin.port, { user: 'alice', password: 's3same' }));
	t.is((await readReply(client, 'socks5')).code, 0);
	const at = String((await gateway.record(({ msg }) => msg === 'admin listening')).address);
	t.is((await answerOf(at, '/v1/status', { headers: { Authorization: `Bearer ${TOKEN}` } })).status, 200);
	t.is((await bauta(t, ['check', '-c', join(credentials, 'none.toml')])).code, 66);
});

test('the admin socket is in the folder that systemd makes, without a word of configuration', async (t) => {
	const folder = temporaryFolder(t);
	const { gateway } = await startService(t, OPEN_CONFIG, { env: { RUNTIME_DIRECTORY: folder }, adminFlag: false });
	const { address } = await gateway.record(({ msg }) => msg === 'admin listening');
	t.is(address, join(folder, 'admin.sock'));
	t.is((await answerOf(String(address), '/readyz')).text, 'ready\n');
	t.is(await gateway.stop(), 0);
});
