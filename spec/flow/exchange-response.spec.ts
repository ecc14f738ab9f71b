// Responses on their way to the client: framing, interim ones, truncation, lies, backpressure both ways.
import test from 'ava';
import { answer, dialPlainly, says, startStage, turns, until } from '../helpers/exchange-stage.ts';
import type { RawClient } from '../helpers/raw-client.ts';

type Options = Parameters<typeof startStage>[1];

/** A client that has asked, and the origin that has read it. */
async function asked(t: Parameters<typeof startStage>[0], text?: string, options?: Options) {
	const stage = await startStage(t, options);
	const client = await stage.connect();
	client.write(text ?? stage.get('/'));
	const origin = await stage.accept();
	await origin.readUntil('\r\n\r\n');
	return { stage, client, origin };
}

/** Shows that the same two connections are good for one more exchange. */
async function goesOn(
	t: Parameters<typeof says>[0],
	{ stage, client, origin }: Awaited<ReturnType<typeof asked>>,
): Promise<void> {
	client.write(stage.get('/next'));
	await says(t, origin, stage.seen('GET', '/next'));
	origin.write(answer('next'));
	await says(t, client, answer('next'));
	t.is(stage.dials.length, 1);
}

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5;q="x y"\r\nhello\r\n000\r\n';

test('chunks, their extensions and trailers pass as they are, and the connections go on', async (t) => {
	const talk = await asked(t);
	talk.origin.write(`${CHUNKED}X-Sum:  1\r\n\r\n`);
	await says(t, talk.client, `${CHUNKED}X-Sum:  1\r\n\r\n`);
	await goesOn(t, talk);
});

test('trailers that are not for the client are taken out', async (t) => {
	const talk = await asked(t);
	talk.origin.write(`${CHUNKED}Set-Cookie: a=b\r\nX-Sum: 1\r\nConnection: close\r\n\r\n`);
	await says(t, talk.client, `${CHUNKED}X-Sum: 1\r\n\r\n`);
	await goesOn(t, talk);
});

test('head and body that came together leave together', async (t) => {
	const { client, origin } = await asked(t);
	const chunk = new Promise<Buffer>((resolve) => client.socket.once('data', resolve));
	origin.write(answer('x'.repeat(9_000)));
	t.is(String(await chunk), answer('x'.repeat(9_000)));
});

test('a body without a length ends with the connection, on both sides', async (t) => {
	const { stage, client, origin } = await asked(t);
	origin.write('HTTP/1.1 200 OK\r\n\r\nall of ');
	await says(t, client, 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of ');
	origin.end('it');
	const { bytes, ending } = await client.readToEnd();
	t.is(String(bytes), 'it');
	t.is(ending, 'fin');
	t.deepEqual(await stage.end(), { kind: 'ended', outcome: { cause: 'closed' } });
	t.is(stage.pool.idleCount, 0);
});

const BODILESS: readonly (readonly [method: string, head: string])[] = [
	['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n'],
	['HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
	['HEAD', 'HTTP/1.1 200 OK\r\n\r\n'],
	['GET', 'HTTP/1.1 204 No Content\r\n\r\n'],
	['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n'],
	['DELETE', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
];

for (const [method, head] of BODILESS) {
	test(`nothing follows ${JSON.stringify(head)} to ${method}`, async (t) => {
		const stage = await startStage(t);
		const client = await stage.connect();
		client.write(stage.request(method, '/'));
		const origin = await stage.accept();
		await origin.readUntil('\r\n\r\n');
		origin.write(head);
		await says(t, client, head);
		await goesOn(t, { stage, client, origin });
	});
}

test('interim responses pass as they come', async (t) => {
	const talk = await asked(t);
	const hints = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n';
	talk.origin.write(hints);
	await says(t, talk.client, hints);
	talk.origin.write(`HTTP/1.1 102 Processing\r\n\r\n${hints}${answer('done')}`);
	await says(t, talk.client, `HTTP/1.1 102 Processing\r\n\r\n${hints}${answer('done')}`);
	await goesOn(t, talk);
});

test('endless interim responses end in 502', async (t) => {
	const { stage, client, origin } = await asked(t);
	origin.write('HTTP/1.1 102 Processing\r\n\r\n'.repeat(1_000));
	await client.readUntil('HTTP/1.1 502 ');
	await origin.readToEnd();
	t.is(stage.pool.idleCount, 0);
});

const OLD = (port: number) => `GET http://127.0.0.1:${port}/ HTTP/1.0\r\n\r\n`;

test('an HTTP/1.0 client hears no interim response', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.write(OLD(stage.originPort));
	const origin = await stage.accept();
	await origin.readUntil('\r\n\r\n');
	origin.write(`HTTP/1.1 103 Early Hints\r\n\r\n${answer('done')}`);
	t.is(String((await client.readToEnd()).bytes), answer('done', 'Connection: close'));
});

test('an HTTP/1.0 client gets a chunked body without its chunks', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.write(OLD(stage.originPort));
	const origin = await stage.accept();
	await origin.readUntil('\r\n\r\n');
	await origin.writeBytewise(
		Buffer.from(`${CHUNKED.replace('000\r\n', 'A\r\n, chunked!\r\n000\r\n')}X-Sum: 1\r\n\r\n`),
	);
	const { bytes, ending } = await client.readToEnd();
	t.is(String(bytes), 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello, chunked!');
	t.is(ending, 'fin');
});

test('an HTTP/1.0 client that would be kept is closed behind such a body: nothing else shows its end', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.write(OLD(stage.originPort).replace('\r\n\r\n', '\r\nConnection: keep-alive\r\n\r\n'));
	const origin = await stage.accept();
	await origin.readUntil('\r\n\r\n');
	origin.write(`${CHUNKED}\r\n`);
	t.is(String((await client.readToEnd()).bytes), 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello');
});

test('an HTTP/1.0 client sees that a chunked body was cut off', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.write(OLD(stage.originPort));
	const origin = await stage.accept();
	await origin.readUntil('\r\n\r\n');
	origin.end(CHUNKED.slice(0, -3));
	t.is((await client.readToEnd()).ending, 'rst');
});

const TRUNCATED: readonly (readonly [what: string, bytes: string])[] = [
	['a body with a length', answer('half a body').slice(0, -5)],
	['a chunk', `${CHUNKED}`.slice(0, -9)],
	['a chunked body before its last chunk', CHUNKED.slice(0, -5)],
	['a trailer section', `${CHUNKED}X-Sum: 1\r\n`],
];

for (const [what, bytes] of TRUNCATED) {
	for (const ending of ['fin', 'rst'] as const) {
		test(`${what} that is cut off by ${ending} is cut off by RST for the client`, async (t) => {
			const { stage, client, origin } = await asked(t);
			origin.write(bytes);
			await client.readUntil('\r\n\r\n');
			if (ending === 'fin') origin.end();
			else origin.reset();
			t.is((await client.readToEnd()).ending, 'rst');
			const end = await stage.end();
			t.is(end.kind === 'ended' && end.outcome.side, 'target');
		});
	}
}

test('a body without a length that ends with RST does so for the client', async (t) => {
	const { client, origin } = await asked(t);
	origin.write('HTTP/1.1 200 OK\r\n\r\nsome');
	await client.readUntil('some');
	origin.reset();
	t.is((await client.readToEnd()).ending, 'rst');
});

const REFUSED: readonly (readonly [what: string, act: (origin: RawClient) => void, status: number, error: string])[] = [
	['an origin that says nothing and closes', (origin) => origin.end(), 502, 'connection_terminated'],
	['an origin that resets', (origin) => origin.reset(), 502, 'connection_terminated'],
	['a head that is cut off', (origin) => origin.end('HTTP/1.1 200 OK\r\nConte'), 502, 'http_response_incomplete'],
	['no HTTP', (origin) => origin.write('SSH-2.0-OpenSSH_9\r\n'), 502, 'http_protocol_error'],
	[
		'two framings',
		(origin) => origin.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
		502,
		'http_protocol_error',
	],
	[
		'two lengths',
		(origin) => origin.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd'),
		502,
		'http_protocol_error',
	],
	[
		'another coding',
		(origin) => origin.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'),
		502,
		'http_response_transfer_coding',
	],
	[
		'a first chunk that is none',
		(origin) => origin.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n'),
		502,
		'http_response_transfer_coding',
	],
	[
		'a head without end',
		(origin) => origin.write(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}`),
		502,
		'http_response_header_section_size',
	],
	[
		'a 101 that nobody asked for',
		(origin) => origin.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'),
		502,
		'http_upgrade_failed',
	],
];

for (const [what, act, status, error] of REFUSED) {
	test(`${what} is reported as ${error}, and the client goes on`, async (t) => {
		const { stage, client, origin } = await asked(t);
		act(origin);
		const head = String(await client.readUntil('\r\n\r\n'));
		t.true(head.startsWith(`HTTP/1.1 ${status} `));
		t.regex(head, new RegExp(`error=${error}\r\n`));
		await client.read(Number(/content-length: (\d+)/i.exec(head)?.[1]));
		client.write(stage.get('/next'));
		const next = await stage.accept();
		await says(t, next, stage.seen('GET', '/next'));
		next.write(answer('next'));
		await says(t, client, answer('next'));
	});
}

test('a chunk that is none behind good ones cuts the client off', async (t) => {
	const { client, origin } = await asked(t);
	origin.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n');
	await client.readUntil('a\r\n');
	origin.write('x\r\n');
	t.is((await client.readToEnd()).ending, 'rst');
});

test('bytes behind a response go to nobody, and their link is not used again', async (t) => {
	const { stage, client, origin } = await asked(t);
	origin.write(answer('mine') + answer('smuggled'));
	await says(t, client, answer('mine'));
	client.write(stage.get('/next'));
	const next = await stage.accept();
	await says(t, next, stage.seen('GET', '/next'));
	next.write(answer('next'));
	await says(t, client, answer('next'));
});

test('bytes that come while nobody asks cost the link', async (t) => {
	const { stage, client, origin } = await asked(t);
	origin.write(answer('mine'));
	await says(t, client, answer('mine'));
	t.is(stage.pool.idleCount, 1);
	origin.write(answer('smuggled'));
	await until(() => stage.pool.idleCount === 0);
	client.write(stage.get('/next'));
	const next = await stage.accept();
	await says(t, next, stage.seen('GET', '/next'));
});

test('a client that does not read holds its origin back, in bounded memory', async (t) => {
	const { stage, client, origin } = await asked(t);
	client.socket.pause();
	const body = Buffer.alloc(60_000_000, 'b');
	origin.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
	origin.write(body);
	await until(() => stage.links[0]!.pendingBytes > 0);
	await turns(200);
	t.true(stage.flows[0]!.downBytes < 40_000_000);
	t.true(stage.links[0]!.pendingBytes < 300_000);
	client.socket.removeAllListeners('data');
	client.socket.resume();
	const length = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`.length + body.length;
	await until(() => client.socket.bytesRead === length);
	t.is(stage.flows[0]!.downBytes, length);
	await until(() => stage.pool.idleCount === 1);
});

/** A client that has not read the end of its last response, all of which the gateway has; `length` bytes are for it. */
async function unreadEnd(t: Parameters<typeof startStage>[0]) {
	const { stage, client, origin } = await asked(t);
	client.socket.pause();
	origin.write('HTTP/1.1 200 OK\r\n\r\n');
	let length = 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n'.length;
	for (; stage.links[0]!.pendingBytes === 0; length += 1_000) {
		origin.write('b'.repeat(1_000));
		await until(() => stage.flows[0]!.downBytes === length + 1_000);
	}
	origin.end();
	await origin.readToEnd();
	await turns(50);
	return { stage, client, length };
}

test('a slow client gets the end of its last response, however long that takes', async (t) => {
	const { stage, client, length } = await unreadEnd(t);
	let over = false;
	void stage.end().then(() => {
		over = true;
	});
	await turns(5);
	t.false(over, 'the flow lives as long as it has something to send');
	client.socket.removeAllListeners('data');
	client.socket.resume();
	t.is((await client.readToEnd()).ending, 'fin');
	t.is(client.socket.bytesRead, length);
	client.end();
	t.deepEqual(await stage.end(), { kind: 'ended', outcome: { cause: 'closed' } });
});

test('a client that resets before it has read its last response was not served', async (t) => {
	const { stage, client } = await unreadEnd(t);
	client.reset();
	const end = await stage.end();
	t.is(end.kind === 'ended' && end.outcome.cause, 'connection_terminated');
});

test('a client that stops reading for good is cut off', async (t) => {
	const { stage, client, origin } = await asked(t, undefined, { stillMs: 100 });
	client.socket.pause();
	origin.write('HTTP/1.1 200 OK\r\n\r\n');
	origin.write(Buffer.alloc(60_000_000, 'b'));
	t.deepEqual(await stage.end(), { kind: 'ended', outcome: { cause: 'idle' } });
	t.is((await origin.readToEnd()).ending, 'rst');
});

test('a client that goes takes the origin link along', async (t) => {
	const { stage, client, origin } = await asked(t);
	origin.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome');
	await client.readUntil('some');
	client.reset();
	await origin.readToEnd();
	const end = await stage.end();
	t.is(end.kind === 'ended' && end.outcome.side, 'client');
	t.is(stage.pool.idleCount, 0);
});

test('an origin that does not answer is reported as 504', async (t) => {
	const { client, origin } = await asked(t, undefined, { stillMs: 100 });
	t.regex(String(await client.readUntil('\r\n\r\n')), /^HTTP\/1\.1 504 .*error=http_response_timeout/s);
	await origin.readToEnd();
});

test('an origin that does not answer is found whatever it cost to reach it', async (t) => {
	const { promise, resolve } = Promise.withResolvers<void>();
	const stage = await startStage(t, {
		stillMs: 60,
		async dial(target, context) {
			if (stage.dials.length === 1) await promise;
			return dialPlainly(target, context);
		},
	});
	const slow = await stage.connect();
	slow.write(stage.get('/slow'));
	await until(() => stage.dials.length === 1);
	const other = await stage.connect();
	other.write(stage.get('/other'));
	await other.readUntil('HTTP/1.1 504 ');
	await other.readUntil('http_response_timeout\n');
	other.write(stage.get('/again'));
	await other.readUntil('HTTP/1.1 504 ');
	resolve();
	t.regex(String(await slow.readUntil('\r\n\r\n')), /^HTTP\/1\.1 504 .*error=http_response_timeout/s);
});

test('an origin that stands still inside a body cuts the client off', async (t) => {
	const { stage, client, origin } = await asked(t, undefined, { stillMs: 100 });
	origin.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome');
	t.is((await client.readToEnd()).ending, 'rst');
	t.deepEqual(await stage.end(), { kind: 'ended', outcome: { cause: 'idle' } });
});
