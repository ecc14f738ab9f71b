import { once } from 'node:events';
import net from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { SocksClient } from 'socks';
import {
	ConfigError,
	type ConfigInput,
	createGateway,
	type Flow,
	type Gateway,
	GatewayError,
	type GatewayOptions,
	ListenError,
} from '../lib/index.ts';
import { startDns } from './helpers/dns-server.ts';
import { handshakeOf, readReply } from './helpers/handshakes.ts';
import { closed, readAll, readBytes } from './helpers/link-pair.ts';
import { connectRaw } from './helpers/raw-client.ts';
import { echo, left, mute, startTcpOrigin } from './helpers/tcp-origins.ts';

const OPEN: ConfigInput = { listen: ['127.0.0.1:0'], exit: { allow_private: true, ports: 'all' } };

async function started(t: ExecutionContext, input: ConfigInput = {}, options: GatewayOptions = {}): Promise<Gateway> {
	const gateway = createGateway({ ...OPEN, ...input }, options);
	await gateway.start();
	t.teardown(() => gateway.close());
	return gateway;
}

function portOf(gateway: Gateway): number {
	return Number(gateway.addresses[0]?.split(':').at(-1));
}

async function throughSocks(gateway: Gateway, port: number, user?: { userId: string; password: string }) {
	const { socket } = await SocksClient.createConnection({
		proxy: { host: '127.0.0.1', port: portOf(gateway), type: 5, ...user },
		command: 'connect',
		destination: { host: '127.0.0.1', port },
	});
	socket.on('error', () => {});
	return socket;
}

/** Resolves with the record of the next flow that ends. */
function nextFlow(): { closed: (flow: Flow) => void; flow: Promise<Flow> } {
	let closedHook: (flow: Flow) => void = () => {};
	const flow = new Promise<Flow>((resolve) => {
		closedHook = resolve;
	});
	return { closed: (ended) => closedHook(ended), flow };
}

test('serves an independent client and reports the flow once, with its bytes and its end', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const { closed: onClosed, flow } = nextFlow();
	const gateway = await started(t, {}, { hooks: { closed: onClosed } });
	const socket = await throughSocks(gateway, origin.port);
	socket.end('hello');
	t.is(String(await readAll(socket)), 'hello');
	const ended = await flow;
	t.like(ended, { protocol: 'socks5', route: 'direct', upBytes: 5, downBytes: 5, outcome: { cause: 'closed' } });
	t.is(ended.target?.port, origin.port);
	t.true(ended.endedMs !== null && ended.openedMs !== null && ended.endedMs >= ended.openedMs);
	t.is(gateway.liveFlows, 0);
});

test('two gateways live in one process and know nothing of each other', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const seen: string[] = [];
	const first = await started(t, {}, { hooks: { closed: () => seen.push('first') } });
	const second = await started(t, {}, { hooks: { closed: () => seen.push('second') } });
	await first.close();
	const socket = await throughSocks(second, origin.port);
	socket.end('x');
	await readAll(socket);
	await second.close();
	t.deepEqual(seen, ['second']);
});

test('hooks see a connection at each step, in order', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const steps: string[] = [];
	const { closed: onClosed, flow } = nextFlow();
	const gateway = await started(
		t,
		{},
		{
			hooks: {
				accept: (inbound, client) => {
					steps.push(`accept ${inbound} ${client.key}`);
					return true;
				},
				authenticate: (credentials) => {
					steps.push(`authenticate ${credentials?.user}`);
					return credentials?.password === 'p';
				},
				route: (target) => {
					steps.push(`route ${target.host}`);
					return null;
				},
				connected: (connected) => steps.push(`connected ${connected.route}`),
				closed: (ended) => {
					steps.push(`closed ${ended.outcome?.cause}`);
					onClosed(ended);
				},
			},
		},
	);
	const socket = await throughSocks(gateway, origin.port, { userId: 'u', password: 'p' });
	socket.end('x');
	await readAll(socket);
	t.is((await flow).user, 'u');
	t.deepEqual(steps, [
		'accept listen-1 127.0.0.1',
		'authenticate u',
		'route 127.0.0.1',
		'connected direct',
		'closed closed',
	]);
});

test('a hook that says no, or throws, refuses that connection and no other', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const bugs: unknown[] = [];
	let calls = 0;
	const gateway = await started(
		t,
		{},
		{
			observer: { bug: (error) => bugs.push(error) },
			hooks: {
				accept: () => {
					calls++;
					if (calls === 1) throw new Error('a broken hook');
					return calls !== 2;
				},
				route: () => {
					if (calls === 3) throw new GatewayError('http_request_denied', { phase: 'policy' });
					if (calls === 4) throw new Error('another broken hook');
					return null;
				},
			},
		},
	);
	await t.throwsAsync(throughSocks(gateway, origin.port));
	await t.throwsAsync(throughSocks(gateway, origin.port));
	await t.throwsAsync(throughSocks(gateway, origin.port), { message: /NotAllowed/ });
	await t.throwsAsync(throughSocks(gateway, origin.port), { message: /Failure/ });
	const socket = await throughSocks(gateway, origin.port);
	socket.end('x');
	t.is(String(await readAll(socket)), 'x');
	t.is(bugs.length, 2);
});

for (const [manner, thrown, status] of [
	['says no', new GatewayError('http_request_denied', { phase: 'policy' }), 403],
	['throws', new Error('a broken hook'), 500],
] as const) {
	for (const protocol of ['connect', 'http'] as const) {
		test(`${protocol}: a hook that ${manner} when the way out is open closes it, and the client hears of it`, async (t) => {
			const origin = await startTcpOrigin(t, mute);
			const bugs: unknown[] = [];
			const connected = (): void => {
				throw thrown;
			};
			const gateway = await started(t, {}, { hooks: { connected }, observer: { bug: (bug) => bugs.push(bug) } });
			const client = await connectRaw(t, portOf(gateway));
			// A kept-alive client may ask again, and the hook is asked again.
			for (let i = 0; i < (protocol === 'http' ? 2 : 1); i++) {
				client.write(handshakeOf(protocol, '127.0.0.1', origin.port));
				t.is((await readReply(client, protocol)).code, status);
				if (protocol === 'http') await client.readUntil('\n');
				await left(await origin.take());
			}
			t.is(bugs.length, manner === 'says no' ? 0 : origin.sockets.length);
		});
	}
}

test('a refused connection counts for as long as it is there', async (t) => {
	const origin = await startTcpOrigin(t, mute);
	const dropped: string[] = [];
	const gateway = await started(
		t,
		{ limits: { connections_open: 1, handshakes: 2, connections_per_second: 0 } },
		{ observer: { dropped: (_inbound, why) => dropped.push(why) } },
	);
	await throughSocks(gateway, origin.port);
	const ask = async () => {
		const client = await connectRaw(t, portOf(gateway));
		client.write(handshakeOf('connect', '127.0.0.1', origin.port));
		return client;
	};
	for (let i = 0; i < 2; i++) t.is((await readReply(await ask(), 'connect')).code, 429);
	t.is((await (await ask()).readToEnd()).bytes.length, 0);
	t.deepEqual(dropped, ['handshakes']);
});

test('total_clients is how many clients may have connections', async (t) => {
	const origin = await startTcpOrigin(t, mute);
	const gateway = await started(t, { limits: { total_clients: 1 } });
	await throughSocks(gateway, origin.port);
	const other = await connectRaw(t, portOf(gateway), { localAddress: '127.0.0.2' });
	t.is((await other.readToEnd()).bytes.length, 0);
	await throughSocks(gateway, origin.port);
});

test('a configuration that is no good starts nothing and says everything', (t) => {
	const error = t.throws(() => createGateway({ listen: ['nonsense'], timeouts: { dial: 'soon' } } as ConfigInput), {
		instanceOf: ConfigError,
	});
	t.is(error?.problems.length, 2);
});

test('an address that is taken rejects with its errno and frees the others', async (t) => {
	const holder = net.createServer().listen(0, '127.0.0.1');
	await once(holder, 'listening');
	t.teardown(() => holder.close());
	const { port } = holder.address() as net.AddressInfo;
	const gateway = createGateway({ ...OPEN, listen: ['127.0.0.1:0', `127.0.0.1:${port}`] });
	const error = await t.throwsAsync(gateway.start(), { instanceOf: ListenError });
	t.is(error?.code, 'EADDRINUSE');
	await t.throwsAsync(throughSocks(gateway, port));
});

test('drain lets a live tunnel end by itself and takes no new one', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const { closed: onClosed, flow } = nextFlow();
	const gateway = await started(t, {}, { hooks: { closed: onClosed } });
	const port = portOf(gateway);
	const socket = await throughSocks(gateway, origin.port);
	const drained = gateway.drain(60_000);
	const refused = net.connect(port, '127.0.0.1');
	const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
	t.is(error.code, 'ECONNREFUSED');
	socket.write('still here');
	t.is(String(await readBytes(socket, 10)), 'still here');
	socket.end();
	await readAll(socket);
	await drained;
	t.is((await flow).outcome?.cause, 'closed');
});

test('drain closes at its deadline what has not ended, and says so', async (t) => {
	const origin = await startTcpOrigin(t, mute);
	const { closed: onClosed, flow } = nextFlow();
	const gateway = await started(t, {}, { hooks: { closed: onClosed } });
	const socket = await throughSocks(gateway, origin.port);
	await gateway.drain(10);
	await closed(socket);
	t.is((await flow).outcome?.cause, 'drained');
});

test('close ends a drain that is under way', async (t) => {
	const origin = await startTcpOrigin(t, mute);
	const gateway = await started(t);
	const socket = await throughSocks(gateway, origin.port);
	const drained = gateway.drain(60_000);
	await gateway.close();
	await drained;
	await closed(socket);
	t.is(gateway.liveFlows, 0);
});

test('close ends a tunnel whose client has sent its FIN already, and says so', async (t) => {
	const origin = await startTcpOrigin(t, mute);
	const { closed: onClosed, flow } = nextFlow();
	const gateway = await started(t, {}, { hooks: { closed: onClosed } });
	const socket = await throughSocks(gateway, origin.port);
	const far = await origin.take();
	socket.end('all there is');
	await once(far, 'end');
	await gateway.close();
	t.is((await flow).outcome?.cause, 'drained');
	t.is(gateway.liveFlows, 0);
});

test('a client that leaves while its target is dialled takes the dial with it', async (t) => {
	const { closed: onClosed, flow } = nextFlow();
	let asked = (): void => {};
	const question = new Promise<void>((resolve) => {
		asked = resolve;
	});
	const dns = await startDns(t, () => {
		asked();
		return undefined;
	});
	const gateway = await started(t, { resolver: { servers: [dns.address] } }, { hooks: { closed: onClosed } });
	const socket = net.connect(portOf(gateway), '127.0.0.1');
	socket.on('error', () => {});
	socket.write(Buffer.from('050100', 'hex'));
	await readBytes(socket, 2);
	socket.write(Buffer.concat([Buffer.from([5, 1, 0, 3, 11]), Buffer.from('example.com'), Buffer.from([0, 80])]));
	await question;
	socket.resetAndDestroy();
	t.like((await flow).outcome, { cause: 'connection_terminated', side: 'client' });
	t.is(gateway.liveFlows, 0);
});
