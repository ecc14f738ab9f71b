// Every handshake on one port: the first byte says which, and the codec for it takes over. SOCKS begins with its version,
// HTTP with a letter of a method. These are the protocols whose client speaks first; a TLS record (0x16) and anything
// else is refused at once and without a word, since there is no protocol to say it in.
import { GatewayError } from '../core/error.ts';
import type { Protocol } from '../core/flow.ts';
import type { Answer, Codec, ServerOptions, Step } from './codec.ts';
import { HttpServer } from './http-connect.ts';
import { Socks4Server } from './socks4.ts';
import { Socks5Server } from './socks5.ts';

/** A new server codec for a handshake that begins with this byte; null: nothing here speaks so. */
export type SniffTable = (firstByte: number, options: ServerOptions) => Codec | null;

/** The protocols of the one port: a new one is a line here. */
function serverFor(firstByte: number, options: ServerOptions): Codec | null {
	if (firstByte === 5) return new Socks5Server(options);
	if (firstByte === 4) return new Socks4Server(options);
	// RFC 9110 lets a method begin with any token character; every method that exists begins with a letter.
	return isLetter(firstByte) ? new HttpServer(options) : null;
}

function isLetter(byte: number): boolean {
	const lower = byte | 0x20;
	return lower >= 0x61 && lower <= 0x7a;
}

/** Waits for one byte, then is the codec that the table gives for it. */
export class SniffServer implements Codec {
	readonly #options: ServerOptions;
	readonly #table: SniffTable;
	#codec: Codec | null = null;
	#refused = false;
	#over = false;

	constructor(options: ServerOptions, table: SniffTable = serverFor) {
		this.#options = options;
		this.#table = table;
	}

	get protocol(): Protocol {
		return this.#codec?.protocol ?? 'unknown';
	}

	get heldBytes(): number {
		return this.#codec?.heldBytes ?? 0;
	}

	receive(chunk: Uint8Array): void {
		if (this.#codec === null) {
			if (this.#refused || chunk.length === 0) return;
			this.#codec = this.#table(chunk[0] as number, this.#options);
			this.#refused = this.#codec === null;
		}
		this.#codec?.receive(chunk);
	}

	next(): Step {
		if (this.#codec) return this.#codec.next();
		if (!this.#refused || this.#over) return { kind: 'read' };
		this.#over = true;
		const details = { side: 'client', phase: 'handshake', note: 'no protocol begins so' } as const;
		return { kind: 'fail', error: new GatewayError('handshake_malformed', details) };
	}

	answer(answer: Answer): void {
		if (!this.#codec) throw new Error('answer without a question');
		this.#codec.answer(answer);
	}

	takeEarly(): Buffer {
		return this.#codec?.takeEarly?.() ?? Buffer.alloc(0);
	}

	lateReply(): Uint8Array | null {
		return this.#codec?.lateReply?.() ?? null;
	}
}
