import type { Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { GatewayError } from '../../lib/core/error.ts';
import type { Credentials } from '../../lib/core/intent.ts';
import { targetOfHost } from '../../lib/core/target.ts';
import { runClientHandshake, ServerHandshake } from '../../lib/io/handshake.ts';
import type { Codec } from '../../lib/protocol/codec.ts';
import { HttpServer } from '../../lib/protocol/http-connect.ts';
import { Socks4Server } from '../../lib/protocol/socks4.ts';
import { Socks5Client, Socks5Server } from '../../lib/protocol/socks5.ts';
import { closed, linkPair, readAll, readBytes } from '../helpers/link-pair.ts';

const HELLO = '050100';
const CONNECT = '050100017f0000010050'; // 127.0.0.1:80
const GRANTED = '05000001000000000000';

function bytes(...hex: string[]): Buffer {
	return Buffer.from(hex.join(''), 'hex');
}

interface Setup {
	readonly authRequired?: boolean;
	readonly deadlineMs?: number;
	readonly authenticate?: (credentials: Credentials | null) => Promise<boolean>;
	/** Default: SOCKS5. */
	readonly codec?: Codec;
}

async function served(t: ExecutionContext, setup: Setup = {}) {
	const { link, peer } = await linkPair();
	t.teardown(() => {
		link.destroy();
		peer.destroy();
	});
	const codec = setup.codec ?? new Socks5Server({ authRequired: setup.authRequired ?? false });
	const handshake = new ServerHandshake(link, codec, {
		deadlineMs: setup.deadlineMs ?? 10_000,
		authenticate: setup.authenticate ?? (() => Promise.resolve(true)),
	});
	return { link, peer, handshake };
}

test('runs up to the intent, then says yes and leaves what came behind as early bytes', async (t) => {
	const { link, peer, handshake } = await served(t);
	peer.write(Buffer.concat([bytes(HELLO, CONNECT), Buffer.from('early')]));
	const intent = await handshake.intent();
	t.like(intent, { kind: 'tunnel', target: { host: '127.0.0.1', port: 80 } });
	handshake.opened();
	t.deepEqual(await readBytes(peer, 12), bytes('0500', GRANTED));
	t.is(String(link.early), 'early');
});

test('a byte at a time gives the same as all at once', async (t) => {
	const { peer, handshake } = await served(t);
	const intent = handshake.intent();
	peer.setNoDelay(true);
	for (const byte of bytes(HELLO, CONNECT)) {
		peer.write(Buffer.of(byte));
		await new Promise((resolve) => setImmediate(resolve));
	}
	t.like(await intent, { target: { host: '127.0.0.1', port: 80 } });
});

test('payload that comes during the dial is kept', async (t) => {
	const { link, peer, handshake } = await served(t);
	peer.write(bytes(HELLO, CONNECT));
	await handshake.intent();
	const held = new Promise<void>((resolve) => {
		const look = setInterval(() => {
			if (link.ended) {
				clearInterval(look);
				resolve();
			}
		}, 1);
	});
	peer.end('later');
	await held;
	t.is(handshake.gone, null, 'a FIN behind payload is a half-close');
	handshake.opened();
	t.is(String(link.early), 'later');
});

test('a client that resets during the dial is gone at once', async (t) => {
	const { peer, handshake } = await served(t);
	peer.write(bytes(HELLO, CONNECT));
	await handshake.intent();
	const gone = new Promise<GatewayError>((resolve) => {
		handshake.onGone = resolve;
	});
	peer.resetAndDestroy();
	t.is((await gone).code, 'connection_terminated');
	t.is((await gone).side, 'client');
});

test('a client that sends FIN and no payload during the dial is gone', async (t) => {
	const { peer, handshake } = await served(t);
	peer.write(bytes(HELLO, CONNECT));
	await handshake.intent();
	const gone = new Promise<GatewayError>((resolve) => {
		handshake.onGone = resolve;
	});
	peer.end();
	t.is((await gone).code, 'connection_terminated');
});

/** Resolves when nothing has left the peer for many turns of the loop. */
async function stalled(peer: Socket): Promise<void> {
	let quiet = 0;
	let last = -1;
	while (quiet < 20) {
		await new Promise((resolve) => setTimeout(resolve, 5));
		quiet = peer.writableLength === last ? quiet + 1 : 0;
		last = peer.writableLength;
	}
}

test('a client that floods during the dial is held back', async (t) => {
	const { link, peer, handshake } = await served(t);
	peer.write(bytes(HELLO, CONNECT));
	await handshake.intent();
	const total = 32 * 1024 * 1024;
	peer.write(Buffer.alloc(total, 1));
	await stalled(peer);
	handshake.opened();
	t.true(link.early.length > 0);
	t.true(link.early.length < 1024 * 1024, `${link.early.length} bytes are held`);
});

test('refuse sends the refusal in the protocol of the client and closes', async (t) => {
	const { peer, handshake } = await served(t);
	peer.write(bytes(HELLO, CONNECT));
	await handshake.intent();
	handshake.refuse(new GatewayError('connection_refused'));
	t.deepEqual(await readAll(peer), bytes('0500', '05050001000000000000'));
	peer.end();
	await closed(peer);
});

test('garbage rejects and closes', async (t) => {
	const { peer, handshake } = await served(t);
	const intent = handshake.intent();
	peer.resume();
	peer.write(bytes('05ff', '00'.repeat(300)));
	const error = await t.throwsAsync(intent, { instanceOf: GatewayError });
	t.is(error?.side, 'client');
});

test('a client that stays silent is cut by the deadline', async (t) => {
	const { peer, handshake } = await served(t, { deadlineMs: 20 });
	peer.resume();
	const error = await t.throwsAsync(handshake.intent(), { instanceOf: GatewayError });
	t.is(error?.code, 'handshake_timeout');
	peer.end();
	await closed(peer);
});

test('a client that trickles is cut by the same deadline', async (t) => {
	const { peer, handshake } = await served(t, { deadlineMs: 50 });
	peer.resume();
	const trickle = setInterval(() => peer.write(Buffer.of(5)), 10);
	t.teardown(() => clearInterval(trickle));
	const error = await t.throwsAsync(handshake.intent(), { instanceOf: GatewayError });
	t.true(error?.code === 'handshake_timeout' || error?.side === 'client');
});

test('a client that leaves inside its handshake rejects', async (t) => {
	const { peer, handshake } = await served(t);
	peer.end(bytes('05'));
	peer.resume();
	const error = await t.throwsAsync(handshake.intent(), { instanceOf: GatewayError });
	t.is(error?.code, 'connection_terminated');
});

test('credentials are asked for, and a wrong answer is told', async (t) => {
	const seen: (Credentials | null)[] = [];
	const { peer, handshake } = await served(t, {
		authRequired: true,
		authenticate: async (credentials) => {
			seen.push(credentials);
			return false;
		},
	});
	peer.write(bytes('050102', '01', '01', '75', '01', '70')); // user u, password p
	const error = await t.throwsAsync(handshake.intent(), { instanceOf: GatewayError });
	t.is(error?.code, 'authentication_required');
	t.deepEqual(seen, [{ user: 'u', password: 'p' }]);
	t.deepEqual(await readAll(peer), bytes('0502', '0101'));
});

test('a broken authenticator costs the flow and nothing else', async (t) => {
	const { peer, handshake } = await served(t, {
		authRequired: true,
		authenticate: () => Promise.reject(new Error('a bug')),
	});
	peer.write(bytes('050102', '01', '01', '75', '01', '70'));
	const error = await t.throwsAsync(handshake.intent(), { instanceOf: GatewayError });
	t.is(error?.code, 'proxy_internal_error');
});

const CHECKED: readonly [name: string, codec: () => Codec, request: Buffer, reply: RegExp][] = [
	[
		'SOCKS4',
		() => new Socks4Server({ authRequired: false }),
		bytes('0401', '0050', '7f000001', '7500'),
		/^\0\x5b\0{6}$/,
	],
	[
		'SOCKS5',
		() => new Socks5Server({ authRequired: true }),
		bytes('050102', '01', '01', '75', '01', '70'),
		/^\x05\x02\x01\x01$/,
	],
	[
		'HTTP',
		() => new HttpServer({ authRequired: true }),
		Buffer.from('GET http://h/ HTTP/1.1\r\nHost: h\r\nProxy-Authorization: Basic dTpw\r\n\r\n'),
		/^HTTP\/1\.1 429 .*\r\nRetry-After: 3\r\n/s,
	],
];

for (const [name, codec, request, reply] of CHECKED) {
	test(`${name}: a client whose credentials nobody has time to check hears a refusal`, async (t) => {
		const busy = new GatewayError('client_limit_reached', { retryAfterMs: 3_000 });
		const { peer, handshake } = await served(t, { codec: codec(), authenticate: () => Promise.reject(busy) });
		peer.write(request);
		t.is(await t.throwsAsync(handshake.intent(), { instanceOf: GatewayError }), busy);
		t.regex((await readAll(peer)).toString('latin1'), reply);
	});
}

test('a head that was held back while the credentials before it were checked is read on', async (t) => {
	const check = Promise.withResolvers<boolean>();
	const asked: (string | null | undefined)[] = [];
	const { peer, handshake } = await served(t, {
		codec: new HttpServer({ authRequired: true }),
		authenticate: (credentials) => (asked.push(credentials?.password) === 1 ? check.promise : Promise.resolve(true)),
	});
	const head = (password: string): string =>
		`GET http://h/ HTTP/1.1\r\nHost: h\r\nProxy-Authorization: Basic ${btoa(`u:${password}`)}\r\nX: ${'x'.repeat(50_000)}\r\n\r\n`;
	const intent = handshake.intent();
	// More than is held while a check goes on, and not all of the second head.
	peer.write(head('wrong') + head('right').slice(0, 30_000));
	await stalled(peer);
	peer.write(head('right').slice(30_000));
	check.resolve(false);
	t.like(await intent, { kind: 'exchange' });
	t.deepEqual(asked, ['wrong', 'right']);
});

async function hop(t: ExecutionContext) {
	const { link, peer } = await linkPair({ side: 'hop' });
	t.teardown(() => {
		link.destroy();
		peer.destroy();
	});
	const abort = new AbortController();
	const target = targetOfHost('example.com', 443);
	if (!target) throw new Error('not a target');
	return { link, peer, abort, done: runClientHandshake(link, new Socks5Client({ target }), abort.signal) };
}

test('a client handshake ends with what the far side said too early in link.early', async (t) => {
	const { link, peer, done } = await hop(t);
	await readBytes(peer, 3);
	peer.write(Buffer.concat([bytes('0500', GRANTED), Buffer.from('220 banner')]));
	await done;
	t.is(String(link.early), '220 banner');
});

test('a hop that leaves inside its handshake is hop_unavailable', async (t) => {
	const { peer, done } = await hop(t);
	await readBytes(peer, 3);
	peer.end(bytes('05'));
	const error = await t.throwsAsync(done, { instanceOf: GatewayError });
	t.like(error, { code: 'hop_unavailable', side: 'hop', retry: 'next' });
});

test('an aborted client handshake rejects with the reason and closes', async (t) => {
	const { peer, abort, done } = await hop(t);
	await readBytes(peer, 3);
	abort.abort(new GatewayError('connection_timeout'));
	const error = await t.throwsAsync(done, { instanceOf: GatewayError });
	t.is(error?.code, 'connection_timeout');
	peer.end();
	await closed(peer);
});
