// Plain HTTP that is too much: too many fields, too long, too slow, too many at once, never read.
import type { Socket } from 'node:net';
import test from 'ava';
import { type Attacker, addressOf, attacker, dismiss, hears, many } from '../helpers/attackers.ts';
import { until } from '../helpers/process.ts';
import { FULL, settled, survives } from '../helpers/siege.ts';
import { startTcpOrigin } from '../helpers/tcp-origins.ts';

const MB = 1_000_000;

function head(method: string, port: number, ...lines: string[]): string {
	const authority = `127.0.0.1:${port}`;
	return `${[`${method} http://${authority}/ HTTP/1.1`, `Host: ${authority}`, ...lines].join('\r\n')}\r\n`;
}

/** Writes again and again what `next` makes, as fast as it is taken, until there is no more or the peer is gone. */
function pour(socket: Socket, next: () => Uint8Array | string | null): void {
	const more = (): void => {
		for (let bytes = next(); bytes !== null; bytes = next()) if (socket.destroyed || !socket.write(bytes)) return;
	};
	socket.on('drain', more);
	more();
}

/** What the peers of all of them have taken, or the kernel for them. */
function sent(sockets: readonly Socket[]): number {
	return sockets.reduce((sum, socket) => sum + socket.bytesWritten - socket.writableLength, 0);
}

function socketsOf(all: readonly Attacker[]): Socket[] {
	return all.map(({ socket }) => socket);
}

/** `times` times the same. */
function repeat(bytes: Uint8Array | string, times: number): () => Uint8Array | string | null {
	let left = times;
	return () => (left-- > 0 ? bytes : null);
}

const BOMBS: readonly (readonly [what: string, status: number, bytes: (port: number) => string])[] = [
	['100,000 fields', 431, (port) => head('GET', port) + 'X-Field: value\r\n'.repeat(100_000)],
	['one field of 2 MB', 431, (port) => `${head('GET', port)}X-Field: ${'a'.repeat(2 * MB)}`],
	['a field name of 2 MB', 431, (port) => head('GET', port) + 'a'.repeat(2 * MB)],
	['a method of 2 MB', 414, () => 'A'.repeat(2 * MB)],
	['a target of 2 MB', 414, () => `GET http://${'a'.repeat(2 * MB)}`],
];

test.serial('heads of too many fields, of huge ones, of names that never end', (t) =>
	survives(t, {}, async ({ gateway, good, look }) => {
		for (const [what, status, bytes] of BOMBS) {
			const bomb = bytes(good.web);
			const all = await many(100, (i) => attacker(gateway.port, addressOf(i), bomb));
			look();
			await Promise.all(all.map(({ gone }) => gone));
			const told = all.filter(({ heard }) => heard.startsWith(`HTTP/1.1 ${status} `)).length;
			// What it is told is lost to whoever is still sending when the connection is closed.
			t.true(told > 0, `${what}: ${all[0]?.heard.slice(0, 40)}`);
		}
	}),
);

test.serial('1,000 bodies that come by the byte, and 1,000 that go so', async (t) => {
	const sockets: Socket[] = [];
	const origin = await startTcpOrigin(t, (socket) => {
		sockets.push(socket);
		socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n'));
		socket.resume();
	});
	await survives(t, { ports: [origin.port] }, async ({ gateway, look }) => {
		const post = `${head('POST', origin.port, 'Content-Length: 1000000')}\r\n`;
		const all = await many(1_000, (i) => attacker(gateway.port, addressOf(i), post));
		await Promise.all(all.map((one) => hears(one, /200 OK/)));
		for (let round = 0; round < 20; round++) {
			for (const { socket } of all) socket.write('a');
			for (const socket of sockets) if (!socket.destroyed) socket.write('a');
			await new Promise((resolve) => setImmediate(resolve));
		}
		look();
		await dismiss(all);
	});
});

test.serial('clients who ask for 200 MB each and read nothing', async (t) => {
	const block = Buffer.alloc(65_536);
	const origin = await startTcpOrigin(t, (socket) => {
		socket.once('data', () => {
			socket.write('HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n');
			pour(socket, repeat(block, 3_000));
		});
	});
	await survives(t, { ports: [origin.port] }, async ({ gateway, look }) => {
		const all = await many(FULL ? 500 : 100, async (i) => {
			const one = await attacker(gateway.port, addressOf(i));
			one.socket.pause();
			one.socket.write(`${head('GET', origin.port)}\r\n`);
			return one;
		});
		await until('the floods stand still', () => sent(origin.sockets), settled(), 60_000);
		const { residentBytes } = look();
		t.true(residentBytes < 400 * MB, `${residentBytes}`);
		await dismiss(all);
		for (const socket of origin.sockets) socket.destroy();
	});
});

test.serial('100 clients who collect 20,000 error replies each and read none of them', (t) =>
	survives(t, { config: '[limits]\nfailures = { destinations = 0 }\n' }, async ({ gateway, look }) => {
		const refused = `${head('GET', 25)}\r\n`.repeat(100);
		const all = await many(100, async (i) => {
			const one = await attacker(gateway.port, addressOf(i));
			one.socket.pause();
			pour(one.socket, repeat(refused, 200));
			return one;
		});
		await until('nothing more is taken', () => sent(socketsOf(all)), settled(), 60_000);
		look();
		await dismiss(all);
	}),
);

test.serial('pipelines of 10,000 requests that are sent at once', (t) =>
	survives(t, {}, async ({ gateway, good, look }) => {
		const requests = `${head('GET', good.web)}\r\n`.repeat(10_000);
		const all = await many(FULL ? 20 : 4, async (i) => {
			const one = await attacker(gateway.port, addressOf(i));
			one.socket.pause();
			one.socket.write(requests);
			return one;
		});
		await until('nothing more is taken', () => sent(socketsOf(all)), settled(), 60_000);
		look();
		await dismiss(all);
	}),
);

test.serial('bodies in chunks of one byte, and chunk extensions that never end', async (t) => {
	const origin = await startTcpOrigin(t, (socket) => socket.resume());
	await survives(t, { ports: [origin.port] }, async ({ gateway, look }) => {
		const post = `${head('POST', origin.port, 'Transfer-Encoding: chunked')}\r\n`;
		const tiny = '1\r\na\r\n'.repeat(1_000);
		const all: Attacker[] = await many(20, async (i) => {
			const one = await attacker(gateway.port, addressOf(i), post);
			pour(one.socket, repeat(tiny, 100));
			return one;
		});
		const endless = await many(100, async (i) => {
			const one = await attacker(gateway.port, addressOf(i), `${post}1`);
			pour(one.socket, repeat(';a=b'.repeat(1_000), 1_000));
			return one;
		});
		await Promise.all(endless.map(({ gone }) => gone));
		await until(
			'the tiny chunks are sent',
			() => sent(socketsOf(all)),
			(bytes) => bytes >= 20 * 100 * tiny.length,
			60_000,
		);
		look();
		await dismiss(all);
	});
});
