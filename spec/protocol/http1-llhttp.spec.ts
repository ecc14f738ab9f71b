// The parser against another one: llhttp, node's own, in its default strict mode. Whatever llhttp refuses, ours refuses,
// with one exception: llhttp has a list of methods, and a gateway carries any. Where both read a message they read the
// same one: method, target, version, fields in order, body, trailers, and where the next message begins.
import { deepStrictEqual, fail } from 'node:assert/strict';
import { METHODS } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { GatewayError } from '../../lib/core/error.ts';
import {
	type BodyPart,
	BodyReader,
	type Framing,
	framingOfRequest,
	framingOfResponse,
} from '../../lib/protocol/http1-body.ts';
import { type Field, keepsAlive, readRequestHead, readResponseHead } from '../../lib/protocol/http1-head.ts';
import { readRequestTarget } from '../../lib/protocol/http1-target.ts';
import { llhttpRequests, llhttpResponse, type Message } from '../helpers/llhttp.ts';

function bytes(text: string): Buffer {
	return Buffer.from(text, 'latin1');
}

function flat(fields: readonly Field[]): string[] {
	return fields.flatMap(({ line, value }) => [line.slice(0, line.indexOf(':')), value]);
}

/** The data of a chunked body that was found good. */
function dechunked(body: string): string {
	let data = '';
	for (let at = 0; ; ) {
		const end = body.indexOf('\r\n', at);
		const size = Number.parseInt(body.slice(at, end), 16);
		if (size === 0) return data;
		data += body.slice(end + 2, end + 2 + size);
		at = end + 2 + size + 2;
	}
}

function contentOf(framing: Framing, part: BodyPart): Pick<Message, 'body' | 'trailers'> {
	const body = part.forward.toString('latin1');
	return { body: framing.kind === 'chunked' ? dechunked(body) : body, trailers: flat(part.trailers ?? []) };
}

/** The requests that a gateway would take from a client that sends `input`. */
function ourRequests(input: Buffer): Message[] {
	const messages: Message[] = [];
	for (let rest = input; ; ) {
		const head = readRequestHead(rest);
		if (head === null || head instanceof GatewayError) return messages;
		const host = { name: 'host', value: 'a', line: 'Host: a' };
		if (readRequestTarget({ ...head, fields: [host] }) instanceof GatewayError) return messages;
		const framing = framingOfRequest(head);
		if (framing instanceof GatewayError) return messages;
		const message: Message = {
			line: [head.method, head.target],
			version: `1.${head.minor}`,
			fields: flat(head.fields),
			body: '',
			trailers: [],
		};
		if (head.method === 'CONNECT') return [...messages, message];
		const part = new BodyReader(framing).read(rest.subarray(head.length));
		if (part instanceof GatewayError || !part.done) return messages;
		messages.push({ ...message, ...contentOf(framing, part) });
		if (!keepsAlive(head)) return messages;
		rest = part.rest;
	}
}

/** The final response in `input`, and its length; null when there is none. */
function ourResponse(input: Buffer, method: string): { message: Message; length: number } | null {
	for (let rest = input; ; ) {
		const head = readResponseHead(rest);
		if (head === null || head instanceof GatewayError) return null;
		rest = rest.subarray(head.length);
		const framing = framingOfResponse(head, method);
		if (framing instanceof GatewayError) return null;
		// A 101 that nobody asked for is the exchange's to refuse.
		if (head.status === 101) return null;
		if (head.status < 200) continue;
		const reader = new BodyReader(framing, 'target');
		const part = reader.read(rest);
		if (part instanceof GatewayError || reader.end() !== null) return null;
		const line = [String(head.status), head.reason] as const;
		const fields = flat(head.fields);
		const message = { line, version: `1.${head.minor}`, fields, ...contentOf(framing, part) };
		return { message, length: input.length - part.rest.length };
	}
}

async function agreeOnRequests(input: Buffer): Promise<number> {
	const ours = ourRequests(input);
	const theirs = await llhttpRequests(input);
	for (const [i, message] of ours.entries()) {
		if (theirs.error === 'HPE_INVALID_METHOD' && i >= theirs.messages.length) {
			if (METHODS.includes(message.line[0])) fail(`${theirs.error} ${JSON.stringify(message)}`);
			return ours.length;
		}
		deepStrictEqual(message, theirs.messages[i] ?? theirs.error);
	}
	return ours.length;
}

async function agreeOnResponse(input: Buffer, method: string): Promise<number> {
	const ours = ourResponse(input, method);
	if (ours === null) return 0;
	// Bytes behind it are no response to anything; llhttp is not asked about them.
	const theirs = await llhttpResponse(input.subarray(0, ours.length), method);
	deepStrictEqual(ours.message, theirs.messages[0] ?? theirs.error);
	return 1;
}

const REQUESTS: readonly Buffer[] = [
	'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
	'POST http://a/x?y HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nX-Y:  z \t\r\nX-Y:\r\n\r\nabc',
	'POST http://a/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n' +
		'3;a=b;c="d\\"e"\r\nabc\r\n1A\r\nabcdefghijklmnopqrstuvwxyz\r\n0;x\r\nT: y\r\nU:\r\n\r\n',
	'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n',
	'\r\nOPTIONS * HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
].map(bytes);

const RESPONSES: readonly Buffer[] = [
	'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nA:  b \r\n\r\nabc',
	'HTTP/1.1 200\r\nServer: x\r\n\r\nabcde',
	'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nT: y\r\n\r\n',
	'HTTP/1.0 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
	'HTTP/1.1 204 \r\nE: f\r\n\r\n',
	'HTTP/1.1 404 Not \xffFound\r\nContent-Length: 0\r\n\r\n',
].map(bytes);

/** What framing tricks are made of: single characters, words, lines. */
const CHARACTERS = '\r\n \t\0\x0b\x7f\x80\xff:;="\\,#?@01fg+-_/*{<A';
const WORDS = ['', '\r\n', '\r\n\r\n', 'chunked', 'gzip', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/1.2', 'HTTP/2.0', 'http/1.1'];
const LINES = [
	'Content-Length: 3\r\n',
	'Content-Length: 03\r\n',
	'Content-Length: 3, 3\r\n',
	'Content-Length:\r\n',
	'Transfer-Encoding: chunked\r\n',
	'Transfer-Encoding: chunked \t\r\n',
	'Transfer-Encoding: \tchunked\r\n',
	'Transfer-Encoding: gzip\r\n',
	'Transfer-Encoding: xchunked\r\n',
	' folded\r\n',
	'a: b\r\n',
	': b\r\n',
	'a : b\r\n',
	'3\r\nabc\r\n',
	'0\r\n\r\n',
];
const PIECES: readonly Buffer[] = [...CHARACTERS.split(''), ...WORDS, ...LINES].map(bytes);

/** Messages one behind the other, damaged in up to three places. */
function damaged(corpus: readonly Buffer[], most: number): fc.Arbitrary<Buffer> {
	const edit = fc.tuple(fc.nat(1_000_000), fc.nat(4), fc.constantFrom(...PIECES));
	const parts = fc.array(fc.constantFrom(...corpus), { minLength: 1, maxLength: most });
	return fc.tuple(parts, fc.array(edit, { maxLength: 3 })).map(([messages, edits]) => {
		let input = Buffer.concat(messages);
		for (const [place, gone, instead] of edits) {
			const at = place % (input.length + 1);
			input = Buffer.concat([input.subarray(0, at), instead, input.subarray(at + gone)]);
		}
		return input;
	});
}

async function check(
	t: ExecutionContext,
	inputs: fc.Arbitrary<Buffer>,
	agree: (input: Buffer) => Promise<number>,
): Promise<void> {
	let read = 0;
	const property = fc.asyncProperty(inputs, async (input) => {
		read += await agree(input);
	});
	await t.notThrowsAsync(() => fc.assert(property, { numRuns: 3000 }));
	t.true(read > 300, `only ${read} messages were good: the property says little`);
}

test('llhttp is a strict judge', async (t) => {
	t.deepEqual(await llhttpRequests(REQUESTS[3]!), {
		messages: [{ line: ['CONNECT', 'a:443'], version: '1.1', fields: ['Host', 'a:443'], body: '', trailers: [] }],
		error: null,
	});
	t.is((await llhttpRequests(bytes('GET / HTTP/1.1\nHost: a\n\n'))).messages.length, 0);
	t.is((await llhttpRequests(bytes('GET / HTTP/1.1\r\nA : b\r\n\r\n'))).error, 'HPE_INVALID_HEADER_TOKEN');
	t.is((await llhttpRequests(Buffer.concat([REQUESTS[0]!, REQUESTS[1]!, bytes('x')]))).messages.length, 2);
	t.not((await llhttpResponse(bytes('HTTP/1.1 200 OK\r\nA : b\r\n\r\n'), 'GET')).error, null);
});

test('undamaged messages are read by both, and are the same', async (t) => {
	for (const input of REQUESTS) t.is(await agreeOnRequests(input), 1);
	t.is(await agreeOnRequests(Buffer.concat([...REQUESTS.slice(0, 3), ...REQUESTS.slice(0, 3)])), 6);
	for (const method of ['GET', 'HEAD']) for (const input of RESPONSES) t.is(await agreeOnResponse(input, method), 1);
});

test('damaged requests, one behind the other: what llhttp refuses is refused, what both read is the same', async (t) => {
	await check(t, damaged(REQUESTS, 3), agreeOnRequests);
});

for (const method of ['GET', 'HEAD']) {
	test(`damaged responses to ${method}: what llhttp refuses is refused, what both read is the same`, async (t) => {
		await check(t, damaged(RESPONSES, 1), (input) => agreeOnResponse(input, method));
	});
}

test('every byte at every place of a head: what llhttp refuses is refused', async (t) => {
	const input = bytes('GET http://a/b HTTP/1.1\r\nHost: a\r\nB:c d\r\n\r\n');
	for (let at = 0; at < input.length; at++) {
		const damages = Array.from({ length: 256 }, (_, byte) => {
			const damage = Buffer.from(input);
			damage[at] = byte;
			return agreeOnRequests(damage);
		});
		await Promise.all(damages);
	}
	t.pass();
});
