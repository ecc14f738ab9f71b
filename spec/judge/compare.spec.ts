import test from 'ava';
import { Canaries } from '../../lib/judge/canaries.ts';
import { compareReplies, compareRequests, compareStreams } from '../../lib/judge/compare.ts';
import type { Finding } from '../../lib/judge/grade.ts';

const canaries = new Canaries('abc123');
const PASSED = canaries.wordFor('X-Real-IP');

function message(line: string, lines: readonly string[], body = ''): Buffer {
	return Buffer.from([line, ...lines, '', body].join('\r\n'), 'latin1');
}

/** What differs of a request with these lines, in a word each: grade, what, field, and the byte where it is. */
function found(want: readonly string[], got: readonly string[], either: readonly string[] = []): string[] {
	const context = { canaries, addresses: ['192.0.2.7'], either: new Set(either) };
	return compareRequests(message('GET / HTTP/1.1', want), message('GET / HTTP/1.1', got), context).map(worded);
}

function worded({ allows, what, field, offset }: Finding): string {
	return `${allows}: ${what} ${field} ${offset}`;
}

const OWN = ['Host: a', 'Accept: x', 'X-A: 1'];

const CASES: readonly (readonly [what: string, got: readonly string[], findings: readonly string[]])[] = [
	['the same', OWN, []],
	['a proxy names itself', [...OWN, 'Via: 1.1 x'], ['anonymous: added Via 44']],
	[
		'a proxy adds what says nothing',
		['Host: a', 'Cache-Control: max-age=1', ...OWN.slice(1)],
		['elite: added Cache-Control 25'],
	],
	['the address is told', [...OWN, 'X-New: for 192.0.2.7'], ["transparent: tells the client's address X-New 44"]],
	['a canary has passed', [...OWN, `x-real-ip: ${PASSED}`], ['anonymous: passed on x-real-ip 44']],
	[
		'the address behind a canary',
		[...OWN, `X-F: ${PASSED}, 192.0.2.7`],
		["transparent: tells the client's address X-F 44"],
	],
	['another order', ['Accept: x', 'Host: a', 'X-A: 1'], ['elite: elsewhere Host 27']],
	['another case', ['host: a', ...OWN.slice(1)], ['elite: written differently host 16']],
	['another value', [...OWN.slice(0, 2), 'X-A: 2'], ['elite: written differently X-A 36']],
	['less', OWN.slice(0, 2), ['elite: missing X-A 36']],
	['twice', [...OWN, 'X-A: 1'], ['elite: added X-A 44']],
];

for (const [what, got, findings] of CASES) {
	test(`a request: ${what}`, (t) => t.deepEqual(found(OWN, got), findings));
}

test('lines that may be there or not are no difference, and bytes are counted with them', (t) => {
	t.deepEqual(found([...OWN, 'TE: x'], OWN, ['TE: x']), []);
	t.deepEqual(found(OWN, ['Host: a', 'TE: x', 'Via: 1', ...OWN.slice(1)], ['TE: x']), ['anonymous: added Via 32']);
});

test('a request line in absolute form and a body framed anew are found', (t) => {
	const context = { canaries, addresses: [], either: new Set<string>() };
	const want = message('POST /p HTTP/1.1', ['Transfer-Encoding: chunked'], '1\r\na\r\n0\r\n\r\n');
	const absolute = message('POST http://a/p HTTP/1.1', ['Transfer-Encoding: chunked'], '1\r\na\r\n0\r\n\r\n');
	t.deepEqual(compareRequests(want, absolute, context).map(worded), [
		'anonymous: the absolute form, in which only a proxy is asked request line 0',
	]);
	const anew = message('POST /p HTTP/1.0', ['Transfer-Encoding: chunked'], `1\r\na\r\n0\r\nX: ${PASSED}\r\n\r\n`);
	t.deepEqual(compareRequests(want, anew, context).map(worded), [
		'elite: another request line 0',
		'anonymous: passed on X-Real-IP 57',
	]);
});

test('a reply tells its origin nothing: whatever differs of it leaves elite', (t) => {
	const want = message('HTTP/1.1 200 OK', ['ETag: "1"', 'A: 1'], 'x');
	const got = message('HTTP/1.1 200 Fine', ['A: 1', 'Via: 1.1 y'], 'xy');
	t.deepEqual(compareReplies(want, got).map(worded), [
		'elite: another status line 0',
		'elite: added Via 25',
		'elite: missing ETag 37',
		'elite: another, or framed in another way body 40',
	]);
	t.deepEqual(compareReplies(want, want), []);
});

test('a hint and the reply behind it are compared each', (t) => {
	const hint = message('HTTP/1.1 103 Early Hints', ['Link: x']);
	const [want, got] = [message('HTTP/1.1 200 OK', ['A: 1']), message('HTTP/1.1 200 OK', ['A: 1', 'Via: 1'])];
	const findings = compareReplies(Buffer.concat([hint, want]), Buffer.concat([hint, got]));
	t.deepEqual(findings.map(worded), ['elite: added Via 23']);
});

test('of a stream the first other byte is told', (t) => {
	const [one, other] = [Buffer.alloc(1_000, 1), Buffer.alloc(1_000, 1)];
	t.deepEqual(compareStreams(one, other, 'other bytes'), []);
	other[700] = 2;
	t.is(compareStreams(one, other, 'other bytes')[0]?.offset, 700);
	t.is(compareStreams(one, one.subarray(0, 10), 'other bytes')[0]?.offset, 10);
});
