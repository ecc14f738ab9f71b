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

test.serial('origins that answer with what has no end', async (t) => {
	for (const [what, first, again, expected] of ANSWERS) {
		const origin = await startTcpOrigin(t, (socket) => {
			const more = (): void => {
				while (!socket.destroyed && socket.write(again));
			};
			socket.once('data', () => {
				if (first) socket.write(first);
				socket.on('drain', more);
				more();
			});
		});
		await survives(t, { ports: [origin.port] }, async ({ gateway, look }) => {
			const all = await many(100, (i) => attacker(gateway.port, addressOf(i), GET(origin.port)));
			await Promise.all(all.map((one) => hears(one, expected)));
			look();
			for (const { heard } of all) t.regex(heard, expected, what);
			await dismiss(all);
		});
	}
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
	for (const [scheme, what, manner] of UPSTREAMS) {
		const hop = await startTcpOrigin(t, manner);
		const config = `route = "direct"
upstream = [{ tag = "bad", via = ["${scheme}://127.0.0.1:${hop.port}"] }]
rule = [{ action = "allow", port = "9", route = "bad" }]
[timeouts]
dial = "2s"
`;
		await survives(t, { config }, async ({ gateway, look }) => {
			const ask = handshakeOf('connect', '127.0.0.1', 9);
			const all = await many(200, (i) => attacker(gateway.port, addressOf(i), ask));
			await Promise.all(all.map((one) => hears(one, /HTTP\/1\.1 \d+ /)));
			look();
			for (const { heard } of all) t.regex(heard, /^HTTP\/1\.1 50[234] /, what);
			await dismiss(all);
		});
	}
});
