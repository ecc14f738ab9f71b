// Accepts TCP connections and makes each a paused Link that allows half-open. Says nothing to a client and judges none.
//
// Out of descriptors, libuv gives up one that it keeps in reserve, accepts with it and closes at once, until the queue is
// empty: clients see a close, nothing spins, and the listener takes connections again as soon as there is a descriptor.
import { createServer, type Server, type Socket } from 'node:net';
import type { Side } from '../core/error.ts';
import { formatIp, type Ip, parseIp } from '../core/ip.ts';
import { BACKLOG, bindServer, type HandedSocket, type ListenAddress, ListenError, placeOf } from './bind.ts';
import { ipOfKernel } from './kernel-ip.ts';
import { StreamLink } from './link.ts';
import { type Accepting, listenRaw } from './listen-raw.ts';
import { errnoName } from './native.ts';
import type { Reactor } from './reactor.ts';

export { type HandedSocket, type ListenAddress, ListenError } from './bind.ts';

export interface ListenDeps extends Accepting {
	/** Accepts without node's streams, where there is one. */
	readonly reactor?: Reactor | null;
	/** Whose ends these are; by default the client's. Without a reactor alone. */
	readonly side?: Side;
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
export async function listen(where: ListenAddress | HandedSocket, deps: ListenDeps): Promise<Listener> {
	if (deps.reactor) {
		const ip = 'fd' in where ? null : parseIp(where.host);
		// A zone is known to node alone.
		if ('fd' in where || ip !== null) return listenPlain(where, ip, deps, deps.reactor);
	}
	// Paused sockets are not read before somebody attaches to their link, so no listener can come too late.
	const asked = { keepAlive: !!deps.keepAliveMs, keepAliveInitialDelay: deps.keepAliveMs ?? 0 };
	const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true, ...asked }, (socket) => {
		const remote = remoteOf(socket);
		if (remote === null) socket.destroy();
		else deps.onLink(new StreamLink(socket, { side: deps.side ?? 'client' }), remote, socket.remotePort ?? 0);
	});
	const { address, fd } = await bindServer(server, where);
	server.on('error', (error: NodeJS.ErrnoException) => deps.onError?.(error.code ?? 'unknown'));
	if (address !== null && typeof address !== 'string') return listenerOf(server, address, fd);
	server.close();
	throw new ListenError('EAFNOSUPPORT', placeOf(where));
}

function listenPlain(where: ListenAddress | HandedSocket, ip: Ip | null, deps: ListenDeps, reactor: Reactor): Listener {
	const socket = 'fd' in where ? where : { ip: ip as Ip, port: where.port };
	const listener = listenRaw(socket, BACKLOG, deps, reactor);
	if (typeof listener === 'number') throw new ListenError(errnoName(listener), placeOf(where));
	return {
		address: { host: formatIp(listener.ip), port: listener.port },
		fd: listener.fd,
		stop: () => {
			listener.stop();
			return Promise.resolve();
		},
	};
}

function listenerOf(server: Server, address: ListenAddress, fd: number | null): Listener {
	return {
		address,
		fd,
		stop: () => {
			// The descriptor is closed within this call; its callback would wait for every connection to end.
			if (server.listening) server.close();
			return Promise.resolve();
		},
	};
}

/** Null when the peer has gone already: then getpeername(2) has nothing to say. */
function remoteOf(socket: Socket): Ip | null {
	const text = socket.remoteAddress;
	return text === undefined ? null : ipOfKernel(text);
}
