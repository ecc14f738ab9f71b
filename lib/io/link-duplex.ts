// A Link as a Duplex, for what node can only put upon a stream: TLS inside a tunnel. The counterpart of StreamLink.
import { Duplex } from 'node:stream';
import type { GatewayError } from '../core/error.ts';
import type { Link, Sink } from '../core/link.ts';

const NOTHING: Buffer = Buffer.alloc(0);

type Done = (error?: Error | null) => void;

/** Owns the link from here on; takes its early bytes first. A FIN of one side ends one direction, as on a socket. */
export class LinkDuplex extends Duplex {
	readonly #link: Link;
	#attached = false;
	#closed = false;
	#whenDrained: Done | null = null;

	constructor(link: Link) {
		super({ allowHalfOpen: true });
		this.#link = link;
	}

	override _read(): void {
		if (this.#attached) this.#link.resume();
		else this.#begin();
	}

	#begin(): void {
		this.#attached = true;
		const link = this.#link;
		const early = link.early;
		link.early = NOTHING;
		if (early.length > 0) this.push(early);
		if (link.ended) this.push(null);
		if (link.closed) this.destroy();
		else link.attach(this.#sink());
	}

	#sink(): Sink {
		return {
			data: (chunk) => {
				if (!this.push(chunk)) this.#link.pause();
			},
			end: () => void this.push(null),
			drain: () => this.#drained(null),
			closed: (error) => this.#gone(error),
		};
	}

	override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
		if (this.#link.write(chunk)) done();
		else this.#whenDrained = done;
	}

	#drained(error: GatewayError | null): void {
		const done = this.#whenDrained;
		this.#whenDrained = null;
		done?.(error);
	}

	override _final(done: Done): void {
		this.#link.closeWrite();
		done();
	}

	#gone(error: GatewayError | null): void {
		this.#closed = true;
		this.#drained(error);
		this.destroy(error ?? undefined);
	}

	override _destroy(error: Error | null, done: Done): void {
		if (!this.#closed) this.#link.destroy();
		done(error);
	}
}
