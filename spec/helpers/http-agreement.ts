// Our HTTP parser and llhttp, node's own in its strict mode, on the same bytes. Whatever llhttp refuses, ours refuses, but:
// llhttp has a list of methods, and a gateway carries any; and behind a request that asks for an upgrade llhttp reads no other
// one, while ours does once the answer has come that says what the bytes there are. And llhttp takes "close" for the last word where
// it is none: in a trailer section (RFC 9110 section 6.5.1) and in an interim response. Where both read a message they read the same one:
// method, target, version, fields in order, body, trailers, and where the next message begins.
import { deepStrictEqual, fail } from 'node:assert/strict';
import { METHODS } from 'node:http';
import { GatewayError } from '../../lib/core/error.ts';
import {
	type BodyPart,
	BodyReader,
	type Framing,
	framingOfRequest,
	framingOfResponse,
} from '../../lib/protocol/http1-body.ts';
import { type Field, keepsAlive, readRequestHead, readResponseHead } from '../../lib/protocol/http1-head.ts';
import { readRequestTarget } from '../../lib/protocol/http1-target.ts';
import { llhttpRequests, llhttpResponse, type Message } from './llhttp.ts';

function flat(fields: readonly Field[]): string[] {
	return fields.flatMap(({ line, value }) => [line.slice(0, line.indexOf(':')), value]);
}

/** The data of a chunked body that was found good. */
function dechunked(body: string): string {
	let data = '';
	for (let at = 0; ; ) {
		const end = body.indexOf('\r\n', at);
		const size = Number.parseInt(body.slice(at, end), 16);
		if (size === 0) return data;
		data += body.slice(end + 2, end + 2 + size);
		at = end + 2 + size + 2;
	}
}

function contentOf(framing: Framing, part: BodyPart): Pick<Message, 'body' | 'trailers'> {
	const body = part.forward.toString('latin1');
	return { body: framing.kind === 'chunked' ? dechunked(body) : body, trailers: flat(part.trailers ?? []) };
}

/**
 * The requests that a gateway would take from a client that sends `input`. It ends at a target that is none, unless those
 * are `passed`: a gateway that can tell where a refused request ends reads on behind it.
 */
export function ourRequests(input: Buffer, { passed = false }: { readonly passed?: boolean } = {}): Message[] {
	const messages: Message[] = [];
	for (let rest = input; ; ) {
		const head = readRequestHead(rest);
		if (head === null || head instanceof GatewayError) return messages;
		const host = { name: 'host', value: 'a', line: 'Host: a' };
		if (!passed && readRequestTarget({ ...head, fields: [host] }) instanceof GatewayError) return messages;
		const framing = framingOfRequest(head);
		if (framing instanceof GatewayError) return messages;
		const message: Message = {
			line: [head.method, head.target],
			version: `1.${head.minor}`,
			fields: flat(head.fields),
			body: '',
			trailers: [],
		};
		if (head.method === 'CONNECT') return [...messages, message];
		const part = new BodyReader(framing).read(rest.subarray(head.length));
		if (part instanceof GatewayError || !part.done) return messages;
		messages.push({ ...message, ...contentOf(framing, part) });
		if (!keepsAlive(head)) return messages;
		rest = part.rest;
	}
}

/** The final response in `input`, and its length; null when there is none. */
export function ourResponse(input: Buffer, method: string): { message: Message; length: number } | null {
	for (let rest = input; ; ) {
		const head = readResponseHead(rest);
		if (head === null || head instanceof GatewayError) return null;
		rest = rest.subarray(head.length);
		const framing = framingOfResponse(head, method);
		if (framing instanceof GatewayError) return null;
		// A 101 that nobody asked for is the exchange's to refuse.
		if (head.status === 101) return null;
		if (head.status < 200) continue;
		const reader = new BodyReader(framing, 'target');
		const part = reader.read(rest);
		if (part instanceof GatewayError || reader.end() !== null) return null;
		const line = [String(head.status), head.reason] as const;
		const fields = flat(head.fields);
		const message = { line, version: `1.${head.minor}`, fields, ...contentOf(framing, part) };
		return { message, length: input.length - part.rest.length };
	}
}

/** Of llhttp, where something follows what it takes for the last message. */
const CLOSED = 'HPE_CLOSED_CONNECTION';

function asksUpgrade(message: Message | undefined): boolean {
	return message?.fields.some((name, i) => i % 2 === 0 && name.toLowerCase() === 'upgrade') ?? false;
}

const isConnection = (name: string): boolean => /^(proxy-)?connection$/i.test(name);

function closesByTrailer(message: Message | undefined): boolean {
	return message?.trailers.some((name, i) => i % 2 === 0 && isConnection(name)) ?? false;
}

function closesByInterim(input: Buffer): boolean {
	for (let rest = input; ; ) {
		const head = readResponseHead(rest);
		if (head === null || head instanceof GatewayError || head.status >= 200) return false;
		if (head.fields.some(({ name }) => isConnection(name))) return true;
		rest = rest.subarray(head.length);
	}
}

/** How many requests ours has read. Throws where the two differ. */
export async function agreeOnRequests(input: Buffer): Promise<number> {
	const ours = ourRequests(input);
	const theirs = await llhttpRequests(input);
	for (const [i, message] of ours.entries()) {
		if (theirs.error === 'HPE_INVALID_METHOD' && i >= theirs.messages.length) {
			if (METHODS.includes(message.line[0])) fail(`${theirs.error} ${JSON.stringify(message)}`);
			return ours.length;
		}
		if (i === theirs.messages.length && asksUpgrade(ours[i - 1]) && theirs.error === null) return ours.length;
		if (i >= theirs.messages.length && theirs.error === CLOSED && ours.slice(0, i).some(closesByTrailer))
			return ours.length;
		deepStrictEqual(message, theirs.messages[i] ?? theirs.error);
	}
	return ours.length;
}

/** How many final responses ours has read, to a request with that method. Throws where the two differ. */
export async function agreeOnResponse(input: Buffer, method: string): Promise<number> {
	const ours = ourResponse(input, method);
	if (ours === null) return 0;
	// Bytes behind it are no response to anything; llhttp is not asked about them.
	const theirs = await llhttpResponse(input.subarray(0, ours.length), method);
	if (theirs.messages.length === 0 && theirs.error === CLOSED && closesByInterim(input)) return 1;
	deepStrictEqual(ours.message, theirs.messages[0] ?? theirs.error);
	return 1;
}

/** Good requests, each whole. */
export const REQUESTS: readonly Buffer[] = [
	'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
	'POST http://a/x?y HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nX-Y:  z \t\r\nX-Y:\r\n\r\nabc',
	'POST http://a/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n' +
		'3;a=b;c="d\\"e"\r\nabc\r\n1A\r\nabcdefghijklmnopqrstuvwxyz\r\n0;x\r\nT: y\r\nU:\r\n\r\n',
	'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n',
	'\r\nOPTIONS * HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
].map((text) => Buffer.from(text, 'latin1'));

/** Good responses. */
export const RESPONSES: readonly Buffer[] = [
	'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nA:  b \r\n\r\nabc',
	'HTTP/1.1 200\r\nServer: x\r\n\r\nabcde',
	'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nT: y\r\n\r\n',
	'HTTP/1.0 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
	'HTTP/1.1 204 \r\nE: f\r\n\r\n',
	'HTTP/1.1 404 Not \xffFound\r\nContent-Length: 0\r\n\r\n',
].map((text) => Buffer.from(text, 'latin1'));
