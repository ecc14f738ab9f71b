// Requests with a body on their way to the origin: framing, trailers, expectations, bodies that are cut off, and backpressure.
import type { Socket } from 'node:net';
import test from 'ava';
import { answer, dialPlainly, says, startStage, turns, until } from '../helpers/exchange-stage.ts';

const CHUNKED = ['5;a=b;c="d e"', 'hello', '3', 'abc', '0', '', ''].join('\r\n');

test('a body with a length goes on as it comes, head and first bytes in one piece', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.write(`${stage.request('POST', '/', 'Content-Length: 10')}first`);
	const origin = await stage.accept();
	const first = await new Promise<Buffer>((resolve) => origin.socket.once('data', resolve));
	t.is(String(first), `${stage.seen('POST', '/', 'Content-Length: 10')}first`);
	await origin.read(first.length);
	client.write('later');
	await says(t, origin, 'later');
	origin.write(answer('thanks'));
	await says(t, client, answer('thanks'));
	t.is(stage.pool.idleCount, 1);
});

test('a chunked body keeps its chunks and their extensions, whatever the method', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	const request = (method: string) => stage.request(method, '/', 'Transfer-Encoding: chunked') + CHUNKED;
	client.write(request('POST'));
	const origin = await stage.accept();
	for (const method of ['POST', 'GET', 'DELETE', 'OPTIONS']) {
		if (method !== 'POST') client.write(request(method));
		await says(t, origin, stage.seen(method, '/', 'Transfer-Encoding: chunked') + CHUNKED);
		origin.write(answer(''));
		await says(t, client, answer(''));
	}
	t.is(stage.dials.length, 1);
});

test('trailers go on, but for those that are not for the origin', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	const trailers = 'X-Sum: 1\r\nX-Forwarded-For: 10.0.0.1\r\nCookie: a=b\r\nX-Two:  2 \r\n\r\n';
	client.write(
		`${stage.request('PUT', '/', 'Transfer-Encoding: chunked')}1\r\nx\r\n0\r\n${trailers}${stage.get('/next')}`,
	);
	const origin = await stage.accept();
	const seen = `${stage.seen('PUT', '/', 'Transfer-Encoding: chunked')}1\r\nx\r\n0\r\nX-Sum: 1\r\nX-Two:  2 \r\n\r\n`;
	await says(t, origin, seen);
	origin.write(answer(''));
	await says(t, origin, stage.seen('GET', '/next'));
});

test('a body that comes while the dial goes on is held, within a bound, and arrives whole', async (t) => {
	let open: () => void = () => {};
	const opened = new Promise<void>((resolve) => {
		open = resolve;
	});
	const stage = await startStage(t, {
		async dial(target, context) {
			await opened;
			return dialPlainly(target, context);
		},
	});
	const client = await stage.connect();
	const body = Buffer.alloc(20_000_000, 'y');
	client.write(stage.request('POST', '/', `Content-Length: ${body.length}`));
	client.write(body);
	await until(() => stage.flows[0] !== undefined && stage.flows[0].upBytes > 60_000);
	await turns(200);
	t.true(stage.flows[0]!.upBytes < 300_000);
	open();
	const origin = await stage.accept();
	const length = stage.seen('POST', '/', `Content-Length: ${body.length}`).length + body.length;
	await drain(origin.socket, length);
	origin.write(answer('got it'));
	await says(t, client, answer('got it'));
	t.is(origin.socket.bytesRead, length);
});

test('an origin that does not read holds the client back, in bounded memory', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	const body = Buffer.alloc(50_000_000, 'z');
	client.write(stage.request('POST', '/', `Content-Length: ${body.length}`));
	const origin = await stage.accept();
	await origin.readUntil('\r\n\r\n');
	origin.socket.pause();
	client.write(body);
	let last = -1;
	await until(() => {
		const same = last === stage.flows[0]!.upBytes;
		last = stage.flows[0]!.upBytes;
		return same && last > 1_000_000;
	});
	t.true(last < 40_000_000);
	await drain(origin.socket, body.length);
	origin.write(answer('at last'));
	await says(t, client, answer('at last'));
});

/** Reads the socket and forgets, up to `length` bytes of its life. */
function drain(socket: Socket, length: number): Promise<void> {
	socket.removeAllListeners('data');
	socket.resume();
	return until(() => socket.bytesRead >= length);
}

test('100 (Continue) passes, and only then the body', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.write(stage.request('PUT', '/', 'Content-Length: 4', 'Expect: 100-continue'));
	const origin = await stage.accept();
	await says(t, origin, stage.seen('PUT', '/', 'Content-Length: 4', 'Expect: 100-continue'));
	origin.write('HTTP/1.1 100 Continue\r\n\r\n');
	await says(t, client, 'HTTP/1.1 100 Continue\r\n\r\n');
	client.write('body');
	await says(t, origin, 'body');
	origin.write(answer('ok'));
	await says(t, client, answer('ok'));
	client.write(stage.get('/next'));
	await says(t, origin, stage.seen('GET', '/next'));
	t.is(stage.dials.length, 1);
});

test('a final answer without 100 ends the connection: nobody knows whether the body comes', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.write(stage.request('PUT', '/', 'Content-Length: 4', 'Expect: 100-continue'));
	const origin = await stage.accept();
	await origin.readUntil('\r\n\r\n');
	origin.write('HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno');
	const { bytes, ending } = await client.readToEnd();
	t.is(String(bytes), 'HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno');
	t.is(ending, 'fin');
	t.is(stage.pool.idleCount, 0);
	t.is((await origin.readToEnd()).ending, 'fin');
	t.deepEqual(await stage.end(), { kind: 'ended', outcome: { cause: 'closed' } });
});

test('an answer that comes before the body has been sent passes whole, then both ends close', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.write(stage.request('POST', '/', 'Content-Length: 1000000000'));
	const origin = await stage.accept();
	await origin.readUntil('\r\n\r\n');
	const sending = setInterval(() => client.write(Buffer.alloc(10_000)), 1);
	t.teardown(() => clearInterval(sending));
	await origin.read(50_000);
	const body = 'too large '.repeat(100);
	origin.write(`HTTP/1.1 413 Content Too Large\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
	t.regex(String(await client.readUntil('\r\n\r\n')), /^HTTP\/1\.1 413 .*\r\nConnection: close\r\n/s);
	await says(t, client, body);
	t.is((await client.readToEnd()).ending, 'fin');
	t.deepEqual(await stage.end(), { kind: 'ended', outcome: { cause: 'closed' } });
});

test('an answer may begin before the request is over and end behind it', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.write(`${stage.request('POST', '/', 'Transfer-Encoding: chunked')}1\r\na\r\n`);
	const origin = await stage.accept();
	await origin.readUntil('a\r\n');
	origin.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nA\r\n');
	await says(t, client, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\nA\r\n');
	client.write('1\r\nb\r\n0\r\n\r\n');
	await says(t, origin, '1\r\nb\r\n0\r\n\r\n');
	origin.write('1\r\nB\r\n0\r\n\r\n');
	const { bytes, ending } = await client.readToEnd();
	t.is(String(bytes), '1\r\nB\r\n0\r\n\r\n');
	t.is(ending, 'fin');
});

test('a client that sends FIN inside a body hears 400, and the origin never sees an end', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.write(`${stage.request('POST', '/', 'Content-Length: 10')}half`);
	const origin = await stage.accept();
	await origin.readUntil('half');
	client.end();
	t.is(String((await origin.readToEnd()).bytes), '');
	t.regex(String((await client.readToEnd()).bytes), /^HTTP\/1\.1 400 /);
	const end = await stage.end();
	t.is(end.kind === 'ended' && end.outcome.side, 'client');
});

test('a client that resets inside a body takes its origin link along', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.write(`${stage.request('POST', '/', 'Content-Length: 10')}half`);
	const origin = await stage.accept();
	await origin.readUntil('half');
	client.reset();
	await origin.readToEnd();
	const end = await stage.end();
	t.is(end.kind === 'ended' && end.outcome.cause, 'connection_terminated');
});

test('a body whose framing breaks is refused, and nothing of the broken part goes on', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.write(`${stage.request('POST', '/', 'Transfer-Encoding: chunked')}1\r\na\r\n`);
	const origin = await stage.accept();
	await origin.readUntil('a\r\n');
	client.write(`zz\r\n${stage.get('/smuggled')}`);
	const { bytes } = await client.readToEnd();
	t.regex(String(bytes), /^HTTP\/1\.1 400 .*\r\nConnection: close\r\n/s);
	t.is(String((await origin.readToEnd()).bytes), '');
});

test('a body that is broken from the start dials nobody', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.write(`${stage.request('POST', '/', 'Transfer-Encoding: chunked')}+1\r\na\r\n0\r\n\r\n`);
	t.regex(String((await client.readToEnd()).bytes), /^HTTP\/1\.1 400 /);
	t.is(stage.dials.length, 0);
});

test('a client that stands still inside a body hears 408', async (t) => {
	const stage = await startStage(t, { stillMs: 100 });
	const client = await stage.connect();
	client.write(`${stage.request('POST', '/', 'Content-Length: 10')}half`);
	const origin = await stage.accept();
	t.regex(String((await client.readToEnd()).bytes), /^HTTP\/1\.1 408 /);
	await origin.readToEnd();
	const end = await stage.end();
	t.is(end.kind === 'ended' && end.outcome.cause, 'handshake_timeout');
});

test('an origin that stops reading a body is reported as 504', async (t) => {
	const stage = await startStage(t, { stillMs: 150 });
	const client = await stage.connect();
	client.write(stage.request('POST', '/', 'Content-Length: 100000000'));
	const origin = await stage.accept();
	await origin.readUntil('\r\n\r\n');
	origin.socket.pause();
	client.write(Buffer.alloc(50_000_000));
	t.regex(String(await client.readUntil('\r\n\r\n')), /^HTTP\/1\.1 504 .*error=connection_write_timeout/s);
});
