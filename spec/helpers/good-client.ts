// Runs in a thread of its own: clients who mean well, each from an address of its own, at a pace that no default limit
// minds, and the origins that they visit. What goes wrong and how long each visit takes is told when they are asked to stop.
import { once } from 'node:events';
import { createServer as createWeb } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { parentPort } from 'node:worker_threads';
import { handshakeOf, type Login, PROTOCOLS, readReply } from './handshakes.ts';
import { RawClient } from './raw-client.ts';

export interface GoodPorts {
	readonly echo: number;
	readonly web: number;
}

export interface GoodStart {
	readonly host: string;
	readonly port: number;
	readonly clients: number;
	/** Addresses of the visitors; `%` is the number of each. */
	readonly from: string;
	/** SOCKS4 has no password. */
	readonly login: Login | null;
	/** A domain every name of which leads to the origins: each visit asks for another one. Null: they are visited by address. */
	readonly domain: string | null;
}

export interface GoodReport {
	/** Of each visit, from connect to the last byte. */
	readonly latenciesMs: readonly number[];
	readonly failures: readonly string[];
}

/** 14 visits a second, where 20 are granted. */
const PAUSE_MS = 70;

const HOST = '127.0.0.1';

async function listening(server: Server): Promise<number> {
	server.listen(0, HOST);
	await once(server, 'listening');
	return (server.address() as AddressInfo).port;
}

/** By one protocol after the other: handshake, some bytes there and back, goodbye. */
async function visit(start: GoodStart, localAddress: string, i: number, ports: GoodPorts): Promise<void> {
	const spoken = start.login ? PROTOCOLS.filter((protocol) => !protocol.startsWith('socks4')) : PROTOCOLS;
	const protocol = spoken[i % spoken.length]!;
	const byName = start.domain !== null && protocol !== 'socks4' && protocol !== 'socks5';
	const target = byName ? `v${i}-${localAddress.replaceAll(/\D/g, '-')}.${start.domain}` : HOST;
	const socket = connect({ host: start.host, port: start.port, localAddress });
	try {
		const client = new RawClient(socket);
		client.write(handshakeOf(protocol, target, protocol === 'http' ? ports.web : ports.echo, start.login ?? undefined));
		const reply = await readReply(client, protocol);
		if (!reply.granted) throw new Error(`refused with ${reply.code}`);
		if (protocol !== 'http') client.write('hello');
		const heard = (await client.read('hello'.length)).toString();
		if (heard !== 'hello') throw new Error(`heard ${heard}`);
	} catch (error) {
		throw new Error(`${protocol}: ${(error as Error).message}`, { cause: error });
	} finally {
		socket.destroy();
	}
}

async function visitAgainAndAgain(
	start: GoodStart,
	index: number,
	ports: GoodPorts,
	report: { latenciesMs: number[]; failures: string[] },
	isOver: () => boolean,
): Promise<void> {
	const from = start.from.replace('%', `${index + 1}`);
	for (let i = index; !isOver(); i++) {
		const fromMs = performance.now();
		try {
			await visit(start, from, i, ports);
			report.latenciesMs.push(performance.now() - fromMs);
		} catch (error) {
			report.failures.push((error as Error).message);
		}
		await delay(PAUSE_MS);
	}
}

if (parentPort) {
	const port = parentPort;
	const echo = await listening(createServer((socket: Socket) => void socket.on('error', () => {}).pipe(socket)));
	const web = await listening(createWeb((_request, response) => void response.end('hello')));
	port.postMessage({ echo, web } satisfies GoodPorts);
	const [start] = (await once(port, 'message')) as [GoodStart];
	const report = { latenciesMs: [] as number[], failures: [] as string[] };
	let over = false;
	port.on('message', (what) => {
		if (what === 'count') port.postMessage(report.latenciesMs.length);
		else over = true;
	});
	const all = Array.from({ length: start.clients }, (_, i) =>
		visitAgainAndAgain(start, i, { echo, web }, report, () => over),
	);
	await Promise.all(all);
	port.postMessage(report satisfies GoodReport);
	process.exit();
}
