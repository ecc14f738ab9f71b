// How one request finds its way to its origin: kept links, stale ones, dials that fail, hang or are cancelled, and whose links
// are whose.
import test from 'ava';
import type { DialContext } from '../../lib/core/dialer.ts';
import { type Halt, Halter } from '../../lib/core/halt.ts';
import type { Link } from '../../lib/core/link.ts';
import { answer, dialPlainly, says, startStage, turns, until } from '../helpers/exchange-stage.ts';
import { refusingPort, startBlackhole } from '../helpers/tcp-origins.ts';

type Scope = Parameters<typeof startStage>[0];
type Options = NonNullable<Parameters<typeof startStage>[1]>;

/** A client whose first exchange is over, so that its origin link is kept. */
async function kept(t: Scope, options?: Options) {
	const stage = await startStage(t, options);
	const client = await stage.connect();
	client.write(stage.get('/first'));
	const origin = await stage.accept();
	await origin.readUntil('\r\n\r\n');
	origin.write(answer('first'));
	await client.readUntil(answer('first'));
	return { stage, client, origin };
}

const REPLAYED = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'];

for (const method of REPLAYED) {
	test(`${method} is sent once more when its kept link dies before a byte of the answer`, async (t) => {
		const { stage, client, origin } = await kept(t);
		client.write(stage.request(method, '/again'));
		await says(t, origin, stage.seen(method, '/again'));
		origin.reset();
		const fresh = await stage.accept();
		await says(t, fresh, stage.seen(method, '/again'));
		fresh.write('HTTP/1.1 204 No Content\r\n\r\n');
		await says(t, client, 'HTTP/1.1 204 No Content\r\n\r\n');
		t.is(stage.dials.length, 2);
	});
}

test('it is sent once more on FIN too, and on a fresh link even if another is kept', async (t) => {
	const stage = await startStage(t);
	const [one, two] = [await stage.connect(), await stage.connect()];
	one.write(stage.get('/1'));
	const first = await stage.accept();
	two.write(stage.get('/2'));
	const second = await stage.accept();
	await until(() => stage.dials.length === 2);
	for (const origin of [first, second]) {
		await origin.readUntil('\r\n\r\n');
		origin.write(answer(''));
		await until(() => stage.pool.idleCount === [first, second].indexOf(origin) + 1);
	}
	one.write(stage.get('/again'));
	await says(t, second, stage.seen('GET', '/again'));
	second.end();
	const fresh = await stage.accept();
	await says(t, fresh, stage.seen('GET', '/again'));
});

const NEVER: readonly (readonly [what: string, method: string, lines: string[], body: string])[] = [
	['POST', 'POST', ['Content-Length: 0'], ''],
	['PATCH', 'PATCH', [], ''],
	['a method nobody knows', 'BREW', [], ''],
	['PUT with a body', 'PUT', ['Content-Length: 1'], 'x'],
	['GET with a body', 'GET', ['Transfer-Encoding: chunked'], '0\r\n\r\n'],
];

for (const [what, method, lines, body] of NEVER) {
	test(`${what} is never sent twice`, async (t) => {
		const { stage, client, origin } = await kept(t);
		client.write(stage.request(method, '/', ...lines) + body);
		await says(t, origin, stage.seen(method, '/', ...lines) + body);
		origin.reset();
		t.regex(String(await client.readUntil('\r\n\r\n')), /^HTTP\/1\.1 502 .*error=connection_terminated/s);
		t.is(stage.dials.length, 1);
	});
}

test('nothing is sent twice once a byte of the answer has come', async (t) => {
	const { stage, client, origin } = await kept(t);
	client.write(stage.get('/'));
	await origin.readUntil('\r\n\r\n');
	origin.end('H');
	t.regex(String(await client.readUntil('\r\n\r\n')), /^HTTP\/1\.1 502 .*error=http_response_incomplete/s);
	t.is(stage.dials.length, 1);
});

test('nothing is sent twice on a fresh link', async (t) => {
	const { stage, client, origin } = await kept(t);
	client.write(stage.get('/'));
	await origin.readUntil('\r\n\r\n');
	origin.reset();
	const fresh = await stage.accept();
	await fresh.readUntil('\r\n\r\n');
	fresh.reset();
	t.regex(String(await client.readUntil('\r\n\r\n')), /^HTTP\/1\.1 502 /);
	t.is(stage.dials.length, 2);
});

test('a body that waits for 100 may still be sent on a fresh link', async (t) => {
	const { stage, client, origin } = await kept(t);
	client.write(stage.request('PUT', '/', 'Content-Length: 4', 'Expect: 100-continue'));
	await origin.readUntil('\r\n\r\n');
	origin.reset();
	const fresh = await stage.accept();
	await says(t, fresh, stage.seen('PUT', '/', 'Content-Length: 4', 'Expect: 100-continue'));
	fresh.write('HTTP/1.1 100 Continue\r\n\r\n');
	await says(t, client, 'HTTP/1.1 100 Continue\r\n\r\n');
	client.write('body');
	await says(t, fresh, 'body');
	fresh.write(answer('ok'));
	await says(t, client, answer('ok'));
});

test('a body that comes while a request is sent again is not lost', async (t) => {
	const { promise, resolve } = Promise.withResolvers<void>();
	const { stage, client, origin } = await kept(t, {
		async dial(target, context) {
			if (context.flow.requests > 1) await promise;
			return dialPlainly(target, context);
		},
	});
	client.write(stage.request('PUT', '/', 'Content-Length: 4', 'Expect: 100-continue'));
	await origin.readUntil('\r\n\r\n');
	origin.reset();
	await until(() => stage.dials.length === 2);
	client.write('body');
	await turns(20);
	resolve();
	const fresh = await stage.accept();
	await says(t, fresh, `${stage.seen('PUT', '/', 'Content-Length: 4', 'Expect: 100-continue')}body`);
});

test('a link that its origin closed while it was kept is not used', async (t) => {
	const { stage, client, origin } = await kept(t);
	origin.end();
	await until(() => stage.pool.idleCount === 0);
	client.write(stage.request('POST', '/', 'Content-Length: 0'));
	const fresh = await stage.accept();
	await says(t, fresh, stage.seen('POST', '/', 'Content-Length: 0'));
});

test('a client finds the link again that its other connection has used', async (t) => {
	const { stage, origin } = await kept(t);
	const other = await stage.connect();
	other.write(stage.get('/other'));
	await says(t, origin, stage.seen('GET', '/other'));
	t.is(stage.dials.length, 1);
});

for (const [whose, options] of [
	['client', { clientKey: (index: number) => `client ${index}` }],
	['user', { user: (index: number) => (index === 0 ? null : 'user') }],
] as const) {
	test(`no ${whose} is served on a link of another`, async (t) => {
		const { stage } = await kept(t, options);
		const other = await stage.connect();
		other.write(stage.get('/other'));
		const own = await stage.accept();
		await says(t, own, stage.seen('GET', '/other'));
		t.is(stage.pool.idleCount, 1);
	});
}

for (const scheme of ['NTLM TlRMTVNTUAAB', 'Negotiate YII=', 'negotiate YII=']) {
	test(`a link that ${scheme.split(' ')[0]} has authenticated stays with its client connection`, async (t) => {
		const { stage, client, origin } = await kept(t);
		client.write(stage.get('/login', `Authorization: ${scheme}`));
		const bound = await stage.accept();
		await says(t, bound, stage.seen('GET', '/login', `Authorization: ${scheme}`));
		bound.write(answer('in'));
		await says(t, client, answer('in'));
		client.write(stage.get('/as-me'));
		await says(t, bound, stage.seen('GET', '/as-me'));
		bound.write(answer('me'));
		await says(t, client, answer('me'));
		const other = await stage.connect();
		other.write(stage.get('/as-nobody'));
		await says(t, origin, stage.seen('GET', '/as-nobody'));
		t.is(stage.dials.length, 2);
	});
}

test('a target that refuses is reported as 502, and the client goes on', async (t) => {
	const { stage, client, origin } = await kept(t);
	const refusing = `127.0.0.1:${await refusingPort()}`;
	client.write(`GET http://${refusing}/ HTTP/1.1\r\nHost: ${refusing}\r\n\r\n`);
	t.regex(String(await client.readUntil('\r\n\r\n')), /^HTTP\/1\.1 502 .*error=connection_refused/s);
	await client.readUntil('connection_refused\n');
	client.write(stage.get('/next'));
	await says(t, origin, stage.seen('GET', '/next'));
});

test('a target that does not answer a dial is reported as 504', async (t) => {
	const blackhole = `127.0.0.1:${await startBlackhole(t)}`;
	const stage = await startStage(t, { dialMs: 50 });
	const client = await stage.connect();
	client.write(`GET http://${blackhole}/ HTTP/1.1\r\nHost: ${blackhole}\r\n\r\n`);
	t.regex(String(await client.readUntil('\r\n\r\n')), /^HTTP\/1\.1 504 .*error=connection_timeout/s);
});

/** A dial that never ends by itself. */
function hanging() {
	const { promise, resolve } = Promise.withResolvers<Halt>();
	return {
		signal: promise,
		dial: (_target: unknown, { signal }: DialContext) => {
			resolve(signal);
			return new Promise<Link>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
		},
	};
}

test('a client that resets cancels its dial at once', async (t) => {
	const dialler = hanging();
	const stage = await startStage(t, { dial: dialler.dial });
	const client = await stage.connect();
	client.write(stage.get('/'));
	const signal = await dialler.signal;
	t.false(signal.aborted);
	client.reset();
	const end = await stage.end();
	t.true(signal.aborted);
	t.is(end.kind === 'ended' && end.outcome.cause, 'connection_terminated');
	t.is(end.kind === 'ended' && end.outcome.side, 'client');
});

test('a client that sends FIN while its dial goes on still gets its answer', async (t) => {
	const { promise, resolve } = Promise.withResolvers<void>();
	const stage = await startStage(t, {
		async dial(target, context) {
			await promise;
			return dialPlainly(target, context);
		},
	});
	const client = await stage.connect();
	client.end(stage.get('/'));
	await until(() => stage.links[0]?.ended ?? false);
	resolve();
	const origin = await stage.accept();
	await says(t, origin, stage.seen('GET', '/'));
	origin.write(answer('late'));
	t.is(
		String((await client.readToEnd()).bytes),
		answer('late', 'Connection: close').replace('Connection: close\r\n', ''),
	);
});

test('a link that is dialled too late is closed', async (t) => {
	const { promise, resolve } = Promise.withResolvers<void>();
	const stage = await startStage(t, {
		async dial(target) {
			await promise;
			return dialPlainly(target, { signal: new Halter() as Halt } as DialContext);
		},
	});
	const client = await stage.connect();
	client.write(stage.get('/'));
	await until(() => stage.dials.length === 1);
	client.reset();
	await stage.end();
	resolve();
	const origin = await stage.accept();
	t.deepEqual(await origin.readToEnd(), { bytes: Buffer.alloc(0), ending: 'fin' });
});

for (const how of ['end', 'resetAndDestroy'] as const) {
	test(`a fresh link that its origin has left by ${how} is reported as 502`, async (t) => {
		const stage = await startStage(t, {
			async dial(target, context) {
				const link = await dialPlainly(target, context);
				link.attach({ data() {}, end() {}, drain() {}, closed() {} });
				const { socket } = await stage.accept();
				socket[how]();
				await until(() => link.ended || link.closed);
				return link;
			},
		});
		const client = await stage.connect();
		client.write(stage.get('/'));
		t.regex(String(await client.readUntil('\r\n\r\n')), /^HTTP\/1\.1 502 .*error=connection_terminated/s);
	});
}

test('a dialer that throws what is no GatewayError is reported as 500', async (t) => {
	const stage = await startStage(t, { dial: () => Promise.reject(new Error('a bug')) });
	const client = await stage.connect();
	client.write(stage.get('/'));
	t.regex(String(await client.readUntil('\r\n\r\n')), /^HTTP\/1\.1 500 /);
});

test('an origin that speaks before it was asked is not believed', async (t) => {
	const stage = await startStage(t, {
		async dial(target, context) {
			const link = await dialPlainly(target, context);
			link.early = Buffer.from(answer('planted'));
			return link;
		},
	});
	const client = await stage.connect();
	client.write(stage.get('/'));
	t.regex(String(await client.readUntil('\r\n\r\n')), /^HTTP\/1\.1 502 .*error=http_protocol_error/s);
});
