import { deepStrictEqual } from 'node:assert/strict';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { GatewayError } from '../../lib/core/error.ts';
import {
	firstValue,
	HEAD_TOO_LARGE,
	hasToken,
	headBytes,
	keepsAlive,
	LINE_TOO_LONG,
	type RequestHead,
	RequestHeadReader,
	type ResponseHead,
	ResponseHeadReader,
	readRequestHead,
	readResponseHead,
	valuesOf,
} from '../../lib/protocol/http1-head.ts';
import { bytewise, cutAt } from '../helpers/dialogue.ts';

function bytes(text: string): Buffer {
	return Buffer.from(text, 'latin1');
}

function requestOf(t: ExecutionContext, text: string): RequestHead {
	const head = readRequestHead(bytes(text));
	if (head === null || head instanceof GatewayError) return t.fail(head?.note ?? 'more') as never;
	return head;
}

function responseOf(t: ExecutionContext, text: string): ResponseHead {
	const head = readResponseHead(bytes(text));
	if (head === null || head instanceof GatewayError) return t.fail(head?.note ?? 'more') as never;
	return head;
}

/** What a reader says to bytes that come in these pieces; it is called until it gives something other than null. */
function readPieces<R>(reader: { read(all: Buffer): R | null }, pieces: readonly Buffer[]): R | null {
	let all = Buffer.alloc(0);
	for (const piece of pieces) {
		all = Buffer.concat([all, piece]);
		const result = reader.read(all);
		if (result !== null) return result;
	}
	return null;
}

/** Results compare by content; errors by code and note. */
function plain(result: unknown): unknown {
	return result instanceof GatewayError ? { code: result.code, note: result.note, side: result.side } : result;
}

const FIREFOX = [
	'GET http://www.example.com/a?b=c HTTP/1.1',
	'Host: www.example.com',
	'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
	'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
	'Accept-Language: en-US,en;q=0.5',
	'Accept-Encoding: gzip, deflate',
	'Connection: keep-alive',
	'Cookie: a=b; c="d"',
	'Upgrade-Insecure-Requests: 1',
	'Priority: u=0, i',
];

test('a request head is read with its fields in order, as received and as understood', (t) => {
	const text = `${FIREFOX.join('\r\n')}\r\n\r\n`;
	const head = requestOf(t, `${text}the next bytes`);
	t.is(head.method, 'GET');
	t.is(head.target, 'http://www.example.com/a?b=c');
	t.is(head.minor, 1);
	t.is(head.length, text.length);
	t.deepEqual(
		head.fields.map((field) => field.line),
		FIREFOX.slice(1),
	);
	t.deepEqual(head.fields[6], { name: 'cookie', value: 'a=b; c="d"', line: 'Cookie: a=b; c="d"' });
});

test('a response head is read with its status line as received', (t) => {
	const text = 'HTTP/1.1 404 Not  Found\r\nServer: x\r\nSet-Cookie: a\r\nset-cookie: b\r\n\r\n';
	const head = responseOf(t, `${text}body`);
	t.is(head.status, 404);
	t.is(head.reason, 'Not  Found');
	t.is(head.minor, 1);
	t.is(head.line, 'HTTP/1.1 404 Not  Found');
	t.is(head.length, text.length);
	t.deepEqual(valuesOf(head.fields, 'set-cookie'), ['a', 'b']);
});

test('white space around a value is not of the value and stays in the line', (t) => {
	const { fields } = requestOf(t, 'GET / HTTP/1.0\r\nA:b\r\nC: \t d e \t\r\nF:\r\nG: \t \r\nH:::\r\n\r\n');
	t.deepEqual(
		fields.map(({ name, value }) => [name, value]),
		[
			['a', 'b'],
			['c', 'd e'],
			['f', ''],
			['g', ''],
			['h', '::'],
		],
	);
	t.is(fields[1]!.line, 'C: \t d e \t');
});

test('bytes 80-FF are kept in values and reasons, one character a byte', (t) => {
	const high = Array.from({ length: 128 }, (_, i) => String.fromCharCode(128 + i)).join('');
	t.is(requestOf(t, `GET / HTTP/1.1\r\nA: ${high}\r\n\r\n`).fields[0]!.value, high);
	t.is(responseOf(t, `HTTP/1.1 200 ${high}\r\n\r\n`).reason, high);
});

test('every token character may be in a name and in a method', (t) => {
	const token = "!#$%&'*+-.^_`|~0123456789ABCXYZabcxyz";
	t.is(requestOf(t, `GET / HTTP/1.1\r\n${token}: x\r\n\r\n`).fields[0]!.name, token.toLowerCase());
	for (const char of token) t.is(requestOf(t, `${char}X / HTTP/1.1\r\n\r\n`).method, `${char}X`);
});

test('the printable characters that browsers leave in a path are taken', (t) => {
	const target = '/a|b^c{d}e`f"g<h>i\\j[k]l%m';
	t.is(requestOf(t, `GET ${target} HTTP/1.1\r\n\r\n`).target, target);
});

test('one empty line before a request is passed over and counted', (t) => {
	t.is(requestOf(t, '\r\nGET / HTTP/1.1\r\n\r\n').length, 20);
	t.is(requestOf(t, '\r\nGET / HTTP/1.1\r\nA: b\r\n\r\n').fields[0]!.line, 'A: b');
});

test('a head without fields is a head', (t) => {
	t.deepEqual(requestOf(t, 'GET / HTTP/1.0\r\n\r\n').fields, []);
	t.deepEqual(responseOf(t, 'HTTP/1.0 200 OK\r\n\r\n').fields, []);
});

test('a status line may end behind its code, with the space or without', (t) => {
	t.is(responseOf(t, 'HTTP/1.1 200\r\n\r\n').reason, '');
	t.is(responseOf(t, 'HTTP/1.1 200 \r\n\r\n').reason, '');
	t.is(responseOf(t, 'HTTP/1.0 999 \r\n\r\n').status, 999);
});

/** Lines with what is wrong in them; each is refused in a request. */
const BAD_LINES: Readonly<Record<string, string>> = {
	'a bare LF behind a field': 'A: b\nC: d',
	'a bare CR in a value': 'A: b\rC: d',
	'CR LF written LF CR': 'A: b\n\rC: d',
	'two CR before LF': 'A: b\r\r\nC: d',
	'NUL in a value': 'A: b\0c',
	'a control byte in a value': 'A: b\x01c',
	'DEL in a value': 'A: b\x7fc',
	'vertical tab before a value': 'A:\x0bb',
	'a folded line': 'A: b\r\n c',
	'a line folded by a tab': 'A: b\r\n\tc',
	'white space before the first field': ' A: b',
	'white space before the colon': 'A : b',
	'a tab before the colon': 'A\t: b',
	'white space in a name': 'A B: c',
	'an empty name': ': b',
	'a line without a colon': 'A',
	'NUL in a name': 'A\0: b',
	'a byte over 7F in a name': 'A\xe9: b',
	'a separator in a name': 'A(b): c',
	'a quote in a name': '"A": b',
};

for (const [what, line] of Object.entries(BAD_LINES)) {
	test(`${what} is refused, in a request and in a response`, (t) => {
		const request = readRequestHead(bytes(`GET / HTTP/1.1\r\n${line}\r\n\r\n`));
		t.true(request instanceof GatewayError && request.code === 'http_request_error' && request.side === 'client');
		const response = readResponseHead(bytes(`HTTP/1.1 200 OK\r\n${line}\r\n\r\n`));
		t.true(response instanceof GatewayError && response.code === 'http_protocol_error' && response.side === 'target');
	});
}

const BAD_REQUEST_LINES: Readonly<Record<string, string>> = {
	'two spaces before the target': 'GET  / HTTP/1.1',
	'two spaces before the version': 'GET /  HTTP/1.1',
	'a space in the target': 'GET /a b HTTP/1.1',
	'a tab in the target': 'GET /a\tb HTTP/1.1',
	'a tab for a space': 'GET\t/ HTTP/1.1',
	'a space behind the version': 'GET / HTTP/1.1 ',
	'a space before the method': ' GET / HTTP/1.1',
	'a target with a byte over 7F': 'GET /\xe9 HTTP/1.1',
	'a target with a control byte': 'GET /\x01 HTTP/1.1',
	'a target with DEL': 'GET /\x7f HTTP/1.1',
	'a target with NUL': 'GET /\0 HTTP/1.1',
	'no target': 'GET HTTP/1.1',
	'an empty target': 'GET  HTTP/1.1',
	'no version': 'GET /',
	'no method': ' / HTTP/1.1',
	'a method that is no token': 'GE(T / HTTP/1.1',
	'a method of 33 characters': `${'M'.repeat(33)} / HTTP/1.1`,
	'HTTP/0.9': 'GET / HTTP/0.9',
	'HTTP/1.2': 'GET / HTTP/1.2',
	'HTTP/2.0': 'PRI * HTTP/2.0',
	'HTTP/1.10': 'GET / HTTP/1.10',
	'HTTP/01.1': 'GET / HTTP/01.1',
	'a version in lower case': 'GET / http/1.1',
	'another protocol': 'OPTIONS / RTSP/1.0',
	'a bare CR in the line': 'GET / \rHTTP/1.1',
	'a status line': 'HTTP/1.1 200 OK',
};

for (const [what, line] of Object.entries(BAD_REQUEST_LINES)) {
	test(`a request line with ${what} is refused before the head is complete`, (t) => {
		const result = readRequestHead(bytes(`${line}\r\n`));
		t.true(result instanceof GatewayError && result.code === 'http_request_error', String(plain(result)));
	});
}

const BAD_STATUS_LINES: readonly string[] = [
	'HTTP/1.1  200 OK',
	'HTTP/1.1 20 OK',
	'HTTP/1.1 2000 OK',
	'HTTP/1.1 200OK',
	'HTTP/1.1 099 OK',
	'HTTP/1.0 100 Continue',
	'HTTP/1.1 +20 OK',
	'HTTP/1.1 2x0 OK',
	'HTTP/1.1 200\tOK',
	'HTTP/1.1',
	'HTTP/1.1 ',
	'HTTP/1.2 200 OK',
	'HTTP/2.0 200 OK',
	'HTTP/0.9 200 OK',
	'http/1.1 200 OK',
	'ICY 200 OK',
	' HTTP/1.1 200 OK',
	'HTTP/1.1 200 O\x01K',
	'HTTP/1.1 200 O\0K',
	'HTTP/1.1 200 O\rK',
	'SSH-2.0-x',
	'',
];

for (const line of BAD_STATUS_LINES) {
	test(`the status line ${JSON.stringify(line)} is refused before the head is complete`, (t) => {
		const result = readResponseHead(bytes(`${line}\r\n`));
		t.true(result instanceof GatewayError && result.code === 'http_protocol_error', String(plain(result)));
	});
}

test('two empty lines before a request, or one that ends in LF, are refused', (t) => {
	for (const text of ['\r\n\r\nGET / HTTP/1.1\r\n\r\n', '\nGET / HTTP/1.1\r\n\r\n', '\r\rGET / HTTP/1.1\r\n\r\n']) {
		t.true(readRequestHead(bytes(text)) instanceof GatewayError, JSON.stringify(text));
	}
});

test('a head that ends in LF LF, or in CRLF CR, is none', (t) => {
	t.true(readRequestHead(bytes('GET / HTTP/1.1\n\n')) instanceof GatewayError);
	t.true(readRequestHead(bytes('GET / HTTP/1.1\r\n\n')) instanceof GatewayError);
	t.true(readRequestHead(bytes('GET / HTTP/1.1\r\n\rX')) instanceof GatewayError);
	t.is(readRequestHead(bytes('GET / HTTP/1.1\r\n\r')), null);
});

test('a head over the limit is told apart by what is too long', (t) => {
	const limits = { maxBytes: 64 };
	const line = readRequestHead(bytes(`GET /${'a'.repeat(64)}`), limits);
	t.deepEqual(plain(line), { code: 'http_request_error', note: LINE_TOO_LONG, side: 'client' });
	const fields = readRequestHead(bytes(`GET / HTTP/1.1\r\nA: ${'a'.repeat(64)}`), limits);
	t.deepEqual(plain(fields), { code: 'http_request_error', note: HEAD_TOO_LARGE, side: 'client' });
	for (const text of [`HTTP/1.1 200 ${'a'.repeat(64)}`, `HTTP/1.1 200 OK\r\nA: ${'a'.repeat(64)}`]) {
		const response = readResponseHead(bytes(text), limits);
		t.true(response instanceof GatewayError && response.code === 'http_response_header_section_size');
	}
});

test('a head of exactly the limit is taken, one byte more is not', (t) => {
	const text = `GET / HTTP/1.1\r\nA: ${'a'.repeat(30)}\r\n\r\n`;
	t.false(readRequestHead(bytes(text), { maxBytes: text.length }) instanceof GatewayError);
	t.true(readRequestHead(bytes(text), { maxBytes: text.length - 1 }) instanceof GatewayError);
	t.true(readRequestHead(bytes(text.slice(0, -1)), { maxBytes: text.length - 1 }) instanceof GatewayError);
});

test('by default 64 KiB and 128 fields are taken', (t) => {
	const long = (length: number) => bytes(`GET / HTTP/1.1\r\nA: ${'a'.repeat(length - 23)}\r\n\r\n`);
	t.is(long(65_536).length, 65_536);
	t.false(readRequestHead(long(65_536)) instanceof GatewayError);
	t.true(readRequestHead(long(65_537)) instanceof GatewayError);
	const many = (count: number) => bytes(`GET / HTTP/1.1\r\n${'a:b\r\n'.repeat(count)}\r\n`);
	t.is((readRequestHead(many(128)) as RequestHead).fields.length, 128);
	t.deepEqual(plain(readRequestHead(many(129))), { code: 'http_request_error', note: HEAD_TOO_LARGE, side: 'client' });
	t.true(readResponseHead(bytes(`HTTP/1.1 200 OK\r\n${'a:b\r\n'.repeat(129)}\r\n`)) instanceof GatewayError);
});

const REQUESTS: readonly Buffer[] = [
	bytes(`${FIREFOX.join('\r\n')}\r\n\r\n`),
	bytes('\r\nPOST / HTTP/1.0\r\nA:\r\nB: c \r\n\r\n'),
	...Object.values(BAD_LINES).map((line) => bytes(`GET / HTTP/1.1\r\n${line}\r\n\r\n`)),
	...Object.values(BAD_REQUEST_LINES).map((line) => bytes(`${line}\r\nA: b\r\n\r\n`)),
];
const RESPONSES: readonly Buffer[] = [
	bytes('HTTP/1.1 200 OK\r\nA: b\r\nC:d\r\n\r\n'),
	...BAD_STATUS_LINES.map((line) => bytes(`${line}\r\nA: b\r\n\r\n`)),
];

test('however a head is cut, and whatever comes behind it, the result is that of the whole', (t) => {
	const limits = { maxBytes: 200, maxFields: 8 };
	const kinds = [
		[REQUESTS, () => new RequestHeadReader(limits)],
		[RESPONSES, () => new ResponseHeadReader(limits)],
	] as const;
	for (const [corpus, make] of kinds) {
		const cases = fc.tuple(fc.constantFrom(...corpus), fc.array(fc.nat(100_000), { maxLength: 6 }), fc.boolean());
		const property = fc.property(cases, ([input, places, trailing]) => {
			const whole = plain(make().read(input));
			const longer = trailing ? Buffer.concat([input, bytes('behind it\r\n\0')]) : input;
			deepStrictEqual(plain(readPieces<unknown>(make(), cutAt(longer, places))), whole);
			deepStrictEqual(plain(readPieces<unknown>(make(), bytewise(longer))), whole);
		});
		t.notThrows(() => fc.assert(property, { numRuns: 200 }));
	}
});

test('no good head is complete before its last byte', (t) => {
	for (const input of [REQUESTS[0]!, REQUESTS[1]!]) {
		for (let length = 0; length < input.length; length++) t.is(readRequestHead(input.subarray(0, length)), null);
	}
	const response = RESPONSES[0]!;
	for (let length = 0; length < response.length; length++) t.is(readResponseHead(response.subarray(0, length)), null);
});

test('noise never throws, and says the same however it is cut', (t) => {
	const alphabet = fc.constantFrom(...bytes('GET /:HTP1.0\r\n \tab\0\x7f\xff'));
	const noise = fc.oneof(fc.uint8Array({ maxLength: 80 }), fc.array(alphabet, { maxLength: 80 }));
	const property = fc.property(noise, (values) => {
		const input = Buffer.from(values);
		deepStrictEqual(
			plain(readPieces(new RequestHeadReader(), bytewise(input))),
			plain(new RequestHeadReader().read(input)),
		);
		deepStrictEqual(
			plain(readPieces(new ResponseHeadReader(), bytewise(input))),
			plain(new ResponseHeadReader().read(input)),
		);
	});
	t.notThrows(() => fc.assert(property, { numRuns: 500 }));
});

test('a reader begins anew behind each head and behind an error', (t) => {
	const requests = new RequestHeadReader();
	t.is((requests.read(bytes('GET /1 HTTP/1.1\r\nA: b\r\n\r\n')) as RequestHead).target, '/1');
	t.true(requests.read(bytes('GET \0')) instanceof GatewayError);
	t.is(requests.read(bytes('\r\nGET /2')), null);
	const second = requests.read(bytes('\r\nGET /2 HTTP/1.1\r\nC: d\r\n\r\n')) as RequestHead;
	t.deepEqual([second.target, second.fields.length, second.length], ['/2', 1, 27]);
	const responses = new ResponseHeadReader();
	t.is((responses.read(bytes('HTTP/1.1 100 Continue\r\n\r\n')) as ResponseHead).status, 100);
	t.is((responses.read(bytes('HTTP/1.1 200 OK\r\n\r\n')) as ResponseHead).status, 200);
});

test('a reader does not look again at what it has seen', (t) => {
	const line = 'GET / HTTP/1.1\r\n';
	const input = bytes(`${line}Name: ${'value '.repeat(20)}\r\nAnother: one\r\n\r\n`);
	const reader = new RequestHeadReader();
	for (let length = 1; length < input.length; length++) {
		t.is(reader.read(input.subarray(0, length)), null);
		// Would be refused as a name, as a value, as a line end.
		if (length > line.length) input.fill(0, line.length, length);
	}
	t.is((reader.read(input) as RequestHead).fields.length, 2);
});

test('fields are found by name, and tokens in all lines of a field', (t) => {
	const { fields } = requestOf(
		t,
		'GET / HTTP/1.1\r\nX: a\r\nx: b\r\nConnection: Close , foo\r\nConnection: TE\r\n\r\n',
	);
	t.is(firstValue(fields, 'x'), 'a');
	t.is(firstValue(fields, 'y'), null);
	t.deepEqual(valuesOf(fields, 'x'), ['a', 'b']);
	t.deepEqual(valuesOf(fields, 'y'), []);
	t.true(hasToken(fields, 'connection', 'close'));
	t.true(hasToken(fields, 'connection', 'te'));
	t.false(hasToken(fields, 'connection', 'clos'));
	t.false(hasToken(fields, 'connection', 'fo'));
	t.false(hasToken(fields, 'x', 'close'));
});

const KEPT: readonly (readonly [minor: 0 | 1, field: string, kept: boolean])[] = [
	[1, 'A: b', true],
	[1, 'Connection: close', false],
	[1, 'Connection: keep-alive, Close', false],
	[1, 'Proxy-Connection: close', false],
	[0, 'A: b', false],
	[0, 'Connection: Keep-Alive', true],
	[0, 'Proxy-Connection: keep-alive', true],
	[0, 'Connection: keep-alive, close', false],
];

for (const [minor, field, kept] of KEPT) {
	test(`HTTP/1.${minor} with ${field} ${kept ? 'keeps' : 'does not keep'} its connection`, (t) => {
		t.is(keepsAlive(requestOf(t, `GET / HTTP/1.${minor}\r\n${field}\r\n\r\n`)), kept);
		t.is(keepsAlive(responseOf(t, `HTTP/1.${minor} 200 OK\r\n${field}\r\n\r\n`)), kept);
	});
}

test('a head is written as it was read', (t) => {
	const text = `${FIREFOX.join('\r\n')}\r\nX:\t\xe9 \r\n\r\n`;
	const head = requestOf(t, text);
	const lines = head.fields.map((field) => field.line);
	t.deepEqual(headBytes(FIREFOX[0]!, lines), bytes(text));
	t.deepEqual(headBytes('HTTP/1.1 200 OK', []), bytes('HTTP/1.1 200 OK\r\n\r\n'));
});
