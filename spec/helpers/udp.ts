// UDP sockets that wait for what comes, and clients of an association, written down from RFC 1928 a second time.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv4 } from 'node:net';
import { connectRaw, type RawClient } from './raw-client.ts';
import type { Scope } from './scope.ts';

export interface Came {
	readonly bytes: Buffer;
	readonly from: RemoteInfo;
}

/** A bound socket; what comes is kept until it is taken. */
export class UdpEnd {
	readonly socket: Socket;
	readonly #came: Came[] = [];
	#wake: (() => void) | null = null;

	constructor(socket: Socket) {
		this.socket = socket;
		socket.on('error', () => {});
		socket.on('message', (bytes, from) => {
			this.#came.push({ bytes, from });
			this.#wake?.();
		});
	}

	get port(): number {
		return this.socket.address().port;
	}

	/** Datagrams that came and were not taken. */
	get waiting(): number {
		return this.#came.length;
	}

	async take(): Promise<Came> {
		while (this.#came.length === 0) {
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
			});
		}
		return this.#came.shift() as Came;
	}

	/** Resolves when the kernel has it. */
	send(bytes: Uint8Array, port: number, host = '127.0.0.1'): Promise<void> {
		return new Promise((resolve, reject) => {
			this.socket.send(bytes, port, host, (error) => (error ? reject(error) : resolve()));
		});
	}

	/** Sends back what comes. */
	echo(): this {
		this.socket.removeAllListeners('message');
		this.socket.on('message', (bytes, from) => this.socket.send(bytes, from.port, from.address));
		return this;
	}
}

/** Closed when the scope ends. */
export async function udpEnd(scope: Scope, host = '127.0.0.1'): Promise<UdpEnd> {
	const socket = createSocket(isIPv4(host) ? 'udp4' : 'udp6');
	socket.bind(0, host);
	await once(socket, 'listening');
	scope.teardown(
		() =>
			new Promise<void>((resolve) => {
				socket.close(() => resolve());
			}),
	);
	return new UdpEnd(socket);
}

/** RSV, FRAG, ATYP, DST.ADDR, DST.PORT, and the payload; an IPv4 address or a name. */
export function wrapped(host: string, port: number, payload: Uint8Array | string): Buffer {
	const name = Buffer.from(host);
	const address = isIPv4(host) ? [1, ...host.split('.').map(Number)] : [3, name.length, ...name];
	return Buffer.concat([Buffer.of(0, 0, 0, ...address, port >> 8, port & 255), Buffer.from(payload)]);
}

export interface SocksReply {
	readonly rep: number;
	/** Dotted decimal, groups in hex, or a name. */
	readonly host: string;
	readonly port: number;
}

/** Greets without authentication and asks; the reply is still to be read. */
export async function ask(scope: Scope, port: number, command: number, address: readonly number[]): Promise<RawClient> {
	const client = await connectRaw(scope, port);
	client.write(Buffer.of(5, 1, 0, 5, command, 0, ...address));
	await client.read(2);
	return client;
}

export async function readSocksReply(client: RawClient): Promise<SocksReply> {
	const head = await client.read(4);
	const length = head[3] === 3 ? (await client.read(1))[0]! : head[3] === 4 ? 16 : 4;
	const address = await client.read(length);
	const texts = { 1: address.join('.'), 3: address.toString(), 4: address.toString('hex') };
	const port = (await client.read(2)).readUInt16BE(0);
	return { rep: head[1]!, host: texts[head[3] as 1 | 3 | 4], port };
}

export const ANYWHERE: readonly number[] = [1, 0, 0, 0, 0, 0, 0];

/** An association: its control connection and a socket of its client. */
export class UdpClient {
	readonly control: RawClient;
	readonly end: UdpEnd;
	readonly relay: SocksReply;

	constructor(control: RawClient, end: UdpEnd, relay: SocksReply) {
		this.control = control;
		this.end = end;
		this.relay = relay;
	}

	send(host: string, port: number, payload: Uint8Array | string): Promise<void> {
		return this.sendRaw(wrapped(host, port, payload));
	}

	sendRaw(bytes: Uint8Array): Promise<void> {
		return this.end.send(bytes, this.relay.port, this.relay.host);
	}

	/** The next answer: who it is from, as `a.b.c.d:port`, and what. */
	async answer(): Promise<{ readonly from: string; readonly payload: Buffer }> {
		const { bytes } = await this.end.take();
		if (bytes.readUInt32BE(0) !== 1) throw new Error(`no IPv4 header: ${bytes.subarray(0, 12).toString('hex')}`);
		return { from: `${bytes.subarray(4, 8).join('.')}:${bytes.readUInt16BE(8)}`, payload: bytes.subarray(10) };
	}
}

/** Rejects unless the gateway says yes. */
export async function associate(scope: Scope, port: number): Promise<UdpClient> {
	const control = await ask(scope, port, 3, ANYWHERE);
	const relay = await readSocksReply(control);
	if (relay.rep !== 0) throw new Error(`REP ${relay.rep}`);
	return new UdpClient(control, await udpEnd(scope), relay);
}
