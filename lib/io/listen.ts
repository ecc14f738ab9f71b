// Accepts TCP connections and makes each a paused Link that allows half-open. Says nothing to a client and judges none.
//
// Out of descriptors, libuv gives up one that it keeps in reserve, accepts with it and closes at once, until the queue is
// empty: clients see a close, nothing spins, and the listener takes connections again as soon as there is a descriptor.
import net, { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type Ip, ip4Within, isMapped, parseIp6 } from '../core/ip.ts';
import { StreamLink } from './link.ts';

/** Clients that the kernel keeps waiting; Linux takes the lesser of this and net.core.somaxconn, 4096 by default. */
const BACKLOG = 4_096;

export interface ListenAddress {
	/** A numeric address. `::` takes IPv4 too, where net.ipv6.bindv6only is 0. */
	readonly host: string;
	/** 0: the kernel picks one. */
	readonly port: number;
}

/** A socket that listens already: another process made it and handed it over. */
export interface HandedSocket {
	/** What it was called when it was handed over. */
	readonly name: string;
	/** Its descriptor; the listener owns it from here on. */
	readonly fd: number;
}

/** Why a listener did not start: for the command line to say, never for a client. */
export class ListenError extends Error {
	/** An errno name of bind(2) or listen(2): EADDRINUSE, EACCES, EADDRNOTAVAIL; ENOENT for a socket nobody handed over. */
	readonly code: string;

	/** `where`: the address, or what a socket handed over is called. */
	constructor(code: string, where: ListenAddress | string) {
		const place = typeof where === 'string' ? where : `${where.host} port ${where.port}`;
		super(`cannot listen on ${place}: ${code}`);
		this.name = 'ListenError';
		this.code = code;
	}
}

export interface ListenDeps {
	/** Takes a connection; it owns the link from here on. `remote` is the client, IPv4-mapped addresses unwrapped. */
	onLink(link: StreamLink, remote: Ip): void;
	/** accept(2) failed with this errno name; the listener goes on. */
	onError?(code: string): void;
}

export interface Listener {
	/** What is bound, with the port that the kernel picked. */
	readonly address: ListenAddress;
	/** To hand over to another process; null where this Node.js tells nobody. Of the listener until it stops. */
	readonly fd: number | null;
	/** Closes the listening socket; links that were made live on. Resolves when the address is free. Again does nothing. */
	stop(): Promise<void>;
}

/** Starts to listen. Rejects with ListenError. */
export function listen(where: ListenAddress | HandedSocket, deps: ListenDeps): Promise<Listener> {
	// Paused sockets are not read before somebody attaches to their link, so no listener can come too late.
	const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) => {
		const remote = remoteOf(socket);
		if (remote === null) socket.destroy();
		else deps.onLink(new StreamLink(socket, { side: 'client' }), remote);
	});
	return new Promise((resolve, reject) => {
		const refused = (error: NodeJS.ErrnoException): void =>
			reject(new ListenError(error.code ?? 'EINVAL', 'fd' in where ? `socket ${where.name}` : where));
		server.once('error', refused);
		try {
			const fd = bind(server, where, () => {
				server.off('error', refused);
				server.on('error', (error: NodeJS.ErrnoException) => deps.onError?.(error.code ?? 'unknown'));
				const listener = listenerOf(server, fd);
				if (listener) resolve(listener);
				else refused(new Error('no address of TCP'));
			});
		} catch (error) {
			refused(error as NodeJS.ErrnoException);
		}
	});
}

/** Returns the descriptor, where that can be known. */
function bind(server: Server, where: ListenAddress | HandedSocket, listening: () => void): number | null {
	if ('fd' in where) {
		server.listen({ fd: where.fd }, BACKLOG, listening);
		return where.fd;
	}
	const { host, port } = where;
	// Only a socket that was bound before it is given to a server tells its descriptor; Node has them from 26.4 on.
	const { BoundSocket } = net;
	if (BoundSocket === undefined) {
		server.listen({ host, port, backlog: BACKLOG }, listening);
		return null;
	}
	const bound = new BoundSocket({ host, port });
	const fd = bound.fd();
	server.listen(bound, BACKLOG, listening);
	return fd;
}

/** Null for a socket that is none of TCP. */
function listenerOf(server: Server, fd: number | null): Listener | null {
	const address = server.address() as AddressInfo | string | null;
	// The descriptor is closed within this call; its callback would wait for every connection to end.
	const stop = (): Promise<void> => {
		if (server.listening) server.close();
		return Promise.resolve();
	};
	if (address === null || typeof address === 'string') {
		void stop();
		return null;
	}
	return { address: { host: address.address, port: address.port }, fd, stop };
}

/** Null when the peer has gone already: then getpeername(2) has nothing to say. */
function remoteOf(socket: Socket): Ip | null {
	const text = socket.remoteAddress;
	if (text === undefined) return null;
	if (!text.includes(':')) return ip4OfKernel(text);
	const zone = text.indexOf('%');
	const ip = parseIp6(zone < 0 ? text : text.slice(0, zone));
	return ip !== null && isMapped(ip) ? ip4Within(ip, 12) : ip;
}

/** Dotted decimal that the kernel wrote: a sixth of what a parse that trusts nobody costs. */
function ip4OfKernel(text: string): number {
	let value = 0;
	let part = 0;
	for (let i = 0; i < text.length; i++) {
		const digit = text.charCodeAt(i) - 48;
		if (digit >= 0) part = part * 10 + digit;
		else {
			value = value * 256 + part;
			part = 0;
		}
	}
	return value * 256 + part;
}
