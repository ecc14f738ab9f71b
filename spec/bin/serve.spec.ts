import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { BIN, bauta } from '../helpers/command.ts';
import { type Fifo, fill, openFifo, readAll } from '../helpers/fifo.ts';
import { GatewayProcess, startGateway, temporaryFolder } from '../helpers/gateway-process.ts';
import { handshakeOf, readReply } from '../helpers/handshakes.ts';
import { accepting, freePort, startProcess } from '../helpers/process.ts';
import { connectRaw, type RawClient } from '../helpers/raw-client.ts';
import type { Scope } from '../helpers/scope.ts';
import { echo, startTcpOrigin } from '../helpers/tcp-origins.ts';

const OPEN = ['--allow-private', '--allow-ports', 'all'];

/** A tunnel to an echo, tried. */
async function tunnel(scope: Scope, port: number): Promise<RawClient> {
	const origin = await startTcpOrigin(scope, echo);
	const client = await connectRaw(scope, port);
	client.write(handshakeOf('connect', '127.0.0.1', origin.port));
	await readReply(client, 'connect');
	await echoed(client);
	return client;
}

async function echoed(client: RawClient): Promise<void> {
	client.write('ping');
	if ((await client.read(4)).toString() !== 'ping') throw new Error('no echo');
}

test('flags alone serve, and each listener says where it listens', async (t) => {
	const gateway = new GatewayProcess(
		startProcess(t, process.execPath, [BIN, '-L', '127.0.0.1:0', '-L', '127.0.0.2:0', '-L', '127.0.0.1:0']),
	);
	await gateway.record(({ address }) => String(address).startsWith('127.0.0.2:'));
	const listening = gateway.records.filter(({ msg }) => msg === 'listening');
	t.is(await gateway.stop(), 0);
	t.is(gateway.records.filter(({ msg }) => msg === 'listening').length, 3);
	for (const { address } of listening) t.regex(String(address), /^127\.0\.0\.[12]:[1-9]\d*$/);
});

test('an unusable configuration starts nothing', async (t) => {
	const { code, stdout, stderr } = await bauta(t, ['serve', '-L', '127.0.0.1:0', '-L', 'nowhere']);
	t.deepEqual([code, stdout], [78, '']);
	t.regex(stderr, /^--listen: listen\[1\]: expected .*, found "nowhere"\n$/);
});

test('an address that is taken ends with 69 and says which', async (t) => {
	const { port } = await startTcpOrigin(t);
	const { code, stderr } = await bauta(t, ['-L', '127.0.0.1:0', '-L', `127.0.0.1:${port}`]);
	t.is(code, 69);
	t.regex(stderr, new RegExp(`^bauta: .*127\\.0\\.0\\.1.*${port}.*EADDRINUSE\\n$`));
});

test('an address that is not of this machine ends with 69', async (t) => {
	t.is((await bauta(t, ['-L', '192.0.2.1:0'])).code, 69);
});

test('warns in its log of what should be meant', async (t) => {
	const gateway = await startGateway(t, ['--user', 'alice:s3same']);
	const { level, warning } = await gateway.record(({ msg }) => msg === 'configuration');
	t.deepEqual([level, typeof warning], ['warn', 'string']);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
	test(`${signal} lets live tunnels end, and takes no new ones`, async (t) => {
		const gateway = await startGateway(t, OPEN);
		const client = await tunnel(t, gateway.port);
		gateway.signal(signal);
		await gateway.record(({ msg }) => msg === 'draining');
		await echoed(client);
		await t.throwsAsync(connectRaw(t, gateway.port), { code: 'ECONNREFUSED' });
		client.end();
		t.is(await gateway.exit(), 0);
		t.is((await client.readToEnd()).ending, 'fin');
		const flows = gateway.records.filter(({ msg }) => msg === 'flow');
		t.deepEqual(
			flows.map(({ cause }) => cause),
			['closed'],
		);
	});
}

test('a drain ends at its deadline', async (t) => {
	const gateway = await startGateway(t, OPEN, { config: '[timeouts]\ndrain = "100ms"\n' });
	const client = await tunnel(t, gateway.port);
	t.is(await gateway.stop(), 0);
	await client.readToEnd();
	t.true(gateway.records.some(({ msg, cause }) => msg === 'flow' && cause === 'drained'));
});

test('the second SIGINT ends at once, whatever lives', async (t) => {
	for (const first of ['SIGTERM', 'SIGINT'] as const) {
		const gateway = await startGateway(t, OPEN, { config: '[timeouts]\ndrain = "24h"\n' });
		const client = await tunnel(t, gateway.port);
		gateway.signal(first);
		await gateway.record(({ msg }) => msg === 'draining');
		gateway.signal('SIGINT');
		t.is(await gateway.exit(), 0);
		await client.readToEnd();
	}
});

test('the list of processes shows no password', async (t) => {
	const gateway = await startGateway(t, ['-F', 'socks5://alice:s3same@127.0.0.1:1', '--user', 'bob:s3same']);
	const shown = readFileSync(`/proc/${gateway.pid}/cmdline`, 'latin1');
	t.true(shown.startsWith('bauta serve'), shown);
	t.false(shown.includes('s3same'));
});

test('a bug that nobody caught is written down and ends with 70', async (t) => {
	const trap = 'data:text/javascript,process.once("SIGUSR2",()=>{throw new TypeError("cannot be")})';
	const gateway = new GatewayProcess(startProcess(t, process.execPath, ['--import', trap, BIN, '-L', '127.0.0.1:0']));
	await gateway.record(({ msg }) => msg === 'listening');
	gateway.signal('SIGUSR2');
	t.is(await gateway.exit(), 70);
	t.like(gateway.records.at(-1), { level: 'error', msg: 'bug', error: 'TypeError', reason: 'cannot be' });
});

/** A pipe that is full and that nobody reads. */
function fullPipe(scope: Scope): Fifo {
	const fifo = openFifo(scope);
	fill(fifo);
	return fifo;
}

/** A gateway on `port` that logs into the pipe. */
async function startInto(scope: Scope, fifo: Fifo, port: number): Promise<ChildProcess> {
	const writer = fifo.blockingWriter();
	const args = [BIN, '-L', `127.0.0.1:${port}`, ...OPEN];
	const child = startProcess(scope, process.execPath, args, { stdio: ['ignore', writer, 'inherit'] });
	closeSync(writer);
	await accepting(port, child);
	return child;
}

test('a log that nobody reads stops nothing, and is all there when somebody does', async (t) => {
	const [fifo, port] = [fullPipe(t), await freePort()];
	const child = await startInto(t, fifo, port);
	for (let i = 0; i < 20; i++) (await tunnel(t, port)).reset();
	let text = '';
	const reading = setInterval(() => {
		text += readAll(fifo);
	}, 5);
	t.teardown(() => clearInterval(reading));
	const exited = once(child, 'exit');
	child.kill('SIGTERM');
	t.deepEqual(await exited, [0, null]);
	clearInterval(reading);
	text += readAll(fifo);
	const lines = text.split('\n').filter(Boolean);
	const records = lines.map((line) => JSON.parse(line) as { msg: string });
	t.is(records.filter(({ msg }) => msg === 'listening').length, 1);
	// One more for each look whether the port accepts: those ended before they said anything.
	t.true(records.filter(({ msg }) => msg === 'flow').length >= 20);
});

test('a log whose reader stays away does not keep the process from ending', async (t) => {
	const child = await startInto(t, fullPipe(t), await freePort());
	const exited = once(child, 'exit');
	child.kill('SIGTERM');
	t.deepEqual(await exited, [0, null]);
});

test('a log whose reader has gone stops nothing', async (t) => {
	const child = startProcess(t, process.execPath, [BIN, '-L', '127.0.0.1:0', ...OPEN]);
	const gateway = new GatewayProcess(child);
	const { address } = await gateway.record(({ msg }) => msg === 'listening');
	child.stdout!.destroy();
	const port = Number(String(address).split(':')[1]);
	for (let i = 0; i < 3; i++) (await tunnel(t, port)).reset();
	const client = await tunnel(t, port);
	client.end();
	await client.readToEnd();
	t.is(await gateway.stop(), 0);
});

test('a users file lets in whom it names', async (t) => {
	const folder = temporaryFolder(t);
	const { stdout } = await bauta(t, ['user', 'hash', 'alice'], { input: 's3same\n' });
	writeFileSync(join(folder, 'users'), stdout);
	const gateway = await startGateway(t, OPEN, { config: `[users]\nfile = "${join(folder, 'users')}"\n` });
	const origin = await startTcpOrigin(t, echo);
	const codes: number[] = [];
	for (const login of [{ user: 'alice', password: 's3same' }, { user: 'alice', password: 'x' }, undefined]) {
		const client = await connectRaw(t, gateway.port);
		client.write(handshakeOf('connect', '127.0.0.1', origin.port, login));
		codes.push((await readReply(client, 'connect')).code);
		client.reset();
	}
	t.deepEqual(codes, [200, 407, 407]);
});
