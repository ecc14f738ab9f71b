// struct sockaddr_in and sockaddr_in6 of ip(7) and ipv6(7), to and from our addresses. The family is in the order of this
// machine, port and address are in network order; every machine that io/native.ts works on is little-endian.
import { type Ip, ip4Within, isMapped } from '../core/ip.ts';
import { AF_INET, AF_INET6 } from './native.ts';

export const SOCKADDR_IN_BYTES = 16;
export const SOCKADDR_IN6_BYTES = 28;

/** The address family that reaches `ip`. */
export function familyOf(ip: Ip): number {
	return typeof ip === 'number' ? AF_INET : AF_INET6;
}

/** Made once: for each call a new one would cost four allocations of memory outside of V8's heap. */
const IN: Uint8Array = new Uint8Array(new ArrayBuffer(SOCKADDR_IN_BYTES));
const IN6: Uint8Array = new Uint8Array(new ArrayBuffer(SOCKADDR_IN6_BYTES));

/** A sockaddr, as bind(2) and connect(2) take it; good until the next one is asked for. */
export function sockaddrOf(ip: Ip, port: number): Uint8Array {
	const bytes = typeof ip === 'number' ? IN : IN6.fill(0);
	bytes[0] = familyOf(ip);
	bytes[2] = port >>> 8;
	bytes[3] = port & 0xff;
	if (typeof ip === 'number') for (let i = 0; i < 4; i++) bytes[4 + i] = (ip >>> (24 - 8 * i)) & 0xff;
	else bytes.set(ip, 8);
	return bytes;
}

/** The address in a sockaddr that the kernel wrote, IPv4-mapped ones unwrapped; a copy. */
export function ipOfSockaddr(bytes: Uint8Array): Ip {
	if (bytes[0] === AF_INET) return ip4Within(bytes, 4);
	return isMapped(bytes.subarray(8, 24)) ? ip4Within(bytes, 20) : bytes.slice(8, 24);
}

/** The port in a sockaddr that the kernel wrote. */
export function portOfSockaddr(bytes: Uint8Array): number {
	return ((bytes[2] as number) << 8) | (bytes[3] as number);
}
