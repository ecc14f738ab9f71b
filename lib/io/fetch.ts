// One HTTP request of the gateway's own through any way out: for lists of members and for probes. Bounded in time and in
// bytes; no redirects, no cookies, no name of the client program. Errors hold nothing that was received.
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { Dialer } from '../core/dialer.ts';
import { asGatewayError, GatewayError } from '../core/error.ts';
import { newFlow } from '../core/flow.ts';
import type { Link } from '../core/link.ts';
import { Secret } from '../core/secret.ts';
import { authorityOf, type Target, targetOfHost } from '../core/target.ts';
import { LinkDuplex } from './link-duplex.ts';
import { SecureClient } from './secure.ts';

/** A URL of http: or https:, as it is asked for. */
export interface HttpUrl {
	readonly secure: boolean;
	readonly target: Target;
	/** The Host field. */
	readonly host: string;
	/** Path and query. */
	readonly path: string;
	/** `user:password` for Basic; null: none. */
	readonly login: Secret | null;
}

/** By which a server says that nothing has changed. */
export interface Validators {
	readonly etag?: string;
	readonly lastModified?: string;
}

export interface FetchOptions {
	readonly signal: AbortSignal;
	/** For all of it, the dial included. */
	readonly deadlineMs: number;
	/** A longer body fails. */
	readonly limitBytes: number;
	readonly validators?: Validators;
}

export interface Fetched {
	readonly status: number;
	readonly body: Buffer;
	readonly validators: Validators;
}

/** Null for what is no such URL. */
export function parseHttpUrl(text: string): HttpUrl | null {
	const url = URL.parse(text);
	if (url === null || !/^https?:$/.test(url.protocol)) return null;
	const secure = url.protocol === 'https:';
	const target = targetOfHost(url.hostname, Number(url.port) || (secure ? 443 : 80));
	if (target === null) return null;
	const login = url.username === '' ? null : new Secret(`${decoded(url.username)}:${decoded(url.password)}`);
	return { secure, target, host: url.port === '' ? url.hostname : authorityOf(target), path: pathOf(url), login };
}

function pathOf({ pathname, search }: URL): string {
	return pathname + search;
}

function decoded(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}

/** GET. Rejects with GatewayError alone; whatever was opened is closed by then. */
export async function fetchOnce(url: HttpUrl, through: Dialer, options: FetchOptions): Promise<Fetched> {
	const abort = new AbortController();
	const stop = (): void =>
		abort.abort(new GatewayError('connection_terminated', { phase: 'exchange', note: 'stopped' }));
	const late = (): void => abort.abort(new GatewayError('connection_timeout', { side: 'target', phase: 'exchange' }));
	const timer = setTimeout(late, options.deadlineMs);
	options.signal.addEventListener('abort', stop);
	if (options.signal.aborted) stop();
	let link: Link | null = null;
	try {
		const flow = newFlow(0, '', '', 0);
		link = await through.dial(url.target, { signal: abort.signal, flow, permits: () => null });
		if (url.secure) link = await new SecureClient(url.target).secure(link, abort.signal);
		return await new Exchange(url, options, abort.signal).run(link);
	} catch (thrown) {
		throw asGatewayError(thrown, { phase: 'exchange' });
	} finally {
		clearTimeout(timer);
		options.signal.removeEventListener('abort', stop);
		link?.destroy();
	}
}

/** One request on one link. */
class Exchange {
	readonly #url: HttpUrl;
	readonly #options: FetchOptions;
	readonly #signal: AbortSignal;

	constructor(url: HttpUrl, options: FetchOptions, signal: AbortSignal) {
		this.#url = url;
		this.#options = options;
		this.#signal = signal;
	}

	run(link: Link): Promise<Fetched> {
		const { promise, resolve, reject } = Promise.withResolvers<Fetched>();
		const asked = this.#ask(link);
		const onAbort = (): void => reject(this.#signal.reason);
		this.#signal.addEventListener('abort', onAbort);
		asked.on('error', () => reject(broken('no answer')));
		asked.on('response', (response) => this.#read(response, resolve, reject));
		asked.end();
		return promise.finally(() => {
			this.#signal.removeEventListener('abort', onAbort);
			asked.destroy();
		});
	}

	#ask(link: Link): ClientRequest {
		const { host, path, login } = this.#url;
		const { etag, lastModified } = this.#options.validators ?? {};
		const headers: Record<string, string> = { Host: host, Accept: '*/*', Connection: 'close' };
		if (login !== null) headers.Authorization = `Basic ${Buffer.from(login.reveal()).toString('base64')}`;
		if (etag !== undefined) headers['If-None-Match'] = etag;
		else if (lastModified !== undefined) headers['If-Modified-Since'] = lastModified;
		return request({ createConnection: () => new LinkDuplex(link), path, headers });
	}

	#read(response: IncomingMessage, resolve: (fetched: Fetched) => void, reject: (error: GatewayError) => void): void {
		const chunks: Buffer[] = [];
		let bytes = 0;
		response.on('data', (chunk: Buffer) => {
			chunks.push(chunk);
			bytes += chunk.length;
			if (bytes > this.#options.limitBytes) reject(broken('answer too long'));
		});
		response.on('error', () => reject(broken('answer cut off')));
		response.on('end', () => {
			const { etag, 'last-modified': lastModified } = response.headers;
			const validators = { ...(etag ? { etag } : {}), ...(lastModified ? { lastModified } : {}) };
			resolve({ status: response.statusCode as number, body: Buffer.concat(chunks), validators });
		});
	}
}

function broken(note: string): GatewayError {
	return new GatewayError('http_protocol_error', { side: 'target', phase: 'exchange', note });
}
