// Asks DNS servers for both families of a name at once, by an own c-ares channel. No cache and no judgement; what goes wrong
// is told as one of our codes, because c-ares puts the name into its messages.
import { promises as dns } from 'node:dns';
import type { Code } from '../core/error.ts';
import { formatIp, type Ip, ip4Within, isMapped, parseIp } from '../core/ip.ts';
import { type Target, targetOfHost } from '../core/target.ts';

/** RFC 8305 section 3, "Resolution Delay": how long a family that has answered waits for the other. */
const RESOLUTION_DELAY_MS = 50;

/** Kept of one family's answer: no dial tries as many, and a hostile answer may hold thousands. */
const MAX_ADDRESSES = 16;

/** Questions put to each server before giving up. */
const TRIES = 2;

/** One family's answer. */
export interface Answer {
	readonly addresses: readonly Ip[];
	readonly ttlMs: number;
	/** Null with addresses. */
	readonly failure: Code | null;
}

/** Null for a family that has not answered yet. */
export type Told = (ip4: Answer | null, ip6: Answer | null) => void;

export class DnsClient {
	readonly #dns: dns.Resolver;

	/** `servers` as node:dns takes them, those of resolv.conf(5) when empty. Throws TypeError for one that is no address. */
	constructor(servers: readonly string[], timeoutMs: number) {
		const count = servers.length || dns.getServers().length || 1;
		const timeout = Math.max(1, Math.floor(timeoutMs / (count * TRIES)));
		this.#dns = new dns.Resolver({ timeout, maxTimeout: timeout, tries: TRIES });
		if (servers.length > 0) this.#dns.setServers(servers);
	}

	/** Tells when both families are answered, and once before when one of them has waited long enough for the other. */
	ask(name: string, tell: Told): void {
		const lookup = new Lookup(tell);
		void this.#dns.resolve4(name, { ttl: true }).then(answered, failed).then(lookup.ip4);
		void this.#dns.resolve6(name, { ttl: true }).then(answered, failed).then(lookup.ip6);
	}

	/** The first name of an address that can be one, or why there is none. Never rejects. */
	async reverse(ip: Ip): Promise<Target | Code> {
		try {
			for (const name of await this.#dns.reverse(formatIp(ip))) {
				const target = targetOfHost(name, 0);
				if (target?.kind === 'name') return target;
			}
			return 'destination_not_found';
		} catch (error) {
			return codeOfDns((error as NodeJS.ErrnoException).code ?? 'unknown');
		}
	}

	/** Every question that is open is told `dns_error`. */
	cancel(): void {
		this.#dns.cancel();
	}
}

/** Two questions about one name. Tells when both are answered, and before that when one has waited long enough. */
class Lookup {
	readonly #tell: Told;
	#ip4: Answer | null = null;
	#ip6: Answer | null = null;
	#delay: NodeJS.Timeout | null = null;

	constructor(tell: Told) {
		this.#tell = tell;
	}

	readonly ip4 = (answer: Answer): void => {
		this.#ip4 = answer;
		this.#answered(answer);
	};

	readonly ip6 = (answer: Answer): void => {
		this.#ip6 = answer;
		this.#answered(answer);
	};

	#answered(answer: Answer): void {
		if (this.#ip4 && this.#ip6) {
			if (this.#delay) clearTimeout(this.#delay);
			this.#tell(this.#ip4, this.#ip6);
		} else if (answer.addresses.length > 0) {
			this.#delay = setTimeout(() => this.#tell(this.#ip4, this.#ip6), RESOLUTION_DELAY_MS);
		}
	}
}

function answered(records: readonly { readonly address: string; readonly ttl: number }[]): Answer {
	const addresses: Ip[] = [];
	let ttl = Number.POSITIVE_INFINITY;
	for (const record of records.slice(0, MAX_ADDRESSES)) {
		const ip = parseIp(record.address);
		if (ip === null) continue;
		ttl = Math.min(ttl, record.ttl);
		addresses.push(typeof ip !== 'number' && isMapped(ip) ? ip4Within(ip, 12) : ip);
	}
	return addresses.length === 0 ? failed(null) : { addresses, ttlMs: ttl * 1_000, failure: null };
}

/** Error codes of c-ares; ENODATA, and an answer without addresses, is a name without this family. */
function failed(error: NodeJS.ErrnoException | null): Answer {
	return { addresses: [], ttlMs: Number.POSITIVE_INFINITY, failure: codeOfDns(error?.code ?? 'ENODATA') };
}

function codeOfDns(code: string): Code {
	if (code === 'ENOTFOUND' || code === 'ENODATA' || code === 'EBADNAME') return 'destination_not_found';
	return code === 'ETIMEOUT' ? 'dns_timeout' : 'dns_error';
}
