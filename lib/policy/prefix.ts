// Address prefixes and sets of them. A set is sorted numbers in typed arrays and is searched in halves, so that 100,000
// prefixes cost a look-up little more than one does. Notation: RFC 4632 section 3.1, RFC 4291 section 2.3.
import { formatIp, type Ip, type Ip6, ip4Within, isMapped, parseIp6, parseStrictIp4 } from '../core/ip.ts';

/** `ip` is the first address: the host bits are zero. */
export interface Prefix {
	readonly ip: Ip;
	readonly bits: number;
}

const EXPECTED = 'expected an address or prefix such as "192.0.2.0/24" or "2001:db8::/32"';

/**
 * Reads an address or a prefix; a bare address is the prefix of its whole length. Returns what is wrong as text: no
 * address in its plain spelling, host bits that are not zero (a mistake more often than not), IPv4 written as IPv6.
 */
export function parsePrefix(text: string): Prefix | string {
	const [address, length, more] = text.split('/') as [string, string?, string?];
	const ip = parseStrictIp4(address) ?? parseIp6(address);
	if (ip === null || more !== undefined) return EXPECTED;
	if (typeof ip !== 'number' && isMapped(ip)) return `write IPv4 as IPv4: "${formatIp(ip4Within(ip, 12))}"`;
	const most = typeof ip === 'number' ? 32 : 128;
	const bits = length === undefined ? most : /^\d{1,3}$/.test(length) ? Number(length) : most + 1;
	if (bits > most) return EXPECTED;
	const first = firstOf(ip, bits);
	return formatIp(first) === formatIp(ip) ? { ip, bits } : `host bits are set: write "${formatIp(first)}/${bits}"`;
}

/** The prefix of a single address. */
export function prefixOf(ip: Ip): Prefix {
	return { ip, bits: typeof ip === 'number' ? 32 : 128 };
}

/** The address with everything behind the first `bits` bits zero. */
export function firstOf(ip: Ip, bits: number): Ip {
	if (typeof ip === 'number') return bits === 0 ? 0 : (ip & (-1 << (32 - bits))) >>> 0;
	return Uint8Array.from(ip, (byte, i) => byte & maskOf(bits, i));
}

/** The last address of a prefix. */
export function lastOf({ ip, bits }: Prefix): Ip {
	if (typeof ip === 'number') return bits === 32 ? ip : (ip | (0xffffffff >>> bits)) >>> 0;
	return Uint8Array.from(ip, (byte, i) => byte | (255 - maskOf(bits, i)));
}

/** Whether `inner` lies wholly in `outer`. */
export function contains(outer: Prefix, inner: Prefix): boolean {
	if (outer.bits > inner.bits || typeof outer.ip !== typeof inner.ip) return false;
	return compareIp(firstOf(inner.ip, outer.bits), outer.ip) === 0;
}

/** The bits that a prefix of `bits` fixes in byte `i`. */
export function maskOf(bits: number, i: number): number {
	return 0xff & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i)));
}

/** Orders addresses of one family. */
function compareIp(a: Ip, b: Ip): number {
	if (typeof a === 'number' || typeof b === 'number') return Number(a) - Number(b);
	return Buffer.compare(a, b);
}

/** First and last addresses, of IPv6 in four words each. */
export interface Ranges {
	readonly starts4: Uint32Array;
	readonly ends4: Uint32Array;
	readonly starts6: Uint32Array;
	readonly ends6: Uint32Array;
}

/** Any number of prefixes of both families. An IPv6 address is looked up as it is: unwrap before you ask. */
export class PrefixSet {
	readonly #starts4: Uint32Array;
	readonly #ends4: Uint32Array;
	/** Four words each. */
	readonly #starts6: Uint32Array;
	readonly #ends6: Uint32Array;

	constructor(prefixes: readonly Prefix[], ranges: Ranges = rangesOf(prefixes)) {
		this.#starts4 = ranges.starts4;
		this.#ends4 = ranges.ends4;
		this.#starts6 = ranges.starts6;
		this.#ends6 = ranges.ends6;
	}

	/** Of what is sorted already, without one range in another. */
	static ofRanges(ranges: Ranges): PrefixSet {
		return new PrefixSet([], ranges);
	}

	/** Ranges in it: prefixes less those that lie in another. */
	get size(): number {
		return this.#starts4.length + this.#starts6.length / 4;
	}

	has(ip: Ip): boolean {
		return typeof ip === 'number' ? this.#has4(ip >>> 0) : this.#has6(ip);
	}

	#has4(ip: number): boolean {
		const at = lastAtMost(this.#starts4, ip);
		return at >= 0 && ip <= (this.#ends4[at] as number);
	}

	#has6(ip: Ip6): boolean {
		let low = 0;
		let high = this.#starts6.length / 4;
		while (low < high) {
			const middle = (low + high) >>> 1;
			if (compareWords(this.#starts6, middle, ip) <= 0) low = middle + 1;
			else high = middle;
		}
		return low > 0 && compareWords(this.#ends6, low - 1, ip) >= 0;
	}
}

/** The index of the last number that is not above `value`, or -1. `sorted` rises. */
export function lastAtMost(sorted: Uint32Array, value: number): number {
	let low = 0;
	let high = sorted.length;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if ((sorted[middle] as number) <= value) low = middle + 1;
		else high = middle;
	}
	return low - 1;
}

function rangesOf(prefixes: readonly Prefix[]): Ranges {
	const ip4 = outermost(prefixes.filter((prefix) => typeof prefix.ip === 'number'));
	const ip6 = outermost(prefixes.filter((prefix) => typeof prefix.ip !== 'number'));
	return {
		starts4: Uint32Array.from(ip4, (prefix) => prefix.ip as number),
		ends4: Uint32Array.from(ip4, (prefix) => lastOf(prefix) as number),
		starts6: Uint32Array.from(ip6.flatMap((prefix) => wordsOf(prefix.ip as Ip6))),
		ends6: Uint32Array.from(ip6.flatMap((prefix) => wordsOf(lastOf(prefix) as Ip6))),
	};
}

/** Sorted, without those that lie in another: two prefixes never overlap in part. */
function outermost(prefixes: readonly Prefix[]): Prefix[] {
	const out: Prefix[] = [];
	for (const prefix of prefixes.toSorted((a, b) => compareIp(a.ip, b.ip) || a.bits - b.bits)) {
		const before = out.at(-1);
		if (!before || !contains(before, prefix)) out.push(prefix);
	}
	return out;
}

/** The address in four words of 32 bits. */
export function wordsOf(ip: Ip6): number[] {
	return [ip4Within(ip, 0), ip4Within(ip, 4), ip4Within(ip, 8), ip4Within(ip, 12)];
}

/** The address at `index` minus `ip`, as far as its sign. */
function compareWords(words: Uint32Array, index: number, ip: Ip6): number {
	for (let i = 0; i < 4; i++) {
		const difference = (words[4 * index + i] as number) - ip4Within(ip, 4 * i);
		if (difference !== 0) return difference;
	}
	return 0;
}
