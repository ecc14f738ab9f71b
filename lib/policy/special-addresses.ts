// Says whether an address is an ordinary public one. IPv4 inside IPv6 is taken out and judged as well, because a
// translator, a tunnel or the kernel sends the packet to that one. What cannot be seen from an address: a NAT64 prefix
// that a network has made of its own global addresses (RFC 6052 section 2.2, "network-specific"); an operator behind
// such a translator denies it by a rule.
import { type Ip, type Ip6, ip4Within, isMapped } from '../core/ip.ts';
import { contains, lastAtMost, lastOf, maskOf, type Prefix, parsePrefix, prefixOf } from './prefix.ts';
import { SPECIAL_RANGES, type SpecialRange } from './special-ranges.ts';

interface Row extends Prefix {
	readonly range: SpecialRange;
}

const NONE: readonly number[] = [];

/** The most specific first. */
const ROWS: readonly Row[] = SPECIAL_RANGES.map(rowOf).toSorted((a, b) => b.bits - a.bits);
const STARTS4: Uint32Array = starts4();
/** The range of the addresses from each start to the next. */
const RANGES4: readonly (SpecialRange | null)[] = Array.from(STARTS4, (start) => rangeAround(prefixOf(start)));
const ROWS6: readonly (readonly Row[])[] = Array.from({ length: 256 }, (_, byte) => rowsOfFirstByte(byte));

/**
 * Why an address is not for everybody: the special range it lies in, or that an IPv4 address inside it lies in; null for
 * an ordinary public unicast address. `permits` says which ranges are no reason; without it those whose reach is `yes`.
 */
export function specialRangeOf(
	ip: Ip,
	permits: (range: SpecialRange) => boolean = isForEverybody,
): SpecialRange | null {
	const own = rangeOf(ip);
	if (own !== null && !permits(own)) return own;
	if (typeof ip === 'number') return null;
	for (const inner of embeddedIp4s(ip)) {
		const range = rangeOf(inner);
		if (range !== null && !permits(range)) return range;
	}
	return null;
}

function isForEverybody(range: SpecialRange): boolean {
	return range.reach === 'yes';
}

/** The most specific row of the table that an address lies in, whatever may be inside it. IPv4-mapped is IPv4. */
export function rangeOf(ip: Ip): SpecialRange | null {
	if (typeof ip === 'number') return RANGES4[lastAtMost(STARTS4, ip >>> 0)] as SpecialRange | null;
	if (isMapped(ip)) return rangeOf(ip4Within(ip, 12));
	for (const row of ROWS6[ip[0] as number] as readonly Row[]) if (matches(ip, row)) return row.range;
	return null;
}

/** The most specific row of the table that a prefix lies in as a whole. */
export function rangeAround(prefix: Prefix): SpecialRange | null {
	return ROWS.find((row) => contains(row, prefix))?.range ?? null;
}

/**
 * The IPv4 addresses that an IPv6 address carries: mapped, compatible and translated (RFC 4291, 2765), NAT64 (RFC 6052;
 * of the local-use prefix the layout of a /96), 6to4 (RFC 3056 section 2), server and client of Teredo (RFC 4380 section
 * 4, the client's with its bits turned), ISATAP under any prefix (RFC 5214 section 6.1).
 */
export function embeddedIp4s(ip: Ip6): readonly number[] {
	const head = ip4Within(ip, 0);
	if (head === 0) return wrapsIp4(ip) ? [ip4Within(ip, 12)] : NONE;
	if (head === 0x0064ff9b) return isNat64(ip) ? [ip4Within(ip, 12)] : NONE;
	if (head === 0x20010000) return [ip4Within(ip, 4), ~ip4Within(ip, 12) >>> 0];
	if (head >>> 16 === 0x2002) return [ip4Within(ip, 2)];
	// The bit 0x02 tells whether the IPv4 address claims to be unique in the world.
	return (ip4Within(ip, 8) & ~0x02000000) === 0x00005efe ? [ip4Within(ip, 12)] : NONE;
}

/** ::a.b.c.d but for :: and ::1, ::ffff:a.b.c.d, ::ffff:0:a.b.c.d; the first word is zero. */
function wrapsIp4(ip: Ip6): boolean {
	if (ip4Within(ip, 4) !== 0) return false;
	const third = ip4Within(ip, 8);
	return third === 0x0000ffff || third === 0xffff0000 || (third === 0 && ip4Within(ip, 12) > 1);
}

/** 64:ff9b::/96 or 64:ff9b:1::/48; the first word is 64:ff9b. */
function isNat64(ip: Ip6): boolean {
	const second = ip4Within(ip, 4);
	return second >>> 16 === 1 || (second === 0 && ip4Within(ip, 8) === 0);
}

function matches(ip: Ip6, { ip: first, bits }: Row): boolean {
	for (let i = 0; 8 * i < bits; i++)
		if (((ip[i] as number) ^ ((first as Ip6)[i] as number)) & maskOf(bits, i)) return false;
	return true;
}

/** Where the answer can change: the first address of each IPv4 row and the one behind its last. */
function starts4(): Uint32Array {
	const starts = new Set([0]);
	for (const row of ROWS) {
		if (typeof row.ip !== 'number') continue;
		starts.add(row.ip);
		const behind = (lastOf(row) as number) + 1;
		if (behind < 2 ** 32) starts.add(behind);
	}
	return Uint32Array.from(starts).sort();
}

function rowsOfFirstByte(byte: number): Row[] {
	return ROWS.filter(({ ip, bits }) => typeof ip !== 'number' && (byte & maskOf(bits, 0)) === ip[0]);
}

function rowOf(range: SpecialRange): Row {
	const prefix = parsePrefix(range.prefix);
	if (typeof prefix === 'string') throw new Error(`${range.prefix}: ${prefix}`);
	return { ...prefix, range };
}
