// `node spec/bench/udp.ts`: what a datagram through UDP ASSOCIATE costs the gateway, in CPU of its own, beside the proxies
// of Debian that relay UDP and are installed here. README.md says how to read the table.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { startGateway } from '../helpers/gateway-process.ts';
import { type Hop, startDanted, startV2ray } from '../helpers/hops.ts';
import { cpuMs } from '../helpers/process.ts';
import { pathOf } from '../helpers/programs.ts';
import { RawClient } from '../helpers/raw-client.ts';
import type { Scope } from '../helpers/scope.ts';

const ROUNDS = 3;
const ASSOCIATIONS = 16;
/** Datagrams that each association has on their way, as a QUIC connection has a window. */
const WINDOW = 16;
const ROUND_TRIPS = 30_000;
/** QUIC's smallest datagram that opens a connection (RFC 9000 section 14.1). */
const PAYLOAD_BYTES = 1_200;
/** A datagram that a full buffer dropped is given up and sent again. */
const LOST_MS = 200;

interface Proxy {
	readonly name: string;
	readonly pid: number;
	readonly port: number;
}

const undos: (() => void | Promise<void>)[] = [];
const scope: Scope = { teardown: (undo) => void undos.push(undo) };

async function ours(): Promise<Proxy> {
	const config = '[udp]\npackets_per_second = 0\n';
	const gateway = await startGateway(scope, ['--allow-private', '--allow-ports', 'all'], { config });
	return { name: 'bauta', pid: gateway.pid, port: gateway.port };
}

/** Null where it is not installed. */
async function peer(name: string, start: () => Promise<Hop>): Promise<Proxy | null> {
	return pathOf(name) === null ? null : { name, ...(await start()) };
}

async function proxies(): Promise<Proxy[]> {
	const all = [
		await ours(),
		await peer('danted', () => startDanted(scope)),
		await peer('v2ray', () => startV2ray(scope)),
	];
	return all.filter((proxy) => proxy !== null);
}

/** Sends every datagram back to where it came from. */
async function startEcho(): Promise<number> {
	const echo = await bound();
	echo.on('message', (message, peer) => echo.send(message, peer.port, peer.address));
	return echo.address().port;
}

async function bound(): Promise<UdpSocket> {
	const lookup = (
		host: string,
		_options: unknown,
		tell: (error: null, address: string, family: number) => void,
	): void => tell(null, host, 4);
	const socket = createSocket({ type: 'udp4', recvBufferSize: 4_000_000, lookup: lookup as never });
	// The lookup above answers at once, so the event may come within the call.
	const listening = once(socket, 'listening');
	socket.bind(0, '127.0.0.1');
	await listening;
	scope.teardown(() => void socket.close());
	return socket;
}

/** One association: its control connection, and a socket that is connected to its relay. */
async function associate(proxy: Proxy): Promise<{ control: RawClient; udp: UdpSocket }> {
	const tcp = connect(proxy.port, '127.0.0.1');
	await once(tcp, 'connect');
	scope.teardown(() => void tcp.destroy());
	const control = new RawClient(tcp);
	control.write(Buffer.of(5, 1, 0));
	await control.read(2);
	control.write(Buffer.of(5, 3, 0, 1, 0, 0, 0, 0, 0, 0));
	const reply = await control.read(10);
	if (reply[1] !== 0) throw new Error(`${proxy.name} refused`);
	const udp = await bound();
	const connected = once(udp, 'connect');
	udp.connect(reply.readUInt16BE(8), '127.0.0.1');
	await connected;
	return { control, udp };
}

/** Keeps a window of datagrams on their way until so many have come back; says how many were sent. */
function pingPong(udp: UdpSocket, echo: number, count: number): Promise<number> {
	const datagram = Buffer.alloc(10 + PAYLOAD_BYTES, 'b');
	datagram.set([0, 0, 0, 1, 127, 0, 0, 1, echo >> 8, echo & 255]);
	return new Promise((resolve) => {
		let [sent, back, before] = [0, 0, -1];
		const send = (): void => {
			sent++;
			udp.send(datagram);
		};
		const lost = setInterval(() => {
			if (back === before) for (let i = 0; i < WINDOW; i++) send();
			before = back;
		}, LOST_MS);
		udp.on('message', () => {
			if (++back < count) return send();
			clearInterval(lost);
			udp.removeAllListeners('message');
			resolve(sent);
		});
		for (let i = 0; i < WINDOW; i++) send();
	});
}

/** CPU of a process and its children: danted has one for each kind of work. */
function cpuOfTreeMs(pid: number): number {
	const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && parentOf(name) === pid);
	return cpuMs(pid) + children.reduce((sum, child) => sum + cpuOfTreeMs(Number(child)), 0);
}

function parentOf(pid: string): number | null {
	try {
		return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[1]);
	} catch {
		return null;
	}
}

async function costUs(proxy: Proxy, echo: number): Promise<{ cost: number; perSecond: number }> {
	const all = await Promise.all(Array.from({ length: ASSOCIATIONS }, () => associate(proxy)));
	const before = cpuOfTreeMs(proxy.pid);
	const startMs = performance.now();
	const sent = await Promise.all(all.map(({ udp }) => pingPong(udp, echo, ROUND_TRIPS / ASSOCIATIONS)));
	const tookMs = performance.now() - startMs;
	const cost = (1_000 * (cpuOfTreeMs(proxy.pid) - before)) / (2 * sent.reduce((sum, one) => sum + one));
	for (const { control } of all) control.end();
	return { cost, perSecond: (2_000 * ROUND_TRIPS) / tookMs };
}

function median(values: number[]): number {
	return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

async function measure(all: readonly Proxy[], echo: number): Promise<void> {
	const seen = new Map(all.map((proxy) => [proxy, [] as { cost: number; perSecond: number }[]]));
	// The proxies in turn, round by round, so that a noisy minute falls on all of them; the first round warms up.
	for (let round = 0; round <= ROUNDS; round++) {
		for (const proxy of all) {
			const cost = await costUs(proxy, echo);
			if (round > 0) seen.get(proxy)!.push(cost);
		}
	}
	const costs = new Map(all.map((proxy) => [proxy.name, median(seen.get(proxy)!.map(({ cost }) => cost))]));
	const own = costs.get('bauta')!;
	console.log('\n| proxy | µs a datagram | bauta to it | datagrams a second |\n|---|---|---|---|');
	for (const proxy of all) {
		const cost = costs.get(proxy.name)!;
		const rate = median(seen.get(proxy)!.map(({ perSecond }) => perSecond));
		console.log(`| ${proxy.name} | ${cost.toFixed(2)} | ${(own / cost).toFixed(2)} | ${Math.round(rate)} |`);
	}
}

try {
	const [echo, all] = [await startEcho(), await proxies()];
	await measure(all, echo);
} finally {
	for (const undo of undos.reverse()) await undo();
}
