// Many clients who mean harm, and one who does not: the one is served as if it were alone, and when the many have gone
// nothing of them is left, neither memory nor descriptors.
import { connect, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { dice, type Roll } from '../fuzz/dice.ts';
import { type GatewayProcess, startGateway } from '../helpers/gateway-process.ts';
import { handshakeOf, PROTOCOLS, readReply, type WireProtocol } from '../helpers/handshakes.ts';
import { descriptors, residentBytes, until } from '../helpers/process.ts';
import { connectRaw } from '../helpers/raw-client.ts';
import { echo, startTcpOrigin, type TcpOrigin } from '../helpers/tcp-origins.ts';
import { pattern, startWebOrigin } from '../helpers/web-origins.ts';

/** All of it meets the gateway as it comes; once more in another shape, a quarter does. */
const PART = process.env.BAUTA_WORKERS !== undefined || process.env.BAUTA_IO__NATIVE !== undefined ? 4 : 1;

const SEED = 20_260_731;
const GARBAGE = 20_000 / PART;
const HALF_OPEN = 5_000 / PART;
const AT_ONCE = 64;
/** tcpmux: nobody listens. */
const DEAD_PORT = 1;
const MB = 1_000_000;

/**
 * The gateway runs with a small heap, so that garbage is collected and not kept because there is room: a leak of 2 KB a
 * connection kills it. What a busy heap takes above a quiet one, young objects above all, fits into the slack.
 */
const HEAP_MB = 48;
const SLACK_BYTES = 30 * MB;

/** 5,000 connections at once do need room; afterwards it is given back. */
const CROWD_HEAP_MB = 96;

const OPEN = ['--allow-private', '--allow-ports', 'all'];

/** Random bytes, a handshake with a byte changed, or one cut short. */
function garbage(roll: Roll): Buffer {
	const kind = roll(3);
	if (kind === 0) return Buffer.from(Array.from({ length: roll(300) }, () => roll(256)));
	const protocol = PROTOCOLS[roll(PROTOCOLS.length)]!;
	const bytes = handshakeOf(protocol, '127.0.0.1', DEAD_PORT);
	if (kind === 1) return bytes.subarray(0, roll(bytes.length));
	bytes[roll(bytes.length)] = roll(256);
	return bytes;
}

/** An address of loopback's 16 million, so that no two clients need be the same. */
function someAddress(roll: Roll): string {
	return `127.${1 + roll(200)}.${roll(250)}.${1 + roll(250)}`;
}

/** Sends bytes and leaves, with FIN or RST, at once or after the answer. Resolves when the socket is gone. */
async function attack(port: number, roll: Roll): Promise<void> {
	const socket = connect({ port, host: '127.0.0.1', localAddress: someAddress(roll) });
	socket.on('error', () => {}).resume();
	const [bytes, manner] = [garbage(roll), roll(3)];
	socket.once('connect', () => {
		if (manner === 0) socket.write(bytes, () => socket.resetAndDestroy());
		else socket.end(bytes);
	});
	await gone(socket);
}

/** Whether it failed does not matter. */
function gone(socket: Socket): Promise<void> {
	return new Promise((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())));
}

async function attackMany(port: number, count: number, roll: Roll): Promise<void> {
	let left = count;
	const attackers = Array.from({ length: AT_ONCE }, async () => {
		while (left-- > 0) await attack(port, roll);
	});
	await Promise.all(attackers);
}

/** One well-behaved round by each protocol: handshake, some bytes there and back, goodbye. */
async function behave(t: ExecutionContext, gateway: GatewayProcess, echoes: TcpOrigin, web: number): Promise<void> {
	for (const protocol of PROTOCOLS) {
		const client = await connectRaw(t, gateway.port);
		client.write(handshakeOf(protocol, '127.0.0.1', protocol === 'http' ? web : echoes.port));
		const reply = await readReply(client, protocol);
		if (!reply.granted) throw new Error(`${protocol}: refused with ${reply.code}`);
		if (protocol === 'http') await client.read('hello'.length);
		else await echoed(client.socket, () => client.read(4));
		client.end();
		await client.readToEnd();
	}
}

async function echoed(socket: Socket, answer: () => Promise<Buffer>): Promise<void> {
	socket.write('ping');
	if ((await answer()).toString() !== 'ping') throw new Error('the echo is wrong');
}

/** Behaves round after round for as long as `trouble` lasts; resolves with the number of rounds. */
async function behaveDuring(trouble: Promise<unknown>, round: () => Promise<void>): Promise<number> {
	let over = false;
	let rounds = 0;
	void trouble.finally(() => {
		over = true;
	});
	while (!over) {
		await round();
		rounds++;
	}
	await trouble;
	return rounds;
}

/**
 * The well-behaved client may be quick; the other limits by client stand. Garbage may turn out to be a request, and that
 * must not leave this machine.
 */
const CONFIG = `[limits]
connections_per_second = 0
[[rule]]
name = "here"
action = "allow"
address = ["127.0.0.0/8"]
[[rule]]
name = "nowhere else"
action = "deny"
[resolver]
servers = ["127.0.0.1:9"]
`;

interface Footprint {
	readonly descriptors: number;
	readonly residentBytes: number;
}

function footprint({ pid }: GatewayProcess): Footprint {
	return { descriptors: descriptors(pid), residentBytes: residentBytes(pid) };
}

/** What the gateway takes when nothing goes on. */
async function quietFootprint(gateway: GatewayProcess): Promise<Footprint> {
	await until('descriptors settle', () => descriptors(gateway.pid), settled());
	return footprint(gateway);
}

/** True once a number has not changed for ten looks. */
function settled(): (value: number) => boolean {
	let last = Number.NaN;
	let times = 0;
	return (value) => {
		times = value === last ? times + 1 : 0;
		last = value;
		return times >= 10;
	};
}

/** `work` goes on meanwhile, for a heap at rest is not collected. */
async function returnsTo(before: Footprint, gateway: GatewayProcess, work: () => Promise<void>): Promise<void> {
	const read = async (): Promise<Footprint> => {
		await work();
		return footprint(gateway);
	};
	const most = before.residentBytes + SLACK_BYTES;
	await until(`memory below ${most}`, read, (now) => now.residentBytes <= most);
	await until(
		`${before.descriptors} descriptors`,
		() => descriptors(gateway.pid),
		(now) => now <= before.descriptors,
	);
}

test.serial(`${GARBAGE} connections full of garbage hurt nobody and leave nothing behind`, async (t) => {
	t.timeout(120_000);
	const gateway = await startGateway(t, OPEN, { config: CONFIG, heapMb: HEAP_MB });
	const [echoes, web] = [await startTcpOrigin(t, echo), await startWebOrigin(t)];
	const round = (): Promise<void> => behave(t, gateway, echoes, web.port);
	const roll = dice(SEED);
	await round();
	await attackMany(gateway.port, GARBAGE / 10, roll);
	const before = await quietFootprint(gateway);
	t.true((await behaveDuring(attackMany(gateway.port, GARBAGE, roll), round)) > 1);
	await returnsTo(before, gateway, round);
	t.is(await gateway.stop(), 0);
});

/** The beginning of a handshake, never the whole. */
function beginning(roll: Roll): Buffer {
	const protocol = PROTOCOLS[roll(PROTOCOLS.length)] as WireProtocol;
	const bytes = handshakeOf(protocol, '127.0.0.1', 80);
	return bytes.subarray(0, roll(bytes.length - 1));
}

/** Connects, says half a handshake and waits to be thrown out. */
async function lurk(port: number, localAddress: string, bytes: Buffer): Promise<Socket> {
	const socket = connect({ port, host: '127.0.0.1', localAddress });
	socket.on('error', () => {}).resume();
	await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
	socket.write(bytes);
	return socket;
}

/** Resolves when all are there, with what resolves when all are thrown out. */
async function gather(
	t: ExecutionContext,
	port: number,
	roll: Roll,
	address: (roll: Roll) => string,
): Promise<{ over: Promise<unknown> }> {
	const ends: Promise<void>[] = [];
	for (let i = 0; i < HALF_OPEN; i++) {
		const socket = await lurk(port, address(roll), beginning(roll));
		t.teardown(() => void socket.destroy());
		ends.push(gone(socket));
	}
	return { over: Promise.all(ends) };
}

type Crowd = readonly [who: string, address: (roll: Roll) => string, limits: string];

/** One address is stopped by its own limit; many of them by the deadline alone, where the gateway's ceiling is above them. */
const CROWDS: readonly Crowd[] = [
	['one client', () => '127.0.0.2', ''],
	['as many clients', someAddress, 'total_handshakes = 6000\n'],
];

for (const [who, address, limits] of CROWDS) {
	test.serial(`${HALF_OPEN} half-open handshakes of ${who} hurt nobody and are cut at the deadline`, async (t) => {
		const config = `[timeouts]\nhandshake = "2s"\n[limits]\nconnections_per_second = 0\n${limits}`;
		const gateway = await startGateway(t, OPEN, { config, heapMb: CROWD_HEAP_MB });
		const [echoes, web] = [await startTcpOrigin(t, echo), await startWebOrigin(t)];
		const round = (): Promise<void> => behave(t, gateway, echoes, web.port);
		const roll = dice(SEED);
		// The first crowd grows the heap to what a crowd takes; the second shows whether anything of it stays.
		await (await gather(t, gateway.port, roll, address)).over;
		const before = await quietFootprint(gateway);
		const crowd = await gather(t, gateway.port, roll, address);
		t.true((await behaveDuring(crowd.over, round)) > 1);
		await returnsTo(before, gateway, round);
		t.is(await gateway.stop(), 0);
	});
}

/** Far more than all kernel buffers on the way can hold. */
const FLOOD_BYTES = 200 * MB;

/** Writes as fast as it is taken. */
function flood(socket: Socket): void {
	const blocks = pattern(FLOOD_BYTES);
	const more = (): void => {
		for (let next = blocks.next(); !next.done; next = blocks.next()) if (!socket.write(next.value)) return;
	};
	socket.on('drain', more);
	more();
}

/** What the other end has taken. */
function taken(socket: Socket): number {
	return socket.bytesWritten - socket.writableLength;
}

for (const protocol of ['socks5', 'http'] as const) {
	test.serial(`${protocol}: a client that stops reading stalls itself alone, in bounded memory`, async (t) => {
		const gateway = await startGateway(t, OPEN);
		const [echoes, web] = [await startTcpOrigin(t, echo), await startWebOrigin(t)];
		const origin = await startTcpOrigin(t, (socket) => {
			if (protocol === 'http') socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${FLOOD_BYTES}\r\n\r\n`);
			flood(socket);
		});
		await behave(t, gateway, echoes, web.port);
		const before = residentBytes(gateway.pid);
		const client = connect(gateway.port, '127.0.0.1').on('error', () => {});
		t.teardown(() => void client.destroy());
		client.write(handshakeOf(protocol, '127.0.0.1', origin.port));
		const far = await origin.take();
		await until('the flood stands still', () => taken(far), settled());
		t.true(taken(far) > 0 && taken(far) < FLOOD_BYTES / 2, `stalled after ${taken(far)} bytes`);
		t.true(residentBytes(gateway.pid) < before + SLACK_BYTES, 'the gateway holds little of it');
		await behave(t, gateway, echoes, web.port);
		client.resume();
		await until(
			'the flood goes on to its end',
			() => taken(far),
			(bytes) => bytes >= FLOOD_BYTES,
		);
		client.destroy();
		t.is(await gateway.stop(), 0);
	});
}
