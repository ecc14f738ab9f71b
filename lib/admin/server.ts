// The admin listener: HTTP/1.1 by node:http on a socket in the file system, on TCP with a token, or on a socket that was
// handed over. Small by intent: few connections, short heads, short bodies, short waits.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AdminConfig } from '../config/config.ts';
import type { Observer } from '../core/observer.ts';
import { type Bound, bindServer, fileOf, ListenError, type Where } from '../io/bind.ts';
import { type Access, checkSite, checkToken } from './access.ts';
import { AdminError } from './admin-error.ts';
import { type AdminDeps, type Api, type Route, routesOf } from './api.ts';

export type { AdminDeps } from './api.ts';

/** All the streams, and three times as many that come, ask and go: who is refused a stream must be able to hear it. */
const MOST_CONNECTIONS = 256;

const HEAD_BYTES = 8_192;
const HEAD_MS = 3_000;
const REQUEST_MS = 10_000;
const IDLE_MS = 5_000;

const CSP =
	"default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/** For whatever is answered: kept by nobody, shown in no frame, read as what it says it is; no text becomes markup. */
const HEADERS: readonly (readonly [string, string])[] = [
	['Cache-Control', 'no-store'],
	['X-Content-Type-Options', 'nosniff'],
	['Content-Security-Policy', CSP],
	['Cross-Origin-Resource-Policy', 'same-origin'],
	['Referrer-Policy', 'no-referrer'],
];

interface Place {
	readonly text: string;
	/** False for a socket in the file system. */
	readonly tcp: boolean;
	readonly fd: number | null;
	/** Takes its file away, unless that is somebody else's by now. */
	leave(): void;
}

function placeOf(address: Bound['address'], fd: number | null): Place {
	if (address === null || typeof address === 'string') {
		// One that was handed over is a file of whoever made it.
		const mine = typeof address === 'string' && fd === null;
		return { text: address ?? 'a socket', tcp: false, fd, leave: mine ? fileOf(address) : () => {} };
	}
	const { host, port } = address;
	return { text: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`, tcp: true, fd, leave: () => {} };
}

export class AdminServer {
	/** What has to be shown; another one from the next request on. */
	access: Access;
	readonly #observer: Observer;
	readonly #api: Api;
	readonly #server: Server;
	#place: Place | null = null;

	constructor({ token, hosts }: AdminConfig, deps: AdminDeps, observer: Observer) {
		this.access = { token, hosts };
		this.#observer = observer;
		this.#api = routesOf(deps);
		const options = { maxHeaderSize: HEAD_BYTES, headersTimeout: HEAD_MS, requestTimeout: REQUEST_MS };
		this.#server = createServer({ ...options, connectionsCheckingInterval: 1_000, keepAliveTimeout: IDLE_MS });
		this.#server.maxConnections = MOST_CONNECTIONS;
		this.#server.on('request', (request, response) => void this.#serve(request, response));
	}

	/** `address:port`, or the path of the socket; null before `start`. */
	get address(): string | null {
		return this.#place?.text ?? null;
	}

	/** Null for a socket of the file system, and before `start`. */
	get tcpAddress(): string | null {
		return this.#place?.tcp ? this.#place.text : null;
	}

	/** To hand over to another process; null for a socket of the file system, which that process makes anew. */
	get fd(): number | null {
		return this.#place?.fd ?? null;
	}

	/** Listens. Rejects with ListenError; with `EACCES` for a socket of TCP that was handed over where there is no token. */
	async start(where: Where): Promise<void> {
		const { address, fd } = await bindServer(this.#server, where);
		this.#server.on('error', () => {});
		this.#place = placeOf(address, fd);
		if (!this.#place.tcp || this.access.token !== null) return;
		await this.stop();
		throw new ListenError('EACCES', 'TCP for the admin listener without admin.token');
	}

	/** Listens no more and lets go of who is there. */
	stop(): Promise<void> {
		this.#api.close();
		if (this.#server.listening) this.#server.close();
		this.#place?.leave();
		this.#place = null;
		this.#server.closeIdleConnections();
		return Promise.resolve();
	}

	async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
		for (const [name, value] of HEADERS) response.setHeader(name, value);
		try {
			const route = this.#routeOf(request, response);
			const answer = await route.answer(request, response);
			if (answer !== undefined) reply(response, 200, answer);
		} catch (thrown) {
			this.#refuse(request, response, thrown);
		}
	}

	#routeOf(request: IncomingMessage, response: ServerResponse): Route {
		const path = (request.url ?? '').split('?')[0] as string;
		const route = this.#api.routes.get(path);
		if (!route?.open) {
			// A browser may get to a socket of the file system, too: by `ssh -L`.
			checkSite(request.headers, this.access);
			if (this.#place?.tcp !== false) checkToken(request.headers, this.access);
		}
		if (!route) throw new AdminError('not_found', 'no such path');
		if (route.method === request.method || (route.method === 'GET' && request.method === 'HEAD')) return route;
		response.setHeader('Allow', route.method);
		throw new AdminError('method_not_allowed', `ask by ${route.method}`);
	}

	#refuse(request: IncomingMessage, response: ServerResponse, thrown: unknown): void {
		const known = thrown instanceof AdminError;
		const cut = !request.complete && request.destroyed;
		if (!known && !cut) this.#observer.bug?.(thrown);
		if (response.headersSent || cut) return void response.destroy();
		const error = known ? thrown : new AdminError('internal', 'a bug of the gateway');
		const { code, message, problems } = error;
		if (code === 'unauthorized') response.setHeader('WWW-Authenticate', 'Bearer');
		// What is left of a body is not read: it may be long. Who finds it full makes room for the next to be told so.
		if (!request.complete || code === 'too_many_streams') response.setHeader('Connection', 'close');
		reply(response, error.status, { error: { code, message, ...(problems ? { problems } : {}) } });
	}
}

function reply(response: ServerResponse, status: number, body: unknown): void {
	response.writeHead(status, { 'Content-Type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
}
