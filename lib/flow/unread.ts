// Bytes that were read and that nobody has taken yet. One chunk is kept as it came; more of them are put together in
// storage that doubles, so that bytes which come one at a time cost no copy of everything at a time.

const NOTHING: Buffer = Buffer.alloc(0);

/** Holds what it is given without a bound: whoever pushes stops reading in time. */
export class Unread {
	/** All of them, in order. A view: what was taken stays valid, nothing is overwritten. */
	bytes: Buffer = NOTHING;
	/** Our own storage that `bytes` ends in, once chunks had to be put together, and where it ends there. */
	#store: Buffer = NOTHING;
	#storeEnd = 0;

	get length(): number {
		return this.bytes.length;
	}

	push(chunk: Buffer): void {
		if (chunk.length === 0) return;
		if (this.bytes.length === 0) {
			this.bytes = chunk;
			this.#store = NOTHING;
		} else this.#append(chunk);
	}

	#append(chunk: Buffer): void {
		const held = this.bytes.length;
		if (this.#storeEnd + chunk.length > this.#store.length) {
			this.#store = Buffer.allocUnsafeSlow(2 * (held + chunk.length));
			this.bytes.copy(this.#store);
			this.#storeEnd = held;
		}
		chunk.copy(this.#store, this.#storeEnd);
		this.#storeEnd += chunk.length;
		this.bytes = this.#store.subarray(this.#storeEnd - held - chunk.length, this.#storeEnd);
	}

	/** Forgets the first `length` bytes. */
	drop(length: number): void {
		this.bytes = length === this.bytes.length ? NOTHING : this.bytes.subarray(length);
	}

	/** Gives all of them away. */
	takeAll(): Buffer {
		const all = this.bytes;
		this.bytes = NOTHING;
		return all;
	}
}
