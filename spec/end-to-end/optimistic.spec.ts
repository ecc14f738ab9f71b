// What a client sends behind its request goes to Tor before Tor has answered, and nowhere else before the answer.
import test, { type ExecutionContext } from 'ava';
import { type ConfigInput, createGateway, type Flow, type GatewayOptions } from '../../lib/index.ts';
import { handshakeOf, PROTOCOLS, readReply } from '../helpers/handshakes.ts';
import { connectRaw, RawClient } from '../helpers/raw-client.ts';
import { echo, startTcpOrigin } from '../helpers/tcp-origins.ts';

const HOST = 'www.example.com';
const TUNNELS = PROTOCOLS.filter((protocol) => protocol !== 'http' && !/^socks[45]$/.test(protocol));

/** A Tor that has read a request and answers it when it is told to. */
interface Stream {
	/** What comes behind the request. */
	readonly behind: RawClient;
	readonly answer: (rep: number, more?: string) => void;
}

interface SlowTor {
	readonly url: string;
	/** The next request. */
	readonly stream: () => Promise<Stream>;
}

async function startSlowTor(t: ExecutionContext, scheme = 'tor'): Promise<SlowTor> {
	const origin = await startTcpOrigin(t);
	const user = scheme === 'tor' ? '' : 'u:p@';
	return {
		url: `${scheme}://${user}127.0.0.1:${origin.port}`,
		stream: async () => requestOf(new RawClient(await origin.take())),
	};
}

/** RFC 1928 and 1929 with a login and a name. */
async function requestOf(behind: RawClient): Promise<Stream> {
	await behind.read(3);
	behind.write(Buffer.of(5, 2));
	await behind.read((await behind.read(2))[1]!);
	await behind.read((await behind.read(1))[0]!);
	behind.write(Buffer.of(1, 0));
	await behind.read(5 + HOST.length + 2);
	const answer = (rep: number, more = ''): void =>
		behind.write(Buffer.concat([Buffer.of(5, rep, 0, 1, 0, 0, 0, 0, 0, 0), Buffer.from(more)]));
	return { behind, answer };
}

interface Served {
	readonly port: number;
	/** The next flow that ends. */
	readonly ended: () => Promise<Flow>;
}

async function served(t: ExecutionContext, input: ConfigInput, hooks: GatewayOptions['hooks'] = {}): Promise<Served> {
	const waiting: ((flow: Flow) => void)[] = [];
	const observer = { flowEnded: (flow: Flow) => waiting.shift()?.(flow) };
	const gateway = createGateway({ listen: ['127.0.0.1:0'], ...input }, { observer, hooks });
	await gateway.start();
	t.teardown(() => gateway.close());
	const port = Number(gateway.addresses[0]?.split(':').at(-1));
	return { port, ended: () => new Promise((resolve) => waiting.push(resolve)) };
}

for (const protocol of TUNNELS) {
	test(`${protocol}: what comes with the request and behind it is with Tor before it answers, in order`, async (t) => {
		const tor = await startSlowTor(t);
		const { port, ended } = await served(t, { upstream: [tor.url] });
		const [flow, client] = [ended(), await connectRaw(t, port)];
		client.write(Buffer.concat([handshakeOf(protocol, HOST, 443), Buffer.from('one')]));
		const { behind, answer } = await tor.stream();
		t.is(String(await behind.read(3)), 'one');
		client.write('two');
		t.is(String(await behind.read(3)), 'two');
		answer(0, 'three');
		t.true((await readReply(client, protocol)).granted);
		t.is(String(await client.read(5)), 'three');
		client.end('four');
		t.is(String((await behind.readToEnd()).bytes), 'four');
		behind.end();
		t.like(await flow, { upBytes: 10, downBytes: 5, outcome: { cause: 'closed' } });
	});

	test(`${protocol}: a refusal of Tor is a refusal, whatever has gone before`, async (t) => {
		const tor = await startSlowTor(t);
		const { port, ended } = await served(t, { upstream: [tor.url] });
		const [flow, client] = [ended(), await connectRaw(t, port)];
		client.write(Buffer.concat([handshakeOf(protocol, HOST, 443), Buffer.from('one')]));
		const { behind, answer } = await tor.stream();
		t.is(String(await behind.read(3)), 'one');
		answer(4);
		t.false((await readReply(client, protocol)).granted);
		t.like(await flow, { upBytes: 0, openedMs: null });
	});
}

test('a client that sends FIN behind its payload waits for the answer, one that resets ends it', async (t) => {
	const tor = await startSlowTor(t);
	const { port } = await served(t, { upstream: [tor.url] });
	const client = await connectRaw(t, port);
	client.end(Buffer.concat([handshakeOf('socks5h', HOST, 443), Buffer.from('GET')]));
	const { behind, answer } = await tor.stream();
	t.is(String(await behind.read(3)), 'GET');
	answer(0, 'page');
	behind.end();
	t.true((await readReply(client, 'socks5h')).granted);
	t.is(String((await client.readToEnd()).bytes), 'page');
	const other = await connectRaw(t, port);
	other.write(Buffer.concat([handshakeOf('socks5h', HOST, 443), Buffer.from('GET')]));
	const stream = await tor.stream();
	await stream.behind.read(3);
	other.reset();
	t.is((await stream.behind.readToEnd()).bytes.length, 0);
});

test('a flood waits for the answer in the kernel of its client, and all of it comes once', async (t) => {
	const tor = await startSlowTor(t);
	const { port } = await served(t, { upstream: [tor.url] });
	const client = await connectRaw(t, port);
	const flood = Buffer.alloc(8_000_000, 'abcdefg');
	client.write(handshakeOf('socks5h', HOST, 443));
	client.end(flood);
	const { behind, answer } = await tor.stream();
	await behind.read(65_536);
	answer(0);
	const { bytes } = await behind.readToEnd();
	t.true(Buffer.concat([flood.subarray(0, 65_536), bytes]).equals(flood));
});

/** What of `one` the stream hears before its answer, told by what it hears behind it. */
async function heardFirst({ behind, answer }: Stream, client: RawClient): Promise<string> {
	answer(0, 'x');
	await readReply(client, 'socks5h');
	await client.read(1);
	client.write('!');
	return String(await behind.readUntil('!'));
}

test('a proxy that is no Tor hears nothing before it has answered', async (t) => {
	const hop = await startSlowTor(t, 'socks5');
	const { port } = await served(t, { upstream: [hop.url] });
	const client = await connectRaw(t, port);
	client.write(Buffer.concat([handshakeOf('socks5h', HOST, 443), Buffer.from('one')]));
	const stream = await hop.stream();
	t.is(stream.behind.socket.bytesRead, 3 + 5 + (4 + 1 + HOST.length + 2), 'greeting, login, request');
	t.is(await heardFirst(stream, client), 'one!');
});

test('in a group the last that is asked hears it first, since nobody is asked behind it', async (t) => {
	const tors = [await startSlowTor(t), await startSlowTor(t)];
	const members = tors.map(({ url }) => url);
	const group = [{ tag: 'tors', members, strategy: 'failover', tries: 2, rotate: 'request' }] as const;
	const { port } = await served(t, { group: [...group] });
	const client = await connectRaw(t, port);
	client.write(Buffer.concat([handshakeOf('socks5h', HOST, 443), Buffer.from('one')]));
	const first = await tors[0]!.stream();
	const before = first.behind.socket.bytesRead;
	first.answer(1);
	const last = await tors[1]!.stream();
	t.is(String(await last.behind.read(3)), 'one', 'before its answer');
	t.is(first.behind.socket.bytesRead, before, 'the other has heard nothing');
	t.is(await heardFirst(last, client), '!');
});

test('a hook that is asked about the way out is asked first', async (t) => {
	const tor = await startSlowTor(t);
	const { port } = await served(t, { upstream: [tor.url] }, { connected: () => {} });
	const client = await connectRaw(t, port);
	client.write(Buffer.concat([handshakeOf('socks5h', HOST, 443), Buffer.from('one')]));
	t.is(await heardFirst(await tor.stream(), client), 'one!');
});

test('what has gone before the answer is taken from the quota of its client', async (t) => {
	const tor = await startSlowTor(t);
	const { port, ended } = await served(t, { upstream: [tor.url], limits: { bytes_per_day: '1KB' } });
	const [flow, client] = [ended(), await connectRaw(t, port)];
	client.write(Buffer.concat([handshakeOf('socks5h', HOST, 443), Buffer.alloc(2_000)]));
	const { behind, answer } = await tor.stream();
	await behind.read(2_000);
	answer(0);
	t.like(await flow, { upBytes: 2_000, outcome: { cause: 'client_limit_reached' } });
});

test('a way out that is direct sends nothing before it is open', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const { port } = await served(t, { exit: { allow_private: true, ports: 'all' } });
	const client = await connectRaw(t, port);
	client.write(Buffer.concat([handshakeOf('socks5', '127.0.0.1', origin.port), Buffer.from('one')]));
	t.true((await readReply(client, 'socks5')).granted);
	t.is(String(await client.read(3)), 'one');
});
