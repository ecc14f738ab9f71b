import { deepStrictEqual } from 'node:assert/strict';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { GatewayError } from '../../lib/core/error.ts';
import { BodyReader, type Framing, framingOfRequest, framingOfResponse } from '../../lib/protocol/http1-body.ts';
import {
	type RequestHead,
	type ResponseHead,
	readRequestHead,
	readResponseHead,
} from '../../lib/protocol/http1-head.ts';
import { bytewise, cutAt } from '../helpers/dialogue.ts';

function bytes(text: string): Buffer {
	return Buffer.from(text, 'latin1');
}

function ofRequest(minor: 0 | 1, ...lines: readonly string[]): string | number {
	const head = readRequestHead(bytes([`POST / HTTP/1.${minor}`, ...lines, '', ''].join('\r\n'))) as RequestHead;
	return told(framingOfRequest(head));
}

function ofResponse(method: string, line: string, ...lines: readonly string[]): string | number {
	const head = readResponseHead(bytes([line, ...lines, '', ''].join('\r\n'))) as ResponseHead;
	return told(framingOfResponse(head, method));
}

/** A kind, a length, or a code. */
function told(framing: Framing | GatewayError): string | number {
	if (framing instanceof GatewayError) return framing.code;
	return framing.kind === 'length' ? framing.bytes : framing.kind;
}

const WRONG = 'http_request_error';

/** Field lines of a request and what they say of its body; HTTP/1.1 but where it says so. */
const REQUESTS: readonly (readonly [
	what: string,
	lines: readonly string[],
	framing: string | number,
	minor?: 0 | 1,
])[] = [
	['nothing', [], 'none'],
	['Content-Length', ['Content-Length: 12'], 12],
	['Content-Length: 0', ['Content-Length: 0'], 0],
	['leading zeros', ['Content-Length: 0012'], 12],
	['the largest length', ['Content-Length: 9007199254740991'], 9007199254740991],
	['Content-Length with spaces around it', ['Content-Length:  12  '], 12],
	['chunked with spaces around it', ['Transfer-Encoding:  chunked  '], 'chunked'],
	['a tab before its length', ['Content-Length:\t12'], WRONG],
	['a tab behind its length', ['Content-Length: 12\t'], WRONG],
	['a tab before chunked', ['Transfer-Encoding:\tchunked'], WRONG],
	['a tab behind chunked', ['Transfer-Encoding: chunked \t'], WRONG],
	['chunked', ['Transfer-Encoding: chunked'], 'chunked'],
	['Chunked in other letters', ['tRANSFER-eNCODING: CHUNKED'], 'chunked'],
	['Content-Length in HTTP/1.0', ['Content-Length: 12'], 12, 0],
	['a length too large', ['Content-Length: 9007199254740992'], WRONG],
	['a length of 20 digits', ['Content-Length: 18446744073709551616'], WRONG],
	['a length of 17 zeros', ['Content-Length: 00000000000000000'], WRONG],
	['an empty length', ['Content-Length:'], WRONG],
	['a plus sign', ['Content-Length: +12'], WRONG],
	['a minus sign', ['Content-Length: -1'], WRONG],
	['a space within', ['Content-Length: 1 2'], WRONG],
	['hex', ['Content-Length: 0xc'], WRONG],
	['an exponent', ['Content-Length: 1e1'], WRONG],
	['a fraction', ['Content-Length: 1.0'], WRONG],
	['a list of equal lengths', ['Content-Length: 12, 12'], WRONG],
	['a list of lengths', ['Content-Length: 12, 13'], WRONG],
	['digits that are not ASCII', ['Content-Length: 1\xb2'], WRONG],
	['two lengths', ['Content-Length: 12', 'Content-Length: 13'], WRONG],
	['two equal lengths', ['Content-Length: 12', 'content-length: 12'], WRONG],
	['both framings', ['Content-Length: 12', 'Transfer-Encoding: chunked'], WRONG],
	['both framings, the other way round', ['Transfer-Encoding: chunked', 'Content-Length: 0'], WRONG],
	['both framings, one of them nonsense', ['Transfer-Encoding: x', 'Content-Length: y'], WRONG],
	['chunked in HTTP/1.0', ['Transfer-Encoding: chunked'], WRONG, 0],
	['chunked twice in a list', ['Transfer-Encoding: chunked, chunked'], WRONG],
	['chunked in two lines', ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], WRONG],
	['another coding in a second line', ['Transfer-Encoding: gzip', 'Transfer-Encoding: chunked'], WRONG],
	['chunked before another coding', ['Transfer-Encoding: chunked, gzip'], WRONG],
	['chunked behind another coding', ['Transfer-Encoding: gzip, chunked'], WRONG],
	['another coding', ['Transfer-Encoding: gzip'], WRONG],
	['identity', ['Transfer-Encoding: identity'], WRONG],
	['a coding like chunked', ['Transfer-Encoding: xchunked'], WRONG],
	['chunked with a parameter', ['Transfer-Encoding: chunked;q=1'], WRONG],
	['chunked in quotes', ['Transfer-Encoding: "chunked"'], WRONG],
	['chunked and a comma', ['Transfer-Encoding: chunked,'], WRONG],
	['an empty coding', ['Transfer-Encoding:'], WRONG],
];

for (const [what, lines, framing, minor = 1] of REQUESTS) {
	test(`a request with ${what} is ${framing === WRONG ? 'refused' : `of framing ${framing}`}`, (t) => {
		t.is(ofRequest(minor, ...lines), framing);
	});
}

const OK = 'HTTP/1.1 200 OK';
const RESPONSES: readonly (readonly [
	method: string,
	lines: readonly [string, ...string[]],
	framing: string | number,
])[] = [
	['GET', [OK], 'close'],
	['GET', [OK, 'Content-Length: 5'], 5],
	['GET', [OK, 'Transfer-Encoding: chunked'], 'chunked'],
	['GET', ['HTTP/1.0 200 OK'], 'close'],
	['GET', ['HTTP/1.1 205 Reset Content', 'Content-Length: 0'], 0],
	// No body, whatever they say.
	['HEAD', [OK], 'none'],
	['HEAD', [OK, 'Content-Length: 5'], 'none'],
	['HEAD', [OK, 'Transfer-Encoding: chunked'], 'none'],
	['GET', ['HTTP/1.1 304 Not Modified', 'Content-Length: 5'], 'none'],
	['GET', ['HTTP/1.1 204 No Content', 'Transfer-Encoding: chunked'], 'none'],
	['GET', ['HTTP/1.1 100 Continue'], 'none'],
	['GET', ['HTTP/1.1 103 Early Hints', 'Content-Length: 5'], 'none'],
	['GET', ['HTTP/1.1 101 Switching Protocols'], 'none'],
	['CONNECT', [OK, 'Content-Length: 5', 'Transfer-Encoding: chunked'], 'none'],
	['CONNECT', ['HTTP/1.1 299 Fine', 'Content-Length: x'], 'none'],
	['CONNECT', ['HTTP/1.1 403 Forbidden', 'Content-Length: 5'], 5],
	// Ambiguous ones.
	['GET', [OK, 'Content-Length: 5', 'Transfer-Encoding: chunked'], 'http_protocol_error'],
	['GET', [OK, 'Content-Length: 5', 'Content-Length: 5'], 'http_protocol_error'],
	['GET', [OK, 'Content-Length: 5,5'], 'http_protocol_error'],
	['GET', [OK, 'Content-Length: -1'], 'http_protocol_error'],
	['HEAD', [OK, 'Content-Length: x'], 'http_protocol_error'],
	['GET', ['HTTP/1.1 304 Not Modified', 'Content-Length: 1', 'Content-Length: 2'], 'http_protocol_error'],
	['GET', ['HTTP/1.0 200 OK', 'Transfer-Encoding: chunked'], 'http_response_transfer_coding'],
	['GET', [OK, 'Transfer-Encoding: chunked\t'], 'http_response_transfer_coding'],
	['GET', [OK, 'Transfer-Encoding: identity'], 'http_response_transfer_coding'],
	['GET', [OK, 'Transfer-Encoding: gzip, chunked'], 'http_response_transfer_coding'],
	['GET', [OK, 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], 'http_response_transfer_coding'],
];

for (const [method, lines, framing] of RESPONSES) {
	test(`the answer to ${method} ${JSON.stringify(lines)} is ${framing}`, (t) => {
		t.is(ofResponse(method, ...lines), framing);
	});
}

interface Told {
	readonly forward: string;
	readonly trailers: readonly string[] | null;
	readonly rest: string;
	readonly done: boolean;
	readonly error: string | null;
}

/** All that a reader says of a body that comes in these pieces. On an error what was forwarded before is left out. */
function follow(framing: Framing, pieces: readonly Buffer[]): Told {
	const reader = new BodyReader(framing);
	let forward = '';
	let rest = '';
	let trailers: readonly string[] | null = null;
	for (const piece of pieces) {
		const part = reader.read(piece);
		if (part instanceof GatewayError) {
			return { forward: '', trailers: null, rest: '', done: false, error: `${part.code}: ${part.note}` };
		}
		forward += part.forward.toString('latin1');
		rest += part.rest.toString('latin1');
		if (part.trailers) trailers = [...(trailers ?? []), '|', ...part.trailers.map((field) => field.line)];
		if (part.done !== reader.done) throw new Error('done is not done');
	}
	return { forward, trailers, rest, done: reader.done, error: null };
}

const CHUNKED: Framing = { kind: 'chunked' };

test('a body of a length ends there, and what comes behind it is the next message', (t) => {
	const told = follow({ kind: 'length', bytes: 5 }, [bytes('ab'), bytes('cdeGET'), bytes(' /')]);
	t.deepEqual(told, { forward: 'abcde', trailers: null, rest: 'GET /', done: true, error: null });
});

test('a message without a body is done at once', (t) => {
	for (const framing of [{ kind: 'none' }, { kind: 'length', bytes: 0 }] as const) {
		t.true(new BodyReader(framing).done);
		t.is(follow(framing, [bytes('GET /')]).rest, 'GET /');
		t.is(new BodyReader(framing).end(), null);
	}
});

test('a body until the end ends with the FIN', (t) => {
	const reader = new BodyReader({ kind: 'close' }, 'target');
	const chunk = bytes('anything\r\n0\r\n\r\n');
	const part = reader.read(chunk);
	t.true(!(part instanceof GatewayError) && part.forward === chunk && !part.done);
	t.false(reader.done);
	t.is(reader.end(), null);
	t.true(reader.done);
});

test('a FIN within a body is an error of whoever sent it', (t) => {
	const chunked = new BodyReader(CHUNKED);
	chunked.read(bytes('5\r\nabcde\r\n0\r\n'));
	t.is(chunked.end()?.code, 'http_request_error');
	t.is(chunked.end()?.side, 'client');
	const length = new BodyReader({ kind: 'length', bytes: 5 }, 'target');
	length.read(bytes('abcd'));
	t.is(length.end()?.code, 'http_response_incomplete');
	t.is(length.end()?.side, 'target');
	length.read(bytes('e'));
	t.is(length.end(), null);
});

test('payload is passed on as views of what came', (t) => {
	const chunk = bytes('5\r\nabcde\r\n0\r\n\r\nGET /');
	const part = new BodyReader(CHUNKED).read(chunk);
	if (part instanceof GatewayError) return t.fail();
	t.is(part.forward.buffer, chunk.buffer);
	t.is(part.rest.buffer, chunk.buffer);
	t.is(part.forward.byteOffset, chunk.byteOffset);
	const whole = bytes('5\r\nabcde\r\n');
	const first = new BodyReader(CHUNKED).read(whole);
	t.true(!(first instanceof GatewayError) && first.forward === whole);
});

/** Bodies that are taken: what goes on, and the trailers. All of them end where the text ends. */
const GOOD: readonly (readonly [body: string, forward: string, trailers: readonly string[]])[] = [
	['0\r\n\r\n', '0\r\n', []],
	['5\r\nabcde\r\n0\r\n\r\n', '5\r\nabcde\r\n0\r\n', []],
	['5\r\nab\r\n\0\r\n0\r\n\r\n', '5\r\nab\r\n\0\r\n0\r\n', []],
	['1\r\na\r\n1\r\nb\r\n00\r\n\r\n', '1\r\na\r\n1\r\nb\r\n00\r\n', []],
	['A\r\n0123456789\r\nb\r\n0123456789a\r\n000\r\n\r\n', 'A\r\n0123456789\r\nb\r\n0123456789a\r\n000\r\n', []],
	['0000000000000001\r\na\r\n0\r\n\r\n', '0000000000000001\r\na\r\n0\r\n', []],
	['1;a\r\nx\r\n0;b=c;d="e;\\"f\t\xe9";g\r\n\r\n', '1;a\r\nx\r\n0;b=c;d="e;\\"f\t\xe9";g\r\n', []],
	['0\r\nA: b\r\nC:\r\n\r\n', '0\r\n', ['|', 'A: b', 'C:']],
];

for (const [body, forward, trailers] of GOOD) {
	test(`the chunked body ${JSON.stringify(body)} goes on as it came, without its trailer section`, (t) => {
		const told = { forward, trailers: trailers.length ? trailers : ['|'], rest: '', done: true, error: null };
		t.deepEqual(follow(CHUNKED, [bytes(body)]), told);
		t.deepEqual(follow(CHUNKED, bytewise(bytes(body))), told);
		const rest = 'GET /\r\n\r\n';
		t.deepEqual(follow(CHUNKED, [bytes(body + rest)]), { ...told, rest });
		t.deepEqual(follow(CHUNKED, bytewise(bytes(body + rest))), { ...told, rest });
		for (let length = 0; length < body.length; length++) {
			t.false(follow(CHUNKED, [bytes(body.slice(0, length))]).done);
		}
	});
}

/** Bodies that are refused, by what is wrong. */
const BAD: Readonly<Record<string, string>> = {
	'no size': '\r\nabc\r\n0\r\n\r\n',
	'a size that is no hex': 'g\r\n',
	'a size with a sign': '+1\r\na\r\n0\r\n\r\n',
	'a negative size': '-1\r\na\r\n0\r\n\r\n',
	'a size with 0x': '0x1\r\na\r\n0\r\n\r\n',
	'a space before a size': ' 1\r\na\r\n0\r\n\r\n',
	'a space behind a size': '1 \r\na\r\n0\r\n\r\n',
	'a tab behind a size': '1\t\r\na\r\n0\r\n\r\n',
	'an underscore in a size': '1_0\r\n',
	'a size over 2^53': '20000000000000\r\n',
	'a size of 64 bits and more': '10000000000000000\r\n',
	'a size of 17 digits': '00000000000000001\r\na\r\n0\r\n\r\n',
	'LF behind a size': '1\na\r\n0\r\n\r\n',
	'CR alone behind a size': '1\ra\r\n0\r\n\r\n',
	'data longer than its size': '1\r\nab\r\n0\r\n\r\n',
	'data without CRLF': '1\r\na0\r\n\r\n',
	'LF behind data': '1\r\na\n0\r\n\r\n',
	'CR alone behind data': '1\r\na\r0\r\n\r\n',
	'two CRLF behind data': '1\r\na\r\n\r\n0\r\n\r\n',
	'a space before an extension': '1 ;a\r\nx\r\n0\r\n\r\n',
	'a space within an extension': '1; a\r\nx\r\n0\r\n\r\n',
	'spaces around the equals sign': '1;a = b\r\nx\r\n0\r\n\r\n',
	'an empty extension': '1;\r\nx\r\n0\r\n\r\n',
	'an extension without a name': '1;=b\r\nx\r\n0\r\n\r\n',
	'an extension without a value': '1;a=\r\nx\r\n0\r\n\r\n',
	'a quote that is not closed': '1;a="b\r\nx\r\n0\r\n\r\n',
	'something behind a quote': '1;a="b"c\r\nx\r\n0\r\n\r\n',
	'a quote within a value': '1;a=b"c"\r\nx\r\n0\r\n\r\n',
	'LF in an extension': '1;a\nx\r\n0\r\n\r\n',
	'CR in an extension': '1;a\rb\r\nx\r\n0\r\n\r\n',
	'NUL in an extension': '1;a\0\r\nx\r\n0\r\n\r\n',
	'NUL in a quoted value': '1;a="\0"\r\nx\r\n0\r\n\r\n',
	'an escaped CR': '1;a="\\\r\n"\r\nx\r\n0\r\n\r\n',
	'LF behind the last size': '0\n\r\n',
	'LF for the trailer section': '0\r\n\n',
	'CR alone for the trailer section': '0\r\n\rX',
	'a trailer with LF': '0\r\nA: b\n\r\n',
	'a trailer with white space before its colon': '0\r\nA : b\r\n\r\n',
	'a folded trailer': '0\r\nA: b\r\n c\r\n\r\n',
	'a trailer without a colon': '0\r\nGET / HTTP/1.1\r\n\r\n',
	'Content-Length in the trailer section': '0\r\nContent-Length: 5\r\n\r\n',
	'Transfer-Encoding in the trailer section': '0\r\nA: b\r\ntransfer-encoding: chunked\r\n\r\n',
};

for (const [what, body] of Object.entries(BAD)) {
	test(`a chunked body with ${what} is refused`, (t) => {
		t.regex(follow(CHUNKED, [bytes(body)]).error ?? '', /^http_request_error: ./);
		t.regex(follow(CHUNKED, bytewise(bytes(body))).error ?? '', /^http_request_error: ./);
		const ofTarget = new BodyReader(CHUNKED, 'target').read(bytes(body));
		t.true(ofTarget instanceof GatewayError && ofTarget.code === 'http_response_transfer_coding');
	});
}

test('however a chunked body is cut, the same goes on and the same is refused', (t) => {
	const corpus = [...GOOD.map(([body]) => body), ...Object.values(BAD)].map(bytes);
	const damaged = fc
		.tuple(fc.constantFrom(...corpus), fc.nat(1000), fc.nat(4), fc.constantFrom('', '\r', '\n', '0', ';', '"', ' '))
		.map(([body, place, gone, instead]) => {
			const at = place % (body.length + 1);
			return Buffer.concat([body.subarray(0, at), bytes(instead), body.subarray(at + gone)]);
		});
	const cases = fc.tuple(damaged, fc.array(fc.nat(100_000), { maxLength: 6 }));
	const property = fc.property(cases, ([body, places]) => {
		deepStrictEqual(follow(CHUNKED, cutAt(body, places)), follow(CHUNKED, [body]));
	});
	t.notThrows(() => fc.assert(property, { numRuns: 500 }));
});

/** Feeds `piece` for ever; gives the number of bytes that were taken until it was refused. */
function refusedAfter(t: ExecutionContext, before: string, piece: string): number {
	const reader = new BodyReader(CHUNKED);
	reader.read(bytes(before));
	for (let taken = 0; taken < 1_000_000; taken += piece.length) {
		if (reader.read(bytes(piece)) instanceof GatewayError) return taken;
	}
	return t.fail('goes on for ever') as never;
}

test('endless size lines, extensions and trailer sections are refused in time', (t) => {
	t.true(refusedAfter(t, '', '0') <= 16);
	t.true(refusedAfter(t, '1;', 'a') <= 1024);
	t.true(refusedAfter(t, '1;a="', '\\"') <= 1024);
	t.true(refusedAfter(t, '1;a="', ' ') <= 1024);
	t.true(refusedAfter(t, '0\r\n', 'a') <= 16_384);
	t.true(refusedAfter(t, '0\r\n', 'a: b\r\n') <= 16_384);
	t.true(refusedAfter(t, '0\r\na:', 'b'.repeat(1000)) <= 16_384);
});

test('extensions may not outgrow the data by more than 16 KiB, over all chunks', (t) => {
	const piece = `1;${'a'.repeat(1000)}\r\nx\r\n`;
	t.true(refusedAfter(t, '', piece) / piece.length <= 17);
	const reader = new BodyReader(CHUNKED);
	const fair = bytes(`400;${'a'.repeat(1000)}\r\n${'x'.repeat(1024)}\r\n`);
	for (let n = 0; n < 1000; n++) t.false(reader.read(fair) instanceof GatewayError);
});

test('a trailer section that comes in pieces is given whole, once', (t) => {
	const lines = Array.from({ length: 60 }, (_, i) => `Trailer-${i}: ${'v'.repeat(200)}`);
	const section = bytes(`0\r\n${lines.join('\r\n')}\r\n\r\nrest`);
	for (const pieces of [[section], bytewise(section), cutAt(section, [1, 3, 4, 500, 9000, section.length - 5])]) {
		t.deepEqual(follow(CHUNKED, pieces), {
			forward: '0\r\n',
			trailers: ['|', ...lines],
			rest: 'rest',
			done: true,
			error: null,
		});
	}
});
