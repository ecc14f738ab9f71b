// What clients of every protocol send and how they read the reply, written down from the standards a second time, so that
// the gateway is not measured by its own codecs. Every handshake here is one block of bytes: clients may send all of it at
// once, and the server answers each part.
import { isIPv4, isIPv6 } from 'node:net';
import type { RawClient } from './raw-client.ts';

/** `socks5h` is SOCKS 5 with the name given, `http` a plain GET. */
export const PROTOCOLS = ['socks4', 'socks4a', 'socks5', 'socks5h', 'connect', 'http'] as const;
export type WireProtocol = (typeof PROTOCOLS)[number];

export interface Login {
	readonly user: string;
	readonly password: string;
}

export interface Reply {
	/** SOCKS4 CD, SOCKS5 REP (or the method or status octet that ended it), HTTP status. */
	readonly code: number;
	readonly granted: boolean;
	/** Exactly what came, a head without its body for HTTP. */
	readonly bytes: Buffer;
}

/** The whole of a client's handshake that asks for host:port. */
export function handshakeOf(protocol: WireProtocol, host: string, port: number, login?: Login): Buffer {
	switch (protocol) {
		case 'socks4':
			return socks4(ip4(host), '', port, login);
		case 'socks4a':
			return socks4(Buffer.of(0, 0, 0, 1), `${host}\0`, port, login);
		case 'socks5':
			return Buffer.concat([socks5Methods(login), socks5Request(addressOf(host), port)]);
		case 'socks5h':
			return Buffer.concat([socks5Methods(login), socks5Request(nameOf(host), port)]);
		case 'connect':
			return Buffer.from(
				`CONNECT ${authority(host, port)} HTTP/1.1\r\nHost: ${authority(host, port)}\r\n${basic(login)}\r\n`,
			);
		case 'http':
			return Buffer.from(
				`GET http://${authority(host, port)}/ HTTP/1.1\r\nHost: ${authority(host, port)}\r\n${basic(login)}\r\n`,
			);
	}
}

/** VN 4, CD 1, DSTPORT, DSTIP, USERID, NUL; 4a: the name and NUL behind it. */
function socks4(address: Buffer, name: string, port: number, login?: Login): Buffer {
	return Buffer.concat([Buffer.of(4, 1), port16(port), address, Buffer.from(`${login?.user ?? ''}\0${name}`)]);
}

/** VER 5, NMETHODS, METHODS; with a login also RFC 1929: VER 1, ULEN, UNAME, PLEN, PASSWD. */
function socks5Methods(login?: Login): Buffer {
	if (!login) return Buffer.of(5, 1, 0);
	return Buffer.concat([Buffer.of(5, 1, 2, 1), counted(login.user), counted(login.password)]);
}

/** VER 5, CMD 1, RSV, ATYP and DST.ADDR, DST.PORT. */
function socks5Request(address: Buffer, port: number): Buffer {
	return Buffer.concat([Buffer.of(5, 1, 0), address, port16(port)]);
}

function addressOf(host: string): Buffer {
	return isIPv6(host) ? Buffer.concat([Buffer.of(4), ip6(host)]) : Buffer.concat([Buffer.of(1), ip4(host)]);
}

function nameOf(host: string): Buffer {
	return Buffer.concat([Buffer.of(3), counted(host)]);
}

function counted(text: string): Buffer {
	return Buffer.concat([Buffer.of(text.length), Buffer.from(text)]);
}

function port16(port: number): Buffer {
	return Buffer.of(port >> 8, port & 255);
}

function ip4(host: string): Buffer {
	if (!isIPv4(host)) throw new Error(`${host} is no IPv4 address`);
	return Buffer.from(host.split('.').map(Number));
}

/** `::` once, dotted tail allowed. */
function ip6(host: string): Buffer {
	const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(host);
	const text = dotted ? `${dotted[1]}${pair(dotted[2]!, dotted[3]!)}:${pair(dotted[4]!, dotted[5]!)}` : host;
	const [head = '', tail = ''] = text.split('::');
	const [front, back] = [head, tail].map((half) => half.split(':').filter(Boolean)) as [string[], string[]];
	const middle = Array.from({ length: 8 - front.length - back.length }, () => '0');
	return Buffer.from([...front, ...middle, ...back].map((group) => group.padStart(4, '0')).join(''), 'hex');
}

function pair(high: string, low: string): string {
	return (256 * Number(high) + Number(low)).toString(16);
}

function authority(host: string, port: number): string {
	return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

function basic(login?: Login): string {
	if (!login) return '';
	return `Proxy-Authorization: Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}\r\n`;
}

/** Reads the whole reply to a handshake, and nothing behind it. */
export function readReply(client: RawClient, protocol: WireProtocol): Promise<Reply> {
	if (protocol === 'connect' || protocol === 'http') return readHttp(client);
	return protocol.startsWith('socks4') ? readSocks4(client) : readSocks5(client);
}

async function readSocks4(client: RawClient): Promise<Reply> {
	const bytes = await client.read(8);
	return { code: bytes[1]!, granted: bytes[0] === 0 && bytes[1] === 90, bytes };
}

async function readSocks5(client: RawClient): Promise<Reply> {
	const method = await client.read(2);
	if (method[1] === 255) return { code: 255, granted: false, bytes: method };
	const status = method[1] === 2 ? await client.read(2) : Buffer.alloc(0);
	if (status.length > 0 && status[1] !== 0)
		return { code: status[1]!, granted: false, bytes: Buffer.concat([method, status]) };
	const head = await client.read(4);
	const rest = await client.read((head[3] === 4 ? 16 : 4) + 2);
	return { code: head[1]!, granted: head[1] === 0, bytes: Buffer.concat([method, status, head, rest]) };
}

async function readHttp(client: RawClient): Promise<Reply> {
	const bytes = await client.readUntil('\r\n\r\n');
	const code = Number(/^HTTP\/1\.[01] (\d{3}) /.exec(bytes.toString('latin1'))?.[1]);
	return { code, granted: code >= 200 && code < 300, bytes };
}
