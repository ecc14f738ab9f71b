// One exchange that is tried twice, without the proxy and through it, and what of it is whose. Written line by line: most
// lines are in both requests, poison is in the one to the proxy alone.

/** Where the origin is, as a client names it: `host:port`. */
export type Authority = string;

/** `both`: must arrive as it is. `proxied`: must not arrive. `direct`: must, and is not asked for. `either`: may, or not. */
export type On = 'both' | 'proxied' | 'direct' | 'either';

export interface Line {
	readonly text: string;
	readonly on: On;
}

export interface Probe {
	readonly name: string;
	/** In the path; the origin finds the probe by it. */
	readonly id: string;
	/** As a client writes it to the origin itself. */
	readonly direct: (authority: Authority) => Buffer;
	/** As a client writes it to an HTTP proxy. */
	readonly proxied: (authority: Authority) => Buffer;
	/** Lines that are no difference, arrived or not. */
	readonly either: ReadonlySet<string>;
	/** What the origin answers; null: its usual answer. */
	readonly reply: Buffer | null;
	/** The origin closes behind its answer. */
	readonly ends: boolean;
	/** The client waits for 100 (Continue) before the body. */
	readonly waits: boolean;
	/** Bytes for both ends behind a 101: the connection is another protocol's from then on. */
	readonly upgrade: boolean;
}

export interface Request {
	readonly method?: string;
	/** With `{id}` in it, a path or `*`. */
	readonly path?: string;
	/** What stands before the path to a proxy; `{host}` is the authority. */
	readonly prefix?: string;
	readonly version?: '1.0' | '1.1';
	/** Behind the first one, which is Host unless one of these is. */
	readonly lines?: readonly (string | Line)[];
	readonly body?: string;
	/** A body that is another one to the origin: without the trailers that a proxy takes off. */
	readonly directBody?: string;
	readonly reply?: string;
	readonly ends?: boolean;
	readonly waits?: boolean;
	readonly upgrade?: boolean;
}

/** A probe of a request as it is described. Texts are latin1. */
export function probeOf(name: string, id: string, request: Request): Probe {
	const lines = linesOf(request.lines ?? []);
	const { reply, ends = false, waits = false, upgrade = false } = request;
	return {
		name,
		id,
		direct: (authority) => bytesOf(request, lines, 'direct', id, authority),
		proxied: (authority) => bytesOf(request, lines, 'proxied', id, authority),
		either: new Set(lines.filter(({ on }) => on === 'either').map(({ text }) => text)),
		reply: reply === undefined ? null : Buffer.from(reply, 'latin1'),
		ends,
		waits,
		upgrade,
	};
}

function linesOf(lines: readonly (string | Line)[]): Line[] {
	const all = lines.map((line): Line => (typeof line === 'string' ? { text: line, on: 'both' } : line));
	return all.some(({ text }) => /^host:/i.test(text)) ? all : [{ text: 'Host: {host}', on: 'both' }, ...all];
}

function bytesOf(request: Request, lines: readonly Line[], to: 'direct' | 'proxied', id: string, host: string): Buffer {
	const { method = 'GET', path = '/{id}', prefix = 'http://{host}', version = '1.1', body = '' } = request;
	const target = to === 'direct' ? path : prefix + (path === '*' ? '' : path);
	const own = lines.filter(({ on }) => on === 'both' || on === 'either' || on === to).map(({ text }) => text);
	const content = to === 'direct' ? (request.directBody ?? body) : body;
	const text = [`${method} ${target || '/'} HTTP/${version}`, ...own, '', content].join('\r\n');
	return Buffer.from(text.replaceAll('{host}', host).replaceAll('{id}', id), 'latin1');
}

/** A line that must not arrive. */
export function poison(text: string): Line {
	return { text, on: 'proxied' };
}
