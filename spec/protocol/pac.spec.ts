import test from 'ava';
import type { Codec } from '../../lib/protocol/codec.ts';
import { HttpServer } from '../../lib/protocol/http-connect.ts';
import { type RequestHead, readRequestHead } from '../../lib/protocol/http1-head.ts';
import { pacReply } from '../../lib/protocol/pac.ts';
import { playAllWays } from '../helpers/dialogue.ts';

function bytesOf(host: string, line = 'GET /proxy.pac HTTP/1.1'): Buffer {
	return Buffer.from(`${line}\r\nHost: ${host}\r\nUser-Agent: x\r\n\r\n`, 'latin1');
}

const headOf = (host: string, line?: string): RequestHead => readRequestHead(bytesOf(host, line)) as RequestHead;

/** What the file says of where to go; null without a reply. */
function saidTo(host: string, hosts: readonly string[] = []): string | null {
	const reply = pacReply(headOf(host), hosts);
	return reply && /return "(.*)"/.exec(reply.toString())![1]!;
}

test('the file sends everything to the address that it was asked at, and nothing past it', (t) => {
	t.is(
		pacReply(headOf('192.0.2.1:1080'), [])!.toString(),
		'HTTP/1.1 200 OK\r\nContent-Type: application/x-ns-proxy-autoconfig\r\nContent-Length: 72\r\nCache-Control: no-store\r\n' +
			'Connection: close\r\n\r\nfunction FindProxyForURL(url, host) {\n\treturn "PROXY 192.0.2.1:1080";\n}\n',
	);
	t.is(saidTo('[2001:DB8::1]:1080'), 'PROXY [2001:db8::1]:1080');
	t.is(saidTo('localhost:1080'), 'PROXY localhost:1080');
	t.is(saidTo('127.0.0.1'), 'PROXY 127.0.0.1:80', 'a browser leaves out the port of http');
});

test('a name is answered where it is listed, and so a page that rebinds its own learns nothing', (t) => {
	t.is(saidTo('proxy.example:1080'), null);
	t.is(saidTo('Proxy.Example:1080', ['proxy.example']), 'PROXY proxy.example:1080');
	for (const host of [
		'',
		':1080',
		'127.0.0.1:0',
		'127.0.0.1:99999',
		'127.0.0.1.evil.example:1080',
		'a"b:1080',
		'[::1',
		'localhost:1080:1',
	])
		t.is(saidTo(host, ['proxy.example']), null, host);
});

test('nothing else is a question for the file', (t) => {
	for (const line of [
		'POST /proxy.pac HTTP/1.1',
		'GET /proxy.pac?x HTTP/1.1',
		'GET / HTTP/1.1',
		'GET /PROXY.PAC HTTP/1.1',
	])
		t.is(pacReply(headOf('127.0.0.1:1080', line), []), null, line);
});

test('the codec answers it without asking who it is, and only where that is turned on', (t) => {
	for (const authRequired of [false, true]) {
		const on = (): Codec => new HttpServer({ authRequired, pacHosts: [] });
		const shown = playAllWays(t, on, bytesOf('127.0.0.1:1080'));
		t.is(shown.end, 'established');
		t.deepEqual(shown.intent, { kind: 'page' });
		t.regex(shown.sent.toString(), /^HTTP\/1\.1 200 OK\r\n/);
		const off = playAllWays(t, () => new HttpServer({ authRequired }), bytesOf('127.0.0.1:1080'));
		t.is(off.end, 'fail');
		const foreign = playAllWays(t, on, bytesOf('evil.example'));
		t.is(foreign.sent.toString(), off.sent.toString(), 'as if it was turned off');
	}
});
