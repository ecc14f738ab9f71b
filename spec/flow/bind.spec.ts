// BIND through a whole gateway.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import type { Flow } from '../../lib/core/flow.ts';
import { type ConfigInput, createGateway } from '../../lib/index.ts';
import { connectRaw, type RawClient } from '../helpers/raw-client.ts';
import { ANYWHERE, ask, readSocksReply } from '../helpers/udp.ts';

const LOOPBACK = [1, 127, 0, 0, 1, 0, 0];

async function started(t: ExecutionContext, config: ConfigInput = {}): Promise<{ port: number; ended: Promise<Flow> }> {
	let tell = (_flow: Flow): void => {};
	const ended = new Promise<Flow>((resolve) => {
		tell = resolve;
	});
	const base: ConfigInput = { listen: ['127.0.0.1:0'], exit: { allow_private: true } };
	const gateway = createGateway({ ...base, ...config }, { observer: { flowEnded: (flow) => tell(flow) } });
	await gateway.start();
	t.teardown(() => gateway.close());
	return { port: Number(gateway.addresses[0]!.split(':').at(-1)), ended };
}

async function exchanged(t: ExecutionContext, client: RawClient, peer: RawClient): Promise<void> {
	peer.write('down');
	t.is((await client.read(4)).toString(), 'down');
	client.write('up');
	t.is((await peer.read(2)).toString(), 'up');
	client.end();
	peer.end();
	await Promise.all([client.readToEnd(), peer.readToEnd()]);
}

for (const [what, address] of [
	['the peer that was named', LOOPBACK],
	['anybody', ANYWHERE],
	['the peer of a name', [3, 9, ...Buffer.from('localhost'), 0, 21]],
] as const) {
	test(`socks5: ${what} comes, is told, and is a tunnel from there on`, async (t) => {
		const { port, ended } = await started(t, { rule: [{ action: 'allow', target: ['localhost'] }] });
		const client = await ask(t, port, 2, address);
		const first = await readSocksReply(client);
		t.is(first.rep, 0);
		// Anybody is told the address that leads to the internet, which is this machine's, too.
		if (address !== ANYWHERE) t.is(first.host, '127.0.0.1');
		const peer = await connectRaw(t, first.port, { host: first.host });
		const { localAddress, localPort } = peer.socket;
		t.deepEqual(await readSocksReply(client), { rep: 0, host: localAddress!, port: localPort! });
		await exchanged(t, client, peer);
		t.like(await ended, { command: 'bind', upBytes: 2, downBytes: 4, outcome: { cause: 'closed' } });
	});
}

test('socks4: the same, in its own words', async (t) => {
	const { port } = await started(t);
	const client = await connectRaw(t, port);
	client.write(Buffer.from('040200157f00000100', 'hex'));
	const first = await client.read(8);
	t.is(first.readUInt16BE(0), 90);
	t.is(first.subarray(4).join('.'), '127.0.0.1');
	const peer = await connectRaw(t, first.readUInt16BE(2));
	const second = await client.read(8);
	t.is(second.readUInt16BE(0), 90);
	t.is(second.readUInt16BE(2), peer.socket.localPort!);
	await exchanged(t, client, peer);
});

test('who was not expected is closed and counted, and the wait goes on', async (t) => {
	const { port, ended } = await started(t);
	const client = await ask(t, port, 2, LOOPBACK);
	const { port: waiting } = await readSocksReply(client);
	for (let i = 0; i < 3; i++) {
		const stranger = await connectRaw(t, waiting, { localAddress: '127.0.0.2' });
		await stranger.readToEnd();
	}
	const peer = await connectRaw(t, waiting);
	t.is((await readSocksReply(client)).rep, 0);
	await exchanged(t, client, peer);
	t.deepEqual((await ended).drops, { stranger: 3 });
});

test('where anybody may come the exit policy judges who does', async (t) => {
	const { port, ended } = await started(t, { rule: [{ action: 'deny', address: ['127.0.0.2'] }] });
	const client = await ask(t, port, 2, ANYWHERE);
	const { port: waiting } = await readSocksReply(client);
	const refused = await connectRaw(t, waiting, { localAddress: '127.0.0.2' });
	await refused.readToEnd();
	const peer = await connectRaw(t, waiting);
	t.is((await readSocksReply(client)).rep, 0);
	await exchanged(t, client, peer);
	t.deepEqual((await ended).drops, { refused: 1 });
});

test('a second one that comes is told that nobody listens', async (t) => {
	const { port } = await started(t);
	const client = await ask(t, port, 2, LOOPBACK);
	const { port: waiting } = await readSocksReply(client);
	const peer = await connectRaw(t, waiting);
	await readSocksReply(client);
	const late = connect(waiting, '127.0.0.1');
	const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException];
	t.is(error.code, 'ECONNREFUSED');
	await exchanged(t, client, peer);
});

test('nobody comes: the second reply says so, and the port is free', async (t) => {
	const { port, ended } = await started(t, { bind: { wait: '50ms' } });
	const client = await ask(t, port, 2, LOOPBACK);
	const { port: waiting } = await readSocksReply(client);
	t.is((await readSocksReply(client)).rep, 6);
	t.is((await client.readToEnd()).ending, 'fin');
	t.is((await ended).outcome?.cause, 'connection_timeout');
	const server = createServer().listen(waiting, '127.0.0.1');
	await once(server, 'listening');
	server.close();
});

test('a client that leaves takes the wait with it', async (t) => {
	const { port, ended } = await started(t);
	const client = await ask(t, port, 2, LOOPBACK);
	const { port: waiting } = await readSocksReply(client);
	client.reset();
	t.like((await ended).outcome, { cause: 'connection_terminated', side: 'client' });
	const late = connect(waiting, '127.0.0.1');
	await once(late, 'error');
});

test('a private peer is refused by default', async (t) => {
	const { port } = await started(t, { exit: {} });
	t.is((await readSocksReply(await ask(t, port, 2, LOOPBACK))).rep, 2);
});

test('on a listener that is not loopback it is not served unless the operator says so', async (t) => {
	for (const [listeners, rep] of [
		['loopback', 7],
		['none', 7],
		['all', 0],
	] as const) {
		const { port } = await started(t, { listen: ['0.0.0.0:0'], bind: { listeners } });
		t.is((await readSocksReply(await ask(t, port, 2, LOOPBACK))).rep, rep, listeners);
	}
	const { port } = await started(t, { bind: { listeners: 'none' } });
	t.is((await readSocksReply(await ask(t, port, 2, LOOPBACK))).rep, 7);
});

test('the address and the port that are told are those of the configuration', async (t) => {
	const { port } = await started(t, { bind: { advertise: ['192.0.2.1'], ports: '43000-43999' } });
	const reply = await readSocksReply(await ask(t, port, 2, LOOPBACK));
	t.is(reply.host, '192.0.2.1');
	t.true(reply.port >= 43_000 && reply.port <= 43_999);
});

test('through an upstream it is refused', async (t) => {
	const { port } = await started(t, { upstream: ['socks5://127.0.0.1:1'] });
	t.is((await readSocksReply(await ask(t, port, 2, LOOPBACK))).rep, 7);
});
