// The judge's own client: how it reaches the origin, itself and by each protocol of a proxy. npm's `socks` and node:http speak
// to the proxy, so that what is judged is not judged by its own words.
import { once } from 'node:events';
import { request } from 'node:http';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { SocksClient } from 'socks';
import type { HopConfig } from '../../lib/config/config.ts';

/** `http`: plain HTTP, requests in absolute form. The others are tunnels. */
export type Protocol = 'http' | 'connect' | 'socks4' | 'socks4a' | 'socks5';

/** One way to the origin through a proxy. */
export interface Way {
	readonly protocol: Protocol;
	/** The client sends a name and leaves it to the proxy. */
	readonly byName: boolean;
	/** For people. */
	readonly label: string;
}

export interface Endpoint {
	readonly host: string;
	readonly port: number;
}

/** A proxy as clients are told it; `tor` is none that one would judge. */
export type ProxyUrl = Omit<HopConfig, 'type'> & { readonly type: Exclude<HopConfig['type'], 'tor'> };

/** What stops a way before anything has been tried on it. */
export class WayError extends Error {}

const LABELS: Readonly<Record<Protocol, string>> = {
	http: 'plain HTTP',
	connect: 'CONNECT',
	socks4: 'SOCKS4',
	socks4a: 'SOCKS4a',
	socks5: 'SOCKS5',
};

const PROTOCOLS: Readonly<Record<ProxyUrl['type'], readonly Protocol[]>> = {
	http: ['http', 'connect'],
	https: ['http', 'connect'],
	socks4: ['socks4'],
	socks4a: ['socks4', 'socks4a'],
	socks5: ['socks5'],
};

/** All ways that a URL of that type promises; SOCKS4 has addresses alone, and 4a is what it is called with names. */
export function waysOf(type: ProxyUrl['type']): Way[] {
	return PROTOCOLS[type].flatMap((protocol) => {
		const kinds = protocol === 'socks4' ? [false] : protocol === 'socks4a' ? [true] : [false, true];
		return kinds.map((byName) => ({
			protocol,
			byName,
			label: kinds.length === 1 ? LABELS[protocol] : `${LABELS[protocol]}, ${byName ? 'name' : 'address'}`,
		}));
	});
}

/** Most that a proxy has for a connection and its answer: names are looked up and chains dialled. */
const OPEN_MS = 20_000;

/** A connection of the client's, half-open allowed, with nothing read from it. `from`: the address that it shall have. */
export async function dial({ host, port }: Endpoint, from: string | null): Promise<Socket> {
	const socket = connect({
		host,
		port,
		allowHalfOpen: true,
		noDelay: true,
		...(from === null ? {} : { localAddress: from }),
	});
	return connected(socket);
}

async function connected<S extends Socket>(socket: S, event = 'connect'): Promise<S> {
	socket.setTimeout(OPEN_MS, () => socket.destroy(new WayError('nothing answers there')));
	await once(socket, event);
	socket.setTimeout(0);
	return socket.on('error', () => {});
}

/** A connection to the proxy, inside TLS where it wants that. */
export async function dialProxy(proxy: ProxyUrl, from: string | null): Promise<Socket> {
	const socket = await dial(proxy, from);
	if (proxy.type !== 'https') return socket;
	const servername = isIP(proxy.host) === 0 ? { servername: proxy.host } : {};
	return connected(connectTls({ socket, ...servername }), 'secureConnect');
}

/** A tunnel to the origin. Rejects with WayError, whose message is what the proxy has answered. */
export async function openTunnel(proxy: ProxyUrl, way: Way, to: Endpoint, from: string | null): Promise<Socket> {
	const socket = await dialProxy(proxy, from);
	return way.protocol === 'connect' ? connectThrough(socket, proxy, to) : socksThrough(socket, proxy, way, to);
}

async function socksThrough(
	socket: Socket,
	{ type, host, port, user, password }: ProxyUrl,
	way: Way,
	to: Endpoint,
): Promise<Socket> {
	const version = way.protocol === 'socks5' ? 5 : 4;
	const login = user === null ? {} : { userId: user, ...(password ? { password: password.reveal() } : {}) };
	if (type === 'http' || type === 'https') throw new WayError('no SOCKS');
	try {
		const { socket: tunnel } = await SocksClient.createConnection({
			proxy: { host, port, type: version, ...login },
			command: 'connect',
			destination: to,
			existing_socket: socket,
			timeout: OPEN_MS,
		});
		return (tunnel as Socket).on('error', () => {});
	} catch (error) {
		socket.destroy();
		throw new WayError(error instanceof Error ? error.message : String(error));
	}
}

function connectThrough(socket: Socket, proxy: ProxyUrl, to: Endpoint): Promise<Socket> {
	const path = authorityOf(to);
	return new Promise((resolve, reject) => {
		const asked = request({
			method: 'CONNECT',
			path,
			headers: { Host: path, ...loginOf(proxy) },
			createConnection: () => socket,
			timeout: OPEN_MS,
		});
		const fail = (message: string): void => {
			socket.destroy();
			reject(new WayError(message));
		};
		asked.on('connect', ({ statusCode = 0, statusMessage = '' }, tunnel: Socket, head: Buffer) => {
			if (statusCode !== 200) return fail(`${statusCode} ${statusMessage}`.trim());
			tunnel.setTimeout(0);
			if (head.length > 0) tunnel.unshift(head);
			resolve(tunnel.on('error', () => {}));
		});
		asked.on('response', ({ statusCode = 0, statusMessage = '' }) => fail(`${statusCode} ${statusMessage}`.trim()));
		asked.on('timeout', () => fail('no answer'));
		asked.on('error', (error) => fail(error.message));
		asked.end();
	});
}

/** The credentials of the proxy's URL as a request carries them. */
export function loginOf({ user, password }: ProxyUrl): { 'Proxy-Authorization'?: string } {
	if (user === null) return {};
	const text = Buffer.from(`${user}:${password?.reveal() ?? ''}`).toString('base64');
	return { 'Proxy-Authorization': `Basic ${text}` };
}

export function authorityOf({ host, port }: Endpoint): string {
	return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
