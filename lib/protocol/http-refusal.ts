// The gateway's own "no" to an HTTP client: status, cause by RFC 9209, and nothing that tells which program wrote it (no
// Server, no Date, no page). Proxy-Status stands on these replies alone, never on one that came from an origin.
import type { Code, GatewayError } from '../core/error.ts';
import { httpStatusOf } from './causes.ts';
import { HEAD_TOO_LARGE, headBytes, LINE_TOO_LONG } from './http1-head.ts';
import { METHOD_REFUSED } from './http1-target.ts';

export interface RefusalOptions {
	/** Of the request refused; null when its head was not understood. */
	readonly method: string | null;
	/** The client may ask again on this connection (default: no, it is closed behind the reply). */
	readonly keepAlive?: boolean;
	/** HTML in the place of the line where it is a rule that refuses; null or left out: the line. */
	readonly page?: string | null;
}

const REASONS: Readonly<Record<number, string>> = {
	400: 'Bad Request',
	403: 'Forbidden',
	405: 'Method Not Allowed',
	407: 'Proxy Authentication Required',
	408: 'Request Timeout',
	414: 'URI Too Long',
	429: 'Too Many Requests',
	431: 'Request Header Fields Too Large',
	500: 'Internal Server Error',
	501: 'Not Implemented',
	502: 'Bad Gateway',
	503: 'Service Unavailable',
	504: 'Gateway Timeout',
};

/** Refusals of a request whose status says more than its code does. */
const STATUS_OF_NOTE: ReadonlyMap<string | undefined, number> = new Map([
	[METHOD_REFUSED, 405],
	[LINE_TOO_LONG, 414],
	[HEAD_TOO_LARGE, 431],
]);

/** For 405 (RFC 9110 section 15.5.6): what is sure to be carried. */
const ALLOW = 'Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, CONNECT';

/** RFC 9209 has no word for these codes; the nearest one, or none where none would be true. */
const NEAREST: Partial<Record<Code, Code | null>> = {
	authentication_required: null,
	client_limit_reached: 'connection_limit_reached',
	command_unsupported: null,
	address_type_unsupported: 'http_request_error',
	handshake_timeout: 'http_request_error',
	handshake_malformed: 'http_request_error',
	hop_unavailable: 'destination_unavailable',
};

/** The error type of RFC 9209 section 2.3 for a code: itself where it is one; null when there is none to say. */
export function proxyErrorOf(code: Code): Code | null {
	const nearest = NEAREST[code];
	return nearest === undefined ? code : nearest;
}

/**
 * A whole reply that refuses. With a one-line body, or a page, for people who look at it in a browser; without for CONNECT, whose
 * clients show it to nobody, for HEAD, for 407, which is answered by a program, and when the method is not known.
 */
export function refusal(error: GatewayError, options: RefusalOptions): Buffer {
	const status = statusOf(error);
	const title = `${status} ${REASONS[status] ?? 'Error'}`;
	const proxyError = proxyErrorOf(error.code);
	const lines: string[] = [];
	if (proxyError) lines.push(`Proxy-Status: gateway; error=${proxyError}`);
	if (status === 407) lines.push('Proxy-Authenticate: Basic realm="proxy", charset="UTF-8"');
	if (status === 405) lines.push(ALLOW);
	if (error.retryAfterMs !== undefined) lines.push(`Retry-After: ${Math.max(1, Math.ceil(error.retryAfterMs / 1000))}`);
	lines.push(`Connection: ${options.keepAlive ? 'keep-alive' : 'close'}`);
	const page = error.code === 'http_request_denied' && error.phase === 'policy' ? (options.page ?? null) : null;
	const body = Buffer.from(hasBody(status, options.method) ? (page ?? `${title}: ${error.code}\n`) : '');
	if (body.length > 0) lines.push(`Content-Type: ${page === null ? 'text/plain' : 'text/html; charset=utf-8'}`);
	lines.push(`Content-Length: ${body.length}`);
	const head = headBytes(`HTTP/1.1 ${title}`, lines);
	return body.length === 0 ? head : Buffer.concat([head, body]);
}

function statusOf(error: GatewayError): number {
	const ofRequest = error.code === 'http_request_error' || error.code === 'http_request_denied';
	return (ofRequest ? STATUS_OF_NOTE.get(error.note) : undefined) ?? httpStatusOf(error.code);
}

function hasBody(status: number, method: string | null): boolean {
	return status !== 407 && method !== null && method !== 'CONNECT' && method !== 'HEAD';
}
