// IP addresses as values: parsed once at the edge, compared and judged as numbers. An IPv4 address is one unsigned 32-bit
// number; an IPv6 address is its 16 bytes. Text is read as inet_aton(3) and RFC 4291 read it, because that is what a
// resolver or a kernel behind us would do with it; text is written as RFC 5952 says.

/** 16 bytes in network order. */
export type Ip6 = Uint8Array;

/** An address: IPv4 as an unsigned 32-bit number, IPv6 as 16 bytes. */
export type Ip = number | Ip6;

/**
 * Reads an IPv4 address in any spelling that inet_aton(3) takes: 1 to 4 parts, each decimal, 0x hex or 0 octal, the last
 * part filling what is left (`127.1`, `0x7f.1`, `2130706433`, `017700000001`). Returns null for anything else.
 */
export function parseIp4(text: string): number | null {
	if (text.length > 64) return null;
	const parts = text.split('.');
	if (parts.length > 4) return null;
	let value = 0;
	for (let i = 0; i < parts.length; i++) {
		const part = parsePart(parts[i] as string);
		if (part === null) return null;
		const last = i === parts.length - 1;
		if (part >= (last ? 2 ** (8 * (5 - parts.length)) : 256)) return null;
		value += last ? part : part * 2 ** (8 * (3 - i));
	}
	return value;
}

function parsePart(part: string): number | null {
	if (/^0[xX][0-9a-fA-F]*$/.test(part)) return part.length === 2 ? 0 : Number.parseInt(part.slice(2), 16);
	if (/^0[0-7]*$/.test(part)) return Number.parseInt(part, 8);
	return /^[1-9][0-9]*$/.test(part) ? Number(part) : null;
}

/** Reads an IPv6 address as RFC 4291 section 2.2 writes it, dotted tail included, without brackets or zone. Else null. */
export function parseIp6(text: string): Ip6 | null {
	if (text.length > 45 || !text.includes(':')) return null;
	const halves = text.split('::');
	if (halves.length > 2) return null;
	// A dotted tail ends the address, so it cannot stand before `::`.
	const head = groups(halves[0] as string, halves.length === 1);
	const tail = halves.length === 2 ? groups(halves[1] as string, true) : [];
	if (!head || !tail) return null;
	const missing = 8 - head.length - tail.length;
	if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
	const bytes = new Uint8Array(16);
	putWords(bytes, 0, head);
	putWords(bytes, 8 - tail.length, tail);
	return bytes;
}

function putWords(bytes: Uint8Array, start: number, words: readonly number[]): void {
	for (let i = 0; i < words.length; i++) {
		bytes[2 * (start + i)] = (words[i] as number) >>> 8;
		bytes[2 * (start + i) + 1] = (words[i] as number) & 255;
	}
}

function groups(text: string, mayEndDotted: boolean): number[] | null {
	if (text === '') return [];
	const words = text.split(':');
	const out: number[] = [];
	for (let i = 0; i < words.length; i++) {
		const word = words[i] as string;
		if (mayEndDotted && i === words.length - 1 && word.includes('.')) {
			const v4 = parseStrictIp4(word);
			if (v4 === null) return null;
			out.push(v4 >>> 16, v4 & 0xffff);
		} else {
			if (!/^[0-9a-fA-F]{1,4}$/.test(word)) return null;
			out.push(Number.parseInt(word, 16));
		}
	}
	return out;
}

/** Reads plain dotted decimal alone: four parts, no leading zeros. Else null. */
export function parseStrictIp4(text: string): number | null {
	return /^((0|[1-9]\d{0,2})\.){3}(0|[1-9]\d{0,2})$/.test(text) ? parseIp4(text) : null;
}

/** Any address in any spelling, or null. */
export function parseIp(text: string): Ip | null {
	return text.includes(':') ? parseIp6(text) : parseIp4(text);
}

/** Dotted decimal. */
export function formatIp4(ip: number): string {
	return `${ip >>> 24}.${(ip >>> 16) & 255}.${(ip >>> 8) & 255}.${ip & 255}`;
}

/** RFC 5952 text: lower case, the longest run of two or more zero groups shortened, the first of equal ones. */
export function formatIp6(ip: Ip6): string {
	if (isMapped(ip)) return `::ffff:${formatIp4(ip4Within(ip, 12))}`;
	const words: number[] = [];
	for (let i = 0; i < 16; i += 2) words.push(((ip[i] as number) << 8) | (ip[i + 1] as number));
	const [start, length] = longestZeroRun(words);
	const hex = words.map((word) => word.toString(16));
	if (length < 2) return hex.join(':');
	return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

function longestZeroRun(words: readonly number[]): [start: number, length: number] {
	let best = 0;
	let bestLength = 0;
	for (let i = 0; i < 8; i++) {
		let n = 0;
		while (i + n < 8 && words[i + n] === 0) n++;
		if (n > bestLength) [best, bestLength] = [i, n];
	}
	return [best, bestLength];
}

export function formatIp(ip: Ip): string {
	return typeof ip === 'number' ? formatIp4(ip) : formatIp6(ip);
}

export function isSameIp(a: Ip, b: Ip): boolean {
	if (typeof a === 'number' || typeof b === 'number') return a === b;
	for (let i = 0; i < 16; i++) if (a[i] !== b[i]) return false;
	return true;
}

export function isUnspecified(ip: Ip): boolean {
	return typeof ip === 'number' ? ip === 0 : ip.every((byte) => byte === 0);
}

/** True for ::ffff:0:0/96, an IPv4 address written as IPv6 (RFC 4291 section 2.5.5.2). */
export function isMapped(ip: Ip6): boolean {
	for (let i = 0; i < 10; i++) if (ip[i] !== 0) return false;
	return ip[10] === 255 && ip[11] === 255;
}

/** The four bytes at `offset` as an IPv4 address. */
export function ip4Within(ip: Uint8Array, offset: number): number {
	return (
		((ip[offset] as number) * 0x1000000 +
			((ip[offset + 1] as number) << 16) +
			((ip[offset + 2] as number) << 8) +
			(ip[offset + 3] as number)) >>>
		0
	);
}
