import test, { type ExecutionContext } from 'ava';
import { type ConfigInput, createGateway, type Flow, type Gateway, type GatewayOptions } from '../lib/index.ts';
import { connectRaw, type RawClient } from './helpers/raw-client.ts';
import { startTcpOrigin, type TcpOrigin } from './helpers/tcp-origins.ts';
import { ask as askSocks, associate, readSocksReply, udpEnd } from './helpers/udp.ts';

/** 65,000 addresses of loopback: two that are chosen apart are two. */
const OPEN: ConfigInput = {
	listen: ['127.0.0.1:0'],
	exit: { allow_private: true, ports: 'all' },
	egress: { source: ['127.7.0.0/16'] },
};

async function started(t: ExecutionContext, input: ConfigInput = {}, options: GatewayOptions = {}): Promise<number> {
	const gateway: Gateway = createGateway({ ...OPEN, ...input }, options);
	await gateway.start();
	t.teardown(() => gateway.close());
	return Number(gateway.addresses[0]?.split(':').at(-1));
}

/** Answers each request with the address that asked. */
function startMirror(t: ExecutionContext): Promise<TcpOrigin> {
	return startTcpOrigin(t, (socket) => {
		socket.on('data', () => {
			const body = `${socket.remoteAddress};`;
			socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
		});
	});
}

const basic = (user: string, password = 'x') => Buffer.from(`${user}:${password}`).toString('base64');
const ask = (port: number) => `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;

async function answer(client: RawClient): Promise<string> {
	await client.readUntil('\r\n\r\n');
	return (await client.readUntil(';')).toString().slice(0, -1);
}

/** By which address a name leaves, in each protocol. */
const PROTOCOLS: Readonly<Record<string, (client: RawClient, user: string, port: number) => Promise<string>>> = {
	async socks5(client, user, port) {
		client.write(Buffer.from([5, 2, 0, 2]));
		if ((await client.read(2))[1] !== 2) throw new Error('the name was not asked for');
		client.write(Buffer.concat([Buffer.from([1, user.length]), Buffer.from(user), Buffer.from([1, 120])]));
		if ((await client.read(2))[1] !== 0) throw new Error('the name was refused');
		client.write(Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 255]));
		if ((await client.read(10))[1] !== 0) throw new Error('refused');
		client.write(ask(port));
		return answer(client);
	},
	async socks4(client, user, port) {
		client.write(Buffer.concat([Buffer.from([4, 1, port >> 8, port & 255, 127, 0, 0, 1]), Buffer.from(`${user}\0`)]));
		if ((await client.read(8))[1] !== 90) throw new Error('refused');
		client.write(ask(port));
		return answer(client);
	},
	async connect(client, user, port) {
		const to = `127.0.0.1:${port}`;
		client.write(`CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\nProxy-Authorization: Basic ${basic(user)}\r\n\r\n`);
		await client.readUntil('\r\n\r\n');
		client.write(ask(port));
		return answer(client);
	},
	async http(client, user, port) {
		const to = `127.0.0.1:${port}`;
		client.write(`GET http://${to}/ HTTP/1.1\r\nHost: ${to}\r\nProxy-Authorization: Basic ${basic(user)}\r\n\r\n`);
		return answer(client);
	},
};

async function exitOf(t: ExecutionContext, gateway: number, protocol: string, user: string, origin: number) {
	return PROTOCOLS[protocol]!(await connectRaw(t, gateway), user, origin);
}

test('a session leaves by one address in every protocol, another one by another, and without one each dial by its own', async (t) => {
	const origin = await startMirror(t);
	const gateway = await started(t);
	const first = await exitOf(t, gateway, 'socks5', 'web-session-a', origin.port);
	for (const protocol of Object.keys(PROTOCOLS)) {
		t.is(await exitOf(t, gateway, protocol, 'web-session-a', origin.port), first, protocol);
		t.not(await exitOf(t, gateway, protocol, `web-session-${protocol}`, origin.port), first, protocol);
		t.not(await exitOf(t, gateway, protocol, 'other-session-a', origin.port), first, protocol);
		const plain = await exitOf(t, gateway, protocol, 'web', origin.port);
		t.not(await exitOf(t, gateway, protocol, 'web', origin.port), plain, protocol);
	}
});

test('the session of one request on a kept-alive connection is not that of the next', async (t) => {
	const origin = await startMirror(t);
	const client = await connectRaw(t, await started(t));
	const exits: string[] = [];
	for (const user of ['w-session-a', 'w-session-b', 'w-session-a', null, null, 'w-session-b']) {
		const line = user === null ? '' : `Proxy-Authorization: Basic ${basic(user)}\r\n`;
		const to = `127.0.0.1:${origin.port}`;
		client.write(`GET http://${to}/ HTTP/1.1\r\nHost: ${to}\r\n${line}\r\n`);
		exits.push(await answer(client));
	}
	const [a, b, again, none, other, last] = exits;
	t.deepEqual([again, last], [a, b]);
	t.is(new Set([a, b, none, other]).size, 4);
});

test('the time of a session ends on kept connections, too', async (t) => {
	const origin = await startMirror(t);
	const client = await connectRaw(t, await started(t));
	const exits = new Set<string>();
	// In use all the time: nothing but the time of the session can end it.
	while (exits.size < 2) exits.add(await PROTOCOLS.http!(client, 'w-session-a-ttl-1s', origin.port));
	t.is(origin.sockets.length, 2, 'kept while it lasted');
});

test('a session that slides lasts while requests come, and is dialled for each', async (t) => {
	const origin = await startMirror(t);
	const client = await connectRaw(t, await started(t));
	const exits = new Set<string>();
	for (let i = 0; i < 5; i++) exits.add(await PROTOCOLS.http!(client, 'w-session-a-ttl-10s-sliding', origin.port));
	t.deepEqual([exits.size, origin.sockets.length], [1, 5]);
});

test('a user is the name without its session, for authentication, rules, hooks and records', async (t) => {
	const origin = await startMirror(t);
	const flows: Flow[] = [];
	const users = { list: ['alice-1:x', 'bob:x'] };
	const gateway = await started(
		t,
		{
			users,
			rule: [
				{ action: 'allow', user: ['alice-1'], session: ['crawl*'] },
				{ action: 'deny', user: ['alice-1'] },
			],
		},
		{ hooks: { connected: (flow) => void flows.push(flow) } },
	);
	await exitOf(t, gateway, 'http', 'alice-1-session-crawl7', origin.port);
	t.is(flows[0]?.user, 'alice-1');
	t.like(flows[0]?.session, { name: 'crawl7', ttlMs: 600_000 });
	await t.throwsAsync(exitOf(t, gateway, 'socks5', 'alice-1-session-x', origin.port), { message: 'refused' });
	const bobs = await exitOf(t, gateway, 'connect', 'bob-session-crawl7', origin.port);
	t.is(await exitOf(t, gateway, 'socks5', 'bob-session-crawl7', origin.port), bobs);
	t.not(
		bobs,
		await exitOf(t, gateway, 'http', 'alice-1-session-crawl7', origin.port),
		'nobody joins another\u2019s session',
	);
});

/** The status that a request with these credentials gets. */
async function statusOf(t: ExecutionContext, gateway: number, user: string, password: string): Promise<string> {
	const client = await connectRaw(t, gateway);
	const login = `Proxy-Authorization: Basic ${basic(user, password)}`;
	client.write(`CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: 127.0.0.1:1\r\n${login}\r\n\r\n`);
	return (await client.readUntil('\r\n')).toString().split(' ')[1]!;
}

test('what is wrong behind a name is said to its user alone', async (t) => {
	const gateway = await started(t, { users: { list: ['alice:x'] } });
	t.is(await statusOf(t, gateway, 'alice-session-a-colour-red', 'x'), '403');
	t.is(await statusOf(t, gateway, 'alice-session-a-colour-red', 'wrong'), '407');
	t.is(await statusOf(t, gateway, 'nobody-session-a-colour-red', 'x'), '407');
	t.is(await statusOf(t, gateway, 'alice-session-a-ttl-2d', 'x'), '403');
	t.is(await statusOf(t, gateway, 'alice-session-a', 'x'), '502', 'refused by the target');
});

test('a wish for an exit is fulfilled by a rule or refused', async (t) => {
	const origin = await startMirror(t);
	const gateway = await started(t, {
		source: [{ tag: 'lower', from: ['127.8.8.8'] }],
		rule: [{ action: 'allow', exit: ['low'], route: 'lower' }],
	});
	t.is(await exitOf(t, gateway, 'http', 'web-exit-low', origin.port), '127.8.8.8');
	t.is(await exitOf(t, gateway, 'socks4', 'web-cc-low', origin.port), '127.8.8.8');
	t.is(await statusOf(t, gateway, 'web-exit-high', 'x'), '403');
	await t.throwsAsync(exitOf(t, gateway, 'socks5', 'web-exit-high', origin.port), { message: 'refused' });
});

test('without a separator a name is a name, and SOCKS5 asks for none', async (t) => {
	const origin = await startMirror(t);
	const gateway = await started(t, { session: { separator: '' } });
	await t.throwsAsync(exitOf(t, gateway, 'socks5', 'web-session-a', origin.port), {
		message: 'the name was not asked for',
	});
	const one = await exitOf(t, gateway, 'http', 'web-session-a', origin.port);
	t.not(await exitOf(t, gateway, 'http', 'web-session-a', origin.port), one);
});

test('in a group a session keeps its member through a reload, and a wish is for a member of that tag', async (t) => {
	const origin = await startMirror(t);
	const tags = Array.from({ length: 16 }, (_, i) => `s${i + 1}`);
	const input: ConfigInput = {
		...OPEN,
		egress: {},
		source: tags.map((tag, i) => ({ tag, from: [`127.9.${i + 1}.0/24`] })),
		group: [{ tag: 'pool', members: tags }],
	};
	const gateway = createGateway(input);
	await gateway.start();
	t.teardown(() => gateway.close());
	const port = Number(gateway.addresses[0]?.split(':').at(-1));
	const exit = (user: string) => exitOf(t, port, 'http', user, origin.port);
	const first = await exit('web-session-a');
	const others = new Set<string>();
	for (let i = 0; i < 8; i++) {
		t.is(await exit('web-session-a'), first);
		others.add((await exit('web')).split('.')[2]!);
	}
	t.true(others.size > 1);
	await gateway.reload({ ...input, timeouts: { idle: '1h' } });
	t.is(await exit('web-session-a'), first);
	t.regex(await exit('web-exit-s7'), /^127\.9\.7\./);
	const refused = await connectRaw(t, port);
	refused.write(`CONNECT 127.0.0.1:1 HTTP/1.1\r\nProxy-Authorization: Basic ${basic('web-exit-s17')}\r\n\r\n`);
	t.regex((await refused.readUntil('\r\n')).toString(), / 403 /);
});

test('datagrams leave from the sources, too, and a peer is waited for there', async (t) => {
	for (const native of [true, false]) {
		const port = await started(t, { io: { native } });
		const there = await udpEnd(t);
		for (let i = 0; i < 3; i++) {
			const client = await associate(t, port);
			await client.send('127.0.0.1', there.port, 'x');
			t.regex((await there.take()).from.address, /^127\.7\./, String(native));
			client.control.end();
		}
		const bind = await readSocksReply(await askSocks(t, port, 2, [1, 127, 0, 0, 1, 0, 21]));
		t.is(bind.rep, 0);
		t.regex(bind.host, /^127\.7\./);
	}
});
