// An HTTP origin on loopback that keeps what it was sent, byte for byte, and answers with what a spec scripted. It finds the
// end of a request by itself (Content-Length, chunked) and shares no code with the gateway: it is what the gateway is
// measured against. A client that is told to use it as a proxy shows what it sends to one.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Scope } from './scope.ts';

export interface RawRequest {
	/** Head and body, exactly as they came. */
	readonly bytes: Buffer;
	/** The head with its empty line. */
	readonly head: Buffer;
	readonly body: Buffer;
	/** Which connection brought it, from 0, in the order in which they were accepted. */
	readonly connection: number;
}

export interface RawResponse {
	/** Text is latin1. */
	readonly bytes: string;
	/** FIN follows. */
	readonly end?: boolean;
}

/** What to answer to a complete request. `index` counts the requests of the whole origin from 0. */
export type Script = (request: RawRequest, index: number) => RawResponse;

export interface RawOrigin {
	readonly port: number;
	/** Complete requests in the order in which they came. */
	readonly requests: readonly RawRequest[];
	/** All bytes of each connection, whether they made requests or not. */
	readonly connections: readonly Buffer[];
	/** The request of this index, once it is there. */
	request(index: number): Promise<RawRequest>;
}

/** Keeps the connection. */
export const OK: RawResponse = {
	bytes: 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n',
};

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

/** Listens on 127.0.0.1 until the scope ends. Sends 100 (Continue) to who waits for it. */
export async function startRawOrigin(scope: Scope, script: Script = () => OK): Promise<RawOrigin> {
	const requests: RawRequest[] = [];
	const connections: Buffer[] = [];
	const sockets = new Set<Socket>();
	const waiting: { index: number; resolve: (request: RawRequest) => void }[] = [];

	const answer = (socket: Socket, request: RawRequest): void => {
		const index = requests.push(request) - 1;
		for (const waiter of waiting) if (waiter.index === index) waiter.resolve(request);
		const response = script(request, index);
		socket.write(response.bytes, 'latin1');
		if (response.end) socket.end();
	};

	const server = createServer({ allowHalfOpen: true }, (socket: Socket) => {
		const connection = connections.push(Buffer.alloc(0)) - 1;
		let unread = Buffer.alloc(0);
		sockets.add(socket);
		socket.on('close', () => sockets.delete(socket));
		socket.on('error', () => {});
		socket.on('end', () => socket.end());
		socket.on('data', (chunk: Buffer) => {
			connections[connection] = Buffer.concat([connections[connection] as Buffer, chunk]);
			unread = Buffer.concat([unread, chunk]);
			for (let cut = cutRequest(unread); cut !== null; cut = cutRequest(unread)) {
				if (cut.length > unread.length) {
					if (cut.waits) socket.write(CONTINUE);
					return;
				}
				const bytes = unread.subarray(0, cut.length);
				unread = unread.subarray(cut.length);
				const [head, body] = [bytes.subarray(0, cut.headLength), bytes.subarray(cut.headLength)];
				answer(socket, { bytes, head, body, connection });
			}
		});
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	scope.teardown(async () => {
		for (const socket of sockets) socket.destroy();
		server.close();
		await once(server, 'close');
	});

	return {
		port: (server.address() as AddressInfo).port,
		requests,
		connections,
		request(index) {
			const there = requests[index];
			return there ? Promise.resolve(there) : new Promise((resolve) => waiting.push({ index, resolve }));
		},
	};
}

interface Cut {
	readonly headLength: number;
	/** Infinite while the end of a chunked body has not come. */
	readonly length: number;
	/** Nothing but the head has come, and its sender waits for 100 (Continue) before it sends more. */
	readonly waits: boolean;
}

/** How far the first request reaches; null while its head is not whole. */
function cutRequest(bytes: Buffer): Cut | null {
	const end = bytes.indexOf('\r\n\r\n');
	if (end < 0) return null;
	const headLength = end + 4;
	const head = bytes.toString('latin1', 0, headLength);
	const length = headLength + bodyLength(head, bytes.subarray(headLength));
	return { headLength, length, waits: bytes.length === headLength && /^expect: *100-continue/im.test(head) };
}

function bodyLength(head: string, rest: Buffer): number {
	if (/^transfer-encoding:.*chunked *$/im.test(head)) return chunkedLength(rest);
	return Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
}

function chunkedLength(rest: Buffer): number {
	for (let at = 0; ; ) {
		const lineEnd = rest.indexOf('\r\n', at);
		if (lineEnd < 0) return Number.POSITIVE_INFINITY;
		const size = Number.parseInt(rest.toString('latin1', at, lineEnd), 16);
		if (size === 0) {
			// Trailers, if any, and an empty line: both end in the same four bytes as the last chunk's line.
			const end = rest.indexOf('\r\n\r\n', lineEnd);
			return end < 0 ? Number.POSITIVE_INFINITY : end + 4;
		}
		at = lineEnd + 2 + size + 2;
	}
}
