// A stream of bytes that no other stream has: whoever knows its key can tell any byte of it by its place.
import type { Sink } from '../../lib/core/link.ts';

/** Bytes `from` up to `from + length` of the stream of a key: four for each word of a counter, mixed with it. */
export function keyed(key: number, from: number, length: number): Buffer {
	const first = from >>> 2;
	const words = new Int32Array(((from + length + 3) >>> 2) - first);
	const salt = Math.imul(key, 0x9e3779b1);
	for (let i = 0; i < words.length; i++) words[i] = Math.imul((first + i) ^ salt, 0x85ebca6b);
	return Buffer.from(words.buffer, from & 3, length);
}

/** Checks what it is given against the stream of a key: later, as somebody who keeps his chunks for a while. */
export class KeyedCheck {
	readonly #key: number;
	readonly #kept: Buffer[] = [];
	/** Bytes checked. */
	seen = 0;
	/** Where the first chunk stood that was not of this stream. */
	wrongAt: number | null = null;

	constructor(key: number) {
		this.#key = key;
	}

	take(chunk: Buffer): void {
		if (this.#kept.push(chunk) > 3) this.#check(this.#kept.shift() as Buffer);
	}

	/** All of them. */
	settle(): void {
		for (const chunk of this.#kept.splice(0)) this.#check(chunk);
	}

	#check(chunk: Buffer): void {
		if (!keyed(this.#key, this.seen, chunk.length).equals(chunk)) this.wrongAt ??= this.seen;
		this.seen += chunk.length;
	}
}

/** A sink that hears nothing but what it is told to. */
export function sinkOf(parts: Partial<Sink>): Sink {
	return { data() {}, end() {}, drain() {}, closed() {}, ...parts };
}
