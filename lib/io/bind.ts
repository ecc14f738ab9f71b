// Makes a server of Node's listen: at an address, at a socket that another process made, or at a file.
//
// A socket in the file system is for its owner alone from its first moment. It is made beside its place and moved there in
// one step, so a dead one is replaced, and one that another process takes over is never missing. Who is alive there is not
// pushed aside.
import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import net, { type AddressInfo, connect, type Server } from 'node:net';
import { dirname } from 'node:path';

/** Clients that the kernel keeps waiting; Linux takes the lesser of this and net.core.somaxconn, 4096 by default. */
export const BACKLOG = 4_096;

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

export interface SocketFile {
	readonly path: string;
	/** Whoever listens there is about to leave. */
	readonly takeOver?: boolean;
}

export type Where = ListenAddress | HandedSocket | SocketFile;

export interface Bound {
	/** With the port that the kernel picked; the path of a socket file; null for a file that nobody named here. */
	readonly address: ListenAddress | string | null;
	/** To hand over to another process; null where this Node.js tells nobody. The server's until it closes. */
	readonly fd: number | null;
}

/** Why a listener did not start: for the command line to say, never for a client. */
export class ListenError extends Error {
	/** An errno name of bind(2) or listen(2): EADDRINUSE, EACCES, EADDRNOTAVAIL; ENOENT for a socket nobody handed over. */
	readonly code: string;

	/** `where`: the address, or what a socket is called. */
	constructor(code: string, where: ListenAddress | string) {
		const place = typeof where === 'string' ? where : `${where.host} port ${where.port}`;
		super(`cannot listen on ${place}: ${code}`);
		this.name = 'ListenError';
		this.code = code;
	}
}

/** Rejects with ListenError. From then on the server's `error` events are the caller's. */
export async function bindServer(server: Server, where: Where): Promise<Bound> {
	if ('path' in where) await refuseUnlessFree(where);
	return new Promise((resolve, reject) => {
		const refused = ({ code = 'EINVAL' }: NodeJS.ErrnoException): void => reject(new ListenError(code, placeOf(where)));
		server.once('error', refused);
		try {
			const fd = begin(server, where, () => {
				server.off('error', refused);
				try {
					if ('path' in where) renameSync(besideOf(where.path), where.path);
					resolve({ address: 'path' in where ? where.path : addressOf(server), fd });
				} catch (error) {
					server.close();
					refused(error as NodeJS.ErrnoException);
				}
			});
		} catch (error) {
			server.off('error', refused);
			refused(error as NodeJS.ErrnoException);
		}
	});
}

/** What an error calls it. */
export function placeOf(where: Where): ListenAddress | string {
	if ('path' in where) return where.path;
	return 'fd' in where ? `socket ${where.name}` : where;
}

/** Returns the descriptor, where that can be known. */
function begin(server: Server, where: Where, listening: () => void): number | null {
	if ('path' in where) {
		beginFile(server, besideOf(where.path), listening);
		return null;
	}
	if ('fd' in where) {
		server.listen({ fd: where.fd }, BACKLOG, listening);
		return where.fd;
	}
	// Only a socket that was bound before it is given to a server tells its descriptor; Node has them from 26.4 on.
	const { BoundSocket } = net;
	if (BoundSocket === undefined) {
		server.listen({ ...where, backlog: BACKLOG }, listening);
		return null;
	}
	const bound = new BoundSocket({ ...where });
	const fd = bound.fd();
	server.listen(bound, BACKLOG, listening);
	return fd;
}

/** The mask is the process's, and bind(2) is within the call. */
function beginFile(server: Server, path: string, listening: () => void): void {
	rmSync(path, { force: true });
	const mask = process.umask(0o177);
	try {
		server.listen({ path }, listening);
	} finally {
		process.umask(mask);
	}
}

function besideOf(path: string): string {
	return `${path}.${process.pid}`;
}

function addressOf(server: Server): ListenAddress | string | null {
	const address = server.address() as AddressInfo | string | null;
	return typeof address === 'object' && address !== null ? { host: address.address, port: address.port } : address;
}

async function refuseUnlessFree({ path, takeOver = false }: SocketFile): Promise<void> {
	// Of a folder that is not there, bind(2) by libuv would say EACCES.
	if (!existsSync(dirname(path))) throw new ListenError('ENOENT', path);
	if (!takeOver && (await isAlive(path))) throw new ListenError('EADDRINUSE', path);
}

function isAlive(path: string): Promise<boolean> {
	return new Promise((resolve) => {
		const socket = connect({ path });
		const answer = (alive: boolean): void => {
			socket.destroy();
			resolve(alive);
		};
		socket.once('connect', () => answer(true));
		// A full queue is somebody's, too.
		socket.once('error', ({ code }: NodeJS.ErrnoException) => answer(code === 'EAGAIN'));
	});
}

/** Names the file of a socket, so that only the one who made it takes it away. */
export function fileOf(path: string): () => void {
	const { ino } = statSync(path);
	return () => {
		if (statSync(path, { throwIfNoEntry: false })?.ino === ino) rmSync(path, { force: true });
	};
}
