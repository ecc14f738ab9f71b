// One request on its way to its origin: the head as the origin gets it, and the body exactly as the client framed it. What
// comes before there is a link is held, so that head and first bytes of the body leave in one write.
import { closesOrigin } from '../anonymity/request-head.ts';
import { trailersToOrigin } from '../anonymity/trailers.ts';
import { GatewayError } from '../core/error.ts';
import type { Link } from '../core/link.ts';
import { BodyReader, type Framing } from '../protocol/http1-body.ts';
import { keepsAlive, type RequestHead } from '../protocol/http1-head.ts';

/** Most of a body that is held while there is no link: one stream buffer is enough to lose no time. */
const HELD_BYTES = 65_536;

/** Up to here one copy is cheaper than a second write. */
export const JOIN_BYTES = 16_384;

/** RFC 9110 section 9.2.2, of the methods that are let through. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

export interface RequestOptions {
	/** It asks for another protocol. */
	readonly upgrade: boolean;
	/** Most of a body that is kept to be sent again by another exit; 0: none is. */
	readonly keptBytes: number;
}

export class ForwardedRequest {
	readonly head: RequestHead;
	/** It asks the origin for another protocol, which a 101 would grant. */
	readonly upgrade: boolean;
	/** All of it has been read. */
	complete: boolean;
	/** The origin takes no more for now. */
	stalled = false;
	readonly #bytes: Buffer;
	readonly #body: BodyReader;
	/** So much of the body stays here when it is sent, to be sent once more. */
	readonly #keptLimit: number;
	/** All of the body so far; null: it is longer, or none is to be kept. */
	#kept: Buffer[] | null;
	#keptBytes = 0;
	#held: Buffer[] = [];
	#heldBytes = 0;
	#bodySent = false;
	#link: Link | null = null;

	/** `bytes`: the head for the origin. */
	constructor(head: RequestHead, framing: Framing, bytes: Buffer, options: RequestOptions) {
		this.head = head;
		this.upgrade = options.upgrade;
		this.#keptLimit = options.keptBytes;
		this.#kept = options.keptBytes > 0 ? [] : null;
		this.#bytes = bytes;
		this.#body = new BodyReader(framing, 'client');
		this.complete = this.#body.done;
	}

	/** The client means to go on behind it. */
	get persistent(): boolean {
		return keepsAlive(this.head);
	}

	/** The origin is told that its connection ends behind it. */
	get closesOrigin(): boolean {
		return closesOrigin(this.head);
	}

	/** Sending it once more, should its link have been stale, does no harm: nothing of a body is gone, and twice is as once. */
	get replayable(): boolean {
		return !this.#bodySent && IDEMPOTENT.has(this.head.method);
	}

	/** All of it is here and can be sent as often as wanted. */
	get repeatable(): boolean {
		return this.complete && (!this.#bodySent || this.#kept !== null);
	}

	/** More of the body finds a place. */
	get hungry(): boolean {
		return !this.stalled && this.#heldBytes < HELD_BYTES;
	}

	/** Takes more of the body; returns what comes behind it. The error is one of framing: the client's fault. */
	take(chunk: Buffer): Buffer | GatewayError {
		const part = this.#body.read(chunk);
		if (part instanceof GatewayError) return part;
		this.complete = part.done;
		const { forward, trailers } = part;
		const bytes = trailers ? withTrailers(forward, trailersToOrigin(trailers, this.head)) : forward;
		if (bytes.length > 0) this.#forward(bytes);
		return part.rest;
	}

	/** The client's FIN before the body was complete. */
	end(): GatewayError {
		return this.#body.end() ?? new GatewayError('http_request_error', { side: 'client', phase: 'exchange' });
	}

	#keep(kept: Buffer[], bytes: Buffer): void {
		kept.push(bytes);
		this.#keptBytes += bytes.length;
		if (this.#keptBytes > this.#keptLimit) this.#kept = null;
	}

	#forward(bytes: Buffer): void {
		if (this.#kept !== null) this.#keep(this.#kept, bytes);
		if (this.#link) {
			this.#bodySent = true;
			this.stalled = !this.#link.write(bytes);
		} else {
			this.#held.push(bytes);
			this.#heldBytes += bytes.length;
		}
	}

	/** Sends the head and what is held, and from now on everything at once. */
	sendTo(link: Link): void {
		this.#link = link;
		if (this.#heldBytes === 0) {
			this.stalled = !link.write(this.#bytes);
			return;
		}
		const parts = [this.#bytes, ...this.#held];
		const joined = this.#bytes.length + this.#heldBytes <= JOIN_BYTES;
		for (const bytes of joined ? [Buffer.concat(parts)] : parts) this.stalled = !link.write(bytes);
		this.#bodySent = true;
		this.#held = [];
		this.#heldBytes = 0;
	}

	/** Its link is gone; what is `replayable` or `repeatable` may be sent again. */
	recall(): void {
		this.#link = null;
		this.stalled = false;
		if (!this.#bodySent || this.#kept === null) return;
		this.#held = [...this.#kept];
		this.#heldBytes = this.#keptBytes;
		this.#bodySent = false;
	}
}

/** The last part of a chunked body with the trailer section behind it; `lines` without CRLF. */
export function withTrailers(body: Buffer, lines: readonly string[]): Buffer {
	let text = '';
	for (const line of lines) text += `${line}\r\n`;
	return Buffer.concat([body, Buffer.from(`${text}\r\n`, 'latin1')]);
}
