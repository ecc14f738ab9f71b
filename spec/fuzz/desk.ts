// Where a thread lays what it is busy with, so that another can look: a counter, a length, and the bytes.
const WORDS = 2;
const COUNT = 0;
const LENGTH = 1;

export interface Desk {
	readonly words: Int32Array;
	readonly bytes: Uint8Array;
}

export function newDesk(size: number): Desk {
	return {
		words: new Int32Array(new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT)),
		bytes: new Uint8Array(new SharedArrayBuffer(size)),
	};
}

/** Lays it down in the place of what lay there; null: nothing. What is longer than the desk hangs over. */
export function put({ words, bytes }: Desk, what: Uint8Array | null): void {
	bytes.set((what ?? new Uint8Array(0)).subarray(0, bytes.length));
	Atomics.store(words, LENGTH, Math.min(what?.length ?? 0, bytes.length));
	Atomics.add(words, COUNT, 1);
}

/** How often something was put. */
export function count({ words }: Desk): number {
	return Atomics.load(words, COUNT);
}

/** A copy of what lies there. */
export function look({ words, bytes }: Desk): Buffer {
	return Buffer.from(bytes.slice(0, Atomics.load(words, LENGTH)));
}
