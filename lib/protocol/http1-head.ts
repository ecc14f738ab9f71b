// HTTP/1.x heads: RFC 9112 sections 2 to 5. Sans-I/O. One strict parser for what is decided and for what is sent on: a
// head that two readers could understand differently is refused, never repaired.
//
// Taken beyond the grammar: one empty line before a request (section 2.2 asks for it), a status line that ends behind its
// code (section 4 wants a space there; many origins leave it out), and in a request-target all of printable ASCII, since
// browsers leave characters like | and ^ as they are. Any token is a method: a gateway carries what it does not know (RFC
// 9110 section 16.1). Versions are HTTP/1.0 and HTTP/1.1 and nothing else.
import { GatewayError } from '../core/error.ts';
import {
	BYTE_CLASS,
	type Field,
	FieldScanner,
	HEAD_TOO_LARGE,
	type HeadLimits,
	LINE_TOO_LONG,
	TOKEN,
} from './http1-scanner.ts';

export { type Field, HEAD_TOO_LARGE, type HeadLimits, LINE_TOO_LONG } from './http1-scanner.ts';

export interface RequestHead {
	readonly method: string;
	/** The raw request-target: printable ASCII without spaces, not empty. */
	readonly target: string;
	readonly minor: 0 | 1;
	readonly fields: readonly Field[];
	/** Bytes on the wire: the final CRLFCRLF and an empty line before the request line included. */
	readonly length: number;
}

export interface ResponseHead {
	/** 100 to 999. */
	readonly status: number;
	readonly reason: string;
	readonly minor: 0 | 1;
	/** The status line as received, without CRLF. */
	readonly line: string;
	readonly fields: readonly Field[];
	readonly length: number;
}

/** null: more bytes are needed. */
export type HeadResult<H> = H | GatewayError | null;

/** Longer than any registered method; what is no method at all is refused without waiting for more of it. */
const MAX_METHOD = 32;

/**
 * The request head that `bytes` begin with. The error is `http_request_error`; its note is HEAD_TOO_LARGE or LINE_TOO_LONG
 * for a head over its limits. For a head that comes in pieces keep a RequestHeadReader instead.
 */
export function readRequestHead(bytes: Buffer, limits?: HeadLimits): HeadResult<RequestHead> {
	return new RequestHeadReader(limits).read(bytes);
}

/**
 * The response head that `bytes` begin with. The error is `http_response_header_section_size` for a head over its limits,
 * else `http_protocol_error`. For a head that comes in pieces keep a ResponseHeadReader instead.
 */
export function readResponseHead(bytes: Buffer, limits?: HeadLimits): HeadResult<ResponseHead> {
	return new ResponseHeadReader(limits).read(bytes);
}

/**
 * Reads request heads that come in pieces: `read` is given all bytes since the head's first one and looks at the new ones
 * only. After a result other than null it begins anew: the next call's bytes are those behind that head.
 */
export class RequestHeadReader {
	readonly #limits: HeadLimits;
	#scanner: FieldScanner | null = null;

	constructor(limits: HeadLimits = {}) {
		this.#limits = limits;
	}

	read(bytes: Buffer): HeadResult<RequestHead> {
		this.#scanner ??= new FieldScanner('request', this.#limits, judgeRequestLine);
		const scanner = this.#scanner;
		const length = scanner.scan(bytes);
		if (length === 0) return null;
		this.#scanner = null;
		if (length < 0) {
			return new GatewayError('http_request_error', { side: 'client', phase: 'exchange', note: scanner.note });
		}
		const line = scanner.line;
		const space = line.indexOf(' ');
		return {
			method: line.slice(0, space),
			target: line.slice(space + 1, -VERSION_LENGTH),
			minor: line.endsWith('1') ? 1 : 0,
			fields: scanner.fields(bytes, length),
			length,
		};
	}
}

/** Reads response heads that come in pieces, as RequestHeadReader does requests. */
export class ResponseHeadReader {
	readonly #limits: HeadLimits;
	#scanner: FieldScanner | null = null;

	constructor(limits: HeadLimits = {}) {
		this.#limits = limits;
	}

	read(bytes: Buffer): HeadResult<ResponseHead> {
		this.#scanner ??= new FieldScanner('response', this.#limits, judgeStatusLine);
		const scanner = this.#scanner;
		const length = scanner.scan(bytes);
		if (length === 0) return null;
		this.#scanner = null;
		if (length < 0) return responseError(scanner.note);
		const line = scanner.line;
		return {
			status: Number(line.slice(9, 12)),
			reason: line.slice(13),
			minor: line.charAt(7) === '1' ? 1 : 0,
			line,
			fields: scanner.fields(bytes, length),
			length,
		};
	}
}

function responseError(note: string): GatewayError {
	const large = note === HEAD_TOO_LARGE || note === LINE_TOO_LONG;
	const code = large ? 'http_response_header_section_size' : 'http_protocol_error';
	return new GatewayError(code, { side: 'target', phase: 'exchange', note });
}

/** Of ' HTTP/1.1'. */
const VERSION_LENGTH = 9;

/** method SP request-target SP HTTP-version, RFC 9112 section 3. */
function judgeRequestLine(line: string): string {
	const method = line.indexOf(' ');
	if (method < 1 || method > MAX_METHOD || !isToken(line, method)) return 'method';
	if (!line.endsWith(' HTTP/1.1') && !line.endsWith(' HTTP/1.0')) return 'version';
	const end = line.length - VERSION_LENGTH;
	if (end <= method + 1 || line.indexOf(' ', method + 1) !== end) return 'request target';
	return '';
}

function isToken(text: string, end: number): boolean {
	for (let i = 0; i < end; i++) if (((BYTE_CLASS[text.charCodeAt(i)] as number) & TOKEN) === 0) return false;
	return true;
}

/**
 * HTTP-version SP status-code SP [ reason-phrase ], RFC 9112 section 4; the second space may be missing. HTTP/1.0 has no
 * 1xx (RFC 9110 section 15.2), and readers differ on whether anything follows one.
 */
function judgeStatusLine(line: string): string {
	if (!line.startsWith('HTTP/1.1 ') && !line.startsWith('HTTP/1.0 ')) return 'version';
	if (line.length > 12 && line.charAt(12) !== ' ') return 'status';
	if (line.charAt(9) < (line.startsWith('HTTP/1.1') ? '1' : '2') || line.charAt(9) > '9') return 'status';
	for (let i = 10; i < 12; i++) if (!(line.charAt(i) >= '0' && line.charAt(i) <= '9')) return 'status';
	return '';
}

/** The value of the first field of that name (lower case), or null. */
export function firstValue(fields: readonly Field[], name: string): string | null {
	for (const field of fields) if (field.name === name) return field.value;
	return null;
}

/** The values of all fields of that name (lower case), in order. */
export function valuesOf(fields: readonly Field[], name: string): string[] {
	const values: string[] = [];
	for (const field of fields) if (field.name === name) values.push(field.value);
	return values;
}

/** True when a comma-separated field of that name (lower case) holds `token` (lower case) in any of its lines. */
export function hasToken(fields: readonly Field[], name: string, token: string): boolean {
	for (const field of fields) {
		if (field.name !== name) continue;
		const value = field.value.toLowerCase();
		if (value === token) return true;
		if (value.includes(token) && value.split(',').some((part) => part.trim() === token)) return true;
	}
	return false;
}

/**
 * True when the sender means to keep its connection behind this message (RFC 9112 section 9.3). Proxy-Connection, which no
 * standard knows and clients of proxies send, counts like Connection.
 */
export function keepsAlive(head: RequestHead | ResponseHead): boolean {
	const { fields } = head;
	if (hasToken(fields, 'connection', 'close') || hasToken(fields, 'proxy-connection', 'close')) return false;
	if (head.minor === 1) return true;
	return hasToken(fields, 'connection', 'keep-alive') || hasToken(fields, 'proxy-connection', 'keep-alive');
}

/** A head as bytes: latin1, CRLF behind each line, and the empty line. The lines must be ours or parsed: they are not checked. */
export function headBytes(line: string, fieldLines: readonly string[]): Buffer {
	let text = `${line}\r\n`;
	for (const fieldLine of fieldLines) text += `${fieldLine}\r\n`;
	return Buffer.from(`${text}\r\n`, 'latin1');
}
