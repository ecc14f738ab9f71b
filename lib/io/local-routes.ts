// Which addresses the kernel takes for its own: the rows of the local routing tables, as proc(5) shows them. A prefix in
// there as a whole (`ip route add local PREFIX dev lo`) can be left from, because what answers comes in.
import { readFileSync } from 'node:fs';
import { parseStrictIp4 } from '../core/ip.ts';
import { contains, firstOf, type Prefix } from '../policy/prefix.ts';

/** linux/ipv6_route.h, RTF_LOCAL. */
const RTF_LOCAL = 0x8000_0000;

/** Local prefixes of both families; empty where the system does not tell. `proc` is where proc(5) is. */
export function localPrefixes(proc = '/proc'): Prefix[] {
	return [...ip4Of(textOf(`${proc}/net/fib_trie`)), ...ip6Of(textOf(`${proc}/net/ipv6_route`))];
}

/** Whether every address of the prefix is local. */
export function isLocal(prefix: Prefix, locals: readonly Prefix[]): boolean {
	return locals.some((local) => contains(local, prefix));
}

function textOf(file: string): string {
	try {
		return readFileSync(file, 'latin1');
	} catch {
		return '';
	}
}

/** Leaves of the trie: `|-- 198.51.100.0`, then a line `/24 host LOCAL` for each route there. The tables stand one after another. */
function ip4Of(text: string): Prefix[] {
	const found = new Map<string, Prefix>();
	let leaf: number | null = null;
	for (const line of text.split('\n')) {
		const [, address] = /^\s*\|-- ([\d.]+)$/.exec(line) ?? [];
		if (address !== undefined) leaf = parseStrictIp4(address);
		const [, bits] = /^\s*\/(\d{1,2}) \w+ LOCAL$/.exec(line) ?? [];
		if (bits !== undefined && leaf !== null) found.set(`${leaf}/${bits}`, { ip: leaf, bits: Number(bits) });
	}
	return [...found.values()];
}

/** `dest(32 hex) bits source bits gateway metric references uses flags device`, all in hex. */
function ip6Of(text: string): Prefix[] {
	return text.split('\n').flatMap((line) => {
		const [address = '', bits = '', , , , , , , flags = ''] = line.split(/\s+/);
		if (address.length !== 32 || (Number.parseInt(flags, 16) & RTF_LOCAL) === 0) return [];
		const ip = firstOf(Uint8Array.from(Buffer.from(address, 'hex')), Number.parseInt(bits, 16));
		return [{ ip, bits: Number.parseInt(bits, 16) }];
	});
}
