// A socket with an ear on it, for TLS on top: what is read and what is written is told, byte for byte.
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

export interface Ears {
	read?(bytes: Buffer): void;
	written?(bytes: Buffer): void;
}

/** Owns the socket, which must be paused and have no reader. */
export class Tap extends Duplex {
	readonly #socket: Socket;
	readonly #ears: Ears;

	constructor(socket: Socket, ears: Ears) {
		super({ allowHalfOpen: true });
		this.#socket = socket;
		this.#ears = ears;
		socket.on('data', (bytes: Buffer) => {
			ears.read?.(bytes);
			if (!this.push(bytes)) socket.pause();
		});
		socket.on('end', () => this.push(null));
		socket.on('error', (error) => this.destroy(error));
		socket.on('close', () => this.destroy());
	}

	override _read(): void {
		this.#socket.resume();
	}

	override _write(bytes: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
		this.#ears.written?.(bytes);
		this.#socket.write(bytes, done);
	}

	override _final(done: () => void): void {
		this.#socket.end(done);
	}

	override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
		this.#socket.destroy();
		done(error);
	}
}
