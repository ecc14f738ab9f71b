// The requests that are tried over plain HTTP: what clients write, what identifies them, and every form that a proxy that
// reads and writes messages anew would change.
import type { Canaries } from './canaries.ts';
import { IDENTIFYING_FIELDS, PLANTED_FIELDS } from './fields.ts';
import { type Line, type Probe, poison, probeOf, type Request } from './probe.ts';

/** Fields in one request: below what proxies take, and few enough that one which is refused for a field hides few others. */
const AT_ONCE = 24;

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** What an origin says to who does not stay, and to who has to be told that it may. */
const CLOSING: Request = { reply: 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok', ends: true };
const STAYING = 'HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok';

const CHROMIUM_TAIL = [
	'Upgrade-Insecure-Requests: 1',
	'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
	'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8',
	'Accept-Encoding: gzip, deflate',
	'Accept-Language: en-US,en;q=0.9',
	'Cookie: a=1; b=2',
] as const;

const direct = (text: string): Line => ({ text, on: 'direct' });
const either = (text: string): Line => ({ text, on: 'either' });

/** What programs send to a proxy, and what the same ones send to an origin. */
const CLIENTS: readonly (readonly [name: string, request: Request])[] = [
	[
		'curl',
		{ lines: ['Host: {host}', 'User-Agent: curl/8.5.0', 'Accept: */*', poison('Proxy-Connection: Keep-Alive')] },
	],
	[
		'Chromium',
		{
			lines: [
				'Host: {host}',
				poison('Proxy-Connection: keep-alive'),
				direct('Connection: keep-alive'),
				...CHROMIUM_TAIL,
			],
		},
	],
	[
		'Firefox',
		{
			lines: [
				'Host: {host}',
				'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
				'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
				'Accept-Language: en-US,en;q=0.5',
				'Accept-Encoding: gzip, deflate',
				'Connection: keep-alive',
				'Upgrade-Insecure-Requests: 1',
				'Priority: u=0, i',
			],
		},
	],
	[
		'wget',
		{
			lines: [
				'Host: {host}',
				'User-Agent: Wget/1.21.3',
				'Accept: */*',
				'Accept-Encoding: identity',
				'Connection: Keep-Alive',
				poison('Proxy-Connection: Keep-Alive'),
			],
		},
	],
	['apt', { lines: ['Host: {host}', 'User-Agent: Debian APT-HTTP/1.3 (2.6.1)', 'Cache-Control: max-age=0'] }],
	['a client that closes', { lines: ['Connection: close'], ...CLOSING }],
	['HTTP/1.0', { version: '1.0', lines: ['User-Agent: x'], ...CLOSING }],
	['HTTP/1.0 that stays', { version: '1.0', lines: ['Connection: Keep-Alive'], reply: STAYING }],
];

/** What is the client's own, in every odd form. */
const FORMS: readonly (readonly [name: string, request: Request])[] = [
	['odd case and order', { lines: ['accept:*/*', 'hOST: {host}', 'X-b: 1', 'x-A: 2', 'USER-AGENT: x', 'cookie: z=1'] }],
	[
		'odd spacing',
		{ lines: ['X-None:a', 'X-Two:  b', 'X-Tab:\tc', 'X-Behind: d ', 'X-In: e  f', 'X-Empty:', 'X-Blank: '] },
	],
	['duplicates', { lines: ['Accept: a/b', 'X-D: 1', 'Accept: c/d', 'x-d: 2', 'Cookie: a=1', 'Cookie: b=2', 'X-D: 1'] }],
	['bytes above ASCII', { lines: ['X-Latin: \xfc\xe9', 'X-Utf8: \xe2\x82\xac'] }],
	['odd names', { lines: ["X!#$%&'*+.^_`|~1: a", 'X_Under: b', '1: c'] }],
	['secrets of the client', { lines: ['Authorization: Basic eDp5', 'Cookie: session=1', 'Referer: http://{host}/'] }],
	['caches', { lines: ['Cache-Control: no-cache', 'Pragma: no-cache', 'If-None-Match: "1"', 'Range: bytes=0-'] }],
	['an odd path', { path: '/{id}//a/../b/./%7e%7E%2f?q=%20|^{}&&=+' }],
	['an empty query', { path: '/{id}?' }],
	['a scheme in capitals', { prefix: 'HTTP://{host}' }],
	['HEAD', { method: 'HEAD', reply: 'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n' }],
	['OPTIONS', { method: 'OPTIONS' }],
	['DELETE', { method: 'DELETE' }],
	['PROPFIND', { method: 'PROPFIND', lines: ['Depth: 1'] }],
	['a method of nobody', { method: 'Xyzzy' }],
	['POST', { method: 'POST', lines: ['Content-Type: x/y', 'content-length:  10'], body: '\0\r\n\r\n\xff end' }],
	['PUT of nothing', { method: 'PUT', lines: ['Content-Length: 0'] }],
	[
		'chunks',
		{
			method: 'POST',
			lines: ['transfer-encoding:chunked'],
			body: '5\r\nhello\r\n00A;x="y"\r\n0123456789\r\n0\r\n\r\n',
		},
	],
	[
		'tiny chunks',
		{ method: 'PUT', lines: ['Transfer-Encoding: chunked'], body: `${'1\r\nx\r\n'.repeat(40)}0\r\n\r\n` },
	],
	[
		'trailers',
		{
			method: 'POST',
			lines: ['Transfer-Encoding: chunked', 'Trailer: X-Sum'],
			body: '1\r\na\r\n0;e\r\nx-SUM:  1 \r\n\r\n',
		},
	],
	['GET with a body', { lines: ['Content-Length: 3'], body: 'abc' }],
	['DELETE in chunks', { method: 'DELETE', lines: ['Transfer-Encoding: chunked'], body: '3\r\nabc\r\n0\r\n\r\n' }],
	[
		'100 (Continue)',
		{ method: 'POST', lines: ['Content-Length: 3', 'Expect: 100-continue'], body: 'abc', waits: true },
	],
];

/** Answers in every form; what came back is compared, too. */
const REPLIES: readonly (readonly [name: string, reply: string, ends?: boolean])[] = [
	[
		'a reply in odd forms',
		'HTTP/1.1 203 Odd  one\r\nx-B:1\r\nX-b:  2 \r\nserver: \xfc\r\nContent-Length: 2\r\nX-b: 3\r\n\r\nab',
	],
	['a reply without a phrase', 'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n'],
	[
		'a reply in chunks',
		'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nab\r\n01\r\nc\r\n0\r\nx-Sum:1\r\n\r\n',
	],
	['a reply up to the close', 'HTTP/1.1 200 OK\r\nconnection:Close\r\n\r\nabc', true],
	['a hint before the reply', `HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=next\r\n\r\n${OK}`],
	['no content', 'HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n'],
	['not modified', 'HTTP/1.1 304 Not Modified\r\nX-A: 1\r\n\r\n'],
	['a redirect', 'HTTP/1.1 302 Found\r\nLocation: /else?a=%20\r\nContent-Length: 0\r\n\r\n'],
	['a failure', 'HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 1\r\n\r\nx'],
];

/** All probes of plain HTTP. `login`: the client has credentials of its own for the proxy, and no others are tried. */
export function httpProbes(canaries: Canaries, login: boolean): Probe[] {
	const probe = (name: string, request: Request): Probe => probeOf(name, canaries.id(), request);
	return [
		...CLIENTS.map(([name, request]) => probe(name, request)),
		...FORMS.map(([name, request]) => probe(name, request)),
		...identifying(canaries, login).map(([name, request]) => probe(name, request)),
		...hopByHop(canaries).map(([name, request]) => probe(name, request)),
		...REPLIES.map(([name, reply, ends = false]) => probe(name, { reply, ends })),
		probe('what an origin plants', { reply: planted(canaries.seed) }),
		probe('WebSocket', WEBSOCKET),
	];
}

/** RFC 6455 section 1.3: the key and the accept of its example. */
const WEBSOCKET: Request = {
	lines: [
		'Upgrade: websocket',
		'Connection: Upgrade',
		'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
		'Sec-WebSocket-Version: 13',
		'Origin: http://{host}',
	],
	reply:
		'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n',
	upgrade: true,
};

function identifying(canaries: Canaries, login: boolean): (readonly [string, Request])[] {
	const fields = IDENTIFYING_FIELDS.filter(([name]) => !login || name !== 'Proxy-Authorization');
	const line = (name: string, index: number): string => {
		const [field, content] = fields[index] as (typeof fields)[number];
		return `${name}: ${canaries.valueFor(field, content)}`;
	};
	const parts = Array.from({ length: Math.ceil(fields.length / AT_ONCE) }, (_, part) => part * AT_ONCE);
	return parts.flatMap((from) => {
		const names = fields.slice(from, from + AT_ONCE).map(([name]) => name);
		const lines = (change: (name: string) => string): Line[] =>
			names.map((name, i) => poison(line(change(name), from + i)));
		return [
			[`identifying fields from ${names[0]} on`, { lines: ['User-Agent: x', ...lines((name) => name), 'Accept: */*'] }],
			[
				`the same, their case swapped, from ${names[0]} on`,
				{ lines: ['User-Agent: x', ...lines(swapped), 'Accept: */*'] },
			],
		] as const;
	});
}

function swapped(name: string): string {
	return name.replace(/[a-z]/gi, (letter) => (/[a-z]/.test(letter) ? letter.toUpperCase() : letter.toLowerCase()));
}

/** What is for one hop, and what must not be made into that. */
function hopByHop(canaries: Canaries): (readonly [string, Request])[] {
	const trailer = `x-forwarded-for: ${canaries.valueFor('X-Forwarded-For (trailer)', 'address')}\r\n`;
	const body = (trailers: string): string => `1\r\na\r\n0\r\n${trailers}X-Sum: 1\r\n\r\n`;
	const named = (name: string): Line => poison(`${name}: ${canaries.wordFor(name)}`);
	return [
		[
			'fields that Connection names',
			{
				lines: [
					poison('Connection: keep-alive, X-Hop-One , x-hop-two'),
					direct('Connection: keep-alive'),
					named('X-Hop-One'),
					'X-Stays: 1',
					named('X-HOP-TWO'),
				],
			},
		],
		[
			'fields that Connection must not name',
			{
				lines: [
					poison('Connection: close, Cookie, Authorization, Host, User-Agent'),
					direct('Connection: close'),
					'User-Agent: x',
					'Cookie: a=1',
					'Authorization: Basic eDp5',
				],
				...CLOSING,
			},
		],
		[
			'fields of a hop',
			{ lines: [named('Keep-Alive'), either('TE: gzip'), either('Max-Forwards: 9'), named('HTTP2-Settings')] },
		],
		['another Host', { lines: [poison('Host: {id}.example.org'), direct('Host: {host}'), 'Accept: */*'] }],
		['a user in the address', { prefix: `http://judge:${canaries.wordFor('userinfo')}@{host}` }],
		[
			'trailers that identify',
			{ method: 'POST', lines: ['Transfer-Encoding: chunked'], body: body(trailer), directBody: body('') },
		],
	];
}

function planted(seed: string): string {
	const lines = PLANTED_FIELDS.map(([name, value]) => `${name}: ${value.replaceAll('{}', `p${seed}`)}`);
	return ['HTTP/1.1 200 OK', ...lines, 'Content-Length: 2', '', 'ok'].join('\r\n');
}

/** What is tried inside a tunnel: a request that is full of what identifies, every byte of which is the client's own. */
export function tunnelProbes(canaries: Canaries): Probe[] {
	const lines = IDENTIFYING_FIELDS.map(([name, content]) => `${name}: ${canaries.valueFor(name, content)}`);
	return [
		probeOf('a request in the tunnel', canaries.id(), {
			lines: ['hOST: {host}', 'Connection: X-Hop', 'X-Hop: 1', ...lines],
		}),
		probeOf('WebSocket in the tunnel', canaries.id(), WEBSOCKET),
	];
}
