// Datagrams as the gateway sees them: sockets, and the way they take from a client's association to their targets. What
// comes is told in place; what goes out is a header and a payload that lies where it came in.
import type { DialContext } from './dialer.ts';
import type { GatewayError } from './error.ts';
import type { Ip } from './ip.ts';
import type { Target } from './target.ts';

/** Hears of one socket. Must not throw; never called from inside `send`. */
export interface DatagramSink {
	/** One that came. The bytes from `start` to `end` are the sink's for this call only. */
	datagram(bytes: Buffer, start: number, end: number, ip: Ip, port: number): void;
	/** One that was given to `send` and that the kernel would not take: its buffer is full, it is too long, no route. */
	unsent(): void;
}

/** The sink of a path that something may happen to. */
export interface PathSink extends DatagramSink {
	/** Once: the path is of no use any more; it closes itself. */
	lost(error: GatewayError): void;
	/** One that a hop sent and that is none. */
	malformed(): void;
}

export interface DatagramSocket {
	/** What is bound. */
	readonly ip: Ip;
	readonly port: number;
	/** From now on datagrams of this peer alone, but for those the kernel had taken in before. */
	connect(ip: Ip, port: number): void;
	/**
	 * Sends `head` and the bytes behind it as one datagram, to the connected peer when `ip` is null. `head` must not change
	 * afterwards. Never throws.
	 */
	send(head: Buffer | null, bytes: Buffer, start: number, end: number, ip: Ip | null, port: number): void;
	/** Frees the port; the sink hears no more. Again does nothing. */
	close(): void;
}

/** How a datagram to one target leaves: this socket, to that address, with this before the payload. */
export interface Aim {
	readonly socket: DatagramSocket;
	readonly head: Buffer | null;
	readonly ip: Ip;
	readonly port: number;
	/** Where its answers come from; null: the far end resolves the name, so nobody here can tell. */
	readonly from: Ip | null;
}

/** One association's way out. Its answers go to the sink it was opened with, as the targets' own. */
export interface DatagramPath {
	/**
	 * Aims at a target, whose name is resolved and whose addresses are judged here unless names travel. At once where nothing
	 * has to be waited for. Throws, or rejects with, GatewayError alone.
	 */
	aim(target: Target, context: Pick<DialContext, 'signal' | 'permits'>): Aim | Promise<Aim>;
	/** Again does nothing; the sink hears no more. */
	close(): void;
}
