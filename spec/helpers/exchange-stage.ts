// Plays the part of the gateway around an exchange: accepts clients, runs `exchange` on each with one shared pool, and dials
// a real origin on loopback whose connections a spec holds in its hands. No handshake, no policy.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';
import type { Level } from '../../lib/anonymity/levels.ts';
import type { Removal } from '../../lib/anonymity/removal.ts';
import type { DialContext, Outbound } from '../../lib/core/dialer.ts';
import { codeOfErrno, GatewayError } from '../../lib/core/error.ts';
import { type Flow, newFlow } from '../../lib/core/flow.ts';
import type { Link } from '../../lib/core/link.ts';
import type { Target } from '../../lib/core/target.ts';
import { type ExchangeEnd, exchange } from '../../lib/flow/exchange.ts';
import { OriginPool, type OriginPoolOptions } from '../../lib/flow/origin-pool.ts';
import { StreamLink } from '../../lib/io/link.ts';
import { Relay } from '../../lib/io/relay.ts';
import { Sweep } from '../../lib/io/sweep.ts';
import type { Permission } from '../../lib/limits/limiter.ts';
import { ran } from './link-pair.ts';
import { connectRaw, RawClient } from './raw-client.ts';
import type { Scope } from './scope.ts';
import { startTcpOrigin } from './tcp-origins.ts';

export interface StageOptions {
	readonly level?: Level;
	readonly removal?: Removal;
	readonly authRequired?: boolean;
	readonly dialMs?: number;
	readonly headMs?: number;
	readonly idleMs?: number;
	/** Limit for exchanges in which nothing moves. */
	readonly stillMs?: number;
	readonly pool?: OriginPoolOptions;
	/** Who the client with that index is; default: all are one. */
	clientKey?(index: number): string;
	user?(index: number): string | null;
	/** Refuses by throwing; the default lets everything go to where it wants. */
	judge?(target: Target): void;
	/** Of limits, asked for each request. */
	permission?(): Permission;
	/** Instead of a way out that connects to the target and counts its dials. */
	readonly outbound?: Outbound;
	/** Instead of a connect to the target. */
	readonly dial?: (target: Target, context: DialContext) => Promise<Link>;
	/** Bytes that a handshake has read before the exchange begins. */
	readonly early?: string;
}

export interface Stage {
	readonly originPort: number;
	/** Every connection that came to the origin. */
	readonly originSockets: readonly Socket[];
	readonly pool: OriginPool;
	/** One for each client that connected, in order. */
	readonly flows: readonly Flow[];
	/** The client's link, for what no peer can see. */
	readonly links: readonly Link[];
	/** Every dial so far. */
	readonly dials: readonly Target[];
	draining: boolean;
	/** The client has failed often. */
	slowed: boolean;
	/** A new client. */
	connect(): Promise<RawClient>;
	/** The next connection that came to the origin. */
	accept(): Promise<RawClient>;
	/** How the exchange with that client ended. */
	end(index?: number): Promise<ExchangeEnd>;
	/** `GET http://127.0.0.1:port/path`, with Host, as text. */
	get(path: string, ...lines: string[]): string;
	/** A request as text; `lines` follow Host. */
	request(method: string, path: string, ...lines: string[]): string;
	/** The same as the origin gets it. */
	seen(method: string, path: string, ...lines: string[]): string;
}

export async function startStage(scope: Scope, options: StageOptions = {}): Promise<Stage> {
	const origin = await startTcpOrigin(scope);
	const sweep = new Sweep(options.stillMs ?? 60_000);
	const pool = new OriginPool(options.pool);
	const flows: Flow[] = [];
	const links: Link[] = [];
	const dials: Target[] = [];
	const ends: PromiseWithResolvers<ExchangeEnd>[] = [];
	const endAt = (index: number) => {
		ends[index] ??= Promise.withResolvers<ExchangeEnd>();
		return ends[index];
	};
	const outbound: Outbound = {
		type: 'direct',
		tag: 'direct',
		namesTravel: false,
		dial(target, context) {
			dials.push(target);
			return (options.dial ?? dialPlainly)(target, context);
		},
		close() {},
	};
	const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) => {
		const index = flows.length;
		const link = new StreamLink(socket, { side: 'client' });
		const flow: Flow = {
			...newFlow(index, 'stage', 'client', 0),
			protocol: 'http',
			user: options.user?.(index) ?? null,
		};
		flows.push(flow);
		links.push(link);
		link.early = Buffer.from(options.early ?? '', 'latin1');
		const serving = exchange(link, flow, {
			route(target) {
				options.judge?.(target);
				return { outbound: options.outbound ?? outbound, permits: () => null };
			},
			permission: () => options.permission?.() ?? null,
			pool,
			sweep,
			level: options.level ?? 'elite',
			removal: () => options.removal ?? null,
			clientIp: null,
			clientKey: options.clientKey?.(index) ?? 'client',
			page: null,
			authRequired: options.authRequired ?? false,
			dialMs: options.dialMs ?? 10_000,
			headMs: options.headMs ?? 10_000,
			idleMs: options.idleMs ?? 60_000,
			nowMs: () => performance.now(),
			draining: () => stage.draining,
			slowed: () => stage.slowed,
			connected() {},
			async upgraded(client, far) {
				await ran(new Relay(client, far, { sweep }));
				return { cause: 'closed' };
			},
		});
		serving.then(endAt(index).resolve, endAt(index).reject);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	scope.teardown(() => {
		for (const link of links) link.destroy();
		server.close();
		pool.close();
		sweep.close();
	});
	const authority = `127.0.0.1:${origin.port}`;
	const text = (method: string, target: string, lines: readonly string[]) =>
		`${[`${method} ${target} HTTP/1.1`, `Host: ${authority}`, ...lines].join('\r\n')}\r\n\r\n`;
	const stage: Stage = {
		originPort: origin.port,
		originSockets: origin.sockets,
		pool,
		flows,
		links,
		dials,
		draining: false,
		slowed: false,
		connect: () => connectRaw(scope, (server.address() as AddressInfo).port),
		accept: async () => new RawClient(await origin.take()),
		end: (index = 0) => endAt(index).promise,
		get: (path, ...lines) => text('GET', `http://${authority}${path}`, lines),
		request: (method, path, ...lines) => text(method, `http://${authority}${path}`, lines),
		seen: (method, path, ...lines) => text(method, path, lines),
	};
	return stage;
}

/** Connects to where the target says. */
export function dialPlainly(target: Target, { signal }: DialContext): Promise<Link> {
	return new Promise((resolve, reject) => {
		const socket = connect({ host: target.host, port: target.port, allowHalfOpen: true, noDelay: true });
		signal.addEventListener('abort', () => {
			if (!socket.connecting) return;
			socket.destroy();
			reject(signal.reason);
		});
		const fail = (error: NodeJS.ErrnoException) => {
			reject(new GatewayError(codeOfErrno(error.code), { side: 'target', phase: 'connect' }));
		};
		socket.once('error', fail);
		socket.once('connect', () => {
			socket.off('error', fail);
			resolve(new StreamLink(socket, { side: 'target', phase: 'exchange' }));
		});
	});
}

/** A 200 with that body; `lines` follow Content-Length. */
export function answer(body: string, ...lines: string[]): string {
	return `${['HTTP/1.1 200 OK', `Content-Length: ${body.length}`, ...lines].join('\r\n')}\r\n\r\n${body}`;
}

/** Asserts that exactly `text` comes next. */
export async function says(t: ExecutionContext, from: RawClient, text: string): Promise<void> {
	t.is((await from.read(text.length)).toString('latin1'), text);
}

/** Resolves in the first turn of the event loop in which `condition` holds. */
export async function until(condition: () => boolean): Promise<void> {
	while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** Lets the event loop turn so often: whatever is going to happen without a new cause has happened then. */
export async function turns(count: number): Promise<void> {
	for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}
