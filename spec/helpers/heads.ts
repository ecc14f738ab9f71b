// HTTP heads as text, on their way through anonymity/: parsed by the gateway's own parser, changed, and read back as lines.
import { type RequestOptions, requestToOrigin } from '../../lib/anonymity/request-head.ts';
import { type ResponseOptions, responseToClient } from '../../lib/anonymity/response-head.ts';
import { GatewayError } from '../../lib/core/error.ts';
import {
	type RequestHead,
	type ResponseHead,
	readRequestHead,
	readResponseHead,
} from '../../lib/protocol/http1-head.ts';
import { readRequestTarget } from '../../lib/protocol/http1-target.ts';

/** The head of these lines. Throws when the parser refuses it. */
export function requestHead(...lines: readonly string[]): RequestHead {
	return whole(readRequestHead(bytesOf(lines)));
}

export function responseHead(...lines: readonly string[]): ResponseHead {
	return whole(readResponseHead(bytesOf(lines)));
}

function bytesOf(lines: readonly string[]): Buffer {
	return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

function whole<H extends object>(head: H | GatewayError | null): H {
	if (head === null) throw new Error('a head that does not end');
	if (head instanceof GatewayError) throw head;
	return head;
}

/** What the origin gets for a head in absolute-form. Elite unless said otherwise. */
export function bytesToOrigin(head: RequestHead, options: Partial<RequestOptions> = {}): Buffer {
	const to = readRequestTarget(head);
	if (to instanceof GatewayError || to.form !== 'absolute') throw new Error('no target');
	return requestToOrigin(head, to, { level: 'elite', clientIp: null, upgrade: false, removal: null, ...options });
}

/** The field lines that the origin gets for `GET http://example.com/` with these, without the Host that is put before them. */
export function passed(fieldLines: readonly string[], options: Partial<RequestOptions> = {}): string[] {
	const head = requestHead('GET http://example.com/ HTTP/1.1', 'Host: example.com', ...fieldLines);
	return linesOf(bytesToOrigin(head, options)).slice(2);
}

/** The field lines that an HTTP/1.1 client gets of a response with these; its connection is kept. */
export function passedBack(fieldLines: readonly string[], options: Partial<ResponseOptions> = {}): string[] {
	const head = responseHead('HTTP/1.1 200 OK', ...fieldLines);
	return linesToClient(head, options).slice(1);
}

export function linesToClient(head: ResponseHead, options: Partial<ResponseOptions> = {}): string[] {
	return linesOf(
		responseToClient(head, {
			level: 'elite',
			keepAlive: true,
			clientMinor: 1,
			upgrade: false,
			removal: null,
			...options,
		}),
	);
}

/** The lines of a head, the empty one excluded. */
export function linesOf(head: Buffer): string[] {
	const lines = head.toString('latin1').split('\r\n');
	if (lines.at(-1) !== '' || lines.at(-2) !== '') throw new Error('a head ends in an empty line');
	return lines.slice(0, -2);
}
