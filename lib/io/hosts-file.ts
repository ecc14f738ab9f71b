// The names a machine knows without asking anybody: /etc/hosts, hosts(5). Read once, and again when the file has changed,
// for which it is looked at now and then. A file that cannot be read knows no names.
import { readFileSync, statSync } from 'node:fs';
import type { Clock } from '../core/clock.ts';
import { type Ip, ip4Within, isMapped, parseIp6, parseStrictIp4 } from '../core/ip.ts';

/** A change is seen this much later at most; looking costs one stat(2). */
const LOOK_EVERY_MS = 5_000;

export class HostsFile {
	readonly #path: string;
	readonly #clock: Clock;
	#names: ReadonlyMap<string, readonly Ip[]> = new Map();
	#version = '';
	#lookedMs = Number.NEGATIVE_INFINITY;

	constructor(path: string, clock: Clock) {
		this.#path = path;
		this.#clock = clock;
	}

	/** The addresses of a lower-case name in the order of the file, or null. */
	addresses(name: string): readonly Ip[] | null {
		const nowMs = this.#clock.nowMs();
		if (nowMs - this.#lookedMs >= LOOK_EVERY_MS) {
			this.#lookedMs = nowMs;
			this.#refresh();
		}
		return this.#names.get(name) ?? null;
	}

	#refresh(): void {
		try {
			const { ino, size, mtimeMs } = statSync(this.#path);
			const version = `${ino} ${size} ${mtimeMs}`;
			if (version === this.#version) return;
			this.#names = parseHosts(readFileSync(this.#path, 'latin1'));
			this.#version = version;
		} catch {
			this.#names = new Map();
			this.#version = '';
		}
	}
}

/** Reads hosts(5) text: a line is an address and its names, `#` begins a comment. Lines without an address are skipped. */
export function parseHosts(text: string): Map<string, readonly Ip[]> {
	const names = new Map<string, Ip[]>();
	for (const line of text.split('\n')) {
		const hash = line.indexOf('#');
		const [address, ...aliases] = (hash < 0 ? line : line.slice(0, hash)).split(/[ \t\r\f\v]+/).filter(Boolean);
		const ip = address === undefined ? null : parseAddress(address);
		if (ip !== null) for (const alias of aliases) add(names, alias, ip);
	}
	return names;
}

function add(names: Map<string, Ip[]>, alias: string, ip: Ip): void {
	const name = (alias.endsWith('.') ? alias.slice(0, -1) : alias).toLowerCase();
	const known = names.get(name);
	if (known) known.push(ip);
	else names.set(name, [ip]);
}

/** A zone is taken off: only link-local addresses have one, which policy refuses unless private ones are allowed. */
function parseAddress(text: string): Ip | null {
	const ip = parseIp6(text.split('%', 1)[0] as string) ?? parseStrictIp4(text);
	return ip instanceof Uint8Array && isMapped(ip) ? ip4Within(ip, 12) : ip;
}
