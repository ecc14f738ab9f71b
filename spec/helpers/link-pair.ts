// A loopback TCP connection with a Link at one end and a plain socket, the peer, at the other.
import { once } from 'node:events';
import net from 'node:net';
import type { Side } from '../../lib/core/error.ts';
import type { Link } from '../../lib/core/link.ts';
import { connectTcp } from '../../lib/io/connect.ts';
import type { Reactor } from '../../lib/io/reactor.ts';
import type { Relay, RelayEnd } from '../../lib/io/relay.ts';

export interface LinkPair {
	readonly link: Link;
	/** The other end; not read until somebody listens to it. */
	readonly peer: net.Socket;
}

export interface LinkPairOptions {
	readonly side?: Side;
	/** Default: the link is upon a stream. */
	readonly reactor?: Reactor | null;
}

/** Both ends allow half-open. The caller closes both. */
export async function linkPair({ side = 'client', reactor = null }: LinkPairOptions = {}): Promise<LinkPair> {
	const server = net.createServer({ allowHalfOpen: true });
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address() as net.AddressInfo;
	const accepted = once(server, 'connection') as Promise<[net.Socket]>;
	const link = await connectTcp(0x7f000001, port, { side, signal: new AbortController().signal, reactor });
	const [peer] = await accepted;
	peer.on('error', () => {});
	server.close();
	return { link, peer };
}

/** Everything the socket still sends, up to its FIN; rejects when it is reset. The socket stays open for writing. */
export function readAll(socket: net.Socket): Promise<Buffer> {
	const chunks: Buffer[] = [];
	return new Promise((resolve, reject) => {
		socket.on('data', (chunk: Buffer) => chunks.push(chunk));
		socket.on('end', () => resolve(Buffer.concat(chunks)));
		socket.on('error', reject);
	});
}

/** Resolves when the socket is gone, however it went. */
export function closed(socket: net.Socket): Promise<void> {
	return new Promise((resolve) => {
		if (socket.closed) resolve();
		else socket.on('close', () => resolve());
	});
}

/** Resolves with the first `length` bytes that come; listens no longer then. */
export function readBytes(socket: net.Socket, length: number): Promise<Buffer> {
	return new Promise((resolve, reject) => {
		let seen = Buffer.alloc(0);
		const done = () => {
			socket.off('data', onData);
			socket.off('close', onClose);
		};
		const onClose = () => {
			done();
			reject(new Error(`closed after ${seen.length} of ${length} bytes`));
		};
		const onData = (chunk: Buffer) => {
			seen = Buffer.concat([seen, chunk]);
			if (seen.length < length) return;
			done();
			resolve(seen.subarray(0, length));
		};
		socket.on('data', onData);
		socket.on('close', onClose);
	});
}

/** Runs a relay to its end. */
export function ran(relay: Relay): Promise<RelayEnd> {
	return new Promise((relayOver) => relay.run({ relayOver }));
}
