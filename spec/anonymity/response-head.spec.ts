import test from 'ava';
import fc from 'fast-check';
import type { ResponseOptions } from '../../lib/anonymity/response-head.ts';
import { linesToClient, passedBack, responseHead } from '../helpers/heads.ts';

test('a response passes as the origin wrote it, status line, Alt-Svc, Via and all', (t) => {
	const lines = [
		'HTTP/1.1 200  Fine \u00fc',
		'server: x',
		'Date: Mon, 23 Nov 2026 12:00:00 GMT',
		'Set-Cookie: a=1',
		'SET-COOKIE:b=2 ',
		'Alt-Svc: h3=":443"',
		'Via: 1.1 cdn',
		'X-Forwarded-For: 192.0.2.1',
		'Proxy-Status: cdn; error=dns_timeout',
		'Transfer-Encoding: chunked',
		'Trailer: Server-Timing',
		'Content-Length:  5',
	];
	t.deepEqual(linesToClient(responseHead(...lines)), lines);
});

const HOPS = ['Keep-Alive: timeout=5', 'Proxy-Connection: keep-alive', 'TE: gzip', 'Upgrade: h2,h2c'];

for (const line of [...HOPS, 'Proxy-Authenticate: Basic realm="x"', 'Proxy-Authentication-Info: x']) {
	test(`${line} of an origin is not for the client`, (t) =>
		t.deepEqual(passedBack(['A: 1', line, 'B: 2']), ['A: 1', 'B: 2']));
}

test('what the origin nominates goes no further, but for what is guarded', (t) => {
	const lines = [
		'Connection: X-One, close, Set-Cookie',
		'X-One: 1',
		'Set-Cookie: a=1',
		'Connection: content-length',
		'Content-Length: 0',
	];
	t.deepEqual(passedBack(lines), ['Set-Cookie: a=1', 'Content-Length: 0']);
});

const CONNECTIONS: readonly (readonly [
	what: string,
	origin: string[],
	options: Partial<ResponseOptions>,
	client: string[],
])[] = [
	['a kept connection needs no word', ['A: 1'], {}, ['A: 1']],
	['a kept connection is not said to close', ['Connection: close', 'A: 1'], {}, ['A: 1']],
	['a word that is true stays', ['Connection: Keep-Alive', 'A: 1'], {}, ['Connection: Keep-Alive', 'A: 1']],
	['a word that is true stays', ['connection:CLOSE', 'A: 1'], { keepAlive: false }, ['connection:CLOSE', 'A: 1']],
	['a close is said', ['A: 1'], { keepAlive: false }, ['A: 1', 'Connection: close']],
	['a close is said in place', ['connection: keep-alive', 'A: 1'], { keepAlive: false }, ['connection: close', 'A: 1']],
	['a close is said once', ['Connection: x', 'Connection: y'], { keepAlive: false }, ['Connection: close']],
	['an option of the hop goes', ['Connection: Upgrade, Keep-Alive', 'Upgrade: h2c'], {}, ['Connection: Keep-Alive']],
	['an HTTP/1.0 client is told', ['A: 1'], { clientMinor: 0 }, ['A: 1', 'Connection: keep-alive']],
	['an HTTP/1.0 client is told', ['Connection: close'], { clientMinor: 0 }, ['Connection: keep-alive']],
	[
		'an HTTP/1.0 client hears of no chunks',
		['Transfer-Encoding: chunked', 'Trailer: A'],
		{ clientMinor: 0, keepAlive: false },
		['Connection: close'],
	],
];

for (const [what, origin, options, client] of CONNECTIONS) {
	test(`${what}: ${origin.join(' / ')} and ${JSON.stringify(options)}`, (t) =>
		t.deepEqual(passedBack(origin, options), client));
}

test('an HTTP/1.0 response on a kept connection says so', (t) => {
	const head = responseHead('HTTP/1.0 200 OK', 'Content-Length: 0');
	t.deepEqual(linesToClient(head), ['HTTP/1.0 200 OK', 'Content-Length: 0', 'Connection: keep-alive']);
});

test('an interim response says nothing of the connection', (t) => {
	const head = responseHead('HTTP/1.1 103 Early Hints', 'Link: </a>; rel=preload', 'Connection: close');
	for (const keepAlive of [true, false]) {
		t.deepEqual(linesToClient(head, { keepAlive }), ['HTTP/1.1 103 Early Hints', 'Link: </a>; rel=preload']);
	}
});

test('a 101 keeps its Connection and Upgrade in place', (t) => {
	const lines = [
		'HTTP/1.1 101 Switching Protocols',
		'Upgrade: websocket',
		'connection:Upgrade',
		'Sec-WebSocket-Accept: x',
	];
	t.deepEqual(linesToClient(responseHead(...lines), { upgrade: true }), lines);
	t.deepEqual(linesToClient(responseHead(...lines)), [lines[0], lines[3]]);
});

test('a level that shows the proxy shows it to the client too', (t) => {
	t.deepEqual(passedBack(['Via: 1.1 cdn'], { level: 'anonymous' }), ['Via: 1.1 cdn', 'Via: 1.1 proxy']);
	const old = responseHead('HTTP/1.0 200 OK');
	t.is(linesToClient(old, { level: 'transparent', keepAlive: false }).at(-1), 'Via: 1.0 proxy');
});

test('whatever the origin says, the client hears of its own connection what is so', (t) => {
	const option = fc.constantFrom('keep-alive', 'Close', 'Upgrade', 'X-A', '', 'Set-Cookie');
	const line = fc.oneof(
		fc.array(option, { maxLength: 3 }).map((options) => `Connection: ${options.join(', ')}`),
		fc.constantFrom('X-A: 1', 'Set-Cookie: a', 'Keep-Alive: timeout=1'),
	);
	const cases = fc.tuple(fc.array(line, { maxLength: 6 }), fc.boolean(), fc.constantFrom(0 as const, 1 as const));
	const property = fc.property(cases, ([lines, keepAlive, clientMinor]) => {
		const sent = passedBack(lines, { keepAlive, clientMinor });
		const said = sent
			.filter((sentLine) => /^connection:/i.test(sentLine))
			.join()
			.toLowerCase();
		const passes = sent.filter((sentLine) => !/^connection:/i.test(sentLine));
		t.is(said.includes('close'), !keepAlive);
		if (keepAlive && clientMinor === 0) t.true(said.includes('keep-alive'));
		t.notRegex(said, /upgrade|x-a|cookie/);
		t.deepEqual(
			passes,
			lines.filter((own) => passes.includes(own)),
		);
	});
	t.notThrows(() => fc.assert(property, { numRuns: 1_000 }));
});
