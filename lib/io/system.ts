// What this machine grants a gateway, read from proc(5): ports, descriptors, queues, addresses. Null where it does not tell.
import { readFileSync } from 'node:fs';
import { nativeCalls } from './native.ts';

export interface SystemFacts {
	/** Sockets are made by system calls, so a port serves once for each target. */
	readonly native: boolean;
	/** Ports that the kernel gives out by itself. */
	readonly ports: number | null;
	readonly somaxconn: number | null;
	/** net.ipv6.ip_nonlocal_bind. */
	readonly nonlocalBind6: boolean | null;
	/** Most descriptors of a process like this one; node takes all it may have. */
	readonly descriptors: number | null;
	/** CAP_NET_ADMIN. */
	readonly netAdmin: boolean | null;
}

/** `proc` is where proc(5) is. */
export function systemFacts(proc = '/proc'): SystemFacts {
	const read = (file: string): string | null => {
		try {
			return readFileSync(`${proc}/${file}`, 'latin1').trim();
		} catch {
			return null;
		}
	};
	return {
		native: nativeCalls() !== null,
		ports: portsOf(read('sys/net/ipv4/ip_local_port_range')),
		somaxconn: numberOf(read('sys/net/core/somaxconn')),
		nonlocalBind6: isOne(read('sys/net/ipv6/ip_nonlocal_bind')),
		descriptors: numberOf(/^Max open files\s+\S+\s+(\d+)/m.exec(read('self/limits') ?? '')?.[1] ?? null),
		netAdmin: hasNetAdmin(/^CapEff:\s*([0-9a-f]+)/m.exec(read('self/status') ?? '')?.[1] ?? null),
	};
}

function portsOf(text: string | null): number | null {
	const [first, last] = (text ?? '').split(/\s+/).map(Number);
	return first && last ? last - first + 1 : null;
}

function numberOf(text: string | null): number | null {
	return text === null || !/^\d+$/.test(text) ? null : Number(text);
}

function isOne(text: string | null): boolean | null {
	return text === null ? null : text === '1';
}

/** Bit 12 of capabilities(7). */
function hasNetAdmin(hex: string | null): boolean | null {
	return hex === null ? null : ((BigInt(`0x${hex}`) >> 12n) & 1n) === 1n;
}
