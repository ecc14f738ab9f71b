// One response on its way to the client; the reader of the origin's link while it comes. Interim responses pass through as
// they come, a final head goes out in one write with the first bytes of its body, a body exactly as the origin framed it.
// An HTTP/1.0 client alone gets a chunked body without its chunks, ended by the connection.
//
// What is wrong before the final head has gone out can still be told to the client by a status. After that the client must
// see that its response is cut off. Either is up to the owner.
import type { Level } from '../anonymity/levels.ts';
import type { Removal } from '../anonymity/removal.ts';
import { responseToClient } from '../anonymity/response-head.ts';
import { trailersToClient } from '../anonymity/trailers.ts';
import { type Code, GatewayError } from '../core/error.ts';
import type { Sink } from '../core/link.ts';
import { type BodyPart, BodyReader, type Framing, framingOfResponse } from '../protocol/http1-body.ts';
import { hasToken, keepsAlive, type ResponseHead, ResponseHeadReader } from '../protocol/http1-head.ts';
import { Dechunker } from './dechunk.ts';
import { type ForwardedRequest, JOIN_BYTES, withTrailers } from './exchange-request.ts';
import type { OriginLink } from './origin-pool.ts';
import { Unread } from './unread.ts';

/** More than any origin has a use for: 100, 102 now and then, 103 once or twice. */
const MAX_INTERIM = 32;

/** What a response needs of the two it stands between. */
export interface ResponseOwner {
	readonly level: Level;
	readonly removal: Removal | null;
	/** Asked once, at the final head: does the client's connection go on behind a response that ends by itself? */
	mayKeep(): boolean;
	/** True: this answer is not the client's, and the response is forgotten. Asked once, at the final head. */
	declines(status: number): boolean;
	/** Why the client shall not get this response; null: it may. Asked once, at the final head. */
	judgeAnswer(head: ResponseHead): GatewayError | null;
	/** Writes to the client; pauses the origin when that is too much for it. */
	toClient(bytes: Buffer): void;
	/** The origin takes more of the request again. */
	originDrained(): void;
	/** 101 has gone to the client; `rest` is the first of the other protocol. */
	switched(rest: Buffer): void;
	/** The response is over. `reusable`: on its link the next one can be asked for. */
	answered(keepAlive: boolean, reusable: boolean): void;
	/** It cannot be finished. */
	failed(error: GatewayError): void;
	/** A bug of ours, which the link that met it reports. */
	broken(bug: unknown): void;
}

export class ForwardedResponse implements Sink {
	readonly origin: OriginLink;
	/** Not a byte of it has come. */
	silent = true;
	/** Its final head has gone to the client. */
	begun = false;
	readonly #owner: ResponseOwner;
	readonly #request: ForwardedRequest;
	readonly #heads: ResponseHeadReader = new ResponseHeadReader();
	readonly #unread: Unread = new Unread();
	#interims = 0;
	#head: ResponseHead | null = null;
	#body: BodyReader | null = null;
	#dechunker: Dechunker | null = null;
	#keepAlive = false;
	#reusable = false;

	constructor(owner: ResponseOwner, request: ForwardedRequest, origin: OriginLink) {
		this.#owner = owner;
		this.#request = request;
		this.origin = origin;
	}

	data(chunk: Buffer): void {
		this.silent = false;
		if (this.#body) return this.#carry(this.#body, chunk);
		this.#unread.push(chunk);
		this.#readHeads();
	}

	drain(): void {
		this.#owner.originDrained();
	}

	end(): void {
		const error = this.#body ? this.#body.end() : this.#cutOff();
		if (error) this.#owner.failed(error);
		else this.#finish(0);
	}

	closed(error: GatewayError | null): void {
		if (error?.code === 'proxy_internal_error') this.#owner.broken(error);
		else this.#owner.failed(error ?? this.#cutOff());
	}

	/** Before its first byte the link is at fault, then the response. */
	#cutOff(): GatewayError {
		return this.silent ? faulty('connection_terminated') : faulty('http_response_incomplete');
	}

	#readHeads(): void {
		while (this.#unread.length > 0) {
			const head = this.#heads.read(this.#unread.bytes);
			if (head === null) return;
			if (head instanceof GatewayError) return this.#owner.failed(head);
			this.#unread.drop(head.length);
			if (head.status === 101) return this.#switch(head);
			if (head.status >= 200) return this.#begin(head);
			if (++this.#interims > MAX_INTERIM) return this.#owner.failed(faulty('http_protocol_error', 'interim responses'));
			// RFC 9110 section 15.2: an HTTP/1.0 client does not know them.
			if (this.#request.head.minor === 1) this.#owner.toClient(this.#headBytes(head));
		}
	}

	#headBytes(head: ResponseHead): Buffer {
		return responseToClient(head, {
			level: this.#owner.level,
			keepAlive: this.#keepAlive,
			clientMinor: this.#request.head.minor,
			upgrade: head.status === 101,
			removal: this.#owner.removal,
		});
	}

	#switch(head: ResponseHead): void {
		if (!this.#request.upgrade) return this.#owner.failed(faulty('http_upgrade_failed', 'nobody asked'));
		this.begun = true;
		this.#keepAlive = true;
		this.#owner.toClient(this.#headBytes(head));
		this.#owner.switched(this.#unread.takeAll());
	}

	#begin(head: ResponseHead): void {
		if (this.#owner.declines(head.status)) return;
		const refusal = this.#owner.judgeAnswer(head);
		if (refusal) return this.#owner.failed(refusal);
		const framing = framingOfResponse(head, this.#request.head.method);
		if (framing instanceof GatewayError) return this.#owner.failed(framing);
		if (framing.kind === 'chunked' && this.#request.head.minor === 0) this.#dechunker = new Dechunker();
		this.#keepAlive = framing.kind !== 'close' && !this.#dechunker && this.#owner.mayKeep();
		this.#reusable = this.#linkGoesOn(head, framing);
		this.#head = head;
		this.#body = new BodyReader(framing, 'target');
		this.#start(this.#body, this.#headBytes(head));
	}

	/** RFC 9112 section 9.3; an origin that was asked in HTTP/1.0 keeps the connection only where it says so. */
	#linkGoesOn(head: ResponseHead, framing: Framing): boolean {
		if (framing.kind === 'close' || this.#request.closesOrigin || !keepsAlive(head)) return false;
		return this.#request.head.minor === 1 || hasToken(head.fields, 'connection', 'keep-alive');
	}

	/** Sends the head and what has come of the body. A body that is wrong at once can still be refused. */
	#start(body: BodyReader, head: Buffer): void {
		const first = this.#unread.takeAll();
		if (body.done || first.length === 0) {
			this.begun = true;
			this.#owner.toClient(head);
			if (body.done) this.#finish(first.length);
			return;
		}
		const part = body.read(first);
		if (part instanceof GatewayError) return this.#owner.failed(part);
		this.begun = true;
		const bytes = this.#bytesOf(part);
		if (head.length + bytes.length <= JOIN_BYTES) this.#owner.toClient(Buffer.concat([head, bytes]));
		else {
			this.#owner.toClient(head);
			this.#owner.toClient(bytes);
		}
		if (part.done) this.#finish(part.rest.length);
	}

	#carry(body: BodyReader, chunk: Buffer): void {
		const part = body.read(chunk);
		if (part instanceof GatewayError) return this.#owner.failed(part);
		const bytes = this.#bytesOf(part);
		if (bytes.length > 0) this.#owner.toClient(bytes);
		if (part.done) this.#finish(part.rest.length);
	}

	#bytesOf({ forward, trailers }: BodyPart): Buffer {
		if (this.#dechunker) return this.#dechunker.strip(forward);
		if (!trailers) return forward;
		return withTrailers(forward, trailersToClient(trailers, this.#head as ResponseHead, this.#owner.removal));
	}

	/** `restBytes` behind the response: nobody asked for them, so nothing more of this link can be trusted. */
	#finish(restBytes: number): void {
		this.#owner.answered(this.#keepAlive, this.#reusable && restBytes === 0);
	}
}

function faulty(code: Code, note?: string): GatewayError {
	return new GatewayError(code, { side: 'target', phase: 'exchange', retry: 'same', ...(note ? { note } : {}) });
}
