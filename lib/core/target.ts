// Where a client wants to go. One canonical value is judged, resolved, dialled and logged, whatever the spelling on the
// wire: an IP literal given as a name becomes an address here, before any policy sees it.
import { formatIp4, formatIp6, type Ip, ip4Within, isMapped, parseIp4, parseIp6 } from './ip.ts';

/** `ip` is null for a name. A name stays unresolved until a way out needs an address. */
export interface Target {
	readonly kind: 'ip4' | 'ip6' | 'name';
	/** Canonical text: dotted decimal, RFC 5952 without brackets, or a lower-case name without a trailing dot. */
	readonly host: string;
	readonly ip: Ip | null;
	readonly port: number;
}

export function targetOfIp4(ip: number, port: number): Target {
	return { kind: 'ip4', host: formatIp4(ip), ip, port };
}

/** An IPv4-mapped address becomes the IPv4 address it is: the kernel would dial that one. Copies `ip`. */
export function targetOfIp6(ip: Uint8Array, port: number): Target {
	if (isMapped(ip)) return targetOfIp4(ip4Within(ip, 12), port);
	const own = Uint8Array.from(ip);
	return { kind: 'ip6', host: formatIp6(own), ip: own, port };
}

export function targetOfIp(ip: Ip, port: number): Target {
	return typeof ip === 'number' ? targetOfIp4(ip, port) : targetOfIp6(ip, port);
}

/**
 * A target from host text: an address in any spelling (odd IPv4 ones as inet_aton(3) reads them, IPv6 with or without
 * brackets), else a name. Null for what cannot be a host: empty, over 253 bytes, control bytes, white space, brackets,
 * a zone, bytes outside ASCII, an empty or over-long label. A trailing dot is taken off once, of a name and of an IPv4
 * address. Underscores and the other marks that RFC 3986 lets a reg-name have are kept, `:/?#@\%"` are not.
 */
export function targetOfHost(host: string, port: number): Target | null {
	if (host.includes(':')) {
		const ip6 = parseIp6(host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host);
		return ip6 === null ? null : targetOfIp6(ip6, port);
	}
	const bare = host.endsWith('.') ? host.slice(0, -1) : host;
	const ip4 = parseIp4(bare);
	if (ip4 !== null) return targetOfIp4(ip4, port);
	if (!/^[!$&'()*+,\-.0-9;=A-Z_a-z~]{1,253}$/.test(bare)) return null;
	for (const label of bare.split('.')) if (label.length === 0 || label.length > 63) return null;
	// A name whose last label is a number would be read as an address by some resolver (WHATWG URL, "ends in a number").
	if (/(^|\.)(0[xX][0-9a-fA-F]*|[0-9]+)$/.test(bare)) return null;
	return { kind: 'name', host: bare.toLowerCase(), ip: null, port };
}

/** host:port as a URL or a CONNECT line writes it: brackets around IPv6. */
export function authorityOf(target: Target): string {
	return target.kind === 'ip6' ? `[${target.host}]:${target.port}` : `${target.host}:${target.port}`;
}
