// UDP associations by the thousand, datagrams in floods, from strangers, and ports that are held for nobody.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { type Attacker, addressOf, attacker, dismiss, hears, many } from '../helpers/attackers.ts';
import type { Scope } from '../helpers/scope.ts';
import { FULL, survives } from '../helpers/siege.ts';
import { ANYWHERE, associate, type UdpClient, wrapped } from '../helpers/udp.ts';

/** Greeting without authentication, and a command for no address in particular. */
function command(code: number): Buffer {
	return Buffer.of(5, 1, 0, 5, code, 0, ...ANYWHERE);
}

/** Method, then REP 0. */
const GRANTED = /^\x05\x00\x05\x00/;

/** The port in the reply of an association; the address is the gateway's. */
function portOf({ heard }: Attacker): number {
	return Buffer.from(heard, 'latin1').readUInt16BE(10);
}

/** Closed when the scope ends. */
async function udp(scope: Scope, port: number, host: string): Promise<UdpSocket> {
	const socket = createSocket({ type: 'udp4', reuseAddr: true });
	scope.teardown(() => void socket.close());
	socket.on('error', () => {}).bind(port, host);
	await once(socket, 'listening');
	return socket;
}

function send(socket: UdpSocket, bytes: Uint8Array, port: number, host = '127.0.0.1'): Promise<void> {
	return new Promise((resolve) => socket.send(bytes, port, host, () => resolve()));
}

/** Sends until an answer comes: datagrams are lost in a flood, and clients of UDP know. Throws when none comes. */
async function answered(client: UdpClient, ask: () => Promise<void>): Promise<string> {
	const answer = client.answer();
	for (let i = 0; i < 100; i++) {
		await ask();
		const came = await Promise.race([answer, delay(100, null)]);
		if (came) return String(came.payload);
	}
	throw new Error('no answer to 100 datagrams');
}

/** What a client may open at once. */
const OF_ONE = 200;
const CLIENTS = FULL ? 10 : 5;

test.serial('associations by the thousand, a flood through each, and one more that works', async (t) => {
	// Who comes again has opened what it may for now.
	let first = 0;
	await survives(t, {}, async ({ gateway, good, look }) => {
		const from = (i: number): string => addressOf(first + (i % CLIENTS));
		const echo = await udp(t, good.echo, '127.0.0.1');
		echo.on('message', (bytes, { port, address }) => echo.send(bytes, port, address));
		const all = await many(CLIENTS * OF_ONE, (i) => attacker(gateway.port, from(i), command(3)));
		await Promise.all(all.map((one) => hears(one, GRANTED)));
		const open = all.filter(({ heard }) => GRANTED.test(heard));
		t.is(open.length, all.length);
		look();
		const senders = await Promise.all(Array.from({ length: CLIENTS }, (_, i) => udp(t, 0, from(i))));
		const datagram = wrapped('127.0.0.1', good.echo, 'flood');
		// The pace that a client is held to is its own: a client beside it is served meanwhile.
		const flood = many(20_000, (i) => send(senders[i % CLIENTS]!, datagram, portOf(open[i % open.length]!)));
		const client = await associate(t, gateway.port);
		for (let i = 0; i < 10; i++) {
			await answered(client, () => client.send('127.0.0.1', good.echo, 'ping'));
			look();
		}
		await flood;
		client.control.socket.destroy();
		await dismiss(all);
		first += CLIENTS;
	});
});

test.serial('datagrams of strangers reach neither the client nor a target', async (t) => {
	await survives(t, {}, async ({ gateway, good, look }) => {
		const target = await udp(t, good.echo, '127.0.0.1');
		const [client, stranger] = [await associate(t, gateway.port), await udp(t, 0, '127.1.0.9')];
		let reached = 0;
		target.on('message', (bytes) => (reached += String(bytes) === 'forged' ? 1 : 0));
		const first = once(target, 'message') as Promise<[Buffer, { port: number }]>;
		await client.send('127.0.0.1', good.echo, 'hello');
		const [, far] = await first;
		await many(5_000, (i) =>
			i % 2 === 0
				? send(stranger, wrapped('127.0.0.1', good.echo, 'forged'), client.relay.port)
				: send(stranger, Buffer.from('forged'), far.port),
		);
		look();
		t.is(await answered(client, () => send(target, Buffer.from('over'), far.port)), 'over');
		t.is(reached, 0);
		while (client.end.waiting > 0) t.is(String((await client.answer()).payload), 'over');
		client.control.socket.destroy();
		const { drops } = await gateway.record((record) => record.command === 'associate');
		// Of those to the client's own port the kernel tells nobody: it is connected.
		t.true((drops as { stranger: number }).stranger > 0);
	});
});

test.serial('1,000 ports that are held for peers who never come are given back in time', async (t) => {
	let first = 0;
	await survives(t, { config: '[bind]\nlisteners = "all"\nwait = "2s"\n' }, async ({ gateway, look }) => {
		const all = await many(CLIENTS * OF_ONE, (i) =>
			attacker(gateway.port, addressOf(first + (i % CLIENTS)), command(2)),
		);
		await Promise.all(all.map((one) => hears(one, GRANTED)));
		look();
		t.is(all.filter(({ heard }) => GRANTED.test(heard)).length, all.length);
		await Promise.all(all.map(({ gone }) => gone));
		first += CLIENTS;
	});
});
