// What holds for a hop of every kind. Kinds and what only they do: socks.spec.ts, http.spec.ts, chain.spec.ts.
import { once } from 'node:events';
import { inspect } from 'node:util';
import test from 'ava';
import { GatewayError } from '../../lib/core/error.ts';
import { chainOf, dialThrough } from '../helpers/chains.ts';
import { failureOf, readLink } from '../helpers/dial.ts';
import { type MiniHopType, startMiniHop } from '../helpers/mini-hops.ts';
import {
	banner,
	echo,
	left,
	mute,
	refusingPort,
	resetAtFirstByte,
	startBlackhole,
	startTcpOrigin,
} from '../helpers/tcp-origins.ts';

/** Scheme of the hop as configured, and what serves it. */
const KINDS: readonly (readonly [scheme: string, type: MiniHopType, secure: boolean])[] = [
	['socks4', 'socks4', false],
	['socks4a', 'socks4', false],
	['socks5', 'socks5', false],
	['http', 'http', false],
	['https', 'http', true],
];

/** A hop at fault. */
const UNAVAILABLE = { code: 'hop_unavailable', side: 'hop', phase: 'hop', retry: 'next', hop: 'up' } as const;

for (const [scheme, type, secure] of KINDS) {
	test(`${scheme}: bytes go both ways, and a half-close`, async (t) => {
		const origin = await startTcpOrigin(t, echo);
		const hop = await startMiniHop(t, type, { secure });
		const link = await dialThrough(t, chainOf(t, [`${scheme}://127.0.0.1:${hop.port}`]), origin.port);
		const sent = Buffer.alloc(1_000_000, 'there and back ');
		link.write(sent);
		link.closeWrite();
		t.true(sent.equals(await readLink(link)));
		t.deepEqual(hop.asked, [`127.0.0.1:${origin.port}`]);
	});

	test(`${scheme}: a far side that has ended first still takes bytes`, async (t) => {
		const origin = await startTcpOrigin(t, (socket) => socket.end('last words'));
		const hop = await startMiniHop(t, type, { secure });
		const link = await dialThrough(t, chainOf(t, [`${scheme}://127.0.0.1:${hop.port}`]), origin.port);
		t.is((await readLink(link)).toString(), 'last words');
		link.write(Buffer.from('and yet'));
		link.closeWrite();
		const socket = await origin.take();
		t.is((await socket.setEncoding('utf8').toArray()).join(''), 'and yet');
	});

	test(`${scheme}: what the hop says together with its reply is the tunnel's`, async (t) => {
		const origin = await startTcpOrigin(t, banner(' and what follows'));
		const hop = await startMiniHop(t, type, { secure, early: 'SSH-2.0-early' });
		const link = await dialThrough(t, chainOf(t, [`${scheme}://127.0.0.1:${hop.port}`]), origin.port);
		link.closeWrite();
		t.is((await readLink(link)).toString(), 'SSH-2.0-early and what follows');
	});

	test(`${scheme}: a hop that refuses the connection is unavailable`, async (t) => {
		const error = await failureOf(dialThrough(t, chainOf(t, [`${scheme}://127.0.0.1:${await refusingPort()}`]), 9));
		t.like(error, { ...UNAVAILABLE, note: 'connection_refused' });
		t.like(error.cause, { code: 'connection_refused', side: 'hop' });
	});

	for (const [manner, greet] of [
		['resets at our first byte', resetAtFirstByte],
		['closes at our first byte', (socket) => socket.once('data', () => socket.end())],
		['closes at once', (socket) => socket.end()],
	] as const satisfies readonly (readonly [string, Parameters<typeof startTcpOrigin>[1]])[]) {
		test(`${scheme}: a hop that ${manner} is unavailable`, async (t) => {
			const fake = await startTcpOrigin(t, greet);
			const error = await failureOf(dialThrough(t, chainOf(t, [`${scheme}://127.0.0.1:${fake.port}`]), 9));
			t.like(error, UNAVAILABLE);
		});
	}

	test(`${scheme}: a hop that does not answer costs the deadline and is named`, async (t) => {
		const fake = await startTcpOrigin(t, mute);
		const abort = new AbortController();
		const outbound = chainOf(t, [`${scheme}://127.0.0.1:${fake.port}`]);
		const dialling = failureOf(dialThrough(t, outbound, 9, { signal: abort.signal }));
		const socket = await fake.take();
		await once(socket, 'data');
		abort.abort(new GatewayError('connection_timeout', { side: 'target', phase: 'connect', retry: 'next' }));
		const error = await dialling;
		t.is(error.hop, 'up');
		t.is(error.code, secure ? 'hop_unavailable' : 'connection_timeout');
		await left(socket);
	});

	test(`${scheme}: a client that leaves closes the connection to the hop, and no hop is at fault`, async (t) => {
		const fake = await startTcpOrigin(t, mute);
		const abort = new AbortController();
		const outbound = chainOf(t, [`${scheme}://127.0.0.1:${fake.port}`]);
		const dialling = failureOf(dialThrough(t, outbound, 9, { signal: abort.signal }));
		const socket = await fake.take();
		await once(socket, 'data');
		abort.abort();
		t.like(await dialling, { code: 'connection_terminated', side: 'client', hop: undefined });
		await left(socket);
	});
}

test('a hop whose connect goes unanswered is unavailable when the deadline has passed', async (t) => {
	const port = await startBlackhole(t);
	const abort = new AbortController();
	const dialling = failureOf(dialThrough(t, chainOf(t, [`socks5://127.0.0.1:${port}`]), 9, { signal: abort.signal }));
	const reason = new GatewayError('connection_timeout', { side: 'target', phase: 'connect', retry: 'next' });
	abort.abort(reason);
	const error = await dialling;
	t.like(error, { ...UNAVAILABLE, note: 'connection_timeout' });
	t.is(error.cause, reason);
});

test('a dial that was called off before it began opens nothing', async (t) => {
	const fake = await startTcpOrigin(t, mute);
	const reason = new GatewayError('proxy_internal_error', { note: 'stopping' });
	const outbound = chainOf(t, [`socks5://127.0.0.1:${fake.port}`]);
	t.is(await failureOf(dialThrough(t, outbound, 9, { signal: AbortSignal.abort(reason) })), reason);
	t.is(fake.sockets.length, 0);
});

for (const [scheme, reply] of [
	['socks4', 'SSH-2.0-OpenSSH_9.6\r\n'],
	['socks5', 'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'],
	['http', '\u0005\u0000'],
	['http', 'SSH-2.0-OpenSSH_9.6\r\n'],
] as const) {
	test(`${scheme}: an answer in another protocol, ${JSON.stringify(reply)}, is no answer`, async (t) => {
		const fake = await startTcpOrigin(t, (socket) => void socket.write(reply, 'latin1'));
		const error = await failureOf(dialThrough(t, chainOf(t, [`${scheme}://127.0.0.1:${fake.port}`]), 9));
		t.like(error, UNAVAILABLE);
		await left(await fake.take());
	});
}

const socks5No = (rep: number) => Buffer.of(5, rep, 0, 1, 0, 0, 0, 0, 0, 0);
const httpNo = (status: string) => Buffer.from(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`);

for (const [scheme, type, refuse, code, side] of [
	['socks5', 'socks5', socks5No(2), 'http_request_denied', 'hop'],
	['socks5', 'socks5', socks5No(3), 'destination_ip_unroutable', 'target'],
	['socks5', 'socks5', socks5No(4), 'destination_unavailable', 'target'],
	['socks5', 'socks5', socks5No(5), 'connection_refused', 'target'],
	['socks5', 'socks5', socks5No(6), 'connection_timeout', 'target'],
	['socks5', 'socks5', socks5No(1), 'hop_unavailable', 'hop'],
	['socks4', 'socks4', Buffer.of(0, 91, 0, 0, 0, 0, 0, 0), 'destination_unavailable', 'hop'],
	['http', 'http', httpNo('403 No'), 'http_request_denied', 'hop'],
	['http', 'http', httpNo('504 Late'), 'connection_timeout', 'target'],
	[
		'http',
		'http',
		httpNo('502 Bad\r\nProxy-Status: x; error=destination_not_found'),
		'destination_not_found',
		'target',
	],
	['http', 'http', httpNo('407 Who\r\nProxy-Authenticate: Basic realm="x"'), 'hop_unavailable', 'hop'],
] as const) {
	test(`${scheme}: ${refuse
		.toString('latin1')
		.split('\r\n', 2)
		.join(' ')
		.replace(/[^ -~]/g, '.')} comes back as ${code} and names the hop that told`, async (t) => {
		const hop = await startMiniHop(t, type, { refuse });
		const error = await failureOf(dialThrough(t, chainOf(t, [`${scheme}://127.0.0.1:${hop.port}`]), 9));
		t.like(error, { code, hop: 'up', phase: 'hop' });
		if (scheme !== 'socks4') t.is(error.side, side);
	});
}

test('credentials reach the hop and no error', async (t) => {
	for (const [scheme, type] of [
		['socks5', 'socks5'],
		['http', 'http'],
	] as const) {
		const origin = await startTcpOrigin(t, echo);
		const hop = await startMiniHop(t, type);
		const outbound = chainOf(t, [`${scheme}://Jürgen:geheim@127.0.0.1:${hop.port}`]);
		await dialThrough(t, outbound, origin.port);
		t.deepEqual(hop.logins, [Buffer.from('Jürgen:geheim').toString('latin1')]);
		const error = await failureOf(dialThrough(t, outbound, await refusingPort()));
		t.false(/geheim/.test(inspect([error, outbound], { depth: 9, showHidden: true })));
	}
	const fake = await startTcpOrigin(t, (socket) => void socket.write(Buffer.of(5, 2, 1, 1)));
	const refused = await failureOf(dialThrough(t, chainOf(t, [`socks5://user:geheim@127.0.0.1:${fake.port}`]), 9));
	t.like(refused, { ...UNAVAILABLE, note: 'credentials refused' });
	t.false(/geheim/.test(inspect(refused, { depth: 9, showHidden: true })));
});

test('a reset of the target is a reset of the link', async (t) => {
	const origin = await startTcpOrigin(t, resetAtFirstByte);
	const hop = await startMiniHop(t, 'socks5');
	const link = await dialThrough(t, chainOf(t, [`socks5://127.0.0.1:${hop.port}`]), origin.port);
	link.write(Buffer.from('x'));
	await t.throwsAsync(readLink(link));
});
