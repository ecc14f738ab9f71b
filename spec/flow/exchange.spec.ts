// One client connection as a whole: order, keep-alive, refusals, limits, and its end. Bytes are compared exactly.
import { once } from 'node:events';
import test from 'ava';
import { type Code, GatewayError } from '../../lib/core/error.ts';
import { answer, dialPlainly, says, startStage, turns, until } from '../helpers/exchange-stage.ts';
import { refusingPort } from '../helpers/tcp-origins.ts';

test('a request in absolute-form reaches the origin in origin-form, and its answer the client', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.write(stage.get('/a?b=c', 'X-One: 1', 'x-TWO:2'));
	const origin = await stage.accept();
	await says(t, origin, stage.seen('GET', '/a?b=c', 'X-One: 1', 'x-TWO:2'));
	origin.write(answer('hello'));
	await says(t, client, answer('hello'));
	t.is(stage.flows[0]?.requests, 1);
	t.is(stage.flows[0]?.upBytes, stage.get('/a?b=c', 'X-One: 1', 'x-TWO:2').length);
	t.is(stage.flows[0]?.downBytes, answer('hello').length);
	t.is(stage.flows[0]?.target?.port, stage.originPort);
	t.is(stage.flows[0]?.route, 'direct');
	t.not(stage.flows[0]?.openedMs, null);
});

test('both connections are kept for the next request', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.write(stage.get('/1'));
	const origin = await stage.accept();
	for (const path of ['/1', '/2', '/3']) {
		if (path !== '/1') client.write(stage.get(path));
		await says(t, origin, stage.seen('GET', path));
		origin.write(answer(path));
		await says(t, client, answer(path));
	}
	t.is(stage.dials.length, 1);
	client.end();
	t.deepEqual(await client.readToEnd(), { bytes: Buffer.alloc(0), ending: 'fin' });
	t.deepEqual(await stage.end(), { kind: 'ended', outcome: { cause: 'closed' } });
	t.is(stage.flows[0]?.requests, 3);
});

test('what a handshake has read already comes first', async (t) => {
	const stage = await startStage(t, { early: 'OPTIONS http://a.example/ HTTP/1.1\r\nHost: a.exam' });
	const client = await stage.connect();
	client.write('ple\r\nMax-Forwards: 0\r\n\r\n');
	await says(t, client, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
});

test('pipelined requests are answered in order, each asked when the one before is over', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.write(`${stage.get('/1') + stage.request('POST', '/2', 'Content-Length: 4')}body${stage.get('/3')}`);
	const origin = await stage.accept();
	await says(t, origin, stage.seen('GET', '/1'));
	origin.write(answer('one'));
	await says(t, client, answer('one'));
	await says(t, origin, `${stage.seen('POST', '/2', 'Content-Length: 4')}body`);
	origin.write(answer('two'));
	await says(t, origin, stage.seen('GET', '/3'));
	origin.write(answer('three'));
	await says(t, client, answer('two') + answer('three'));
	t.is(stage.dials.length, 1);
});

test('pipelined requests for two origins are answered in order too', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	const refusing = `127.0.0.1:${await refusingPort()}`;
	const other = `GET http://${refusing}/2 HTTP/1.1\r\nHost: ${refusing}\r\n\r\n`;
	client.write(stage.get('/1') + other + stage.get('/3'));
	const origin = await stage.accept();
	await says(t, origin, stage.seen('GET', '/1'));
	origin.write(answer('one'));
	await says(t, client, answer('one'));
	t.regex(String(await client.readUntil('\r\n\r\n')), /^HTTP\/1\.1 502 .*error=connection_refused/s);
	await says(t, client, '502 Bad Gateway: connection_refused\n');
	await says(t, origin, stage.seen('GET', '/3'));
	t.is(stage.dials.length, 2);
});

test('bytes that come one at a time in both directions make no difference', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	const sent = client.writeBytewise(
		Buffer.from(`${stage.request('PUT', '/x', 'Content-Length: 3')}abc${stage.get('/y')}`),
	);
	const origin = await stage.accept();
	await says(t, origin, `${stage.seen('PUT', '/x', 'Content-Length: 3')}abc`);
	await origin.writeBytewise(Buffer.from(answer('first')));
	await says(t, client, answer('first'));
	await sent;
	await says(t, origin, stage.seen('GET', '/y'));
	await origin.writeBytewise(Buffer.from(answer('second')));
	await says(t, client, answer('second'));
});

test('a client that sends FIN behind its requests gets every answer', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.end(stage.get('/1') + stage.get('/2'));
	const origin = await stage.accept();
	await says(t, origin, stage.seen('GET', '/1'));
	origin.write(answer('one'));
	await says(t, origin, stage.seen('GET', '/2'));
	origin.write(answer('two'));
	const { bytes, ending } = await client.readToEnd();
	t.is(String(bytes), answer('one') + answer('two'));
	t.is(ending, 'fin');
	t.deepEqual(await stage.end(), { kind: 'ended', outcome: { cause: 'closed' } });
});

test('the flow of a slow client that has sent FIN lasts until all of its answer has left', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.end(stage.get('/', 'Connection: close'));
	const origin = await stage.accept();
	// How much the kernel takes of an answer is its own affair: none of this one, as far as the exchange can see.
	Object.defineProperty(stage.links[0], 'pendingBytes', { value: 1 });
	const closedByThen = stage.end().then(() => stage.links[0]!.closed);
	origin.end(answer('one'));
	t.true(await closedByThen);
	const { bytes, ending } = await client.readToEnd();
	t.is(String(bytes), answer('one', 'Connection: close'));
	t.is(ending, 'fin');
});

test('a client that leaves inside a head is closed, and the flow says so', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.end('GET http://127.0.0.1/');
	t.is(String((await client.readToEnd()).bytes), '');
	const outcome = { cause: 'connection_terminated', side: 'client', phase: 'exchange' };
	t.deepEqual(await stage.end(), { kind: 'ended', outcome });
});

test('a client that says close gets close, and its origin link is not kept', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.write(stage.get('/', 'Connection: close'));
	const origin = await stage.accept();
	await says(t, origin, stage.seen('GET', '/', 'Connection: close'));
	origin.write(answer('bye'));
	const { bytes } = await client.readToEnd();
	t.is(String(bytes), answer('bye', 'Connection: close'));
	t.is(stage.pool.idleCount, 0);
	t.is((await origin.readToEnd()).ending, 'fin');
});

test('an origin that says close is not asked again, and the client does not notice', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.write(stage.get('/1') + stage.get('/2'));
	const first = await stage.accept();
	await says(t, first, stage.seen('GET', '/1'));
	first.write(answer('one', 'Connection: close'));
	await says(t, client, answer('one'));
	const second = await stage.accept();
	await says(t, second, stage.seen('GET', '/2'));
	second.write(answer('two'));
	await says(t, client, answer('two'));
});

test('the target decides where a request goes, and Host is written from it', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.write(`GET http://127.0.0.1:${stage.originPort}/ HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n`);
	const origin = await stage.accept();
	await says(t, origin, stage.seen('GET', '/'));
	t.is(stage.dials[0]?.host, '127.0.0.1');
});

test('CONNECT behind a request goes back to the handshake with everything behind it', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	const rest = 'CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\ntunnelled';
	client.write(stage.get('/1') + rest);
	const origin = await stage.accept();
	await says(t, origin, stage.seen('GET', '/1'));
	origin.write(answer('one'));
	await says(t, client, answer('one'));
	t.deepEqual(await stage.end(), { kind: 'handshake' });
	t.is(String(stage.links[0]?.early), rest);
	t.false(stage.links[0]?.closed);
	t.is(stage.flows[0]?.upBytes, stage.get('/1').length);
});

test('an empty line before a CONNECT does not go back to the handshake, which would not know it', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	const rest = 'CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n';
	client.write(`${stage.get('/1')}\r\n${rest}`);
	const origin = await stage.accept();
	origin.write(answer('one'));
	t.deepEqual(await stage.end(), { kind: 'handshake' });
	t.is(String(stage.links[0]?.early), rest);
});

test('a thousand requests at once that are answered here are answered in turns, to the last', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	const count = 1_000;
	client.end(stage.request('OPTIONS', '/', 'Max-Forwards: 0').repeat(count));
	const { bytes, ending } = await client.readToEnd();
	t.is(String(bytes), 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'.repeat(count));
	t.is(ending, 'fin');
	t.deepEqual(await stage.end(), { kind: 'ended', outcome: { cause: 'closed' } });
	t.is(stage.flows[0]?.requests, count);
});

test('who has failed often gets no second try on a connection', async (t) => {
	const judge = (): never => {
		throw new GatewayError('http_request_denied', { phase: 'policy' });
	};
	const stage = await startStage(t, { judge });
	const client = await stage.connect();
	client.write(stage.get('/1'));
	t.regex(String(await client.readUntil('\r\n\r\n')), /^HTTP\/1\.1 403 [\s\S]*\r\nConnection: keep-alive\r\n/);
	stage.slowed = true;
	client.write(stage.get('/2'));
	t.regex(String((await client.readToEnd()).bytes), /HTTP\/1\.1 403 [\s\S]*\r\nConnection: close\r\n/);
});

test('other credentials than those the client was let in with go back to the handshake', async (t) => {
	const stage = await startStage(t, { authRequired: true });
	const client = await stage.connect();
	const first = stage.get('/', 'Proxy-Authorization: Basic YTph');
	const other = stage.get('/', 'Proxy-Authorization: Basic YjpiCg==');
	client.write(first + first + other);
	const origin = await stage.accept();
	for (let i = 0; i < 2; i++) {
		await says(t, origin, stage.seen('GET', '/'));
		origin.write(answer('in'));
	}
	await says(t, client, answer('in') + answer('in'));
	t.deepEqual(await stage.end(), { kind: 'handshake' });
	t.is(String(stage.links[0]?.early), other);
});

test('a request without the credentials that were shown before goes back to the handshake', async (t) => {
	const stage = await startStage(t, { authRequired: true });
	const client = await stage.connect();
	client.write(stage.get('/', 'Proxy-Authorization: Basic YTph') + stage.get('/2'));
	const origin = await stage.accept();
	await says(t, origin, stage.seen('GET', '/'));
	origin.write(answer('in'));
	t.deepEqual(await stage.end(), { kind: 'handshake' });
});

test('credentials mean nothing where none are asked for', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.write(stage.get('/1', 'Proxy-Authorization: Basic YTph') + stage.get('/2'));
	const origin = await stage.accept();
	await says(t, origin, stage.seen('GET', '/1'));
	origin.write(answer('one'));
	await says(t, origin, stage.seen('GET', '/2'));
});

const REFUSED: readonly (readonly [what: string, request: string, status: number])[] = [
	['origin-form', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
	['asterisk-form', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', 400],
	['userinfo', 'GET http://user:pass@a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n', 400],
	['another scheme', 'GET https://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n', 400],
	['TRACE', 'TRACE http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n', 405],
];

for (const [what, request, status] of REFUSED) {
	test(`${what} is refused, and the connection goes on`, async (t) => {
		const stage = await startStage(t);
		const client = await stage.connect();
		client.write(request + stage.get('/next'));
		const head = String(await client.readUntil('\r\n\r\n'));
		t.true(head.startsWith(`HTTP/1.1 ${status} `));
		await client.read(Number(/content-length: (\d+)/i.exec(head)?.[1]));
		const origin = await stage.accept();
		await says(t, origin, stage.seen('GET', '/next'));
		origin.write(answer('on'));
		await says(t, client, answer('on'));
		t.is(stage.dials.length, 1);
	});
}

const CLOSED: readonly (readonly [what: string, request: string, status: number, cause: Code])[] = [
	[
		'two framings',
		'POST http://a/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
		400,
		'http_request_error',
	],
	['no head', '\u0016\u0003\u0001\u0000', 400, 'http_request_error'],
	['a folded field', 'GET http://a/ HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n', 400, 'http_request_error'],
	[
		'a refused request with a body',
		'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc',
		400,
		'http_request_error',
	],
	['a refused HTTP/1.0 request', 'GET / HTTP/1.0\r\n\r\n', 400, 'http_request_error'],
	[
		'a refused request that says close',
		'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
		400,
		'http_request_error',
	],
	[
		'TRACE with a body',
		'TRACE http://a/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx',
		405,
		'http_request_denied',
	],
];

for (const [what, request, status, cause] of CLOSED) {
	test(`${what} ends the connection behind the refusal, whatever follows`, async (t) => {
		const stage = await startStage(t);
		const client = await stage.connect();
		client.write(Buffer.from(request + stage.get('/smuggled'), 'latin1'));
		const { bytes, ending } = await client.readToEnd();
		t.regex(String(bytes), new RegExp(`^HTTP/1\\.1 ${status} `));
		t.regex(String(bytes), /\r\nConnection: close\r\n/);
		t.is(String(bytes).split('HTTP/1.1').length, 2, 'one answer');
		t.is(ending, 'fin');
		t.is(stage.dials.length, 0);
		const end = await stage.end();
		t.is(end.kind === 'ended' && end.outcome.cause, cause);
	});
}

test('a policy that says no is answered in its own words, request by request', async (t) => {
	const stage = await startStage(t, {
		judge({ port }) {
			if (port === 25) throw new GatewayError('destination_ip_prohibited', { phase: 'policy' });
		},
	});
	const client = await stage.connect();
	client.write('GET http://127.0.0.1:25/ HTTP/1.1\r\nHost: 127.0.0.1:25\r\n\r\n');
	t.regex(String(await client.readUntil('\r\n\r\n')), /^HTTP\/1\.1 403 .*error=destination_ip_prohibited/s);
	client.write(stage.get('/'));
	const origin = await stage.accept();
	await says(t, origin, stage.seen('GET', '/'));
	origin.write(answer('yes'));
	await client.readUntil(answer('yes'));
	client.end();
	t.deepEqual(await stage.end(), { kind: 'ended', outcome: { cause: 'closed' } });
});

test('a flow that ends with a refusal says why', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	const refusing = `127.0.0.1:${await refusingPort()}`;
	client.end(`GET http://${refusing}/ HTTP/1.1\r\nHost: ${refusing}\r\n\r\n`);
	await client.readToEnd();
	const end = await stage.end();
	t.is(end.kind === 'ended' && end.outcome.cause, 'connection_refused');
});

test('a hook that throws what is no GatewayError costs its request', async (t) => {
	const stage = await startStage(t, {
		judge({ port }) {
			if (port === 1) throw new Error('a bug');
		},
	});
	const client = await stage.connect();
	client.write('GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n');
	t.regex(String(await client.readUntil('\r\n\r\n')), /^HTTP\/1\.1 500 /);
});

test('an OPTIONS that may go no further is answered here', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.write(stage.request('OPTIONS', '/', 'Max-Forwards: 0'));
	await says(t, client, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
	client.write(stage.request('OPTIONS', '/', 'Max-Forwards: 0', 'Content-Length: 1'));
	const { bytes } = await client.readToEnd();
	t.is(String(bytes), 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
	t.is(stage.dials.length, 0);
});

test('an HTTP/1.0 client without keep-alive is closed behind its answer', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.write(`GET http://127.0.0.1:${stage.originPort}/ HTTP/1.0\r\n\r\n`);
	const origin = await stage.accept();
	await says(t, origin, 'GET / HTTP/1.0\r\n\r\n');
	origin.write(answer('old'));
	const { bytes, ending } = await client.readToEnd();
	t.is(String(bytes), answer('old', 'Connection: close'));
	t.is(ending, 'fin');
	t.is((await origin.readToEnd()).ending, 'fin');
});

test('an HTTP/1.0 client with keep-alive is kept, and so is an origin that agrees', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	const request = `GET http://127.0.0.1:${stage.originPort}/ HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n`;
	client.write(request + request);
	const origin = await stage.accept();
	for (let i = 0; i < 2; i++) {
		await says(t, origin, 'GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n');
		origin.write(answer('kept', 'Connection: keep-alive'));
		await says(t, client, answer('kept', 'Connection: keep-alive'));
	}
	t.is(stage.dials.length, 1);
});

test('an origin that does not say keep-alive to HTTP/1.0 is not asked again', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	const request = `GET http://127.0.0.1:${stage.originPort}/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`;
	client.write(request + request);
	const first = await stage.accept();
	await first.readUntil('\r\n\r\n');
	first.write(answer('one'));
	await says(t, client, answer('one', 'Connection: keep-alive'));
	const second = await stage.accept();
	await second.readUntil('\r\n\r\n');
	t.is(stage.dials.length, 2);
});

test('ten thousand pipelined requests of a client that does not read are served one by one, in bounded memory', async (t) => {
	const stage = await startStage(t);
	const { socket } = await stage.connect();
	socket.pause();
	const body = 'x'.repeat(4_000);
	const path = (i: number) => `/${String(i).padStart(5, '0')}`;
	for (let i = 0; i < 10_000; i++) socket.write(stage.get(path(i)));
	socket.end();
	const origin = await stage.accept();
	let asked = 0;
	const serve = (async () => {
		for (const length = stage.seen('GET', path(0)).length; asked < 10_000; asked++) {
			t.true(String(await origin.read(length)).startsWith(`GET ${path(asked)} `));
			origin.write(answer(body));
		}
	})();
	await until(() => stage.links[0]!.pendingBytes > 65_536);
	const before = asked;
	await turns(300);
	t.true(before < 5_000 && asked <= before + 1, 'requests wait until their answers have room');
	t.true(stage.links[0]!.pendingBytes < 200_000);
	socket.removeAllListeners('data');
	let received = 0;
	socket.on('data', (chunk) => {
		received += chunk.length;
	});
	socket.resume();
	await Promise.all([serve, stage.end()]);
	if (!socket.closed) await once(socket, 'close');
	t.is(received, 10_000 * answer(body).length);
	t.is(stage.dials.length, 1);
});

test('refusals wait too until there is room for them', async (t) => {
	const stage = await startStage(t);
	const { socket } = await stage.connect();
	socket.pause();
	const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
	socket.end(request.repeat(100_000));
	await until(() => stage.links[0]!.pendingBytes > 65_536);
	await turns(300);
	t.true(stage.links[0]!.pendingBytes < 200_000);
	t.true(stage.flows[0]!.requests < 80_000);
	socket.removeAllListeners('data');
	socket.resume();
	await stage.end();
	t.is(stage.flows[0]!.requests, 100_000);
});

test('a response may take longer than a client may idle', async (t) => {
	const stage = await startStage(t, { idleMs: 500, headMs: 500 });
	const client = await stage.connect();
	client.write(stage.get('/1'));
	const origin = await stage.accept();
	await says(t, origin, stage.seen('GET', '/1'));
	origin.write(answer('one'));
	await says(t, client, answer('one'));
	client.write(stage.get('/slow'));
	await says(t, origin, stage.seen('GET', '/slow'));
	await Promise.all([(await stage.connect()).readToEnd(), (await stage.connect()).readToEnd()]);
	origin.write(answer('slow'));
	await says(t, client, answer('slow'));
});

test('a client that idles between requests is closed', async (t) => {
	const stage = await startStage(t, { idleMs: 60 });
	const client = await stage.connect();
	t.deepEqual(await client.readToEnd(), { bytes: Buffer.alloc(0), ending: 'fin' });
	t.deepEqual(await stage.end(), { kind: 'ended', outcome: { cause: 'idle' } });
});

test('a client that does not finish its head hears 408', async (t) => {
	const stage = await startStage(t, { headMs: 60 });
	const client = await stage.connect();
	client.write(stage.get('/').slice(0, -2));
	t.regex(String((await client.readToEnd()).bytes), /^HTTP\/1\.1 408 /);
	const end = await stage.end();
	t.is(end.kind === 'ended' && end.outcome.cause, 'handshake_timeout');
});

test('a head that trickles is cut by the deadline of its first byte', async (t) => {
	const stage = await startStage(t, { headMs: 100 });
	const client = await stage.connect();
	const trickle = setInterval(() => client.write('a'), 20);
	t.teardown(() => clearInterval(trickle));
	client.write('GET http://a/');
	t.regex(String((await client.readToEnd()).bytes), /^HTTP\/1\.1 408 /);
});

test('draining ends a connection behind its current response', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.write(stage.get('/1') + stage.get('/2'));
	const origin = await stage.accept();
	await says(t, origin, stage.seen('GET', '/1'));
	stage.draining = true;
	origin.write(answer('last'));
	const { bytes } = await client.readToEnd();
	t.is(String(bytes), answer('last', 'Connection: close'));
	t.deepEqual(await stage.end(), { kind: 'ended', outcome: { cause: 'drained' } });
});

test('draining ends a connection that idles', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	stage.draining = true;
	t.is((await client.readToEnd()).ending, 'fin');
	t.deepEqual(await stage.end(), { kind: 'ended', outcome: { cause: 'drained' } });
});

test('a client that resets between requests leaves nothing behind', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.write(stage.get('/'));
	const origin = await stage.accept();
	origin.write(answer('one'));
	await says(t, client, answer('one'));
	client.reset();
	const end = await stage.end();
	t.is(end.kind === 'ended' && end.outcome.cause, 'connection_terminated');
	t.is(stage.pool.idleCount, 1);
});

test("a bug met on the client's link costs that flow and no other", async (t) => {
	const bug = new Error('a bug');
	const stage = await startStage(t, {
		dial(target, context) {
			if (stage.dials.length === 1) throw bug;
			return dialPlainly(target, context);
		},
	});
	const client = await stage.connect();
	client.write(stage.get('/'));
	t.is(String((await client.readToEnd()).bytes), '');
	const thrown = await t.throwsAsync(stage.end());
	t.is(thrown?.cause, bug);
	const other = await stage.connect();
	other.write(stage.get('/'));
	const origin = await stage.accept();
	await says(t, origin, stage.seen('GET', '/'));
});

test("a bug met on an origin's link costs that flow and no other", async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.write(stage.get('/'));
	const origin = await stage.accept();
	await origin.readUntil('\r\n\r\n');
	const bug = new Error('a bug');
	Object.defineProperty(stage, 'draining', {
		get() {
			throw bug;
		},
	});
	origin.write(answer('never seen'));
	t.is(String((await client.readToEnd()).bytes), '');
	await origin.readToEnd();
	const thrown = await t.throwsAsync(stage.end());
	t.is(thrown?.cause, bug);
});
