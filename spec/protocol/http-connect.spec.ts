import { deepStrictEqual } from 'node:assert/strict';
import { inspect } from 'node:util';
import test from 'ava';
import fc from 'fast-check';
import { CODES, type Code, GatewayError } from '../../lib/core/error.ts';
import { type Target, targetOfHost } from '../../lib/core/target.ts';
import { HttpConnectClient, HttpServer } from '../../lib/protocol/http-connect.ts';
import { proxyErrorOf } from '../../lib/protocol/http-refusal.ts';
import {
	assertAnyCut,
	assertBearsGarbage,
	bytewise,
	converse,
	type Event,
	type Make,
	type Owner,
	play,
	playAllWays,
} from '../helpers/dialogue.ts';

const open: Make = () => new HttpServer({ authRequired: false });
const guarded: Make = () => new HttpServer({ authRequired: true });
const REJECT: Owner = { authenticate: () => ({ kind: 'rejected' }) };

const HEAD_BYTES = 65_536;

function lines(...text: readonly string[]): Buffer {
	return Buffer.from(`${text.join('\r\n')}\r\n\r\n`, 'latin1');
}

function target(host: string, port: number): Target {
	return targetOfHost(host, port) as Target;
}

const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n';
/** alice:secret */
const ALICE = 'Proxy-Authorization: Basic YWxpY2U6c2VjcmV0';
const CHALLENGE = 'HTTP/1.1 407 Proxy Authentication Required';

// RFC 9110 section 9.3.6
const CONNECT = lines('CONNECT example.com:443 HTTP/1.1', 'Host: example.com:443');
const CONNECT_ALICE = lines('CONNECT example.com:443 HTTP/1.1', 'Host: example.com:443', ALICE);
const GET = lines('GET http://example.com/ HTTP/1.1', 'Host: example.com');
const GET_ALICE = lines('GET http://example.com/ HTTP/1.1', 'Host: example.com', ALICE);
const TUNNEL = { kind: 'tunnel', target: target('example.com', 443) } as const;

const CORPUS: readonly Buffer[] = [
	CONNECT,
	CONNECT_ALICE,
	GET,
	lines('CONNECT [2001:db8::1]:22 HTTP/1.0'),
	lines('POST http://example.com/ HTTP/1.1', 'Host: example.com', 'Content-Length: 3'),
	lines('GET / HTTP/1.1', 'Host: example.com'),
	lines('CONNECT example.com HTTP/1.1', 'Host: example.com'),
];

/** Status line of what was sent, or ''. */
function statusOf(sent: Buffer): string {
	return sent.toString('latin1').split('\r\n')[0] as string;
}

test('server: CONNECT opens a tunnel and says yes when it is open', (t) => {
	const told = playAllWays(t, open, CONNECT);
	t.deepEqual(told.events, [
		{ open: TUNNEL },
		{ send: Buffer.from(ESTABLISHED).toString('hex') },
		{ established: '' },
	] satisfies Event[]);
	t.is(told.protocol, 'connect');
});

test('server: what the clients of the field send is understood', (t) => {
	const heads = {
		curl: ['CONNECT h.test:1 HTTP/1.1', 'Host: h.test:1', 'User-Agent: curl/7.88.1', 'Proxy-Connection: Keep-Alive'],
		openssh: ['CONNECT h.test:1 HTTP/1.0'],
		'old Windows': ['CONNECT h.test:1 HTTP/1.0', 'Host: h.test', 'Content-Length: 0', 'Pragma: no-cache'],
		'a hand-written one': ['CONNECT h.test:1 HTTP/1.1'],
		chromium: ['CONNECT h.test:1 HTTP/1.1', 'Host: h.test:1', 'Proxy-Connection: keep-alive', 'User-Agent: x'],
	};
	for (const [client, head] of Object.entries(heads)) {
		const told = play(open(), [lines(...head)]);
		t.deepEqual([told.end, told.intent], ['established', { kind: 'tunnel', target: target('h.test', 1) }], client);
	}
});

test('server: payload sent with the request is early data', (t) => {
	const told = play(open(), [Buffer.concat([CONNECT, Buffer.from('\x16\x03\x01')])]);
	t.is(told.early.toString('latin1'), '\x16\x03\x01');
	const codec = open();
	codec.receive(Buffer.concat([CONNECT, Buffer.from('abc')]));
	codec.next();
	t.is(codec.heldBytes, 3, 'payload alone is held while the tunnel opens');
});

test('server: any other request is left unread for the exchange', (t) => {
	for (const head of [
		GET,
		lines('POST http://example.com/ HTTP/1.1', 'Host: example.com', 'Transfer-Encoding: chunked'),
		lines('OPTIONS http://example.com HTTP/1.1', 'Host: example.com'),
		lines('BREW http://example.com/ HTTP/1.0'),
	]) {
		const told = playAllWays(t, open, head);
		t.deepEqual(told.events, [{ open: { kind: 'exchange' } }, { established: head.toString('hex') }]);
		t.is(told.protocol, 'http');
	}
});

test('server: credentials are asked about as sent, on an open gateway too', (t) => {
	for (const make of [open, guarded]) {
		for (const head of [CONNECT_ALICE, GET_ALICE]) {
			const told = playAllWays(t, make, head);
			t.deepEqual(told.events[0], { authenticate: { user: 'alice', password: 'secret' } });
			t.is(told.end, 'established');
		}
	}
});

test('server: who shows nothing is asked about only when users are configured', (t) => {
	t.is(play(open(), [GET]).credentials, undefined);
	t.is(play(guarded(), [GET]).credentials, null);
	t.is(play(open(), [lines('GET http://a/ HTTP/1.1', 'Host: a', 'Proxy-Authorization: Bearer x')]).end, 'established');
});

test('server: a refused CONNECT ends its connection, whatever was sent behind it', (t) => {
	for (const behind of ['', 'GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n']) {
		const told = playAllWays(t, guarded, Buffer.concat([CONNECT_ALICE, Buffer.from(behind)]), REJECT);
		t.is(told.end, 'fail');
		t.is(told.error?.code, 'authentication_required');
		t.regex(told.sent.toString('latin1'), /^HTTP\/1\.1 407 .*\r\nConnection: close\r\n.*\r\n\r\n$/s);
		t.is(told.sent.toString('latin1').split(CHALLENGE).length, 2);
	}
});

test('server: a refused request without a body may be followed by a better one', (t) => {
	const second = Buffer.concat([GET, GET_ALICE]);
	const owner: Owner = {
		authenticate: (credentials) => (credentials === null ? { kind: 'rejected' } : { kind: 'authenticated' }),
	};
	const told = playAllWays(t, guarded, second, owner);
	t.is(told.end, 'established');
	t.is(told.early.toString('latin1'), GET_ALICE.toString('latin1'));
	t.is(
		told.sent.toString('latin1'),
		`${CHALLENGE}\r\nProxy-Authenticate: Basic realm="proxy", charset="UTF-8"\r\n` +
			'Connection: keep-alive\r\nContent-Length: 0\r\n\r\n',
	);
	const tunnel = playAllWays(t, guarded, Buffer.concat([GET, CONNECT_ALICE]), owner);
	t.deepEqual([tunnel.end, tunnel.protocol, tunnel.intent], ['established', 'connect', TUNNEL]);
});

test('server: the third refusal ends the connection', (t) => {
	const told = play(guarded(), [Buffer.concat([GET, GET_ALICE, GET_ALICE, GET])], REJECT);
	t.deepEqual([told.end, told.error?.code], ['fail', 'authentication_required']);
	t.is(told.sent.toString('latin1').split(CHALLENGE).length, 4);
	t.is(told.sent.toString('latin1').split('Connection: close').length, 2);
});

test('server: a refused request that leaves something behind ends its connection', (t) => {
	for (const head of [
		['POST http://example.com/ HTTP/1.1', 'Host: example.com', 'Content-Length: 3'],
		['POST http://example.com/ HTTP/1.1', 'Host: example.com', 'Transfer-Encoding: chunked'],
		['GET http://example.com/ HTTP/1.1', 'Host: example.com', 'Connection: close'],
		['GET http://example.com/ HTTP/1.0', 'Host: example.com'],
	]) {
		t.is(play(guarded(), [lines(...head)], REJECT).end, 'fail', head.join());
	}
	const kept = lines('GET http://example.com/ HTTP/1.0', 'Proxy-Connection: keep-alive');
	t.is(play(guarded(), [kept], REJECT).end, 'read');
});

test('server: credentials that cannot be read are wrong without asking, on an open gateway too', (t) => {
	for (const make of [open, guarded]) {
		const told = play(make(), [lines('CONNECT a:1 HTTP/1.1', 'Proxy-Authorization: Basic %%%')]);
		t.deepEqual([told.end, told.error?.code, told.credentials], ['fail', 'authentication_required', undefined]);
		t.is(statusOf(told.sent), CHALLENGE);
	}
});

const REFUSED: readonly (readonly [what: string, head: readonly string[], status: number, code: Code])[] = [
	['origin-form', ['GET / HTTP/1.1', 'Host: a'], 400, 'http_request_error'],
	['an asterisk', ['OPTIONS * HTTP/1.1', 'Host: a'], 400, 'http_request_error'],
	['TRACE', ['TRACE http://a/ HTTP/1.1', 'Host: a'], 405, 'http_request_denied'],
	['https', ['GET https://a/ HTTP/1.1', 'Host: a'], 400, 'http_request_error'],
	['userinfo', ['GET http://u@a/ HTTP/1.1', 'Host: a'], 400, 'http_request_error'],
	['CONNECT without a port', ['CONNECT a HTTP/1.1', 'Host: a'], 400, 'http_request_error'],
	['CONNECT with a length', ['CONNECT a:1 HTTP/1.1', 'Content-Length: 3'], 400, 'http_request_error'],
	['CONNECT with chunks', ['CONNECT a:1 HTTP/1.1', 'Transfer-Encoding: chunked'], 400, 'http_request_error'],
	[
		'two lengths',
		['GET http://a/ HTTP/1.1', 'Host: a', 'Content-Length: 1', 'Content-Length: 1'],
		400,
		'http_request_error',
	],
	['no Host', ['GET http://a/ HTTP/1.1'], 400, 'http_request_error'],
	['a space before a colon', ['GET http://a/ HTTP/1.1', 'Host : a'], 400, 'http_request_error'],
	['HTTP/2', ['PRI * HTTP/2.0'], 400, 'http_request_error'],
	['another protocol', ['EHLO a'], 400, 'http_request_error'],
];

for (const [what, head, status, code] of REFUSED) {
	test(`server: ${what} is answered with ${status} before anybody is asked`, (t) => {
		for (const make of [open, guarded]) {
			const told = playAllWays(t, make, lines(...head));
			t.deepEqual([told.end, told.error?.code, told.events.length], ['fail', code, 2]);
			t.is(told.error?.side, 'client');
			t.is(told.error?.phase, 'handshake');
			t.true(statusOf(told.sent).startsWith(`HTTP/1.1 ${status} `), statusOf(told.sent));
		}
	});
}

test('server: what is no head is refused at its first line', (t) => {
	for (const text of ['EHLO a\r\n', 'SSH-2.0-x\r\n', 'GET / HTTP/1.1\n', 'GET \x00', 'USER a b c d\r\n']) {
		const told = play(open(), bytewise(Buffer.from(text, 'latin1')));
		t.is(told.end, 'fail', text);
		t.is(statusOf(told.sent), 'HTTP/1.1 400 Bad Request');
	}
});

test('server: a head over 64 KiB is answered with 431, a request line with 414', (t) => {
	const fields = Buffer.from(`GET http://a/ HTTP/1.1\r\nHost: a\r\nCookie: ${'c'.repeat(HEAD_BYTES)}`);
	t.is(statusOf(play(open(), [fields]).sent), 'HTTP/1.1 431 Request Header Fields Too Large');
	t.is(
		statusOf(play(open(), [Buffer.from(`GET http://a/${'a'.repeat(HEAD_BYTES)}`)]).sent),
		'HTTP/1.1 414 URI Too Long',
	);
	const many = lines('GET http://a/ HTTP/1.1', 'Host: a', ...Array.from({ length: 200 }, () => 'a: b'));
	t.is(statusOf(play(open(), [many]).sent), 'HTTP/1.1 431 Request Header Fields Too Large');
	const large = lines('GET http://a/ HTTP/1.1', 'Host: a', `Cookie: ${'c'.repeat(60_000)}`);
	t.is(play(open(), [large]).end, 'established');
	t.is(play(open(), [large, Buffer.alloc(60_000)]).end, 'established', 'a body does not count');
});

for (const code of CODES) {
	test(`server: ${code} is said by its status, and nothing comes behind it`, (t) => {
		const error = new GatewayError(code, { side: 'target', retryAfterMs: 1500 });
		for (const head of [CONNECT, GET]) {
			const told = playAllWays(t, open, head, { open: () => ({ kind: 'failed', error }) });
			t.is(told.error, error);
			t.regex(told.sent.toString('latin1'), /^HTTP\/1\.1 [45]\d\d .*\r\nRetry-After: 2\r\nConnection: close\r\n/s);
		}
	});
}

test('server: input cut anywhere is the same input', (t) => {
	assertAnyCut(t, open, [...CORPUS, Buffer.concat([CONNECT, Buffer.from('early')])]);
	assertAnyCut(t, guarded, [Buffer.concat([GET, GET_ALICE, Buffer.from('early')]), CONNECT_ALICE]);
	const half: Owner = { authenticate: (shown) => ({ kind: shown ? 'authenticated' : 'rejected' }) };
	assertAnyCut(
		t,
		guarded,
		[Buffer.concat([GET, GET, GET_ALICE]), Buffer.concat([CONNECT, GET_ALICE]), GET_ALICE],
		half,
	);
});

test('server: garbage neither throws nor goes on for ever', (t) => {
	assertBearsGarbage(t, open, CORPUS, HEAD_BYTES);
	assertBearsGarbage(t, guarded, [CONNECT_ALICE, GET_ALICE], HEAD_BYTES, REJECT);
});

test('server: what a client sends never appears in an error', (t) => {
	const told = play(guarded(), [CONNECT_ALICE], REJECT);
	t.notRegex(inspect(told.error, { depth: 9 }), /alice|secret|YWxp|example/);
});

const alice = { user: 'alice', password: 'secret' };

function client(host: string, credentials?: { user: string; password: string }): Make {
	const options = { target: target(host, 443) };
	return () => new HttpConnectClient(credentials ? { ...options, credentials } : options);
}

test('client: asks with nothing but what is needed', (t) => {
	const asks = (make: Make) => play(make(), []).sent.toString('latin1');
	t.is(asks(client('example.com')), 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n');
	t.is(asks(client('192.0.2.7')), 'CONNECT 192.0.2.7:443 HTTP/1.1\r\nHost: 192.0.2.7:443\r\n\r\n');
	t.is(asks(client('2001:db8::1')), 'CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n');
	t.is(
		asks(client('example.com', alice)),
		`CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n${ALICE}\r\n\r\n`,
	);
});

test('client: credentials that Basic cannot say are a fault of the configuration', (t) => {
	const told = play(client('example.com', { user: 'a:b', password: 'secret' })(), []);
	t.deepEqual([told.error?.code, told.error?.side, told.sent.length], ['proxy_configuration_error', 'gateway', 0]);
});

const REPLIES: readonly Buffer[] = [
	lines('HTTP/1.1 200 Connection established'),
	lines('HTTP/1.0 200 OK', 'Proxy-agent: x'),
	lines('HTTP/1.1 200'),
	lines('HTTP/1.1 204 No Content'),
	// To be ignored on a 2xx: RFC 9110 section 9.3.6
	lines('HTTP/1.1 200 OK', 'Content-Length: 5', 'Transfer-Encoding: chunked'),
	Buffer.concat([lines('HTTP/1.1 100 Continue'), lines('HTTP/1.1 103 Early', 'A: b'), lines('HTTP/1.1 200 OK')]),
];

for (const reply of REPLIES) {
	test(`client: ${JSON.stringify(reply.toString('latin1'))} is a yes`, (t) => {
		const told = playAllWays(t, client('example.com'), reply);
		t.is(told.end, 'established');
		t.is(
			play(client('example.com')(), [Buffer.concat([reply, Buffer.from('220 banner')])]).early.toString(),
			'220 banner',
		);
	});
}

const SAYS_NO: readonly (readonly [reply: readonly string[], code: Code, side: string, retry: string])[] = [
	[['HTTP/1.1 403 Forbidden'], 'http_request_denied', 'hop', 'next'],
	[['HTTP/1.1 407 Proxy Authentication Required'], 'hop_unavailable', 'hop', 'next'],
	[['HTTP/1.1 429 Too Many Requests'], 'connection_limit_reached', 'hop', 'next'],
	[['HTTP/1.1 500 Unable to connect'], 'hop_unavailable', 'hop', 'next'],
	[['HTTP/1.1 302 Found', 'Location: http://login.example/'], 'hop_unavailable', 'hop', 'next'],
	// A bare status is a guess about the target: another hop may tell better.
	[['HTTP/1.1 502 Bad Gateway'], 'connection_refused', 'target', 'next'],
	[['HTTP/1.1 503 Service Unavailable'], 'destination_unavailable', 'target', 'next'],
	[['HTTP/1.1 504 Gateway Timeout'], 'connection_timeout', 'target', 'next'],
	// Said in words it is believed.
	[['HTTP/1.1 502 x', 'Proxy-Status: gateway; error=connection_refused'], 'connection_refused', 'target', 'no'],
	[['HTTP/1.1 502 x', 'Proxy-Status: p; error=destination_not_found'], 'destination_not_found', 'target', 'no'],
	[['HTTP/1.1 504 x', 'Proxy-Status: p; error=dns_timeout'], 'dns_timeout', 'hop', 'next'],
	[['HTTP/1.1 403 x', 'Proxy-Status: p; error=destination_ip_prohibited'], 'destination_ip_prohibited', 'hop', 'next'],
	// But not about us, nor in words of our own.
	[['HTTP/1.1 400 x', 'Proxy-Status: p; error=http_request_error'], 'hop_unavailable', 'hop', 'next'],
	[['HTTP/1.1 500 x', 'Proxy-Status: p; error=proxy_internal_error'], 'hop_unavailable', 'hop', 'next'],
	[['HTTP/1.1 502 x', 'Proxy-Status: p; error=authentication_required'], 'connection_refused', 'target', 'next'],
	[['HTTP/1.1 403 x', 'Proxy-Status: p; error=client_limit_reached'], 'http_request_denied', 'hop', 'next'],
	[['HTTP/1.1 403 x', 'Proxy-Status: p; error=no_such_word'], 'http_request_denied', 'hop', 'next'],
];

for (const [reply, code, side, retry] of SAYS_NO) {
	test(`client: ${reply.join(' | ')} is ${code} of the ${side}`, (t) => {
		const told = playAllWays(t, client('example.com'), lines(...reply));
		t.deepEqual(
			[told.end, told.error?.code, told.error?.side, told.error?.retry, told.error?.phase],
			['fail', code, side, retry, 'hop'],
		);
	});
}

test('client: a hop that wants other credentials is told apart in the log', (t) => {
	t.is(play(client('example.com')(), [lines('HTTP/1.1 407 x')]).error?.note, 'credentials refused');
});

test('client: a hop that speaks something else is of no use', (t) => {
	const switching = lines('HTTP/1.1 101 Switching Protocols');
	const interim = Buffer.concat(Array.from({ length: 5 }, () => lines('HTTP/1.1 100 Continue')));
	const large = Buffer.from(`HTTP/1.1 200 OK\r\nA: ${'a'.repeat(17_000)}`);
	for (const reply of [switching, interim, large, Buffer.from('SSH-2.0-x\r\n'), Buffer.from('HTTP/1.1 200 OK\n\n')]) {
		const told = play(client('example.com')(), [reply]);
		t.deepEqual([told.end, told.error?.code, told.error?.retry], ['fail', 'hop_unavailable', 'next']);
	}
});

test('client: replies cut anywhere are the same replies', (t) => {
	assertAnyCut(t, client('example.com'), [...REPLIES, ...SAYS_NO.map(([reply]) => lines(...reply))]);
});

test('client: garbage neither throws nor goes on for ever', (t) => {
	assertBearsGarbage(t, client('example.com', alice), REPLIES.slice(0, 3), HEAD_BYTES);
});

test('client: no error holds credentials or the target', (t) => {
	for (const [reply] of SAYS_NO) {
		const { error } = play(client('example.com', alice)(), [lines(...reply)]);
		t.notRegex(inspect(error, { depth: 9 }), /alice|secret|YWxp|example\.com/);
	}
});

test('a client and a server understand each other, however their bytes are cut', (t) => {
	const hosts = fc.constantFrom('example.com', '192.0.2.7', '2001:db8::1', 'a_b.example', 'xn--4ca.example');
	const word = fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)) });
	const cases = fc.tuple(hosts, fc.integer({ min: 1, max: 65_535 }), fc.option(fc.tuple(word, word)), fc.boolean());
	const property = fc.property(cases, ([host, port, login, whole]) => {
		const credentials = login ? { user: login[0].replaceAll(':', ''), password: login[1] } : null;
		const wanted = target(host, port);
		const left = new HttpConnectClient(credentials ? { target: wanted, credentials } : { target: wanted });
		const right = new HttpServer({ authRequired: credentials !== null });
		const pair = converse(right, left, {}, whole ? undefined : bytewise);
		deepStrictEqual([pair.client.end, pair.server.end], ['established', 'established']);
		deepStrictEqual(pair.server.intent, { kind: 'tunnel', target: wanted });
		deepStrictEqual(pair.server.credentials, credentials ? { ...credentials } : undefined);
	});
	t.notThrows(() => fc.assert(property, { numRuns: 300 }));
});

/** What a gateway behind a gateway hears other than what was said: causes that lie at the first one, seen from afar. */
const HEARD: Partial<Record<Code, Code>> = {
	http_request_error: 'hop_unavailable',
	proxy_internal_error: 'hop_unavailable',
	proxy_configuration_error: 'hop_unavailable',
	authentication_required: 'hop_unavailable',
	command_unsupported: 'hop_unavailable',
	address_type_unsupported: 'hop_unavailable',
	handshake_timeout: 'connection_timeout',
	handshake_malformed: 'hop_unavailable',
};

for (const code of CODES) {
	test(`${code} at a gateway behind ours is heard as ${HEARD[code] ?? proxyErrorOf(code)}`, (t) => {
		const owner: Owner = { open: () => ({ kind: 'failed', error: new GatewayError(code) }) };
		const { client: heard } = converse(open(), client('example.com')(), owner);
		t.is(heard.error?.code, HEARD[code] ?? (proxyErrorOf(code) as Code));
	});
}
