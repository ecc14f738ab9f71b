// Upstream proxies written down from the standards a second time, with every manner a hop can have: they keep half-close,
// say things together with their reply, refuse as told, stop at any point. Every name leads to 127.0.0.1.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createSecureServer, TLSSocket } from 'node:tls';
import { RawClient } from './raw-client.ts';
import type { Scope } from './scope.ts';

export type MiniHopType = 'socks4' | 'socks5' | 'http';

export interface MiniHopOptions {
	/** Inside TLS, with the certificate of web-origins.ts. */
	readonly secure?: boolean;
	/** Says no with these bytes and closes. */
	readonly refuse?: Buffer;
	/** Goes out in one write with the reply that grants. */
	readonly early?: string;
	/** The port of 127.0.0.1 that a request is led to; by default the one it asks for. */
	readonly lead?: (host: string, port: number) => number;
}

export interface MiniHop {
	readonly port: number;
	/** What was asked for, as `host:port`, names as they came. */
	readonly asked: readonly string[];
	/** The user and password, or the user id, of each request. */
	readonly logins: readonly string[];
	/** Connections that came, in order. */
	readonly sockets: readonly Socket[];
	/** What SNI said, for each connection inside TLS. */
	readonly servernames: readonly (string | false | null)[];
}

interface Request {
	readonly host: string;
	readonly port: number;
	readonly login: string;
	readonly granted: Buffer;
	/** The target refused. */
	readonly refused: Buffer;
}

const READERS: Readonly<Record<MiniHopType, (client: RawClient) => Promise<Request>>> = {
	socks4: readSocks4,
	socks5: readSocks5,
	http: readConnect,
};

export async function startMiniHop(scope: Scope, type: MiniHopType, options: MiniHopOptions = {}): Promise<MiniHop> {
	const hop = {
		port: 0,
		asked: [] as string[],
		logins: [] as string[],
		sockets: [] as Socket[],
		servernames: [] as (string | false | null)[],
	};
	const serve = async (socket: Socket): Promise<void> => {
		hop.sockets.push(socket);
		socket.on('error', () => {});
		const request = await READERS[type](new RawClient(socket));
		hop.asked.push(`${request.host}:${request.port}`);
		hop.logins.push(request.login);
		if (options.refuse) socket.end(options.refuse);
		else {
			const port = options.lead?.(request.host, request.port) ?? request.port;
			relay(scope, socket, { ...request, port }, Buffer.from(options.early ?? ''));
		}
	};
	const accept = (socket: Socket): void => void serve(socket).catch(() => socket.destroy());
	const server = options.secure
		? createSecureServer({ ...keyPair(), allowHalfOpen: true }, (socket) => {
				hop.servernames.push(socket.servername);
				accept(socket);
			})
		: createServer({ allowHalfOpen: true }, accept);
	server.on('tlsClientError', () => {});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	scope.teardown(() => {
		server.close();
		for (const socket of hop.sockets) socket.destroy();
	});
	hop.port = (server.address() as { port: number }).port;
	return hop;
}

function keyPair(): { key: Buffer; cert: Buffer } {
	const folder = join(import.meta.dirname, 'certificate');
	return { key: readFileSync(join(folder, 'key.pem')), cert: readFileSync(join(folder, 'cert.pem')) };
}

function relay(scope: Scope, near: Socket, { port, granted, refused }: Request, early: Buffer): void {
	const far = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
	scope.teardown(() => void far.destroy());
	far.on('error', () => {
		if (far.bytesRead === 0 && far.bytesWritten === 0) near.end(refused);
		else if (near instanceof TLSSocket) near.destroy();
		else near.resetAndDestroy();
	});
	near.on('close', () => far.destroy());
	far.on('connect', () => {
		near.write(Buffer.concat([granted, early]));
		near.pipe(far);
		far.pipe(near);
	});
}

/** VN 4, CD, DSTPORT, DSTIP, USERID NUL, and with 0.0.0.x HOST NUL. */
async function readSocks4(client: RawClient): Promise<Request> {
	const head = await client.read(8);
	const login = (await client.readUntil('\0')).subarray(0, -1).toString('latin1');
	const named = head.readUInt32BE(4) < 256;
	const host = named ? (await client.readUntil('\0')).subarray(0, -1).toString() : head.subarray(4).join('.');
	const [granted, refused] = [90, 91].map((cd) => Buffer.of(0, cd, 0, 0, 0, 0, 0, 0)) as [Buffer, Buffer];
	return { host, port: head.readUInt16BE(2), login, granted, refused };
}

/** Picks the password method when it is offered. */
async function readSocks5(client: RawClient): Promise<Request> {
	const methods = await client.read((await client.read(2))[1]!);
	const method = methods.includes(2) ? 2 : 0;
	client.write(Buffer.of(5, method));
	const login = method === 2 ? await readPassword(client) : '';
	const type = (await client.read(4))[3];
	const host = type === 3 ? await counted(client) : (await client.read(type === 4 ? 16 : 4)).join('.');
	const port = (await client.read(2)).readUInt16BE(0);
	const [granted, refused] = [0, 5].map((rep) => Buffer.of(5, rep, 0, 1, 0, 0, 0, 0, 0, 0)) as [Buffer, Buffer];
	return { host, port, login, granted, refused };
}

async function readPassword(client: RawClient): Promise<string> {
	await client.read(1);
	const login = `${await counted(client)}:${await counted(client)}`;
	client.write(Buffer.of(1, 0));
	return login;
}

async function counted(client: RawClient): Promise<string> {
	return (await client.read((await client.read(1))[0]!)).toString('latin1');
}

async function readConnect(client: RawClient): Promise<Request> {
	const head = (await client.readUntil('\r\n\r\n')).toString('latin1');
	const [, host, port] = /^CONNECT (\S+):(\d+) HTTP\/1\.1\r\n/.exec(head)!;
	const basic = /^Proxy-Authorization: Basic (\S+)\r$/m.exec(head)?.[1] ?? '';
	const granted = Buffer.from('HTTP/1.1 200 Connection established\r\n\r\n');
	const refused = Buffer.from('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n');
	return { host: host!, port: Number(port), login: Buffer.from(basic, 'base64').toString('latin1'), granted, refused };
}
