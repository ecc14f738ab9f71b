// A loopback TCP connection with a Link at one end and a plain socket, the peer, at the other.
import { once } from 'node:events';
import net from 'node:net';
import type { Side } from '../../lib/core/error.ts';
import { StreamLink } from '../../lib/io/link.ts';

export interface LinkPair {
	readonly link: StreamLink;
	/** The other end; paused until somebody listens to it. */
	readonly peer: net.Socket;
}

/** Both ends allow half-open. The caller closes both. */
export async function linkPair(side: Side = 'client'): Promise<LinkPair> {
	const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true });
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address() as net.AddressInfo;
	const peer = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
	peer.on('error', () => {});
	const [socket] = (await once(server, 'connection')) as [net.Socket];
	if (peer.connecting) await once(peer, 'connect');
	server.close();
	return { link: new StreamLink(socket, { side }), peer };
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
