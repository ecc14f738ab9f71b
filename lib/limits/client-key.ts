// What counts as one client: a prefix, because whoever has an IPv6 subnet has 2^64 addresses to change to. An IPv4
// address that comes inside IPv6 is taken out first, or all clients behind one translator would be one. The same key
// serves limits, sessions and records.
import type { Client } from '../core/client.ts';
import { formatIp4, type Ip, type Ip6, ip4Within, isMapped } from '../core/ip.ts';

export interface ClientPrefixes {
	readonly v4Bits: number;
	readonly v6Bits: number;
	/** Of the wider prefix by which IPv6 clients are counted too; null: they are not. */
	readonly networkBits: number | null;
}

/** One IPv4 address, one IPv6 subnet: the least that any provider hands out (RFC 6177), and a site, the most that one has. */
export const CLIENT_PREFIXES: ClientPrefixes = { v4Bits: 32, v6Bits: 64, networkBits: 48 };

/** The client at an address as accepted, IPv4-mapped ones unwrapped; a zone has no place in an `Ip`. */
export function clientOf(ip: Ip, prefixes: ClientPrefixes = CLIENT_PREFIXES): Client {
	const plain = typeof ip !== 'number' && isMapped(ip) ? ip4Within(ip, 12) : ip;
	const ip4 = ip4Of(plain);
	const network = ip4 === null ? networkKey(plain as Ip6, prefixes) : null;
	const client = { ip: plain, key: clientKey(plain, prefixes), network };
	return ip4 !== null && prefixes.v4Bits >= 32 ? { ...client, id: ip4 } : client;
}

/** The wider prefix as text. IPv4 has none: an address is all that most people have there. */
function networkKey(ip: Ip6, { networkBits }: ClientPrefixes): string | null {
	return networkBits === null ? null : key6(ip, networkBits);
}

/**
 * The prefix as text: `192.0.2.1`, `192.0.2.0/24`, `2001:db8:0:1::/64`. The same prefix gives the same text; of IPv6 it
 * is not the shortest one.
 */
export function clientKey(ip: Ip, { v4Bits, v6Bits }: Omit<ClientPrefixes, 'networkBits'> = CLIENT_PREFIXES): string {
	const ip4 = ip4Of(ip);
	if (ip4 === null) return key6(ip as Ip6, v6Bits);
	if (v4Bits >= 32) return formatIp4(ip4);
	return `${formatIp4(v4Bits === 0 ? 0 : (ip4 & (-1 << (32 - v4Bits))) >>> 0)}/${v4Bits}`;
}

/**
 * The IPv4 address that a client has, as it is or seen through IPv4-mapped, NAT64 (64:ff9b::/96) or 6to4. Forms in which a client
 * picks the IPv4 part by itself (ISATAP) are not among them: they would give it as many keys as it likes.
 */
function ip4Of(ip: Ip): number | null {
	if (typeof ip === 'number') return ip;
	if (ip[0] === 0x20 && ip[1] === 0x02) return ip4Within(ip, 2);
	if (ip[0] !== 0) return null;
	const isNat64 = ip4Within(ip, 0) === 0x0064ff9b && ip4Within(ip, 4) === 0 && ip4Within(ip, 8) === 0;
	return isNat64 || isMapped(ip) ? ip4Within(ip, 12) : null;
}

function key6(ip: Ip6, bits: number): string {
	let text = '';
	for (let left = bits, i = 0; left > 0; left -= 16, i += 2) {
		const word = ((ip[i] as number) << 8) | (ip[i + 1] as number);
		text += (left < 16 ? word & (0xffff << (16 - left)) : word).toString(16);
		text += ':';
	}
	return bits > 112 ? `${text.slice(0, -1)}/${bits}` : `${text}:/${bits}`;
}
