import test from 'ava';
import { trailersToClient, trailersToOrigin } from '../../lib/anonymity/trailers.ts';
import { requestHead, responseHead } from '../helpers/heads.ts';

function toOrigin(lines: readonly string[], ...more: readonly string[]): string[] {
	const head = requestHead('POST http://example.com/ HTTP/1.1', 'Host: example.com', ...more);
	return trailersToOrigin(requestHead('POST / HTTP/1.1', ...lines).fields, head);
}

function toClient(lines: readonly string[], ...more: readonly string[]): string[] {
	return trailersToClient(
		requestHead('POST / HTTP/1.1', ...lines).fields,
		responseHead('HTTP/1.1 200 OK', ...more),
		null,
	);
}

const OWN = ['Server-Timing: a', 'digest:  x ', 'X-Sum: 1', 'X-Sum: 2', 'grpc-status: 0', 'ETag: "1"', 'Expires: 0'];

test('trailers pass as they were written, both ways', (t) => {
	t.deepEqual(toOrigin(OWN), OWN);
	t.deepEqual(toClient(OWN), OWN);
});

const NEVER = [
	['Content-Length: 5', 'transfer-encoding: chunked', 'Trailer: x', 'Host: example.net', 'Expect: 100-continue'],
	['Connection: close', 'Keep-Alive: 5', 'TE: gzip', 'Upgrade: h2c', 'Proxy-Connection: close', 'HTTP2-Settings: x'],
	['Authorization: x', 'Cookie: a=1', 'Set-Cookie: a=1', 'WWW-Authenticate: Basic', 'Proxy-Authenticate: Basic'],
	['Content-Type: x', 'Content-Encoding: gzip', 'Content-Range: x', 'Cache-Control: no-store', 'Max-Forwards: 1'],
].flat();

for (const line of NEVER) {
	test(`${line} is no trailer, neither way`, (t) => {
		t.deepEqual(toOrigin(['A: 1', line, 'B: 2']), ['A: 1', 'B: 2']);
		t.deepEqual(toClient(['A: 1', line, 'B: 2']), ['A: 1', 'B: 2']);
	});
}

test('nothing identifies the client behind its body', (t) => {
	for (const name of ['Via', 'X-Forwarded-For', 'Forwarded', 'X_Real_IP', 'From', 'Proxy-Authorization', 'Proxy-Foo']) {
		t.deepEqual(toOrigin([`${name}: canary`, 'A: 1']), ['A: 1'], name);
	}
});

test('trailers that the head nominates go no further', (t) => {
	t.deepEqual(toOrigin(['X-One: 1', 'x-two: 2'], 'Connection: x-one'), ['x-two: 2']);
	t.deepEqual(toClient(['X-One: 1', 'x-two: 2'], 'Connection: close, X-Two'), ['X-One: 1']);
});
