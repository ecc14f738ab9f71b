// Makes a Link of a Duplex. The only file that listens to a socket's events: they are attached once, and readers change
// by swapping the sink, because adding and removing listeners for each step of a connection costs more than the step.
// oxlint-disable typescript/unbound-method -- a stream calls its listeners with itself as `this`
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { asGatewayError, codeOfErrno, GatewayError, type Phase, type Side } from '../core/error.ts';
import type { Ip } from '../core/ip.ts';
import type { Link, Sink } from '../core/link.ts';
import { ipOfKernel } from './kernel-ip.ts';

const NOTHING: Buffer = Buffer.alloc(0);

/** Long enough for a reply to cross the world twice before unread input turns our FIN into RST. */
export const LINGER_MS = 2_000;

const IDLE: Sink = { data() {}, end() {}, drain() {}, closed() {} };

/** From a stream to its link: so all links share their five listeners, where each had five closures. */
const LINK: unique symbol = Symbol('link');

interface Linked extends Duplex {
	[LINK]: StreamLink;
}

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
		(duplex as Linked)[LINK] = this;
		duplex.on('data', StreamLink.#onData);
		duplex.on('end', StreamLink.#onEnd);
		duplex.on('drain', StreamLink.#onDrain);
		duplex.on('error', StreamLink.#onError);
		duplex.on('close', StreamLink.#onClose);
		duplex.pause();
	}

	static #onData(this: Duplex, chunk: Buffer): void {
		const link = (this as Linked)[LINK];
		try {
			link.#sink.data(chunk);
		} catch (thrown) {
			link.#bug(thrown);
		}
	}

	static #onEnd(this: Duplex): void {
		const link = (this as Linked)[LINK];
		link.ended = true;
		try {
			link.#sink.end();
		} catch (thrown) {
			link.#bug(thrown);
		}
	}

	static #onDrain(this: Duplex): void {
		const link = (this as Linked)[LINK];
		try {
			link.#sink.drain();
		} catch (thrown) {
			link.#bug(thrown);
		}
	}

	static #onError(this: Duplex, error: NodeJS.ErrnoException): void {
		(this as Linked)[LINK].#fail(error);
	}

	static #onClose(this: Duplex): void {
		(this as Linked)[LINK].#close();
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

	localIp(): Ip | null {
		const text = this.#duplex instanceof Socket ? this.#duplex.localAddress : undefined;
		return text === undefined ? null : ipOfKernel(text);
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
		const timer = setTimeout(() => this.#giveUp(), lingerMs);
		timer.unref();
		this.attach({
			data() {},
			drain() {},
			end: () => this.#destroyWhenSent(),
			closed: () => clearTimeout(timer),
		});
		if (this.ended) this.#destroyWhenSent();
	}

	/** What the kernel has goes out behind a close; what it has not the peer must not take for all there was. */
	#giveUp(): void {
		if (this.pendingBytes > 0) this.reset();
		else this.destroy();
	}

	#destroyWhenSent(): void {
		if (this.#duplex.writableFinished) this.#duplex.destroy();
		else this.#duplex.once('finish', () => this.#duplex.destroy());
	}

	destroy(): void {
		this.#duplex.destroy();
	}

	gone(): Promise<void> {
		if (this.closed) return Promise.resolve();
		return new Promise((resolve) => this.#duplex.once('close', resolve));
	}

	reset(): void {
		if (this.#duplex instanceof Socket && !this.#isFinLeaving) this.#duplex.resetAndDestroy();
		else this.#duplex.destroy();
	}

	/** libuv does not reset then (EINVAL), and node loses the handle over it: never closed, and the process never ends. */
	get #isFinLeaving(): boolean {
		const { writableEnded, writableFinished, writableLength } = this.#duplex;
		return writableEnded && !writableFinished && writableLength === 0;
	}
}
