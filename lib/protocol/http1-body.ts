// How long the body of an HTTP/1.x message is (RFC 9112 section 6) and where it ends. A message whose length two readers
// could tell differently is refused: what one of them takes for the body the other takes for the next request. So:
// Transfer-Encoding with Content-Length, in HTTP/1.0, twice, or saying anything but `chunked`; Content-Length twice, even
// with equal values, or saying anything but digits; either of them with a tab beside its value, which is white space to
// some and part of the value to others (llhttp among them). A body goes on in the framing it came in, byte for byte.
import { type Code, GatewayError, type Side } from '../core/error.ts';
import { ChunkedScanner } from './http1-chunked.ts';
import type { Field, RequestHead, ResponseHead } from './http1-head.ts';

/** `close`: up to the sender's FIN. */
export type Framing =
	| { readonly kind: 'none' }
	| { readonly kind: 'length'; readonly bytes: number }
	| { readonly kind: 'chunked' }
	| { readonly kind: 'close' };

const NONE: Framing = { kind: 'none' };
const CHUNKED: Framing = { kind: 'chunked' };
const CLOSE: Framing = { kind: 'close' };
const NOTHING: Buffer = Buffer.alloc(0);

/** The framing of a request's body; the error is `http_request_error`. A request with Content-Length: 0 is of kind `length`. */
export function framingOfRequest(head: RequestHead): Framing | GatewayError {
	const framing = framingOf(head);
	if (typeof framing !== 'string') return framing ?? NONE;
	return new GatewayError('http_request_error', { side: 'client', phase: 'exchange', note: framing });
}

/**
 * The framing of the body of a response to a request with that method. What a response to HEAD, a 1xx, 204 or 304 says of
 * a length is checked and has no body behind it; what a 2xx to CONNECT says is not even read (RFC 9110 section 9.3.6).
 * The error is `http_response_transfer_coding` or `http_protocol_error`.
 */
export function framingOfResponse(head: ResponseHead, method: string): Framing | GatewayError {
	const { status } = head;
	if (method === 'CONNECT' && status >= 200 && status < 300) return NONE;
	const framing = framingOf(head);
	if (typeof framing === 'string') {
		const code = framing === WRONG_CODING ? 'http_response_transfer_coding' : 'http_protocol_error';
		return new GatewayError(code, { side: 'target', phase: 'exchange', note: framing });
	}
	if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return NONE;
	return framing ?? CLOSE;
}

const WRONG_CODING = 'transfer encoding';
const WRONG_LENGTH = 'content length';

/** What the fields say; null when they say nothing; a note when they are wrong. */
function framingOf(head: RequestHead | ResponseHead): Framing | string | null {
	let length: string | null = null;
	let coding: string | null = null;
	for (const { name, value, line } of head.fields) {
		if (name === 'content-length') {
			if (length !== null || line.includes('\t')) return WRONG_LENGTH;
			length = value;
		} else if (name === 'transfer-encoding') {
			if (coding !== null || line.includes('\t')) return WRONG_CODING;
			coding = value;
		}
	}
	if (coding !== null) {
		if (length !== null) return 'two framings';
		return head.minor === 1 && coding.toLowerCase() === 'chunked' ? CHUNKED : WRONG_CODING;
	}
	if (length === null) return null;
	const bytes = readLength(length);
	return bytes < 0 ? WRONG_LENGTH : { kind: 'length', bytes };
}

/** 1 to 16 digits and no more than 2^53 - 1; else -1. */
function readLength(text: string): number {
	if (text.length === 0 || text.length > 16) return -1;
	for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < 48 || text.charCodeAt(i) > 57) return -1;
	const bytes = Number(text);
	return bytes <= Number.MAX_SAFE_INTEGER ? bytes : -1;
}

export interface BodyPart {
	/** Bytes of the body exactly as framed on the wire: a view of the chunk, perhaps empty. */
	readonly forward: Buffer;
	/**
	 * Given once, when the trailer section of a chunked body has come; it may hold no field. All that was forwarded then
	 * ends with the last chunk line: writing the trailers and the empty line behind them is the caller's.
	 */
	readonly trailers: readonly Field[] | null;
	/** Bytes behind the body, a view of the chunk: the next message. */
	readonly rest: Buffer;
	readonly done: boolean;
}

/** Follows one body. Holds no payload; of a trailer section that comes in pieces it holds at most 16 KiB. */
export class BodyReader {
	/** True from the start when there is no body to come. */
	done: boolean;
	readonly #framing: Framing;
	readonly #peer: Side;
	readonly #chunked: ChunkedScanner | null;
	#left: number;

	/** `peer`, whose body it is, decides the codes: 'client' (the default) or 'target'. */
	constructor(framing: Framing, peer: Side = 'client') {
		this.#framing = framing;
		this.#peer = peer;
		this.#chunked = framing.kind === 'chunked' ? new ChunkedScanner() : null;
		this.#left = framing.kind === 'length' ? framing.bytes : 0;
		this.done = framing.kind === 'none' || (framing.kind === 'length' && framing.bytes === 0);
	}

	/**
	 * The next bytes. When it is done all of them are `rest`. An error means that the body cannot be followed further:
	 * nothing of this chunk may go on, and both connections have to end.
	 */
	read(chunk: Buffer): BodyPart | GatewayError {
		if (this.done) return { forward: NOTHING, trailers: null, rest: chunk, done: true };
		if (this.#chunked) return this.#readChunked(this.#chunked, chunk);
		if (this.#framing.kind === 'close') return { forward: chunk, trailers: null, rest: NOTHING, done: false };
		const length = Math.min(this.#left, chunk.length);
		this.#left -= length;
		this.done = this.#left === 0;
		return split(chunk, length, length, null, this.done);
	}

	#readChunked(scanner: ChunkedScanner, chunk: Buffer): BodyPart | GatewayError {
		const length = scanner.scan(chunk);
		if (length < 0) return this.#broken(scanner.note);
		if (!scanner.atTrailers) return split(chunk, length, length, null, false);
		const trailerLength = length === chunk.length ? 0 : scanner.scanTrailers(chunk.subarray(length));
		if (trailerLength < 0) return this.#broken(scanner.note);
		this.done = scanner.trailers !== null;
		return split(chunk, length, length + trailerLength, scanner.trailers, this.done);
	}

	/** The peer's FIN: the good end of a body without a length; else null only if the body was complete. */
	end(): GatewayError | null {
		if (this.done) return null;
		if (this.#framing.kind !== 'close') {
			return this.#error('http_request_error', 'http_response_incomplete', 'body incomplete');
		}
		this.done = true;
		return null;
	}

	#broken(note: string): GatewayError {
		return this.#error('http_request_error', 'http_response_transfer_coding', note);
	}

	#error(ofRequest: Code, ofResponse: Code, note: string): GatewayError {
		const code = this.#peer === 'client' ? ofRequest : ofResponse;
		return new GatewayError(code, { side: this.#peer, phase: 'exchange', note });
	}
}

function split(
	chunk: Buffer,
	forwardEnd: number,
	restStart: number,
	trailers: readonly Field[] | null,
	done: boolean,
): BodyPart {
	const forward = forwardEnd === chunk.length ? chunk : forwardEnd === 0 ? NOTHING : chunk.subarray(0, forwardEnd);
	return { forward, trailers, rest: restStart === chunk.length ? NOTHING : chunk.subarray(restStart), done };
}
