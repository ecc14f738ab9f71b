// Peers who leave without a word, never read, or answer with what is no answer.
import type { Socket } from 'node:net';
import test from 'ava';
import { addressOf, attacker, dismiss, hears, many } from '../helpers/attackers.ts';
import { handshakeOf } from '../helpers/handshakes.ts';
import { until } from '../helpers/process.ts';
import { FULL, settled, survives } from '../helpers/siege.ts';
import { startTcpOrigin } from '../helpers/tcp-origins.ts';

const MB = 1_000_000;
const block = Buffer.alloc(65_536);

/** Sends without end, as fast as it is taken. */
function pour(socket: Socket): void {
	const more = (): void => {
		while (!socket.destroyed && socket.write(block));
	};
	socket.on('drain', more);
	more();
}

function taken(sockets: readonly Socket[]): number {
	return sockets.reduce((sum, socket) => sum + socket.bytesWritten - socket.writableLength, 0);
}

test.serial(
	'tunnels whose client stops reading for ever end with the idle limit, and their far ends with them',
	async (t) => {
		const origin = await startTcpOrigin(t, pour);
		const ask = handshakeOf('socks5', '127.0.0.1', origin.port);
		const config = '[timeouts]\nidle = "2s"\n';
		await survives(t, { config, ports: [origin.port] }, async ({ gateway, look }) => {
			const all = await many(FULL ? 500 : 100, async (i) => {
				const one = await attacker(gateway.port, addressOf(i), ask);
				one.socket.pause();
				return one;
			});
			await until('the floods stand still', () => taken(origin.sockets), settled(), 60_000);
			const { residentBytes } = look();
			t.true(residentBytes < 400 * MB, `${residentBytes}`);
			await until(
				'the gateway lets go',
				() => origin.sockets.filter(({ destroyed }) => !destroyed).length,
				(left) => left === 0,
				60_000,
			);
			await dismiss(all);
		});
	},
);

const GET = (port: number): string => `GET http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;

/** What an origin answers with, again and again; the status that the client hears, or how its response ends. */
const ANSWERS: readonly (readonly [what: string, first: string, again: string, hears: RegExp])[] = [
	['a head that never ends', 'HTTP/1.1 200 OK\r\n', `X-Field: ${'a'.repeat(1_000)}\r\n`, /^HTTP\/1\.1 502 /],
	['interim responses without end', '', 'HTTP/1.1 102 Processing\r\n\r\n', /HTTP\/1\.1 502 /],
	['a status line that never ends', 'HTTP/1.1 200 ', 'a'.repeat(4_096), /^HTTP\/1\.1 502 /],
	['what is no HTTP', '', '220 mail.example ESMTP\r\n', /^HTTP\/1\.1 502 /],
	[
		'an endless chunk size',
		'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
		'0'.repeat(4_096),
		/^HTTP\/1\.1 (502|200) /,
	],
	['more than was announced', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 'HTTP/1.1 200 OK\r\n\r\n', /hello$/],
];

/** Says `first`, then `again` without end, once it is asked. */
function endless(first: string, again: string): (socket: Socket) => void {
	return (socket) => {
		const more = (): void => {
			while (!socket.destroyed && socket.write(again));
		};
		socket.once('data', () => {
			if (first) socket.write(first);
			socket.on('drain', more);
			more();
		});
	};
}

test.serial('origins that answer with what has no end', async (t) => {
	const origins = await Promise.all(ANSWERS.map(([, first, again]) => startTcpOrigin(t, endless(first, again))));
	await survives(t, { ports: origins.map(({ port }) => port) }, async ({ gateway, look }) => {
		const all = await many(100 * origins.length, (i) =>
			attacker(gateway.port, addressOf(i), GET(origins[i % origins.length]!.port)),
		);
		for (const [i, one] of all.entries()) {
			const [what, , , expected] = ANSWERS[i % ANSWERS.length]!;
			await hears(one, expected);
			t.regex(one.heard, expected, what);
		}
		look();
		await dismiss(all);
	});
});

/** What an upstream does instead of its part of a handshake. */
const UPSTREAMS: readonly (readonly [scheme: string, what: string, manner: (socket: Socket) => void])[] = [
	['socks5', 'never answers', (socket) => void socket.resume()],
	['socks5', 'sends zeros without end', pour],
	[
		'http',
		'sends a head without end',
		(socket) => {
			socket.write('HTTP/1.1 200 OK\r\n');
			const more = (): void => {
				while (!socket.destroyed && socket.write(`X-Field: ${'a'.repeat(1_000)}\r\n`));
			};
			socket.on('drain', more);
			more();
		},
	],
	['socks4a', 'leaves', (socket) => void socket.resetAndDestroy()],
];

test.serial('upstreams that never answer, that flood, that leave', async (t) => {
	const hops = await Promise.all(UPSTREAMS.map(([, , manner]) => startTcpOrigin(t, manner)));
	const via = UPSTREAMS.map(([scheme], i) => `{ tag = "bad${i}", via = ["${scheme}://127.0.0.1:${hops[i]!.port}"] }`);
	const rules = UPSTREAMS.map((_, i) => `{ action = "allow", port = "${1 + i}", route = "bad${i}" }`);
	const config = `route = "direct"
upstream = [${via.join(', ')}]
rule = [${rules.join(', ')}]
[timeouts]
dial = "2s"
`;
	await survives(t, { config }, async ({ gateway, look }) => {
		const all = await many(100 * hops.length, (i) =>
			attacker(gateway.port, addressOf(i), handshakeOf('connect', '127.0.0.1', 1 + (i % hops.length))),
		);
		for (const [i, one] of all.entries()) {
			await hears(one, /HTTP\/1\.1 \d+ /);
			t.regex(one.heard, /^HTTP\/1\.1 50[234] /, UPSTREAMS[i % UPSTREAMS.length]![1]);
		}
		look();
		await dismiss(all);
	});
});
