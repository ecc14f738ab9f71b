// Asks an admin listener, over TCP or a socket in the file system.
import { type IncomingHttpHeaders, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { text } from 'node:stream/consumers';

export interface AdminAnswer {
	readonly status: number;
	readonly headers: IncomingHttpHeaders;
	readonly text: string;
	/** The body, where it is JSON. */
	// biome-ignore lint/suspicious/noExplicitAny: a spec looks at whatever it expects
	readonly json: any;
}

/** `where`: `address:port` or the path of a socket. */
export function optionsOf(where: string): RequestOptions {
	if (where.startsWith('/')) return { socketPath: where, host: 'localhost' };
	const colon = where.lastIndexOf(':');
	return { host: where.slice(0, colon).replace(/[[\]]/g, ''), port: where.slice(colon + 1) };
}

/** Sends one request on a connection of its own; resolves with the head of the answer. */
export function askAdmin(
	where: string,
	path: string,
	options: RequestOptions = {},
	body?: string,
): Promise<IncomingMessage> {
	return new Promise((resolve, reject) => {
		const asked = request({ agent: false, ...optionsOf(where), path, ...options }, resolve);
		asked.on('error', reject).end(body);
	});
}

/** The same, to the end of the answer. */
export async function answerOf(
	where: string,
	path: string,
	options: RequestOptions = {},
	body?: string,
): Promise<AdminAnswer> {
	const response = await askAdmin(where, path, options, body);
	const said = await text(response);
	const isJson = response.headers['content-type'] === 'application/json' && said !== '';
	return {
		status: response.statusCode!,
		headers: response.headers,
		text: said,
		json: isJson ? (JSON.parse(said) as unknown) : null,
	};
}

/** POST with a JSON body. */
export function post(where: string, path: string, body: unknown = {}, headers: object = {}): Promise<AdminAnswer> {
	const options = { method: 'POST', headers: { 'Content-Type': 'application/json', ...headers } };
	return answerOf(where, path, options, JSON.stringify(body));
}
