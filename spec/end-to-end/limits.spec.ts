// Limits as a client meets them, on every way that bytes take through the gateway.
import { once } from 'node:events';
import type net from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { type ConfigInput, createGateway, type Flow, type Gateway, type Hooks } from '../../lib/index.ts';
import { handshakeOf, readReply, type WireProtocol } from '../helpers/handshakes.ts';
import { connectRaw, type RawClient } from '../helpers/raw-client.ts';
import { mute, startTcpOrigin } from '../helpers/tcp-origins.ts';

const OPEN: ConfigInput = { listen: ['127.0.0.1:0'], exit: { allow_private: true, ports: 'all' } };

interface Started {
	readonly gateway: Gateway;
	readonly port: number;
	/** Resolves with the next flow that ends, or one that has ended and was not asked for yet. */
	readonly ended: () => Promise<Flow>;
}

async function started(t: ExecutionContext, input: ConfigInput, hooks: Hooks = {}): Promise<Started> {
	const flows: Flow[] = [];
	let wake = (): void => {};
	const closed = (flow: Flow): void => {
		flows.push(flow);
		wake();
	};
	const gateway = createGateway({ ...OPEN, ...input }, { hooks: { ...hooks, closed } });
	await gateway.start();
	t.teardown(() => gateway.close());
	const ended = async (): Promise<Flow> => {
		while (flows.length === 0) {
			await new Promise<void>((resolve) => {
				wake = resolve;
			});
		}
		return flows.shift()!;
	};
	return { gateway, port: Number(gateway.addresses[0]!.split(':').at(-1)), ended };
}

/** A client behind its handshake. */
async function tunnel(t: ExecutionContext, port: number, target: number, from = '127.0.0.1'): Promise<RawClient> {
	const client = await connectRaw(t, port, { localAddress: from });
	client.write(handshakeOf('socks5', '127.0.0.1', target));
	t.true((await readReply(client, 'socks5')).granted);
	return client;
}

/** Sends without end, as fast as it is taken. */
function pour(socket: net.Socket): void {
	const chunk = Buffer.alloc(65_536);
	const more = (): void => {
		while (!socket.destroyed && socket.write(chunk));
	};
	socket.on('drain', more);
	more();
}

/** Bytes that have come until all of `sockets` together have `limit`, and how long it took. */
async function receive(sockets: readonly net.Socket[], limit: number): Promise<{ bytes: number; ms: number }> {
	const fromMs = performance.now();
	let bytes = 0;
	await new Promise<void>((resolve) => {
		for (const socket of sockets)
			socket.on('data', (chunk: Buffer) => {
				bytes += chunk.length;
				if (bytes >= limit) resolve();
			});
	});
	return { bytes, ms: performance.now() - fromMs };
}

test('a pace to the client holds over its tunnels together, and another client is free', async (t) => {
	const origin = await startTcpOrigin(t, pour);
	const { port } = await started(t, { limits: { down_rate: '4MB' } });
	const sockets = await Promise.all([1, 2, 3, 4].map(async () => (await tunnel(t, port, origin.port)).socket));
	const other = (await tunnel(t, port, origin.port, '127.0.0.2')).socket;
	const [slow, free] = await Promise.all([receive(sockets, 4_000_000), receive([other], 4_000_000)]);
	// A full bucket (a tenth of a second) and a chunk for each tunnel may come at once.
	const most = 4_000 * slow.ms + 400_000 + 4 * 65_536;
	t.true(slow.bytes <= most, `${slow.bytes} in ${slow.ms} ms`);
	t.true(free.ms > 0);
});

test('a pace from the client holds on plain HTTP as on tunnels, without more than a chunk waiting here', async (t) => {
	let taken = 0;
	const origin = await startTcpOrigin(t, (socket) => {
		socket.on('data', (chunk) => {
			taken += chunk.length;
		});
	});
	const { port } = await started(t, { limits: { up_rate: '2MB' } });
	const client = await connectRaw(t, port);
	const host = `127.0.0.1:${origin.port}`;
	client.write(`POST http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 100000000\r\n\r\n`);
	const fromMs = performance.now();
	pour(client.socket);
	const socket = await origin.take();
	while (taken < 2_000_000) await once(socket, 'data');
	const most = 2_000 * (performance.now() - fromMs) + 200_000 + 2 * 65_536;
	t.true(taken <= most, `${taken} of ${most}`);
});

test('a quota that is used up closes the live tunnel and says why, and the next one is refused until it is there again', async (t) => {
	const origin = await startTcpOrigin(t, pour);
	const { port, ended } = await started(t, { limits: { bytes_per_day: '1MB' } });
	const client = await tunnel(t, port, origin.port);
	const { bytes, ending } = await client.readToEnd();
	t.is(ending, 'rst');
	t.true(bytes.length <= 1_000_000 + 131_072, String(bytes.length));
	const flow = await ended();
	t.deepEqual(flow.outcome, { cause: 'client_limit_reached', side: 'client', phase: 'relay', note: 'bytes a day' });
	const next = await connectRaw(t, port);
	next.write('CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n');
	t.regex(String((await next.readToEnd()).bytes), /^HTTP\/1\.1 429 [\s\S]*\r\nRetry-After: \d+\r\n/);
	await tunnel(t, port, origin.port, '127.0.0.2');
});

test('a quota ends a response of plain HTTP and an upgraded one too', async (t) => {
	const origin = await startTcpOrigin(t, (socket) => {
		socket.once('data', (head) => {
			const upgrade = /upgrade/i.test(String(head));
			socket.write(
				upgrade
					? 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'
					: 'HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n',
			);
			pour(socket);
		});
	});
	const { port, ended } = await started(t, { limits: { bytes_per_month: '1MB' } });
	for (const [from, more] of [
		['127.0.0.1', ''],
		['127.0.0.2', 'Connection: Upgrade\r\nUpgrade: x\r\n'],
	] as const) {
		const client = await connectRaw(t, port, { localAddress: from });
		const host = `127.0.0.1:${origin.port}`;
		client.write(`GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`);
		const { bytes, ending } = await client.readToEnd();
		t.is(ending, 'rst');
		t.true(bytes.length > 500_000 && bytes.length <= 1_000_000 + 131_072, String(bytes.length));
		t.like((await ended()).outcome, { cause: 'client_limit_reached', note: 'bytes a month' });
	}
});

test('requests above their rate hear 429, on the connection that goes on', async (t) => {
	const origin = await startTcpOrigin(t, (socket) =>
		socket.on('data', () => socket.write('HTTP/1.1 204 No Content\r\n\r\n')),
	);
	const { port } = await started(t, { limits: { requests_per_second: 1, requests_burst: 4 } });
	const client = await connectRaw(t, port);
	const host = `127.0.0.1:${origin.port}`;
	const statuses: number[] = [];
	for (let i = 0; i < 40; i++) {
		client.write(`GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
		statuses.push((await readReply(client, 'http')).code);
	}
	t.deepEqual(statuses.slice(0, 5), [204, 204, 204, 204, 204]);
	t.true(statuses.includes(429));
	t.true(statuses.filter((status) => status === 204).length < 40);
});

test('a client that guesses passwords is banned, one that knows it comes in from elsewhere', async (t) => {
	const origin = await startTcpOrigin(t, mute);
	const { port } = await started(t, {
		users: { list: ['alice:right'] },
		limits: { failures: { authentications: 2 } },
	});
	const login = async (password: string, from: string, protocol: WireProtocol = 'connect') => {
		const client = await connectRaw(t, port, { localAddress: from });
		client.write(handshakeOf(protocol, '127.0.0.1', origin.port, { user: 'alice', password }));
		return (await readReply(client, protocol)).code;
	};
	t.deepEqual(
		[await login('a', '127.0.0.1'), await login('b', '127.0.0.1'), await login('c', '127.0.0.1')],
		[407, 407, 407],
	);
	t.is(await login('right', '127.0.0.1'), 429);
	t.is(await login('right', '127.0.0.1', 'socks5'), 2);
	t.is(await login('right', '127.0.0.2'), 200);
});

test('a client that collects refusals is banned, by every protocol', async (t) => {
	const origin = await startTcpOrigin(t, mute);
	const { port } = await started(t, {
		exit: { allow_private: true, ports: `${origin.port}` },
		limits: { failures: { destinations: 4 } },
	});
	const ask = async (protocol: WireProtocol, to: number, from = '127.0.0.1') => {
		const client = await connectRaw(t, port, { localAddress: from });
		client.write(handshakeOf(protocol, '127.0.0.1', to));
		return (await readReply(client, protocol)).code;
	};
	const first = await Promise.all(['socks4', 'socks5', 'connect'].map((protocol) => ask(protocol as WireProtocol, 25)));
	t.deepEqual(first, [91, 2, 403]);
	t.is(await ask('http', 25), 403);
	t.is(await ask('connect', 25), 403);
	t.is(await ask('connect', origin.port), 429);
	t.is(await ask('connect', origin.port, '127.0.0.2'), 200);
});

test('a user has its own limits beside those of the client', async (t) => {
	const origin = await startTcpOrigin(t, mute);
	const { port } = await started(t, {
		users: { list: ['alice:a', 'bob:b'] },
		limits: { user: { connections_open: 1 }, exception: [{ user: ['bob'], connections_open: 2 }] },
	});
	const login = async (user: string, password: string) => {
		const client = await connectRaw(t, port);
		client.write(handshakeOf('connect', '127.0.0.1', origin.port, { user, password }));
		return (await readReply(client, 'connect')).code;
	};
	t.deepEqual([await login('alice', 'a'), await login('alice', 'a')], [200, 429]);
	t.deepEqual([await login('bob', 'b'), await login('bob', 'b'), await login('bob', 'b')], [200, 200, 429]);
});

test('a client that does not read holds up its own tunnel, in bounded memory, and leaves the pace to its others', async (t) => {
	const origin = await startTcpOrigin(t, pour);
	const { gateway, port } = await started(t, { limits: { down_rate: '40MB' } });
	const stalled = await tunnel(t, port, origin.port);
	stalled.socket.pause();
	const reading = await tunnel(t, port, origin.port);
	await receive([reading.socket], 40_000_000);
	const [held] = origin.sockets;
	t.true(held!.writableNeedDrain);
	t.true(held!.bytesWritten - held!.writableLength < 20_000_000, 'what the kernel holds, and a few chunks');
	t.is(gateway.liveFlows, 2);
});
