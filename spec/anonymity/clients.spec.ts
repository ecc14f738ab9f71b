// What real clients send without a proxy and with one: spec/corpus/clients. Elite turns the second into the first.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { asksUpgrade } from '../../lib/anonymity/request-head.ts';
import { readRequestHead } from '../../lib/protocol/http1-head.ts';
import { bytesToOrigin, requestHead } from '../helpers/heads.ts';

const FOLDER = join(import.meta.dirname, '../corpus/clients');
const PAIRS = readdirSync(FOLDER)
	.filter((file) => file.endsWith('.proxied.http'))
	.map((file) => file.replace('.proxied.http', ''));

/** The pairs that differ on purpose, by the lines that the direct one has and the origin does not get. */
const TAKEN_OFF: Readonly<Record<string, readonly string[]>> = {
	'curl-http2': ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA'],
	'curl-te': ['Connection: TE', 'TE: gzip'],
};

/** The same, where a line becomes another. */
const REWRITTEN: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
	'perl-lwp-get': [['TE: deflate,gzip;q=0.3\r\nConnection: TE, close', 'Connection: close']],
	'perl-lwp-keep-alive': [
		['TE: deflate,gzip;q=0.3\r\nKeep-Alive: 300\r\nConnection: Keep-Alive, TE', 'Connection: Keep-Alive'],
	],
};

/** Clients that write other lines to a proxy, in a way that other clients write to an origin: nothing tells what was meant. */
const UNTOLD = ['aria2-get', 'curl-bare', 'node-axios', 'python-urllib3-get'];

function read(pair: string, kind: 'direct' | 'proxied'): Buffer {
	return readFileSync(join(FOLDER, `${pair}.${kind}.http`));
}

function throughElite(pair: string): string {
	const head = readRequestHead(read(pair, 'proxied'));
	if (head === null || 'code' in head) throw new Error(`${pair} is no head`);
	return bytesToOrigin(head, { upgrade: asksUpgrade(head) }).toString('latin1');
}

for (const pair of PAIRS.filter((name) => !UNTOLD.includes(name) && name !== 'curl-own-host')) {
	test(`the origin gets of ${pair} what it gets without a proxy`, (t) => {
		let direct = read(pair, 'direct').toString('latin1');
		for (const line of TAKEN_OFF[pair] ?? []) direct = replaced(direct, `${line}\r\n`, '');
		for (const [from, to] of REWRITTEN[pair] ?? []) direct = replaced(direct, from, to);
		t.is(throughElite(pair), direct);
	});
}

function replaced(text: string, from: string, to: string): string {
	if (!text.includes(from)) throw new Error(`not there: ${from}`);
	return text.replace(from, to);
}

for (const pair of UNTOLD) {
	test(`the origin gets of ${pair} what the client wrote to the proxy, and no word of the proxy`, (t) => {
		const direct = linesOf(read(pair, 'direct').toString('latin1'));
		const sent = linesOf(throughElite(pair));
		t.is(sent[0], direct[0]);
		t.notDeepEqual(sent, direct, 'restored by now: take it off the list');
		const written = linesOf(read(pair, 'proxied').toString('latin1')).slice(1);
		t.deepEqual(
			sent.slice(1),
			written.map((line) => line.replace(/^Proxy-(Connection: )/, '$1')),
		);
	});
}

function linesOf(head: string): string[] {
	return head.split('\r\n');
}

test('a Host that is not the target becomes the target, in its place', (t) => {
	const direct = read('curl-own-host', 'direct').toString('latin1');
	const authority = /^GET http:\/\/([^/]+)/.exec(read('curl-own-host', 'proxied').toString('latin1'))?.[1];
	t.is(throughElite('curl-own-host'), replaced(direct, 'Host: example.net', `Host: ${authority}`));
});

test('the corpus holds a pair of every client', (t) => {
	const clients = new Set(PAIRS.map((pair) => pair.split('-')[0]));
	for (const client of ['apt', 'chromium', 'curl', 'firefox', 'git', 'java', 'node', 'perl', 'python', 'wget']) {
		t.true(clients.has(client), client);
	}
	t.deepEqual(
		PAIRS,
		readdirSync(FOLDER)
			.filter((file) => file.endsWith('.direct.http'))
			.map((file) => file.replace('.direct.http', '')),
	);
});

// Heads that others have published, of clients that run on no machine of ours.
const KEPT: readonly (readonly [client: string, lines: readonly string[]])[] = [
	['.NET Framework', ['Host: example.com', 'Proxy-Connection: Keep-Alive']],
	['.NET Framework with a user agent', ['User-Agent: app', 'Host: example.com', 'Proxy-Connection: Keep-Alive']],
	['.NET Framework with cookies', ['Host: example.com', 'Cookie: a=1', 'Proxy-Connection: Keep-Alive']],
	['WinHTTP', ['Proxy-Connection: Keep-Alive', 'Host: example.com']],
	[
		'Internet Explorer',
		['Accept: */*', 'User-Agent: Mozilla/4.0', 'Host: example.com', 'Proxy-Connection: Keep-Alive'],
	],
	[
		'Firefox before 2012',
		['Host: example.com', 'User-Agent: Mozilla/5.0', 'Accept: */*', 'Proxy-Connection: keep-alive'],
	],
];

for (const [client, lines] of KEPT) {
	test(`Proxy-Connection is written back to Connection for ${client}`, (t) => {
		const head = requestHead('GET http://example.com/ HTTP/1.1', ...lines);
		const direct = ['GET / HTTP/1.1', ...lines.map((line) => line.replace('Proxy-Connection', 'Connection'))];
		t.is(bytesToOrigin(head).toString('latin1'), `${direct.join('\r\n')}\r\n\r\n`);
	});
}
