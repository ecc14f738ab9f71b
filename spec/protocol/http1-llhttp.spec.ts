// The parser against another one: llhttp, node's own, in its default strict mode (helpers/http-agreement.ts has the rules).
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { agreeOnRequests, agreeOnResponse, REQUESTS, RESPONSES } from '../helpers/http-agreement.ts';
import { llhttpRequests, llhttpResponse } from '../helpers/llhttp.ts';

function bytes(text: string): Buffer {
	return Buffer.from(text, 'latin1');
}

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
