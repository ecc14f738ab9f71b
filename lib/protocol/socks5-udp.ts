// The header of a datagram that goes through a SOCKS5 relay (RFC 1928 section 7), both ways and both sides. Sans-I/O, and on
// the path of every datagram: it looks at bytes where they lie and makes no object before it has to.
//
//   | RSV 00 00 | FRAG | ATYP | DST.ADDR .. | DST.PORT 2 | DATA .. |
//
// "An implementation that does not support fragmentation MUST drop any datagram whose FRAG field is other than X'00'": this
// one does not. Nobody sends fragments, and whoever could make us keep them would have our memory.
import { type Ip, ip4Within } from '../core/ip.ts';
import { type Target, targetOfHost, targetOfIp, targetOfIp4, targetOfIp6 } from '../core/target.ts';
import { ATYP, addressBytes } from './socks5.ts';

/** RSV, FRAG, ATYP. */
const FIXED_BYTES = 4;
const PORT_BYTES = 2;
export const IP4_HEADER_BYTES: number = FIXED_BYTES + 4 + PORT_BYTES;
const IP6_HEADER_BYTES = FIXED_BYTES + 16 + PORT_BYTES;

/**
 * Length of the header of the datagram in `bytes` from `start` to `end`; 0 for one to be dropped: cut short, RSV or FRAG not
 * zero, an ATYP that does not exist, an empty name, port 0. An empty payload is a datagram like any other.
 */
export function headerLength(bytes: Uint8Array, start: number, end: number): number {
	const size = end - start;
	if (size <= FIXED_BYTES) return 0;
	if (bytes[start] !== 0 || bytes[start + 1] !== 0 || bytes[start + 2] !== 0) return 0;
	const length = lengthByType(bytes[start + 3] as number, bytes[start + 4] as number);
	if (length === 0 || size < length) return 0;
	return bytes[start + length - 2] === 0 && bytes[start + length - 1] === 0 ? 0 : length;
}

function lengthByType(type: number, nameBytes: number): number {
	if (type === ATYP.ip4) return IP4_HEADER_BYTES;
	if (type === ATYP.ip6) return IP6_HEADER_BYTES;
	return type === ATYP.name && nameBytes > 0 ? FIXED_BYTES + 1 + nameBytes + PORT_BYTES : 0;
}

/** Where a datagram goes, or comes from, by its header of `length` bytes at `start`; null for a name that cannot be one. */
export function targetOfHeader(bytes: Buffer, start: number, length: number): Target | null {
	const portAt = start + length - PORT_BYTES;
	const port = bytes.readUInt16BE(portAt);
	if (bytes[start + 3] === ATYP.ip4) return targetOfIp4(ip4Within(bytes, start + FIXED_BYTES), port);
	if (bytes[start + 3] === ATYP.ip6) return targetOfIp6(bytes.subarray(start + FIXED_BYTES, portAt), port);
	return targetOfHost(bytes.toString('latin1', start + FIXED_BYTES + 1, portAt), port);
}

/**
 * What tells the headers of one relay apart, cheaply: a number for an IPv4 address and its port, else the bytes as text.
 * `length` as `headerLength` gives it.
 */
export function keyOfHeader(bytes: Buffer, start: number, length: number): number | string {
	if (length !== IP4_HEADER_BYTES || bytes[start + 3] !== ATYP.ip4)
		return bytes.toString('latin1', start + 3, start + length);
	return keyOfIp4(
		ip4Within(bytes, start + FIXED_BYTES),
		(bytes[start + 8] as number) * 256 + (bytes[start + 9] as number),
	);
}

/** An IPv4 address and a port as one number. */
export function keyOfIp4(ip: number, port: number): number {
	return ip * 0x10000 + port;
}

/** The header of a datagram to or from `target`. */
export function headerOf(target: Target): Buffer {
	return Buffer.concat([Buffer.alloc(3), addressBytes(target), Buffer.of(target.port >>> 8, target.port & 255)]);
}

/** The same, for an address: what an answer carries. */
export function headerOfIp(ip: Ip, port: number): Buffer {
	return headerOf(targetOfIp(ip, port));
}
