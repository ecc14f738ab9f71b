// Which of this machine's addresses a connection leaves from. Pure but for the dice, which are a CSPRNG: an address that
// can be foretold tells that two connections have one origin. Network, broadcast and subnet-router anycast addresses are
// nobody's to leave from (RFC 919, RFC 4291 section 2.6.1), nor are the 128 highest of an IPv6 subnet, which RFC 2526
// keeps for anycast.
//
// Families are apart: a target is reached from an address of its own family, and a family without a source is one that
// this machine does not have. Who dials leaves addresses of such a family out.
import { formatIp, type Ip, type Ip6, ip4Within } from '../core/ip.ts';
import { LeastUsed } from './least-used.ts';
import { lastOf, type Prefix } from './prefix.ts';

export type SourceStrategy = 'random' | 'round-robin' | 'least-used' | 'sticky';

/** Prefixes up to this size are counted address by address. */
const COUNTED = 65_536;

/** RFC 2526 section 2: the subnet anycast addresses that are kept, of prefixes that have room for a host part. */
const ANYCAST_TOP = 128;

/** A prefix to leave from. */
export interface SourcePrefix {
	readonly prefix: Prefix;
	/** What may be left from: `prefix` plus `offset`, `offset` + 1 and so on. Of a large IPv6 prefix a rounded number. */
	readonly offset: number;
	readonly count: number;
	/** Until then it is passed over, on the clock of who set it. */
	restsUntilMs: number;
	/** Connections that leave from it now; kept by who opens them. */
	open: number;
}

export interface SourceAddress {
	readonly ip: Ip;
	readonly from: SourcePrefix;
	/** For `release`; -1 where nothing is counted. */
	readonly slot: number;
}

/** A number of 32 bits that nobody can foretell. */
export type Dice = () => number;

/** The addresses of one family. */
export class SourceChoice {
	readonly #prefixes: readonly SourcePrefix[];
	readonly #strategy: SourceStrategy;
	readonly #dice: Dice;
	readonly #used: LeastUsed | null;
	/** Slots before each prefix, small ones having one for each address, others one. */
	readonly #slots: readonly number[];
	readonly #slotCount: number;
	#turn: number;

	/** `prefixes` are of one family and not empty. */
	constructor(prefixes: readonly Prefix[], strategy: SourceStrategy, dice: Dice) {
		this.#prefixes = prefixes.map(usableOf);
		this.#strategy = strategy;
		this.#dice = dice;
		const slots: number[] = [];
		let count = 0;
		for (const prefix of this.#prefixes) {
			slots.push(count);
			count += slotsOf(prefix);
		}
		this.#slots = slots;
		this.#slotCount = count;
		this.#used = strategy === 'least-used' ? new LeastUsed(count, dice) : null;
		this.#turn = dice() % count;
	}

	get prefixes(): readonly SourcePrefix[] {
		return this.#prefixes;
	}

	/**
	 * An address; null when every prefix rests. `sticky` is who always gets the same one, as 128 bits or more of a hash;
	 * null rolls the dice. `tried` are those that did not do.
	 */
	pick(sticky: Buffer | null, nowMs: number, tried: readonly SourceAddress[] = NONE): SourceAddress | null {
		for (let again = 0; again < TRIES; again++) {
			const found = this.#pickOne(again === 0 && tried.length === 0 ? sticky : null, nowMs);
			if (found === null || again === TRIES - 1 || !isIn(found, tried)) return found;
			this.release(found);
		}
		return null;
	}

	#pickOne(sticky: Buffer | null, nowMs: number): SourceAddress | null {
		if (sticky !== null) return this.#bySlots(sticky.readUInt32BE(0), nowMs, sticky);
		switch (this.#strategy) {
			case 'round-robin':
				return this.#bySlots(this.#turn++, nowMs, null);
			case 'least-used':
				return this.#leastUsed(nowMs);
			default:
				return this.#atRandom(nowMs);
		}
	}

	/** Every address of the family as likely as any other. */
	#atRandom(nowMs: number): SourceAddress | null {
		let total = 0;
		for (const prefix of this.#prefixes) if (prefix.restsUntilMs <= nowMs) total += prefix.count;
		let at = (this.#dice() / 2 ** 32) * total;
		let last: SourcePrefix | null = null;
		for (const prefix of this.#prefixes) {
			if (prefix.restsUntilMs > nowMs) continue;
			last = prefix;
			if (at < prefix.count) break;
			at -= prefix.count;
		}
		return last === null ? null : this.#random(last, -1, null);
	}

	/** Slots in turn; a prefix that rests gives its turn to the next one that does not. */
	#bySlots(number: number, nowMs: number, sticky: Buffer | null): SourceAddress | null {
		const slot = number % this.#slotCount;
		const first = this.#prefixAt(slot);
		for (let i = 0; i < this.#prefixes.length; i++) {
			const prefix = this.#prefixes[(first + i) % this.#prefixes.length] as SourcePrefix;
			if (prefix.restsUntilMs > nowMs) continue;
			if (prefix.count > COUNTED) return this.#random(prefix, -1, sticky);
			const within = i === 0 ? slot - (this.#slots[first] as number) : number;
			return { ip: at(prefix, within % prefix.count), from: prefix, slot: -1 };
		}
		return null;
	}

	#leastUsed(nowMs: number): SourceAddress | null {
		const used = this.#used as LeastUsed;
		const rests = (slot: number): boolean =>
			(this.#prefixes[this.#prefixAt(slot)] as SourcePrefix).restsUntilMs > nowMs;
		const slot = used.take(rests);
		if (slot < 0) return null;
		const index = this.#prefixAt(slot);
		const prefix = this.#prefixes[index] as SourcePrefix;
		if (prefix.count > COUNTED) return this.#random(prefix, slot, null);
		return { ip: at(prefix, slot - (this.#slots[index] as number)), from: prefix, slot };
	}

	#prefixAt(slot: number): number {
		let low = 0;
		let high = this.#slots.length;
		while (low < high - 1) {
			const middle = (low + high) >>> 1;
			if ((this.#slots[middle] as number) <= slot) low = middle;
			else high = middle;
		}
		return low;
	}

	/** An address of the prefix by the dice, or always the same by the bits of `sticky`. */
	#random(prefix: SourcePrefix, slot: number, sticky: Buffer | null): SourceAddress {
		if (prefix.count <= 2 ** 32) {
			const number = sticky === null ? this.#dice() : sticky.readUInt32BE(4);
			return { ip: at(prefix, number % prefix.count), from: prefix, slot };
		}
		const ip = Uint8Array.from(prefix.prefix.ip as Ip6);
		const { bits } = prefix.prefix;
		for (let i = bits >>> 3; i < 16; i += 4) {
			const word = sticky === null ? this.#dice() : sticky.readUInt32BE(4 * ((i >>> 2) % (sticky.length >>> 2)));
			for (let j = 0; j < 4 && i + j < 16; j++) {
				const mask = i + j === bits >>> 3 ? 0xff >>> (bits & 7) : 0xff;
				ip[i + j] = (ip[i + j] as number) | ((word >>> (8 * j)) & mask);
			}
		}
		// The reserved ends, one in 2^32 at most: the next to them is as good.
		if (isEnd(ip, prefix.prefix)) ip[15] = 0x55;
		return { ip, from: prefix, slot };
	}

	/** The connection is over. */
	release({ slot }: SourceAddress): void {
		if (slot >= 0) this.#used?.release(slot);
	}
}

const NONE: readonly SourceAddress[] = [];

/** Other addresses than those tried; in a prefix of few there may be none. */
const TRIES = 8;

function isIn(one: SourceAddress, tried: readonly SourceAddress[]): boolean {
	return tried.some((other) => formatIp(other.ip) === formatIp(one.ip));
}

function slotsOf(prefix: SourcePrefix): number {
	return prefix.count > COUNTED ? 1 : prefix.count;
}

/** What of a prefix may be left from. */
export function usableOf(prefix: Prefix): SourcePrefix {
	const size = 2 ** ((typeof prefix.ip === 'number' ? 32 : 128) - prefix.bits);
	const [low, high] = typeof prefix.ip === 'number' ? reserved4(size) : reserved6(size);
	return { prefix, offset: low, count: size - low - high, restsUntilMs: Number.NEGATIVE_INFINITY, open: 0 };
}

/** Network and broadcast; a /31 has neither (RFC 3021). */
function reserved4(size: number): readonly [number, number] {
	return size > 2 ? [1, 1] : [0, 0];
}

/** Subnet-router anycast below; a /127 between routers has none (RFC 6164), a prefix of few has no anycast block above. */
function reserved6(size: number): readonly [number, number] {
	return size > 2 ? [1, size > 2 * ANYCAST_TOP ? ANYCAST_TOP : 0] : [0, 0];
}

/** The address at `index` of those that may be left from; `index` below 2^32. */
function at({ prefix, offset }: SourcePrefix, index: number): Ip {
	if (typeof prefix.ip === 'number') return (prefix.ip + offset + index) >>> 0;
	const ip = Uint8Array.from(prefix.ip);
	let carry = offset + index;
	for (let i = 15; carry > 0 && i >= 0; i--) {
		carry += ip[i] as number;
		ip[i] = carry % 256;
		carry = Math.floor(carry / 256);
	}
	return ip;
}

/** Whether an address of a large prefix is one of those at its ends that are reserved. */
function isEnd(ip: Ip6, prefix: Prefix): boolean {
	const [first, last] = [prefix.ip as Ip6, lastOf(prefix) as Ip6];
	for (let i = 0; i < 12; i += 4) {
		const word = ip4Within(ip, i);
		if (word !== ip4Within(first, i) && word !== ip4Within(last, i)) return false;
	}
	return ip4Within(ip, 12) === ip4Within(first, 12) || ip4Within(ip, 12) > 0xffff_ff7f;
}
