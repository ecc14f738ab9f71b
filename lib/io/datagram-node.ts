// A UDP socket of node:dgram: for machines without the system calls of io/native.ts.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { DatagramSink, DatagramSocket } from '../core/datagram.ts';
import { formatIp, type Ip, parseIp4, parseIp6 } from '../core/ip.ts';

/** Addresses are all there is here: node asks this for each of them, and would ask the system. */
function lookup(host: string, family: unknown, tell: (error: null, address: string, family: number) => void): void {
	tell(null, host, family === 6 ? 6 : 4);
}

/** Resolves to an errno name when it cannot be had. */
export function openNodeDatagrams(ip: Ip, port: number, sink: DatagramSink): Promise<DatagramSocket | string> {
	const type = typeof ip === 'number' ? 'udp4' : 'udp6';
	const socket = createSocket({ type, ipv6Only: type === 'udp6', lookup: lookup as never });
	return new Promise((resolve) => {
		const failed = (error: NodeJS.ErrnoException): void => {
			socket.close();
			resolve(error.code ?? 'unknown');
		};
		socket.once('error', failed);
		socket.once('listening', () => {
			socket.off('error', failed);
			resolve(new NodeDatagrams(socket, ip, sink));
		});
		socket.bind({ address: formatIp(ip), port, exclusive: true });
	});
}

class NodeDatagrams implements DatagramSocket {
	readonly ip: Ip;
	readonly port: number;
	readonly #socket: Socket;
	readonly #sink: DatagramSink;
	#closed = false;

	constructor(socket: Socket, ip: Ip, sink: DatagramSink) {
		this.#socket = socket;
		this.#sink = sink;
		this.ip = ip;
		this.port = socket.address().port;
		// An ICMP error of a datagram that was sent: nobody waits for it, and the sockets go on.
		socket.on('error', () => {});
		socket.on('message', (message, from) => this.#received(message, from));
	}

	#received(message: Buffer, { address, port }: RemoteInfo): void {
		const zone = address.indexOf('%');
		const ip = address.includes(':') ? parseIp6(zone < 0 ? address : address.slice(0, zone)) : parseIp4(address);
		if (ip !== null && !this.#closed) this.#sink.datagram(message, 0, message.length, ip, port);
	}

	connect(ip: Ip, port: number): void {
		this.#socket.connect(port, formatIp(ip));
	}

	send(head: Buffer | null, bytes: Buffer, start: number, end: number, ip: Ip | null, port: number): void {
		if (this.#closed) return;
		const payload = bytes.subarray(start, end);
		const parts = head === null ? [payload] : [head, payload];
		if (ip === null) this.#socket.send(parts, this.#sent);
		else this.#socket.send(parts, port, formatIp(ip), this.#sent);
	}

	readonly #sent = (error: Error | null): void => {
		if (error && !this.#closed) this.#sink.unsent();
	};

	close(): void {
		if (this.#closed) return;
		this.#closed = true;
		this.#socket.close();
	}
}
