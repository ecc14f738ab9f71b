// UDP ASSOCIATE through a whole gateway: real sockets, and every datagram that has to be dropped.
import test, { type ExecutionContext } from 'ava';
import type { Flow } from '../../lib/core/flow.ts';
import { type ConfigInput, createGateway, type Gateway, GatewayError, type GatewayOptions } from '../../lib/index.ts';
import { startDns, zone } from '../helpers/dns-server.ts';
import { until } from '../helpers/process.ts';
import type { Scope } from '../helpers/scope.ts';
import { ANYWHERE, ask, associate, readSocksReply, type UdpEnd, udpEnd, wrapped } from '../helpers/udp.ts';

const OPEN: ConfigInput = { listen: ['127.0.0.1:0'], exit: { allow_private: true, ports: 'all' } };

function portOf(gateway: Gateway): number {
	return Number(gateway.addresses[0]!.split(':').at(-1));
}

async function started(scope: Scope, config: ConfigInput = {}, options: GatewayOptions = {}): Promise<Gateway> {
	const gateway = createGateway({ ...OPEN, ...config }, options);
	await gateway.start();
	scope.teardown(() => gateway.close());
	return gateway;
}

/** A gateway of which the end of each flow can be waited for. */
async function watched(
	scope: Scope,
	config: ConfigInput = {},
	hooks: GatewayOptions['hooks'] = {},
): Promise<{ port: number; ended: () => Promise<Flow>; live: Flow[]; bugs: unknown[]; gateway: Gateway }> {
	const flows: Flow[] = [];
	const live: Flow[] = [];
	const bugs: unknown[] = [];
	let wake = (): void => {};
	const flowEnded = (flow: Flow): void => {
		flows.push(flow);
		wake();
	};
	const gateway = await started(scope, config, {
		hooks,
		observer: { flowStarted: (flow) => live.push(flow), flowEnded, bug: (bug) => bugs.push(bug) },
	});
	const ended = async (): Promise<Flow> => {
		while (flows.length === 0) {
			await new Promise<void>((resolve) => {
				wake = resolve;
			});
		}
		return flows.shift() as Flow;
	};
	return { port: portOf(gateway), ended, live, bugs, gateway };
}

/** All that was sent has been looked at: so many datagrams were dropped. */
async function dropped(live: readonly Flow[], count: number): Promise<void> {
	const sum = (): number =>
		live.flatMap(({ drops }) => Object.values(drops ?? {})).reduce((total, one) => total + one, 0);
	await until(`${count} drops`, sum, (drops) => drops >= count);
}

async function echoEnd(t: ExecutionContext): Promise<UdpEnd> {
	return (await udpEnd(t)).echo();
}

test('datagrams of every size that fits go there and back, with their target in front', async (t) => {
	const { port, ended, bugs } = await watched(t);
	const echo = await echoEnd(t);
	const client = await associate(t, port);
	t.is(client.relay.host, '127.0.0.1');
	let bytes = 0;
	for (const size of [0, 1, 1_200, 1_452, 9_000, 65_497]) {
		const payload = Buffer.alloc(size, 'x');
		await client.send('127.0.0.1', echo.port, payload);
		const answer = await client.answer();
		t.is(answer.from, `127.0.0.1:${echo.port}`);
		t.true(answer.payload.equals(payload));
		bytes += size;
	}
	client.control.end();
	const flow = await ended();
	t.like(flow, { protocol: 'socks5', command: 'associate', route: 'direct', target: null, drops: null });
	t.like(flow, { upBytes: bytes, downBytes: bytes, outcome: { cause: 'closed' } });
	t.deepEqual(bugs, []);
});

test('a name inside a datagram is resolved here, and the answer carries the address', async (t) => {
	const dns = await startDns(t, zone({ 'echo.test A': { addresses: ['127.0.0.1'] }, 'echo.test AAAA': {} }));
	const { port } = await watched(t, { resolver: { servers: [dns.address] } });
	const echo = await echoEnd(t);
	const client = await associate(t, port);
	for (const text of ['first', 'second']) await client.send('echo.test', echo.port, text);
	const answers = [await client.answer(), await client.answer()];
	t.deepEqual(
		answers.map(({ payload }) => payload.toString()),
		['first', 'second'],
	);
	t.deepEqual(
		answers.map(({ from }) => from),
		Array(2).fill(`127.0.0.1:${echo.port}`),
	);
	t.is(dns.questions.filter(({ type }) => type === 'A').length, 1);
});

test('names that are asked for hold a bounded number of datagrams, and one that leads nowhere costs nobody else', async (t) => {
	let release = (): void => {};
	const held = new Promise<void>((resolve) => {
		release = resolve;
	});
	const dns = await startDns(t, async ({ name }) => {
		if (name === 'slow.test') await held;
		return { rcode: 3 };
	});
	const { port, ended } = await watched(t, { resolver: { servers: [dns.address] } });
	const echo = await echoEnd(t);
	const client = await associate(t, port);
	for (let i = 0; i < 40; i++) await client.send('slow.test', echo.port, `${i}`);
	await client.send('127.0.0.1', echo.port, 'on');
	t.is((await client.answer()).payload.toString(), 'on');
	release();
	await client.send('nowhere.test', echo.port, 'x');
	await client.send('127.0.0.1', echo.port, 'on');
	t.is((await client.answer()).payload.toString(), 'on');
	client.control.end();
	const { drops } = await ended();
	t.is(drops?.limit, 24);
});

test('everything that is no datagram to a target is dropped and counted, and the next one is served', async (t) => {
	const { port, ended, bugs } = await watched(t);
	const echo = await echoEnd(t);
	const client = await associate(t, port);
	const bad = [
		'',
		'00',
		'0000000100',
		'000100017f0000010035',
		'000001017f0000010035',
		'000000007f0000010035',
		'000000027f0000010035',
		'000000ff7f0000010035',
		'000000017f0000010000',
		'00000003000035',
		'000000030461206262003561',
	];
	for (const bytes of bad) await client.sendRaw(Buffer.from(bytes, 'hex'));
	await client.send('127.0.0.1', echo.port, 'good');
	t.is((await client.answer()).payload.toString(), 'good');
	client.control.end();
	t.deepEqual((await ended()).drops, { malformed: bad.length });
	t.deepEqual(bugs, []);
});

test('the first port is the client, and what another one sends is dropped', async (t) => {
	const { port, ended } = await watched(t);
	const [echo, other] = [await echoEnd(t), await udpEnd(t)];
	const client = await associate(t, port);
	await client.send('127.0.0.1', echo.port, 'mine');
	t.is((await client.answer()).payload.toString(), 'mine');
	await other.send(wrapped('127.0.0.1', echo.port, 'not mine'), client.relay.port);
	await client.send('127.0.0.1', echo.port, 'mine again');
	t.is((await client.answer()).payload.toString(), 'mine again');
	t.is(other.waiting, 0);
	client.control.end();
	t.is((await ended()).upBytes, 'minemine again'.length);
});

test('who has another address than the control connection is not the client, whatever comes first', async (t) => {
	const { port, ended } = await watched(t);
	const [echo, attacker] = [await echoEnd(t), await udpEnd(t, '127.0.0.2')];
	const client = await associate(t, port);
	for (let i = 0; i < 5; i++) await attacker.send(wrapped('127.0.0.1', echo.port, 'reflect'), client.relay.port);
	await client.send('127.0.0.1', echo.port, 'mine');
	t.is((await client.answer()).payload.toString(), 'mine');
	t.is(attacker.waiting, 0);
	client.control.end();
	const flow = await ended();
	t.deepEqual(flow.drops, { sender: 5 });
	t.is(flow.upBytes, 4);
});

for (const [filter, heard] of [
	['address', ['sibling', 'asked']],
	['endpoint', ['asked']],
	['none', ['stranger', 'sibling', 'asked']],
] as const) {
	test(`filter = "${filter}" lets in ${heard.join(', ')}`, async (t) => {
		const { port, ended } = await watched(t, { udp: { filter } });
		const [target, sibling, stranger] = [await udpEnd(t), await udpEnd(t), await udpEnd(t, '127.0.0.3')];
		const client = await associate(t, port);
		await client.send('127.0.0.1', target.port, 'question');
		const exit = (await target.take()).from.port;
		await stranger.send(Buffer.from('stranger'), exit);
		await sibling.send(Buffer.from('sibling'), exit);
		await target.send(Buffer.from('asked'), exit);
		const ends = { target: target.port, sibling: sibling.port, stranger: stranger.port };
		for (const text of heard) {
			const answer = await client.answer();
			t.is(answer.payload.toString(), text);
			t.is(answer.from.split(':')[1], `${text === 'asked' ? ends.target : ends[text]}`);
		}
		client.control.end();
		t.is((await ended()).drops?.stranger, heard.length === 3 ? undefined : 3 - heard.length);
	});
}

test('private targets are refused by default, by address and by name, and so are ports that are not listed', async (t) => {
	const dns = await startDns(
		t,
		zone({ 'inside.example.com A': { addresses: ['127.0.0.1'] }, 'inside.example.com AAAA': {} }),
	);
	const config = { exit: { ports: '443' }, resolver: { servers: [dns.address] } };
	const { port, ended, live } = await watched(t, config);
	const client = await associate(t, port);
	for (const host of [
		'127.0.0.1',
		'10.0.0.1',
		'169.254.169.254',
		'0.0.0.0',
		'255.255.255.255',
		'inside.example.com',
		'x.onion',
	])
		await client.send(host, 443, 'x');
	await client.send('93.184.216.34', 25, 'x');
	await client.sendRaw(Buffer.from('00000004000000000000000000000000000000010035', 'hex'));
	await client.sendRaw(Buffer.from('0000000400000000000000000000ffff7f0000010035', 'hex'));
	await dropped(live, 10);
	client.control.end();
	const flow = await ended();
	t.is(flow.upBytes, 0);
	t.deepEqual(flow.drops, { refused: 10 });
});

test('a rule is asked about every target, and may lead elsewhere', async (t) => {
	const upstream = await watched(t);
	const { port } = await watched(t, {
		upstream: [{ tag: 'elsewhere', via: [`socks5://127.0.0.1:${upstream.port}`] }],
		rule: [
			{ action: 'allow', address: ['127.0.0.2'], route: 'elsewhere' },
			{ action: 'deny', address: ['127.0.0.3'] },
			{ action: 'allow', route: 'direct' },
		],
	});
	const [near, far, closed] = [await udpEnd(t), await udpEnd(t, '127.0.0.2'), await udpEnd(t, '127.0.0.3')];
	const client = await associate(t, port);
	await client.send('127.0.0.3', closed.port, 'x');
	await client.send('127.0.0.1', near.port, 'direct');
	await client.send('127.0.0.2', far.port, 'elsewhere');
	t.is((await near.take()).bytes.toString(), 'direct');
	const came = await far.take();
	t.is(came.bytes.toString(), 'elsewhere');
	await far.send(Buffer.from('answer'), came.from.port, came.from.address);
	t.deepEqual(await client.answer(), { from: `127.0.0.2:${far.port}`, payload: Buffer.from('answer') });
	t.is(closed.waiting, 0);
	t.is(upstream.gateway.liveFlows, 1);
	client.control.end();
	t.is((await upstream.ended()).outcome?.cause, 'closed');
});

test('the hook of routes is asked once, for the association, and may refuse it', async (t) => {
	const asked: string[] = [];
	const route = ({ host }: { host: string }): string => {
		asked.push(host);
		if (asked.length > 1) throw new GatewayError('http_request_denied', { phase: 'policy' });
		return 'direct';
	};
	const { port } = await watched(t, {}, { route });
	const echo = await echoEnd(t);
	const client = await associate(t, port);
	await client.send('127.0.0.1', echo.port, 'x');
	await client.answer();
	t.deepEqual(asked, ['0.0.0.0']);
	t.is((await readSocksReply(await ask(t, port, 3, ANYWHERE))).rep, 2);
});

test('the relay of an association is no target, of its own client or of another', async (t) => {
	const { port, ended, live } = await watched(t);
	const [one, other] = [await associate(t, port), await associate(t, port)];
	await one.send('127.0.0.1', one.relay.port, 'x');
	await one.send('127.0.0.1', other.relay.port, 'x');
	await one.send('127.0.0.2', other.relay.port, 'x');
	await one.send('127.0.0.1', port, 'x');
	await dropped(live, 4);
	one.control.end();
	const flow = await ended();
	t.is(flow.upBytes, 0);
	t.is(flow.drops?.refused, 4);
	other.control.end();
	t.is((await ended()).drops, null);
});

test('a client has so many datagrams a second, over all its associations', async (t) => {
	const { port, ended, live } = await watched(t, { udp: { packets_per_second: 10 } });
	const target = await udpEnd(t);
	const [one, other] = [await associate(t, port), await associate(t, port)];
	for (let i = 0; i < 200; i++) await (i % 2 === 0 ? one : other).send('127.0.0.1', target.port, 'x');
	const looked = (): number => target.waiting + live.reduce((sum, flow) => sum + (flow.drops?.limit ?? 0), 0);
	await until('all are through or dropped', looked, (count) => count === 200);
	t.true(target.waiting >= 10, 'what a second brings is let through at once');
	for (const client of [one, other]) client.control.end();
	const flows = [await ended(), await ended()];
	t.is(flows[0]!.upBytes + flows[1]!.upBytes, target.waiting);
});

for (const [what, leave, cause] of [
	['a FIN', 'end', 'closed'],
	['a reset', 'reset', 'connection_terminated'],
] as const) {
	test(`${what} of the control connection ends the association and frees its ports`, async (t) => {
		const { port, ended, gateway } = await watched(t);
		const echo = await echoEnd(t);
		const client = await associate(t, port);
		await client.send('127.0.0.1', echo.port, 'x');
		await client.answer();
		client.control[leave]();
		t.is((await ended()).outcome?.cause, cause);
		t.is(gateway.liveFlows, 0);
		const again = await associate(t, port);
		await again.send('127.0.0.1', echo.port, 'again');
		t.is((await again.answer()).payload.toString(), 'again');
	});
}

test('an association that stands still ends, and its client hears it on the control connection', async (t) => {
	const { port, ended } = await watched(t, { udp: { idle: '50ms' } });
	const client = await associate(t, port);
	t.is((await client.control.readToEnd()).ending, 'fin');
	t.deepEqual((await ended()).outcome, { cause: 'idle' });
});

test('a gateway that closes ends its associations', async (t) => {
	const { port, ended, gateway } = await watched(t);
	const client = await associate(t, port);
	await gateway.close();
	t.is((await ended()).outcome?.cause, 'drained');
	await client.control.readToEnd();
});

test('the address and the ports that are told are those of the configuration', async (t) => {
	const { port, gateway } = await watched(t, {
		listen: ['127.0.0.1:0', '127.0.0.1:0'],
		udp: { advertise: ['192.0.2.1', 'listen-2=192.0.2.2', '2001:db8::1'], ports: '42000-42999' },
	});
	const second = Number(gateway.addresses[1]!.split(':')[1]);
	for (const [where, host] of [
		[port, '192.0.2.1'],
		[second, '192.0.2.2'],
	] as const) {
		const { relay } = await associate(t, where);
		t.is(relay.host, host);
		t.true(relay.port >= 42_000 && relay.port <= 42_999);
	}
});

test('where UDP is off it is not served, and where the way out has none neither', async (t) => {
	const off = await watched(t, { udp: { enabled: false } });
	const http = await watched(t, { upstream: ['http://127.0.0.1:1'] });
	const socks4 = await watched(t, { upstream: ['socks5://127.0.0.1:1,socks4a://127.0.0.1:1'] });
	for (const { port, ended } of [off, http, socks4]) {
		const control = await ask(t, port, 3, ANYWHERE);
		t.is((await readSocksReply(control)).rep, 7);
		t.is((await control.readToEnd()).ending, 'fin');
		t.like((await ended()).outcome, { cause: 'command_unsupported' });
	}
});
