// What a plain socket was given to write and the kernel had no room for.
import type { Native, Result } from './native.ts';

/** What waits before the writer is told to wait: as much as with a stream of node's. */
const FULL_BYTES = 65_536;

export class SendQueue {
	pendingBytes = 0;
	/** Its writer was told to wait. */
	#full = false;
	readonly #pieces: Uint8Array[] = [];

	/** Keeps `bytes`; a copy of what was cut out of something much larger. False: the writer should wait. */
	add(bytes: Uint8Array): boolean {
		this.#pieces.push(2 * bytes.length < bytes.buffer.byteLength ? ownCopy(bytes) : bytes);
		this.pendingBytes += bytes.length;
		if (this.pendingBytes >= FULL_BYTES) this.#full = true;
		return this.pendingBytes < FULL_BYTES;
	}

	/** Keeps a copy of the bytes of a buffer that is somebody else's. */
	addCopy(buffer: Uint8Array, start: number, end: number): boolean {
		return this.add(ownCopy(buffer.subarray(start, end)));
	}

	get isFull(): boolean {
		return this.#full;
	}

	/** Sends what there is room for: 0 when all of it has left, else -EAGAIN or the failure. */
	flush(calls: Pick<Native, 'send'>, fd: number): Result {
		for (;;) {
			const bytes = this.#pieces[0];
			if (bytes === undefined) return 0;
			const sent = calls.send(fd, bytes, bytes.length);
			if (sent < 0) return sent;
			this.pendingBytes -= sent;
			if (sent === bytes.length) this.#pieces.shift();
			else this.#pieces[0] = bytes.subarray(sent);
		}
	}
}

/** In storage of its own, no larger. */
function ownCopy(bytes: Uint8Array): Uint8Array {
	return Uint8Array.prototype.slice.call(bytes);
}
