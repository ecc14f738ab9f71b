// So many connections that all places are taken: whoever has few is let in all the same.
import type { Socket } from 'node:net';
import test from 'ava';
import { addressOf, attacker, dismiss, hears, many } from '../helpers/attackers.ts';
import { handshakeOf } from '../helpers/handshakes.ts';
import { until } from '../helpers/process.ts';
import { FULL, survives } from '../helpers/siege.ts';
import { farewell, startTcpOrigin } from '../helpers/tcp-origins.ts';

/** Where 20,000 descriptors are all there are, the gateway comes down to 7,657 by itself. */
const TOTAL = FULL ? 7_500 : 4_000;
const CLIENTS = 50;
const OF_ONE = 256;

test.serial('tunnels of 50 clients fill the gateway; who has none still gets one', async (t) => {
	const origin = await startTcpOrigin(t, farewell);
	const ask = handshakeOf('connect', '127.0.0.1', origin.port);
	// The limit on new connections would make them take ten seconds, and no more.
	const config = `[limits]\nconnections_per_second = 0\ntotal_connections = ${TOTAL}\n`;
	await survives(t, { config, ports: [origin.port] }, async ({ gateway, look }) => {
		const all = await many(TOTAL + 500, (i) => attacker(gateway.port, addressOf(i % CLIENTS), ask));
		await Promise.all(all.map((one) => hears(one, /HTTP\/1\.1 \d+ /)));
		look();
		const held = all.filter(({ heard, socket }) => heard.includes(' 200 ') && !socket.closed).length;
		t.true(held > TOTAL - 100 && held <= TOTAL, `${held} are held`);
		t.true(all.some(({ heard }) => heard.includes(' 503 ')));
		const late = await many(100, (i) => attacker(gateway.port, addressOf(100 + i), ask));
		await Promise.all(late.map((one) => hears(one, /HTTP\/1\.1 \d+ /)));
		t.is(late.filter(({ heard }) => heard.includes(' 200 ')).length, late.length);
		await dismiss([...all, ...late]);
	});
});

test.serial('a flood from one address gets what one client may have, and nothing else', async (t) => {
	const origin = await startTcpOrigin(t, farewell);
	const ask = handshakeOf('connect', '127.0.0.1', origin.port);
	await survives(t, { ports: [origin.port] }, async ({ gateway, look }) => {
		const all = await many(3_000, () => attacker(gateway.port, addressOf(1), ask));
		const count = (status: number): number => all.filter(({ heard }) => heard.includes(` ${status} `)).length;
		await Promise.all(all.map((one) => hears(one, /HTTP\/1\.1 \d+ /)));
		look();
		t.true(count(200) <= OF_ONE, `${count(200)} were let in`);
		t.true(count(429) > 128, `${count(429)} were told why not, the others are closed unheard`);
		await dismiss(all);
	});
});

test.serial('10,000 connections that end by RST, in their handshake and behind it', async (t) => {
	const sockets: Socket[] = [];
	const origin = await startTcpOrigin(t, (socket) => void sockets.push(socket.resume()));
	const ask = handshakeOf('socks5', '127.0.0.1', origin.port);
	await survives(t, { ports: [origin.port] }, async ({ gateway, look }) => {
		await many(10_000, async (i) => {
			const one = await attacker(gateway.port, addressOf(i), ask.subarray(0, i % 2 === 0 ? 4 : ask.length));
			if (i % 4 === 1) await hears(one, /\x05\x00\x05\x00/);
			if (i % 64 === 0) look();
			await dismiss([one], 'reset');
		});
		await until(
			'the targets hear of it',
			() => sockets.filter(({ destroyed, readableEnded }) => !destroyed && !readableEnded).length,
			(left) => left === 0,
			60_000,
		);
		for (const socket of sockets) socket.destroy();
	});
});
