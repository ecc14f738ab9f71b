// Addresses as the kernel and node write them.
import { type Ip, ip4Within, isMapped, parseIp6 } from '../core/ip.ts';

/** An address as the kernel writes it, IPv4-mapped ones unwrapped. */
export function ipOfKernel(text: string): Ip | null {
	if (!text.includes(':')) return ip4OfKernel(text);
	const zone = text.indexOf('%');
	const ip = parseIp6(zone < 0 ? text : text.slice(0, zone));
	return ip !== null && isMapped(ip) ? ip4Within(ip, 12) : ip;
}

/** Dotted decimal that the kernel wrote: a sixth of what a parse that trusts nobody costs. */
function ip4OfKernel(text: string): number {
	let value = 0;
	let part = 0;
	for (let i = 0; i < text.length; i++) {
		const digit = text.charCodeAt(i) - 48;
		if (digit >= 0) part = part * 10 + digit;
		else {
			value = value * 256 + part;
			part = 0;
		}
	}
	return value * 256 + part;
}
