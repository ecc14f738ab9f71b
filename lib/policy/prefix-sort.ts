// Any number of prefixes, sorted without standing still: what PrefixSet searches is made here a little at a time.
import type { Ip } from '../core/ip.ts';
import { lastOf, type Prefix, PrefixSet, wordsOf } from './prefix.ts';

/** Comparisons between two pauses: about 100 us. */
const STRIDE = 4_096;

/** Takes prefixes, then makes a set of them. */
export class PrefixSetBuilder {
	readonly #ip4: Ranges = new Ranges(1);
	readonly #ip6: Ranges = new Ranges(4);

	add(prefix: Prefix): void {
		(typeof prefix.ip === 'number' ? this.#ip4 : this.#ip6).add(prefix);
	}

	/** The set of all that was added; pauses often. The builder is spent. */
	*build(): Generator<void, PrefixSet> {
		const ip4 = yield* this.#ip4.build();
		const ip6 = yield* this.#ip6.build();
		return PrefixSet.ofRanges({ starts4: ip4.starts, ends4: ip4.ends, starts6: ip6.starts, ends6: ip6.ends });
	}
}

/** Of one family: first and last addresses in words of 32 bits, one behind the other. */
class Ranges {
	readonly #words: number;
	#starts: Uint32Array;
	#ends: Uint32Array;
	#count = 0;

	constructor(words: number) {
		this.#words = words;
		this.#starts = new Uint32Array(64 * words);
		this.#ends = new Uint32Array(64 * words);
	}

	add(prefix: Prefix): void {
		const at = this.#count++ * this.#words;
		if (at === this.#starts.length) {
			this.#starts = grown(this.#starts);
			this.#ends = grown(this.#ends);
		}
		this.#starts.set(wordsOfIp(prefix.ip), at);
		this.#ends.set(wordsOfIp(lastOf(prefix)), at);
	}

	/** Sorted, without those that lie in another: two prefixes never overlap in part. */
	*build(): Generator<void, { readonly starts: Uint32Array; readonly ends: Uint32Array }> {
		const order = yield* this.#order();
		const words = this.#words;
		const starts = new Uint32Array(this.#count * words);
		const ends = new Uint32Array(this.#count * words);
		let kept = 0;
		for (const index of order) {
			const last = (kept - 1) * words;
			if (kept > 0 && compare(this.#ends, index * words, ends, last, words) <= 0) continue;
			const from = index * words;
			starts.set(this.#starts.subarray(from, from + words), kept * words);
			ends.set(this.#ends.subarray(from, from + words), kept * words);
			if (++kept % STRIDE === 0) yield;
		}
		return { starts: starts.slice(0, kept * words), ends: ends.slice(0, kept * words) };
	}

	/** Indices by first address, the longer range before the shorter; merged from runs of one, two, four and so on. */
	*#order(): Generator<void, Uint32Array> {
		const count = this.#count;
		let from = new Uint32Array(count);
		for (let i = 0; i < count; i++) from[i] = i;
		let into = new Uint32Array(count);
		let left = STRIDE;
		for (let run = 1; run < count; run *= 2) {
			for (let low = 0; low < count; low += 2 * run) {
				const middle = Math.min(low + run, count);
				const high = Math.min(low + 2 * run, count);
				for (let to = low, a = low, b = middle; to < high; to++) {
					const takesFirst = b >= high || (a < middle && this.#isBefore(from[a] as number, from[b] as number));
					into[to] = from[takesFirst ? a++ : b++] as number;
					if (--left > 0) continue;
					yield;
					left = STRIDE;
				}
			}
			[from, into] = [into, from];
		}
		return from;
	}

	#isBefore(a: number, b: number): boolean {
		const words = this.#words;
		const order = compare(this.#starts, a * words, this.#starts, b * words, words);
		return order < 0 || (order === 0 && compare(this.#ends, a * words, this.#ends, b * words, words) >= 0);
	}
}

function wordsOfIp(ip: Ip): number[] {
	return typeof ip === 'number' ? [ip] : wordsOf(ip);
}

function grown(words: Uint32Array): Uint32Array {
	const more = new Uint32Array(2 * words.length);
	more.set(words);
	return more;
}

function compare(a: Uint32Array, i: number, b: Uint32Array, j: number, words: number): number {
	for (let word = 0; word < words; word++) {
		const difference = (a[i + word] as number) - (b[j + word] as number);
		if (difference !== 0) return difference;
	}
	return 0;
}
