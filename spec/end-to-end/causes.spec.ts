// Every cause of failure that can be made to happen, told truthfully in every protocol: straight, and brought back through
// one hop of each kind. The tables are what a client sees; lib/protocol/causes.ts is not asked.
import test, { type ExecutionContext } from 'ava';
import { startDns } from '../helpers/dns-server.ts';
import { type GatewayProcess, startGateway } from '../helpers/gateway-process.ts';
import { handshakeOf, type Login, PROTOCOLS, type Reply, readReply, type WireProtocol } from '../helpers/handshakes.ts';
import { startDanted, startMicrosocks, startTinyproxy } from '../helpers/hops.ts';
import { needs } from '../helpers/programs.ts';
import { connectRaw } from '../helpers/raw-client.ts';
import { type Scope, scopeOfFile } from '../helpers/scope.ts';
import { mute, refusingPort, resetAtFirstByte, startBlackhole, startTcpOrigin } from '../helpers/tcp-origins.ts';

/** SOCKS4 CD, SOCKS5 REP, HTTP status. */
type Codes = readonly [cd: number, rep: number, status: number];

const OPEN = ['--allow-private', '--allow-ports', 'all'];
const NAMED: readonly WireProtocol[] = ['socks4a', 'socks5h', 'connect', 'http'];
const LOGIN: Login = { user: 'somebody', password: 'right' };

/** Not 90, not 0, not 200: what is answered when nothing went wrong. */
const REFUSED: Codes = [91, 5, 502];
const NO_SUCH_NAME: Codes = [91, 4, 502];
const DNS_TIMEOUT: Codes = [91, 4, 504];
const CONNECT_TIMEOUT: Codes = [91, 6, 504];
const DENIED: Codes = [91, 2, 403];
const LIMITED: Codes = [91, 2, 429];
const FULL: Codes = [91, 1, 503];
const HOP: Codes = [91, 1, 503];
/** What is left of any cause behind a SOCKS4 hop, which has one word for all. */
const UNAVAILABLE: Codes = [91, 4, 503];

const scope: Scope = scopeOfFile(test);
/** Answers NXDOMAIN, but for slow.test, where it is silent. */
const dns = startDns(scope, ({ name }) => (name === 'slow.test' ? undefined : { rcode: 3 }));
const blackhole: Promise<number> = startBlackhole(scope);
const refusing: Promise<number> = refusingPort();

/** A gateway that gives up soon and asks our DNS server. */
async function gatewayWith(at: Scope, args: string[], dial = '3s', more = ''): Promise<GatewayProcess> {
	const resolver = `[resolver]\nservers = ["${(await dns).address}"]\ntimeout = "1s"\n`;
	return startGateway(at, args, { config: `${resolver}[timeouts]\ndial = "${dial}"\n${more}` });
}

const open: Promise<GatewayProcess> = gatewayWith(scope, OPEN);

interface Ask {
	readonly host: string;
	readonly port: number;
	readonly login?: Login;
}

/** The refusal of one request. */
async function ask(t: ExecutionContext, gateway: GatewayProcess, protocol: WireProtocol, what: Ask): Promise<Reply> {
	const client = await connectRaw(t, gateway.port);
	client.write(handshakeOf(protocol, what.host, what.port, what.login));
	const reply = await readReply(client, protocol);
	t.false(reply.granted, protocol);
	return reply;
}

function codeFor(protocol: WireProtocol, [cd, rep, status]: Codes): number {
	if (protocol.startsWith('socks4')) return cd;
	return protocol.startsWith('socks5') ? rep : status;
}

/** Asks by each protocol at once and compares. */
async function allSay(
	t: ExecutionContext,
	gateway: GatewayProcess,
	codes: Codes,
	what: Ask,
	protocols: readonly WireProtocol[] = PROTOCOLS,
): Promise<void> {
	const replies = await Promise.all(protocols.map((protocol) => ask(t, gateway, protocol, what)));
	const said = protocols.map((protocol, i) => `${protocol} ${replies[i]!.code}`);
	t.deepEqual(
		said,
		protocols.map((protocol) => `${protocol} ${codeFor(protocol, codes)}`),
	);
}

const HERE = '127.0.0.1';

/** Causes that lie at the target's end: what makes each, and which protocols can ask for it. */
const AT_TARGET: Readonly<Record<string, { ask: () => Promise<Ask>; protocols?: readonly WireProtocol[] }>> = {
	refused: { ask: async () => ({ host: HERE, port: await refusing }) },
	'no such name': { ask: async () => ({ host: 'gone.test', port: 80 }), protocols: NAMED },
	'a silent DNS server': { ask: async () => ({ host: 'slow.test', port: 80 }), protocols: NAMED },
	'a silent target': { ask: async () => ({ host: HERE, port: await blackhole }) },
	'the policy on addresses': { ask: async () => ({ host: '127.66.0.1', port: 80 }) },
};

/** Through a second gateway, which is as open as the first but for one prefix. */
const THROUGH: Readonly<Record<string, Readonly<Record<string, Codes>>>> = {
	direct: {
		refused: REFUSED,
		'no such name': NO_SUCH_NAME,
		'a silent DNS server': DNS_TIMEOUT,
		'a silent target': CONNECT_TIMEOUT,
	},
	socks4a: {
		refused: UNAVAILABLE,
		'no such name': UNAVAILABLE,
		'a silent DNS server': UNAVAILABLE,
		'a silent target': UNAVAILABLE,
		'the policy on addresses': UNAVAILABLE,
	},
	socks5: {
		refused: REFUSED,
		'no such name': UNAVAILABLE,
		'a silent DNS server': UNAVAILABLE,
		'a silent target': CONNECT_TIMEOUT,
		'the policy on addresses': DENIED,
	},
	http: {
		refused: REFUSED,
		'no such name': NO_SUCH_NAME,
		'a silent DNS server': DNS_TIMEOUT,
		'a silent target': CONNECT_TIMEOUT,
		'the policy on addresses': DENIED,
	},
};

const CAREFUL = '[[rule]]\nname = "careful"\naction = "deny"\naddress = ["127.66.0.0/16"]\n';
const second: Promise<GatewayProcess> = gatewayWith(scope, OPEN, '3s', CAREFUL);

for (const [route, causes] of Object.entries(THROUGH)) {
	const gateway =
		route === 'direct'
			? open
			: second.then((hop) => gatewayWith(scope, [...OPEN, '-F', `${route}://${hop.address}`], '6s'));
	for (const [cause, codes] of Object.entries(causes)) {
		test(`${route}: ${cause}`, async (t) => {
			const { ask, protocols } = AT_TARGET[cause]!;
			await allSay(t, await gateway, codes, await ask(), protocols);
		});
	}
}

needs(test, 'microsocks')('a microsocks hop: refused, and a silent target', async (t) => {
	const gateway = await gatewayWith(t, [...OPEN, '-F', (await startMicrosocks(t)).url]);
	await allSay(t, gateway, REFUSED, { host: HERE, port: await refusing });
	await allSay(t, gateway, CONNECT_TIMEOUT, { host: HERE, port: await blackhole });
});

needs(test, 'danted')('a dante hop by SOCKS4: refused, and a silent target', async (t) => {
	const gateway = await gatewayWith(t, [...OPEN, '-F', (await startDanted(t)).url]);
	await allSay(t, gateway, UNAVAILABLE, { host: HERE, port: await refusing });
	await allSay(t, gateway, CONNECT_TIMEOUT, { host: HERE, port: await blackhole });
});

needs(test, 'tinyproxy')('a tinyproxy hop, which says 500 to everything: refused, and a silent target', async (t) => {
	const gateway = await gatewayWith(t, [...OPEN, '-F', (await startTinyproxy(t)).url]);
	await allSay(t, gateway, HOP, { host: HERE, port: await refusing });
	await allSay(t, gateway, CONNECT_TIMEOUT, { host: HERE, port: await blackhole });
});

for (const kind of ['socks4a', 'socks5', 'http']) {
	test(`a ${kind} hop that is down`, async (t) => {
		const gateway = await gatewayWith(t, [...OPEN, '-F', `${kind}://127.0.0.1:${await refusing}`]);
		await allSay(t, gateway, HOP, { host: HERE, port: 80 });
	});

	test(`a ${kind} hop that speaks something else`, async (t) => {
		const hop = await startTcpOrigin(t, (socket) => socket.write('SSH-2.0-hop\r\n'));
		const gateway = await gatewayWith(t, [...OPEN, '-F', `${kind}://127.0.0.1:${hop.port}`]);
		await allSay(t, gateway, HOP, { host: HERE, port: 80 });
	});

	test(`a ${kind} hop that takes the request and is silent`, async (t) => {
		const hop = await startTcpOrigin(t, mute);
		const gateway = await gatewayWith(t, [...OPEN, '-F', `${kind}://127.0.0.1:${hop.port}`]);
		await allSay(t, gateway, CONNECT_TIMEOUT, { host: HERE, port: 80 });
	});
}

needs(test, 'microsocks')('a hop that wants other credentials', async (t) => {
	const hop = await startMicrosocks(t, LOGIN);
	const right = await gatewayWith(t, [...OPEN, '-F', hop.url]);
	await allSay(t, right, REFUSED, { host: HERE, port: await refusing });
	const wrong = await gatewayWith(t, [...OPEN, '-F', hop.url.replace('right', 'wrong')]);
	await allSay(t, wrong, HOP, { host: HERE, port: await refusing });
});

test('the policy on addresses and on ports', async (t) => {
	await allSay(t, await gatewayWith(t, []), DENIED, { host: HERE, port: 80 });
	await allSay(t, await gatewayWith(t, ['--allow-private']), DENIED, { host: HERE, port: 25 });
});

test('a target that resets a plain HTTP request', async (t) => {
	const origin = await startTcpOrigin(t, resetAtFirstByte);
	t.is((await ask(t, await open, 'http', { host: HERE, port: origin.port })).code, 502);
});

test('credentials that are missing or wrong', async (t) => {
	const gateway = await gatewayWith(t, [...OPEN, '--user', `${LOGIN.user}:${LOGIN.password}`]);
	const what = { host: HERE, port: await refusing };
	await allSay(t, gateway, [93, 255, 407], what);
	await allSay(t, gateway, [93, 1, 407], { ...what, login: { ...LOGIN, password: 'wrong' } });
	await allSay(t, gateway, REFUSED, { ...what, login: LOGIN }, ['socks5', 'socks5h', 'connect', 'http']);
});

/** Those of one gateway share limits, and each has its own part of the ceilings, which is one at least. */
const PROCESSES = Number(process.env.BAUTA_WORKERS ?? 1);

test('a client over its limit, and a gateway that is full', async (t) => {
	const what = { host: HERE, port: await refusing };
	for (const [limit, most, codes] of [
		['connections_open', 1, LIMITED],
		['total_connections', PROCESSES, FULL],
	] as const) {
		const gateway = await gatewayWith(t, OPEN, '3s', `[limits]\n${limit} = 1\n`);
		const holding = await startTcpOrigin(t);
		for (let open = 0; open < most; ) {
			const client = await connectRaw(t, gateway.port);
			client.write(handshakeOf('socks5', HERE, holding.port));
			const { granted } = await readReply(client, 'socks5');
			t.true(granted || open > 0);
			if (granted) open++;
		}
		await allSay(t, gateway, codes, what);
		if (codes === LIMITED)
			t.regex((await ask(t, gateway, 'connect', what)).bytes.toString(), /\r\nRetry-After: \d+\r\n/i);
	}
});

/** Bytes of a request that asks for what is not served, and how that is said. */
const UNSERVED: readonly (readonly [what: string, protocol: WireProtocol, bytes: string, code: number])[] = [
	['a command that does not exist', 'socks4', '04 03 0050 7f000001 00', 91],
	['a command that does not exist', 'socks5', '05 01 00 05 09 00 01 7f000001 0050', 7],
	['an address type that does not exist', 'socks5', '05 01 00 05 01 00 02 7f000001 0050', 8],
	['only methods that are not served', 'socks5', '05 01 01', 255],
];

for (const [what, protocol, bytes, code] of UNSERVED) {
	test(`${protocol}: ${what}`, async (t) => {
		const client = await connectRaw(t, (await open).port);
		client.write(Buffer.from(bytes.replaceAll(' ', ''), 'hex'));
		t.is((await readReply(client, protocol)).code, code);
		t.is((await client.readToEnd()).ending, 'fin');
	});
}

const BAD_HEADS: readonly (readonly [head: string, status: number])[] = [
	['TRACE http://127.0.0.1/ HTTP/1.1\r\nHost: x\r\n\r\n', 405],
	['CONNECT 127.0.0.1 HTTP/1.1\r\nHost: x\r\n\r\n', 400],
	['GET http://user@127.0.0.1/ HTTP/1.1\r\nHost: x\r\n\r\n', 400],
	['GET / HTTP/1.1\r\nHost: x\r\n\r\n', 400],
];

for (const [head, status] of BAD_HEADS) {
	test(`http: ${head.split('\r\n')[0]} is answered with ${status}`, async (t) => {
		const client = await connectRaw(t, (await open).port);
		client.write(head);
		t.is((await readReply(client, 'http')).code, status);
	});
}

test('a handshake that takes too long is closed, and in HTTP answered with 408 once it has begun', async (t) => {
	// Long enough for a busy machine to read what was sent before it is over; all wait for it together.
	const gateway = await startGateway(t, OPEN, { config: '[timeouts]\nhandshake = "2s"\n' });
	const cases: readonly (readonly [bytes: string, answer: RegExp])[] = [
		['', /^$/],
		['\x05', /^$/],
		['\x04\x01', /^$/],
		['CONNECT ', /^HTTP\/1\.1 408 /],
	];
	const answerTo = async (bytes: string): Promise<string> => {
		const client = await connectRaw(t, gateway.port);
		if (bytes !== '') client.write(Buffer.from(bytes, 'latin1'));
		const { bytes: answer, ending } = await client.readToEnd();
		t.is(ending, 'fin');
		return answer.toString();
	};
	const answers = await Promise.all(cases.map(([bytes]) => answerTo(bytes)));
	for (const [i, [, answer]] of cases.entries()) t.regex(answers[i]!, answer);
});
