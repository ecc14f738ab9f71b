// Where the soak's tunnels lead: an origin that sends each of them the stream of a key of its own, and checks what comes.
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { KeyedCheck, keyed } from '../helpers/keyed-stream.ts';

/** What a client says first in a tunnel; the stream of `key` follows, and that of `key + 1` comes back. */
export interface Order {
	readonly key: number;
	readonly upBytes: number;
	readonly downBytes: number;
	/** Nobody cuts this one short: all bytes have to come. */
	readonly whole: boolean;
	/** `first`: answers before it has heard everything; `last`: behind the client's FIN; `cut`: resets in the middle. */
	readonly manner: (typeof MANNERS)[number];
}

export const MANNERS = ['first', 'last', 'cut'] as const;
const ORDER_BYTES = 14;
const CHUNK_BYTES = 65_536;

/** What both ends have seen. */
export interface Findings {
	bytes: number;
	streams: number;
	/** Streams with a byte that was not theirs: there must be none. */
	wrong: number;
	/** Streams that nobody cut short and that ended early: there must be none. */
	short: number;
}

export function orderBytes({ key, upBytes, downBytes, whole, manner }: Order): Buffer {
	const bytes = Buffer.alloc(ORDER_BYTES);
	bytes.writeUInt32BE(key);
	bytes.writeUInt32BE(upBytes, 4);
	bytes.writeUInt32BE(downBytes, 8);
	bytes[12] = whole ? 1 : 0;
	bytes[13] = MANNERS.indexOf(manner);
	return bytes;
}

function orderOf(bytes: Buffer): Order {
	return {
		key: bytes.readUInt32BE(),
		upBytes: bytes.readUInt32BE(4),
		downBytes: bytes.readUInt32BE(8),
		whole: bytes[12] === 1,
		manner: MANNERS[bytes[13] as number] as Order['manner'],
	};
}

/** Resolves when nothing more comes: at a FIN, or when the socket is gone. */
export function silenceOf(socket: Socket): Promise<void> {
	if (socket.readableEnded || socket.destroyed) return Promise.resolve();
	return new Promise((resolve) => socket.once('end', resolve).once('close', () => resolve()));
}

/** Sends the first `total` bytes of a key's stream, as fast as they are taken; stops when the socket is gone. */
export async function pour(socket: Socket, key: number, total: number): Promise<void> {
	for (let sent = 0; sent < total && !socket.destroyed; ) {
		const length = Math.min(CHUNK_BYTES, total - sent);
		sent += length;
		if (socket.write(keyed(key, sent - length, length))) continue;
		await new Promise<void>((resolve) => {
			const go = (): void => {
				socket.off('drain', go).off('close', go);
				resolve();
			};
			socket.on('drain', go).on('close', go);
		});
	}
}

/** Counts what a check has found when its stream is over; `least` bytes had to come. */
export function settle(findings: Findings, check: KeyedCheck, least: number): void {
	check.settle();
	findings.streams++;
	findings.bytes += check.seen;
	if (check.wrongAt !== null) findings.wrong++;
	else if (check.seen < least) findings.short++;
}

/** Listens on 127.0.0.1; the port. */
export async function startSoakOrigin(findings: Findings): Promise<{ port: number; close(): void }> {
	const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => greet(socket, findings));
	server.listen(0, '127.0.0.1', 4_096);
	await once(server, 'listening');
	return { port: (server.address() as { port: number }).port, close: () => server.close() };
}

function greet(socket: Socket, findings: Findings): void {
	let head: Buffer = Buffer.alloc(0);
	socket.on('error', () => {});
	const onData = (chunk: Buffer): void => {
		head = Buffer.concat([head, chunk]);
		if (head.length < ORDER_BYTES) return;
		socket.off('data', onData);
		if (head.subarray(0, 4).toString() === 'GET ') void respond(socket, head);
		else void serve(socket, orderOf(head), head.subarray(ORDER_BYTES), findings);
	};
	socket.on('data', onData);
	socket.on('end', () => head.length < ORDER_BYTES && socket.end());
}

/** Plain HTTP: `GET /KEY/BYTES`, answered with that part of the key's stream. */
async function respond(socket: Socket, head: Buffer): Promise<void> {
	const [, key, bytes] = /^GET \/(\d+)\/(\d+) /.exec(head.toString('latin1')) ?? [];
	socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\nConnection: close\r\n\r\n`);
	await pour(socket, Number(key), Number(bytes));
	socket.end();
}

async function serve(socket: Socket, order: Order, first: Buffer, findings: Findings): Promise<void> {
	const check = new KeyedCheck(order.key);
	const heard = silenceOf(socket);
	check.take(first);
	socket.on('data', (chunk: Buffer) => check.take(chunk));
	socket.resume();
	if (order.manner === 'last') await heard;
	await pour(socket, order.key + 1, order.manner === 'cut' ? order.downBytes >>> 1 : order.downBytes);
	if (order.manner === 'cut') socket.resetAndDestroy();
	else socket.end();
	await heard;
	settle(findings, check, order.whole ? order.upBytes : 0);
}
