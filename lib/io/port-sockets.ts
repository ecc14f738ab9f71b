// Sockets that one process binds for others to accept from: one for each of them at the same address (SO_REUSEPORT), so
// that the kernel spreads clients evenly and a process that is busy keeps nobody else's waiting. Whoever binds them keeps
// them open, so a process that dies loses no client that waits; the next one takes the same socket.
import { closeSync } from 'node:fs';
import net from 'node:net';
import { formatIp } from '../core/ip.ts';
import { type HandedSocket, type ListenAddress, ListenError } from './bind.ts';
import { AF_INET, AF_INET6, type Native, nativeCalls, SOL_SOCKET } from './native.ts';
import { ipOfSockaddr, portOfSockaddr, SOCKADDR_IN6_BYTES } from './sockaddr.ts';

const SO_REUSEPORT = 15;

/** Bound, and not accepted from here. */
export interface PortSocket {
	readonly fd: number;
	close(): void;
}

/** Binds `count` sockets. Throws ListenError; `ENOTSUP` where this Node.js tells no descriptors (before 26.4). */
export function bindPorts(where: ListenAddress, count: number): PortSocket[] {
	if (count === 1) return [bound(where, false)];
	// Who listens there already, with sockets that would share, is noticed by one that would not.
	const probe = bound(where, false);
	const address = { ...where, port: probe.port };
	probe.close();
	return Array.from({ length: count }, () => bound(address, true));
}

/** Those that somebody handed over, and more beside them up to `count`, as far as they can be had. */
export function addPorts(handed: readonly HandedSocket[], count: number): PortSocket[] {
	const sockets: PortSocket[] = handed.map(({ fd }) => ({ fd, close: () => closeSync(fd) }));
	const calls = nativeCalls();
	if (sockets.length >= count || calls === null) return sockets;
	const address = addressOf(calls, (sockets[0] as PortSocket).fd);
	for (const { fd } of sockets) calls.setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	try {
		while (address !== null && sockets.length < count) sockets.push(bound(address, true));
	} catch {} // another user's, as systemd's are: then they are shared
	return sockets;
}

function bound(where: ListenAddress, reusePort: boolean): PortSocket & { readonly port: number } {
	const { BoundSocket } = net;
	if (BoundSocket === undefined) throw new ListenError('ENOTSUP', where);
	try {
		const socket = new BoundSocket({ ...where, reusePort });
		const { port } = socket.address() as { port: number };
		return { fd: socket.fd(), port, close: () => socket.close() };
	} catch (error) {
		throw new ListenError((error as NodeJS.ErrnoException).code ?? 'EINVAL', where);
	}
}

/** Null for what is no socket of TCP. */
function addressOf(calls: Native, fd: number): ListenAddress | null {
	const bytes = new Uint8Array(SOCKADDR_IN6_BYTES);
	if (calls.localAddress(fd, bytes) < 0 || (bytes[0] !== AF_INET && bytes[0] !== AF_INET6)) return null;
	return { host: formatIp(ipOfSockaddr(bytes)), port: portOfSockaddr(bytes) };
}
