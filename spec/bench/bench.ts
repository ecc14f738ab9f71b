// `npm run bench`: what a connection and a plain HTTP request cost the gateway, in CPU of its own, beside the proxies of
// Debian that are installed here. README.md says how to read the table.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { startGateway } from '../helpers/gateway-process.ts';
import { handshakeOf, readReply } from '../helpers/handshakes.ts';
import { type Hop, startMicrosocks, startSquid, startTinyproxy } from '../helpers/hops.ts';
import { cpuMs } from '../helpers/process.ts';
import { pathOf } from '../helpers/programs.ts';
import { RawClient } from '../helpers/raw-client.ts';
import type { Scope } from '../helpers/scope.ts';

const ROUNDS = 3;
const CONNECTIONS = 4_000;
const CONNECTIONS_AT_ONCE = 32;
const REQUESTS = 12_000;
const REQUEST_LINKS = 16;
const SOCKS5_METHODS_BYTES = 3;
const SOCKS5_REPLY_BYTES = 10;
const PAYLOAD: Buffer = Buffer.alloc(64, 'b');
const RESPONSE = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 64\r\n\r\n';

interface Proxy {
	readonly name: string;
	readonly pid: number;
	readonly port: number;
	/** Which loads it takes: tinyproxy serves one request a connection. */
	readonly loads: readonly Load[];
}

type Load = 'socks5' | 'connect' | 'http';

const UNITS: Readonly<Record<Load, string>> = {
	socks5: 'µs a SOCKS5 connection',
	connect: 'µs a CONNECT connection',
	http: 'µs a plain HTTP request',
};

const undos: (() => void | Promise<void>)[] = [];
const scope: Scope = { teardown: (undo) => void undos.push(undo) };

async function ours(): Promise<Proxy> {
	const limits = '[limits]\nconnections_per_second = 100000\nburst = 100000\n';
	const gateway = await startGateway(scope, ['--allow-private', '--allow-ports', 'all'], { config: limits });
	return { name: 'bauta', pid: gateway.pid, port: gateway.port, loads: ['socks5', 'connect', 'http'] };
}

/** Null where it is not installed. */
async function peer(name: string, loads: readonly Load[], start: () => Promise<Hop>): Promise<Proxy | null> {
	return pathOf(name) === null ? null : { name, loads, ...(await start()) };
}

async function proxies(): Promise<Proxy[]> {
	const all = [
		await ours(),
		await peer('microsocks', ['socks5'], () => startMicrosocks(scope)),
		await peer('tinyproxy', ['connect'], () => startTinyproxy(scope)),
		await peer('squid', ['connect', 'http'], () => startSquid(scope)),
	];
	return all.filter((proxy) => proxy !== null);
}

/** Echoes what is no HTTP, answers each GET with 64 bytes: one origin for every load. */
async function startOrigin(): Promise<number> {
	const server = createServer({ noDelay: true }, (socket) => {
		socket.on('error', () => {});
		socket.on('data', (chunk) => {
			for (const piece of chunk.toString('latin1').split(/(?<=\r\n\r\n)/))
				socket.write(piece.startsWith('GET') ? reply() : piece);
		});
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	scope.teardown(() => void server.close());
	return (server.address() as { port: number }).port;
}

function reply(): string {
	return RESPONSE + PAYLOAD.toString();
}

async function dial(port: number): Promise<RawClient> {
	const socket: Socket = connect(port, '127.0.0.1');
	await once(socket, 'connect');
	return new RawClient(socket);
}

async function oneConnection(proxy: Proxy, load: 'socks5' | 'connect', origin: number): Promise<void> {
	const client = await dial(proxy.port);
	if (!(await (load === 'socks5' ? socks5(client, origin) : tunnel(client, origin))))
		throw new Error(`${proxy.name} refused`);
	client.write(PAYLOAD);
	await client.read(PAYLOAD.length);
	client.end();
	await client.readToEnd();
}

/** Step by step: microsocks loses what comes in one segment with the methods. */
async function socks5(client: RawClient, origin: number): Promise<boolean> {
	const handshake = handshakeOf('socks5', '127.0.0.1', origin);
	client.write(handshake.subarray(0, SOCKS5_METHODS_BYTES));
	await client.read(2);
	client.write(handshake.subarray(SOCKS5_METHODS_BYTES));
	return (await client.read(SOCKS5_REPLY_BYTES))[1] === 0;
}

async function tunnel(client: RawClient, origin: number): Promise<boolean> {
	client.write(handshakeOf('connect', '127.0.0.1', origin));
	return (await readReply(client, 'connect')).granted;
}

async function manyRequests(proxy: Proxy, origin: number, count: number): Promise<void> {
	const client = await dial(proxy.port);
	const request = handshakeOf('http', '127.0.0.1', origin);
	for (let i = 0; i < count; i++) {
		client.write(request);
		await readReply(client, 'http');
		await client.read(PAYLOAD.length);
	}
	client.end();
}

/** Runs one load to its end, in parallel as the load says. */
async function run(proxy: Proxy, load: Load, origin: number): Promise<void> {
	if (load === 'http') {
		await Promise.all(
			Array.from({ length: REQUEST_LINKS }, () => manyRequests(proxy, origin, REQUESTS / REQUEST_LINKS)),
		);
		return;
	}
	let left = CONNECTIONS;
	const lanes = Array.from({ length: CONNECTIONS_AT_ONCE }, async () => {
		while (left-- > 0) await oneConnection(proxy, load, origin);
	});
	await Promise.all(lanes);
}

async function costUs(proxy: Proxy, load: Load, origin: number): Promise<number> {
	const before = cpuMs(proxy.pid);
	await run(proxy, load, origin);
	return (1_000 * (cpuMs(proxy.pid) - before)) / (load === 'http' ? REQUESTS : CONNECTIONS);
}

function median(values: number[]): number {
	return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

async function measure(load: Load, all: readonly Proxy[], origin: number): Promise<void> {
	const taking = all.filter((proxy) => proxy.loads.includes(load));
	const seen = new Map(taking.map((proxy) => [proxy, [] as number[]]));
	// The proxies in turn, round by round, so that a noisy minute falls on all of them; the first round warms up.
	for (let round = 0; round <= ROUNDS; round++) {
		for (const proxy of taking) {
			const cost = await costUs(proxy, load, origin);
			if (round > 0) seen.get(proxy)!.push(cost);
		}
	}
	print(load, new Map(taking.map((proxy) => [proxy.name, median(seen.get(proxy)!)])));
}

function print(load: Load, costs: ReadonlyMap<string, number>): void {
	const own = costs.get('bauta')!;
	console.log(`\n| proxy | ${UNITS[load]} | bauta to it |\n|---|---|---|`);
	for (const [name, cost] of costs) console.log(`| ${name} | ${cost.toFixed(1)} | ${(own / cost).toFixed(2)} |`);
}

try {
	const [origin, all] = [await startOrigin(), await proxies()];
	for (const load of ['socks5', 'connect', 'http'] as const) await measure(load, all, origin);
} finally {
	for (const undo of undos.reverse()) await undo();
}
