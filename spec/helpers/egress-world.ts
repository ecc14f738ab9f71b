// Runs inside a network namespace (namespace.ts): origins that say who came, a gateway with sources, clients. Prints what
// was seen as JSON. `tunnels COUNT SOURCE...` and `requests COUNT SOURCE...` go through a gateway to ORIGIN; `ports` opens
// more connections from one address than it has ports.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { MemorySessions } from '../../lib/balance/session-store.ts';
import { GatewayError } from '../../lib/core/error.ts';
import type { Flow } from '../../lib/core/flow.ts';
import { type Ip, parseIp } from '../../lib/core/ip.ts';
import { createGateway } from '../../lib/index.ts';
import { Egress } from '../../lib/io/egress.ts';
import { nativeCalls } from '../../lib/io/native.ts';
import { type Prefix, parsePrefix } from '../../lib/policy/prefix.ts';

const [what, ...args] = process.argv.slice(2);

/** Says the address of who comes: as plain bytes, and to an HTTP request as its body. */
async function originAt(host: string): Promise<{ port: number; peers: string[] }> {
	const peers: string[] = [];
	const server = createServer((socket) => {
		peers.push(socket.remoteAddress as string);
		socket.on('error', () => {});
		socket.on('data', () => {
			const body = socket.remoteAddress as string;
			socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
		});
	});
	server.listen(0, host);
	await once(server, 'listening');
	return { port: (server.address() as { port: number }).port, peers };
}

async function client(port: number): Promise<Socket> {
	const socket = connect(port, '127.0.0.1');
	await once(socket, 'connect');
	return socket;
}

async function throughGateway(
	kind: 'tunnels' | 'requests',
	host: string,
	count: number,
	source: string[],
): Promise<void> {
	const origin = await originAt(host);
	const gateway = createGateway({
		listen: ['127.0.0.1:0'],
		exit: { allow_private: true, ports: 'all' },
		limits: { connections_per_second: 0, connections_open: 0, handshakes: 0 },
		egress: { source },
	});
	await gateway.start();
	const port = Number(gateway.addresses[0]?.split(':').at(-1));
	const authority = `${host.includes(':') ? `[${host}]` : host}:${origin.port}`;
	if (kind === 'tunnels') await tunnels(port, authority, count);
	else await requests(port, authority, count);
	say({ peers: origin.peers });
}

async function tunnels(port: number, authority: string, count: number): Promise<void> {
	for (let i = 0; i < count; i++) {
		const socket = await client(port);
		socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
		const [reply] = (await once(socket, 'data')) as [Buffer];
		if (!reply.toString().startsWith('HTTP/1.1 200')) throw new Error(reply.toString());
		socket.destroy();
	}
}

/** One after the other on one connection. */
async function requests(port: number, authority: string, count: number): Promise<void> {
	const socket = await client(port);
	for (let i = 0; i < count; i++) {
		socket.write(`GET http://${authority}/ HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
		const [reply] = (await once(socket, 'data')) as [Buffer];
		if (!reply.toString().startsWith('HTTP/1.1 200')) throw new Error(reply.toString());
	}
	socket.destroy();
}

/** From one address to two targets, until the first one fails. */
async function ports(source: string, most: number): Promise<void> {
	const targets = [await originAt('127.0.0.1'), await originAt('127.0.0.2')];
	const opened: Record<string, number> = {};
	const codes: Record<string, string> = {};
	for (const [name, calls] of [
		['native', nativeCalls()],
		['node', null],
	] as const) {
		const options = {
			tag: 'd',
			source: [parsePrefix(source) as Prefix],
			strategy: 'random',
			mark: 0,
			device: '',
		} as const;
		const sessions = new MemorySessions({ limit: 1, limitPerOwner: 1 });
		const egress = new Egress(options, { sessions, secret: randomBytes(32), calls });
		const { signal } = new AbortController();
		const links = [];
		try {
			while (links.length < most) {
				const target = targets[links.length % 2] as { port: number };
				const ip = parseIp(`127.0.0.${1 + (links.length % 2)}`) as Ip;
				links.push(await egress.connect(ip, target.port, { side: 'target', signal }, FLOW));
			}
		} catch (error) {
			if (!(error instanceof GatewayError)) throw error;
			codes[name] = error.code;
		}
		opened[name] = links.length;
		for (const link of links) link.reset();
	}
	say({ opened, codes });
}

const FLOW = { session: null, user: null, client: 'c' } as Flow;

function say(seen: object): void {
	process.stdout.write(JSON.stringify(seen), () => process.exit(0));
}

if (what === 'ports') await ports(args[0] as string, Number(args[1]));
else await throughGateway(what as 'tunnels' | 'requests', args[0] as string, Number(args[1]), args.slice(2));
