// A TCP client that sees everything: exact bytes, FIN and RST apart, each direction closed by itself.
import { once } from 'node:events';
import { connect, type Socket, type TcpNetConnectOpts } from 'node:net';
import type { Scope } from './scope.ts';

export type Ending = 'fin' | 'rst';

export class RawClient {
	readonly socket: Socket;
	#unread: Buffer = Buffer.alloc(0);
	#ending: Ending | null = null;
	#wake: () => void = () => {};

	constructor(socket: Socket) {
		this.socket = socket;
		socket.setNoDelay();
		socket.on('data', (chunk: Buffer) => {
			this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
			this.#wake();
		});
		socket.on('end', () => this.#end('fin'));
		socket.on('error', () => this.#end('rst'));
		socket.on('close', () => this.#end('fin'));
	}

	#end(how: Ending): void {
		this.#ending ??= how;
		this.#wake();
	}

	/** Waits until `look` finds something in what is unread; rejects when the peer ends before it does. */
	async #find<T>(look: () => T | null): Promise<T> {
		for (;;) {
			const found = look();
			if (found !== null) return found;
			if (this.#ending) throw new Error(`${this.#ending} after ${this.#unread.toString('latin1')}`);
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
			});
		}
	}

	#take(length: number): Buffer {
		const taken = this.#unread.subarray(0, length);
		this.#unread = this.#unread.subarray(length);
		return taken;
	}

	write(bytes: Uint8Array | string): void {
		this.socket.write(bytes);
	}

	/** One segment for each byte, as far as the kernel lets us. */
	async writeBytewise(bytes: Uint8Array): Promise<void> {
		for (const byte of bytes) {
			await new Promise<void>((resolve) => this.socket.write(Buffer.of(byte), () => resolve()));
			await new Promise<void>((resolve) => setImmediate(resolve));
		}
	}

	/** Sends FIN and goes on reading. */
	end(bytes: Uint8Array | string = ''): void {
		this.socket.end(bytes);
	}

	reset(): void {
		this.socket.resetAndDestroy();
	}

	read(length: number): Promise<Buffer> {
		return this.#find(() => (this.#unread.length >= length ? this.#take(length) : null));
	}

	/** Reads up to and with `mark`. */
	readUntil(mark: string): Promise<Buffer> {
		return this.#find(() => {
			const at = this.#unread.indexOf(mark);
			return at < 0 ? null : this.#take(at + mark.length);
		});
	}

	/** Everything that is still to come, and how it ended. */
	async readToEnd(): Promise<{ bytes: Buffer; ending: Ending }> {
		const ending = await this.#find(() => this.#endingOrNull());
		return { bytes: this.#take(this.#unread.length), ending };
	}

	#endingOrNull(): Ending | null {
		return this.#ending;
	}
}

/** Connects to a port of 127.0.0.1 unless `options` say otherwise. Gone when the scope ends. */
export async function connectRaw(
	scope: Scope,
	port: number,
	options: Partial<TcpNetConnectOpts> = {},
): Promise<RawClient> {
	const socket = connect({ host: '127.0.0.1', ...options, port, allowHalfOpen: true });
	scope.teardown(() => void socket.destroy());
	await once(socket, 'connect');
	return new RawClient(socket);
}
