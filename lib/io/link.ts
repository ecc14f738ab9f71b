// Makes a Link of a Duplex. The only file that listens to a socket's events: they are attached once, and readers change
// by swapping the sink, because adding and removing listeners for each step of a connection costs more than the step.
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { asGatewayError, codeOfErrno, GatewayError, type Phase, type Side } from '../core/error.ts';
import type { Link, Sink } from '../core/link.ts';

const NOTHING: Buffer = Buffer.alloc(0);

/** Long enough for a reply to cross the world twice before unread input turns our FIN into RST. */
const LINGER_MS = 2_000;

const IDLE: Sink = { data() {}, end() {}, drain() {}, closed() {} };

export interface LinkOptions {
	/** Whose end this is: the side of every error it reports. */
	readonly side: Side;
	readonly phase?: Phase;
}

/** Owns the duplex from here on: nobody else listens to it, writes to it or closes it. Created paused. */
export class StreamLink implements Link {
	early: Buffer = NOTHING;
	ended = false;
	closed = false;
	readonly #duplex: Duplex;
	readonly #side: Side;
	readonly #phase: Phase;
	#sink: Sink = IDLE;
	#error: GatewayError | null = null;

	/** `duplex` must allow half-open: a peer's FIN must not close it. */
	constructor(duplex: Duplex, options: LinkOptions) {
		this.#duplex = duplex;
		this.#side = options.side;
		this.#phase = options.phase ?? 'relay';
		duplex.on('data', (chunk: Buffer) => {
			try {
				this.#sink.data(chunk);
			} catch (thrown) {
				this.#bug(thrown);
			}
		});
		duplex.on('end', () => {
			this.ended = true;
			try {
				this.#sink.end();
			} catch (thrown) {
				this.#bug(thrown);
			}
		});
		duplex.on('drain', () => {
			try {
				this.#sink.drain();
			} catch (thrown) {
				this.#bug(thrown);
			}
		});
		duplex.on('error', (error: NodeJS.ErrnoException) => this.#fail(error));
		duplex.on('close', () => this.#close());
		duplex.pause();
	}

	#fail(error: NodeJS.ErrnoException): void {
		const code = codeOfErrno(error.code);
		this.#error = new GatewayError(code === 'proxy_internal_error' ? 'connection_terminated' : code, {
			side: this.#side,
			phase: this.#phase,
			cause: error,
		});
	}

	/** A sink that throws has a bug; it costs this link, whose sink hears of it in `closed`, and not the process. */
	#bug(thrown: unknown): void {
		this.#error = asGatewayError(thrown, { side: 'gateway', phase: this.#phase });
		this.#duplex.destroy();
	}

	#close(): void {
		this.closed = true;
		const sink = this.#sink;
		this.#sink = IDLE;
		sink.closed(this.#error);
	}

	get pendingBytes(): number {
		return this.#duplex.writableLength;
	}

	attach(sink: Sink): void {
		this.#sink = sink;
		this.#duplex.resume();
	}

	pause(): void {
		this.#duplex.pause();
	}

	resume(): void {
		this.#duplex.resume();
	}

	write(bytes: Uint8Array): boolean {
		return this.#duplex.writable ? this.#duplex.write(bytes) : true;
	}

	closeWrite(): void {
		if (this.#duplex.writable) this.#duplex.end();
	}

	finish(lingerMs: number = LINGER_MS): void {
		if (this.closed) return;
		this.closeWrite();
		if (this.ended) {
			this.#destroyWhenSent();
			return;
		}
		const timer = setTimeout(() => this.#duplex.destroy(), lingerMs);
		timer.unref();
		this.attach({
			data() {},
			drain() {},
			end: () => this.#destroyWhenSent(),
			closed: () => clearTimeout(timer),
		});
	}

	#destroyWhenSent(): void {
		if (this.#duplex.writableFinished) this.#duplex.destroy();
		else this.#duplex.once('finish', () => this.#duplex.destroy());
	}

	destroy(): void {
		this.#duplex.destroy();
	}

	reset(): void {
		if (this.#duplex instanceof Socket) this.#duplex.resetAndDestroy();
		else this.#duplex.destroy();
	}
}
