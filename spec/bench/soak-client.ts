// The lives that the soak's clients lead: most do what they should, the others stop in the middle, send noise, reset, say
// nothing or stay for ever.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { handshakeOf, PROTOCOLS, readReply, type WireProtocol } from '../helpers/handshakes.ts';
import { KeyedCheck } from '../helpers/keyed-stream.ts';
import { RawClient } from '../helpers/raw-client.ts';
import { type Findings, type Order, orderBytes, pour, settle, silenceOf } from './soak-origin.ts';

export interface Stage {
	readonly gateway: number;
	readonly origin: number;
	readonly findings: Findings;
	/** Refused though nothing spoke against it: there must be none. */
	refused: number;
	keys: number;
}

const roll = (sides: number): number => Math.floor(Math.random() * sides);
const oneOf = <T>(all: readonly T[]): T => all[roll(all.length)] as T;
const TUNNELS = PROTOCOLS.filter((protocol) => protocol !== 'http');

/** What a client is held to, by its address; the soak's configuration says the same. */
const CROWDS = { free: '127.0.0.', paced: '127.0.2.', quota: '127.0.1.' };

async function dial(stage: Stage, crowd: keyof typeof CROWDS = 'free'): Promise<Socket> {
	const socket = connect({
		host: '127.0.0.1',
		port: stage.gateway,
		localAddress: `${CROWDS[crowd]}${1 + roll(250)}`,
		allowHalfOpen: true,
		noDelay: true,
	});
	socket.on('error', () => {});
	await once(socket, 'connect');
	return socket;
}

const gone = (socket: Socket): Promise<void> =>
	socket.closed ? Promise.resolve() : new Promise((resolve) => socket.once('close', () => resolve()));

function anySize(): number {
	return oneOf([roll(100), roll(3_000), roll(100_000), roll(1_500_000)]);
}

/** A tunnel to the origin by some protocol, its handshake in one piece or byte by byte; null when it was refused. */
async function open(stage: Stage, crowd: keyof typeof CROWDS): Promise<RawClient | null> {
	const client = new RawClient(await dial(stage, crowd));
	const protocol = oneOf(TUNNELS);
	const handshake = handshakeOf(protocol, '127.0.0.1', stage.origin);
	if (roll(4) === 0) await client.writeBytewise(handshake);
	else client.write(handshake);
	const said = await readReply(client, protocol).catch(String);
	if (typeof said !== 'string' && said.granted) return client;
	client.socket.destroy();
	if (crowd === 'quota') return null;
	stage.refused++;
	console.error(`refused: ${protocol}: ${typeof said === 'string' ? said : said.code}`);
	return null;
}

/** Both ways at once, each to its end: what has to arrive whole. */
async function talk(stage: Stage, crowd: keyof typeof CROWDS, sizes: () => number): Promise<void> {
	const client = await open(stage, crowd);
	if (client === null) return;
	stage.keys += 2;
	const whole = crowd !== 'quota';
	const order: Order = {
		key: stage.keys,
		upBytes: sizes(),
		downBytes: sizes(),
		whole,
		manner: oneOf(['first', 'last'] as const),
	};
	await converse(client.socket, order, stage.findings);
}

async function converse(socket: Socket, order: Order, findings: Findings): Promise<void> {
	const check = new KeyedCheck(order.key + 1);
	socket.removeAllListeners('data').on('data', (chunk: Buffer) => check.take(chunk));
	const heard = silenceOf(socket);
	socket.write(orderBytes(order));
	await pour(socket, order.key, order.upBytes);
	socket.end();
	if (roll(8) === 0) {
		socket.pause();
		await delay(roll(300));
		socket.resume();
	}
	await heard;
	settle(findings, check, order.whole ? order.downBytes : 0);
	await gone(socket);
}

/** Cut short in the middle by one of the two ends, by a reset or a close. */
async function cutShort(stage: Stage): Promise<void> {
	const client = await open(stage, oneOf(['free', 'paced']));
	if (client === null) return;
	stage.keys += 2;
	const order: Order = {
		key: stage.keys,
		upBytes: anySize(),
		downBytes: 2_000_000,
		whole: false,
		manner: oneOf(['first', 'cut']),
	};
	const { socket } = client;
	if (order.manner === 'first') {
		const most = roll(2_000_000);
		let seen = 0;
		socket.on('data', ({ length }: Buffer) => {
			seen += length;
			if (seen > most) oneOf([() => socket.resetAndDestroy(), () => socket.destroy()])();
		});
	}
	await converse(socket, order, stage.findings);
}

/** Stops reading with megabytes on their way, for a while or for good. */
async function stall(stage: Stage): Promise<void> {
	const client = await open(stage, oneOf(['free', 'paced']));
	if (client === null) return;
	stage.keys += 2;
	const order: Order = { key: stage.keys, upBytes: 0, downBytes: 8_000_000, whole: false, manner: 'first' };
	client.socket.removeAllListeners('data').pause();
	client.socket.on('end', () => client.socket.end());
	client.write(orderBytes(order));
	await delay(roll(2_000));
	oneOf([() => client.socket.resetAndDestroy(), () => client.socket.destroy(), () => client.socket.resume()])();
	await gone(client.socket);
}

async function http(stage: Stage): Promise<void> {
	const client = new RawClient(await dial(stage));
	stage.keys += 2;
	const key = stage.keys;
	const bytes = anySize();
	const host = `127.0.0.1:${stage.origin}`;
	client.write(`GET http://${host}/${key}/${bytes} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
	await client.readUntil('\r\n\r\n');
	const check = new KeyedCheck(key);
	check.take((await client.readToEnd()).bytes);
	settle(stage.findings, check, bytes);
	client.socket.destroy();
}

/** A handshake that stops, by a FIN, a reset, a close, or by saying nothing more. */
async function cutHandshake(stage: Stage): Promise<void> {
	const socket = await dial(stage);
	const handshake = handshakeOf(oneOf<WireProtocol>(PROTOCOLS), '127.0.0.1', stage.origin);
	socket.write(handshake.subarray(0, roll(handshake.length)));
	await delay(roll(20));
	oneOf([() => socket.end(), () => socket.resetAndDestroy(), () => socket.destroy(), () => {}])();
	socket.on('end', () => socket.end()).resume();
	await gone(socket);
}

async function noise(stage: Stage): Promise<void> {
	const socket = await dial(stage);
	socket.write(Buffer.concat([Buffer.of(oneOf([4, 5, 67, 71, roll(256)])), randomBytes(roll(3_000))]));
	socket.on('end', () => socket.end()).resume();
	await gone(socket);
}

/** A target that nobody listens at. */
async function nobodyThere(stage: Stage): Promise<void> {
	const client = new RawClient(await dial(stage));
	const protocol = oneOf(PROTOCOLS);
	client.write(handshakeOf(protocol, '127.0.0.1', 1));
	await readReply(client, protocol).catch(() => {});
	client.end();
	await gone(client.socket);
}

/** Opens a tunnel and forgets it: the gateway has to end it. */
async function forget(stage: Stage): Promise<void> {
	const client = await open(stage, 'free');
	if (client === null) return;
	client.socket.on('end', () => client.socket.end());
	await gone(client.socket);
}

const bulk = (): number => 2_000_000 + roll(6_000_000);

/** How often each life is led, as parts of all of them. */
export const LIVES: Readonly<Record<string, { parts: number; live(stage: Stage): Promise<void> }>> = {
	tunnel: { parts: 30, live: (stage) => talk(stage, 'free', anySize) },
	bulk: { parts: 4, live: (stage) => talk(stage, 'free', bulk) },
	paced: { parts: 8, live: (stage) => talk(stage, 'paced', anySize) },
	quota: { parts: 4, live: (stage) => talk(stage, 'quota', anySize) },
	'cut short': { parts: 12, live: cutShort },
	stall: { parts: 4, live: stall },
	http: { parts: 10, live: http },
	'cut handshake': { parts: 12, live: cutHandshake },
	noise: { parts: 12, live: noise },
	'nobody there': { parts: 3, live: nobodyThere },
	forget: { parts: 1, live: forget },
};

const ALL: readonly string[] = Object.entries(LIVES).flatMap(([name, { parts }]) => Array<string>(parts).fill(name));

export function anyLife(): string {
	return oneOf(ALL);
}
