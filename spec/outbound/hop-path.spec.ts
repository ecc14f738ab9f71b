// Datagrams through SOCKS5 hops: Debian's danted, and gateways of our own one behind the other.

import { once } from 'node:events';
import { createServer } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import type { Flow } from '../../lib/core/flow.ts';
import { type ConfigInput, createGateway } from '../../lib/index.ts';
import { startDanted, startMicrosocks } from '../helpers/hops.ts';
import { needs } from '../helpers/programs.ts';
import { connectRaw, RawClient } from '../helpers/raw-client.ts';
import { ANYWHERE, ask, associate, readSocksReply, udpEnd } from '../helpers/udp.ts';

async function started(
	t: ExecutionContext,
	upstream: string[] = [],
	more: ConfigInput = {},
): Promise<{ port: number; flows: Flow[] }> {
	const flows: Flow[] = [];
	const config: ConfigInput = {
		listen: ['127.0.0.1:0'],
		upstream,
		exit: { allow_private: true, ports: 'all' },
		...more,
	};
	const gateway = createGateway(config, { observer: { flowStarted: (flow) => flows.push(flow) } });
	await gateway.start();
	t.teardown(() => gateway.close());
	return { port: Number(gateway.addresses[0]!.split(':').at(-1)), flows };
}

async function echoes(t: ExecutionContext, port: number, host = '127.0.0.1'): Promise<void> {
	const echo = (await udpEnd(t)).echo();
	const client = await associate(t, port);
	for (const size of [0, 1_200, 1_452, 8_000]) {
		await client.send(host, echo.port, Buffer.alloc(size, 'x'));
		const answer = await client.answer();
		t.is(answer.from, `127.0.0.1:${echo.port}`);
		t.is(answer.payload.length, size);
	}
}

needs(test, 'danted')('danted carries datagrams, and two of them behind each other', async (t) => {
	const [one, other] = [await startDanted(t), await startDanted(t)];
	const [first, second] = [`socks5://127.0.0.1:${one.port}`, `socks5://127.0.0.1:${other.port}`];
	await echoes(t, (await started(t, [first])).port);
	await echoes(t, (await started(t, [`${first},${second}`])).port);
});

test('a chain of three carries datagrams, and the last one resolves the names', async (t) => {
	const hops = [await started(t), await started(t), await started(t)];
	const { port } = await started(t, [hops.map((hop) => `socks5://127.0.0.1:${hop.port}`).join(',')], {
		rule: [{ action: 'allow', target: ['localhost'] }],
	});
	await echoes(t, port);
	await echoes(t, port, 'localhost');
	// Each hop is asked to associate; those before it carry the connection on which that is.
	for (const [i, { flows }] of hops.entries()) {
		t.is(flows.filter(({ command }) => command === 'associate').length, 2);
		t.is(flows.length, 2 * (hops.length - i));
	}
});

needs(test, 'microsocks')('a hop that has no datagrams is said to have none', async (t) => {
	const hop = await startMicrosocks(t);
	const danted = await started(t);
	for (const upstream of [hop.url, `socks5://127.0.0.1:${danted.port},${hop.url}`]) {
		const { port, flows } = await started(t, [upstream]);
		const control = await ask(t, port, 3, ANYWHERE);
		t.is((await readSocksReply(control)).rep, 7);
		await control.readToEnd();
		t.is(flows[0]?.command, 'associate');
	}
});

async function granted(client: RawClient, relay: readonly number[]): Promise<void> {
	await client.read(3);
	client.write(Buffer.of(5, 0));
	await client.read(10);
	client.write(Buffer.of(5, 0, 0, 1, ...relay));
}

/** A hop that says yes to everything, its relay where it is told, and what is sent to it. */
async function mute(
	t: ExecutionContext,
	relay: readonly number[],
): Promise<{ port: number; control: () => Promise<RawClient> }> {
	const clients: RawClient[] = [];
	const server = createServer((socket) => {
		socket.on('error', () => {});
		const client = new RawClient(socket);
		clients.push(client);
		void granted(client, relay).catch(() => socket.destroy());
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.teardown(() => {
		server.close();
		for (const { socket } of clients) socket.destroy();
	});
	const control = async (): Promise<RawClient> => {
		if (clients.length === 0) await once(server, 'connection');
		return clients[0] as RawClient;
	};
	return { port: (server.address() as { port: number }).port, control };
}

test('a relay on every address is where the hop is, what it sends is unwrapped, and who is not the relay is not heard', async (t) => {
	const relay = await udpEnd(t);
	const stranger = await udpEnd(t);
	const hop = await mute(t, [0, 0, 0, 0, relay.port >> 8, relay.port & 255]);
	const { port, flows } = await started(t, [`socks5://127.0.0.1:${hop.port}`]);
	const client = await associate(t, port);
	await client.send('93.184.216.34', 443, 'question');
	const { bytes, from } = await relay.take();
	t.is(bytes.toString('latin1'), '\0\0\0\u0001\u005d\u00b8\u00d8\u0022\u0001\u00bbquestion');
	await stranger.send(bytes, from.port);
	for (const bad of ['', 'garbage', '\0\0\u0001\u0001\u005d\u00b8\u00d8\u0022\u0001\u00bbfragment'])
		await relay.send(Buffer.from(bad, 'latin1'), from.port);
	await relay.send(bytes, from.port);
	t.deepEqual(await client.answer(), { from: '93.184.216.34:443', payload: Buffer.from('question') });
	t.deepEqual(flows[0]?.drops, { malformed: 3 });
});

test('a hop that closes its control connection ends the association, and the log says which', async (t) => {
	const relay = await udpEnd(t);
	const hop = await mute(t, [127, 0, 0, 1, relay.port >> 8, relay.port & 255]);
	const { port, flows } = await started(t, [`socks5://127.0.0.1:${hop.port}`]);
	const client = await associate(t, port);
	(await hop.control()).end();
	t.is((await client.control.readToEnd()).ending, 'fin');
	await connectRaw(t, port);
	t.like(flows[0]?.outcome, { cause: 'hop_unavailable', side: 'hop', hop: 'upstream-1' });
});

test('a hop that says yes and not to what is of no use', async (t) => {
	const hop = await mute(t, [127, 0, 0, 1, 0, 0]);
	const { port } = await started(t, [`socks5://127.0.0.1:${hop.port}`]);
	t.is((await readSocksReply(await ask(t, port, 3, ANYWHERE))).rep, 1);
});
