// Names to addresses, by an own c-ares resolver and never by getaddrinfo(3), whose four threads a few dead names would
// block for everybody. A and AAAA are asked at once; answers are kept by their TTL, good and bad ones; whoever asks for a
// name that is being asked for shares the question. /etc/hosts goes before, localhost is answered here (RFC 6761 section
// 6.3). Nothing is logged, and no error carries the name.

import { networkInterfaces } from 'node:os';
import { type Clock, systemClock } from '../core/clock.ts';
import { abortError } from '../core/dialer.ts';
import { type Code, GatewayError } from '../core/error.ts';
import type { Halt } from '../core/halt.ts';
import type { Ip } from '../core/ip.ts';
import type { Target } from '../core/target.ts';
import { type Answer, DnsClient } from './dns-client.ts';
import { HostsFile } from './hosts-file.ts';

/** Names asked for at once; two queries each. Beyond it a name is refused: a queue would only hold flows that time out. */
const MAX_LOOKUPS = 1_024;

/**
 * An asker has at most so many, enough for a session of tabs that is restored; from when half of all are taken, a sixteenth
 * of those left, and one as long as there is any. So it takes a hundred who ask for names that nobody answers to take all.
 */
const MOST_OF_ONE = 256;
const SCARCE = MAX_LOOKUPS / 2;
const SHARE = 1 / 16;

/** RFC 9520 section 3.2: a failure is kept for a second at least, or each client's retry is a query. */
const FAILURE_TTL_MS = 1_000;

/** How long the look at this machine's addresses holds. */
const FAMILY_TTL_MS = 30_000;

const LOCALHOST: readonly Ip[] = [0x7f000001, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)];

export interface ResolverOptions {
	/** Addresses as `192.0.2.1`, `192.0.2.1:5353`, `[2001:db8::1]:53`. Default: those of resolv.conf(5), read once. */
	readonly servers?: readonly string[];
	/** One name, all servers and tries together. Default 5 s, the time after which resolv.conf(5) tries again. */
	readonly timeoutMs?: number;
	/** Default 10,000, about 7 MB. The name unused for longest goes first. */
	readonly cacheEntries?: number;
	/** No answer is kept for less (default 5 s: a TTL of 0 would cost a query a connection) ... */
	readonly minTtlMs?: number;
	/** ... or for more (default 1 h: a name that moved is found again without a restart). */
	readonly maxTtlMs?: number;
	/** How long "no such name" is kept. Default 10 s; RFC 2308 lets a zone say more, which c-ares does not tell. */
	readonly negativeTtlMs?: number;
	/** Default /etc/hosts; null: none is read. */
	readonly hostsFile?: string | null;
}

export interface ResolverDeps {
	readonly clock?: Clock;
	/** Whether IPv6 addresses go first. Default: `hasGlobalIp6`. */
	readonly prefersIp6?: () => boolean;
}

/** What a dialer needs of a resolver. */
export interface NameResolver {
	/**
	 * The addresses of a canonical name, families alternating, never empty. Rejects with GatewayError, phase `resolve`:
	 * `destination_not_found`, `dns_timeout`, `dns_error`, or why `signal` was aborted. `asker` is whose share of all lookups
	 * it takes: `crowdOf` of a flow.
	 */
	resolve(name: string, signal: Halt, asker: string): Promise<readonly Ip[]>;
	/** The name of an address, by PTR, as a target without a port. Rejects as `resolve` does. */
	reverse(ip: Ip, signal: Halt, asker: string): Promise<Target>;
}

/** What is known of a name until `expiresMs`. */
interface Entry {
	readonly result: readonly Ip[] | GatewayError;
	readonly expiresMs: number;
}

export class Resolver implements NameResolver {
	readonly #dns: DnsClient;
	readonly #hosts: HostsFile | null;
	readonly #clock: Clock;
	readonly #prefersIp6: () => boolean;
	readonly #options: Required<Pick<ResolverOptions, 'cacheEntries' | 'minTtlMs' | 'maxTtlMs' | 'negativeTtlMs'>>;
	/** In order of use, the least recent first. */
	readonly #cache: Map<string, Entry> = new Map();
	readonly #asked: Map<string, Promise<readonly Ip[]>> = new Map();
	#lookups = 0;
	/** Lookups by asker. */
	readonly #askers: Map<string, number> = new Map();
	#closed = false;

	/** Throws TypeError for a server that is no address. */
	constructor(options: ResolverOptions = {}, deps: ResolverDeps = {}) {
		this.#dns = new DnsClient(options.servers ?? [], options.timeoutMs ?? 5_000);
		this.#clock = deps.clock ?? systemClock;
		const { hostsFile = '/etc/hosts' } = options;
		this.#hosts = hostsFile === null ? null : new HostsFile(hostsFile, this.#clock);
		this.#prefersIp6 = deps.prefersIp6 ?? rarely(hasGlobalIp6, this.#clock);
		this.#options = {
			cacheEntries: options.cacheEntries ?? 10_000,
			minTtlMs: options.minTtlMs ?? 5_000,
			maxTtlMs: options.maxTtlMs ?? 3_600_000,
			negativeTtlMs: options.negativeTtlMs ?? 10_000,
		};
	}

	resolve(name: string, signal: Halt, asker: string): Promise<readonly Ip[]> {
		if (name.endsWith('.onion')) return Promise.reject(dnsError('destination_not_found', 'onion'));
		const local = this.#hosts?.addresses(name) ?? localhost(name);
		if (local) return Promise.resolve(this.#inOrder(local));
		const known = this.#known(name);
		if (known) return known instanceof GatewayError ? Promise.reject(known) : Promise.resolve(known);
		return untilAborted(this.#asked.get(name) ?? this.#ask(name, asker), signal);
	}

	/** Not kept: nobody asks for one twice. */
	async reverse(ip: Ip, signal: Halt, asker: string): Promise<Target> {
		if (this.#closed) throw dnsError('dns_error', 'resolver closed');
		if (!this.#begin(asker)) throw dnsError('dns_error', 'too many lookups');
		const asked = this.#dns.reverse(ip).finally(() => this.#end(asker));
		asked.catch(() => {});
		const answer = await untilAborted(asked, signal);
		if (typeof answer === 'object') return answer;
		throw dnsError(answer);
	}

	/** Forgets everything; names being asked for fail with `dns_error`, and so does every later one. */
	close(): void {
		this.#closed = true;
		this.#cache.clear();
		this.#dns.cancel();
	}

	#known(name: string): Entry['result'] | null {
		const entry = this.#cache.get(name);
		if (!entry) return null;
		this.#cache.delete(name);
		if (entry.expiresMs <= this.#clock.nowMs()) return null;
		this.#cache.set(name, entry);
		return entry.result;
	}

	#ask(name: string, asker: string): Promise<readonly Ip[]> {
		if (this.#closed) return Promise.reject(dnsError('dns_error', 'resolver closed'));
		if (!this.#begin(asker)) return Promise.reject(dnsError('dns_error', 'too many lookups'));
		const asked = new Promise<readonly Ip[]>((resolve, reject) => {
			this.#dns.ask(name, (ip4, ip6) => {
				this.#asked.delete(name);
				if (ip4 && ip6) this.#end(asker);
				const result = this.#learn(name, ip4, ip6);
				if (result instanceof GatewayError) reject(result);
				else resolve(result);
			});
		});
		// Whoever waits may have left by the time it fails.
		asked.catch(() => {});
		this.#asked.set(name, asked);
		return asked;
	}

	/** Takes a lookup of the asker's share; false when it has none left. */
	#begin(asker: string): boolean {
		const own = this.#askers.get(asker) ?? 0;
		const left = MAX_LOOKUPS - this.#lookups;
		if (left === 0 || own >= (left > SCARCE ? MOST_OF_ONE : Math.max(1, left * SHARE))) return false;
		this.#lookups++;
		this.#askers.set(asker, own + 1);
		return true;
	}

	#end(asker: string): void {
		this.#lookups--;
		const own = (this.#askers.get(asker) as number) - 1;
		if (own > 0) this.#askers.set(asker, own);
		else this.#askers.delete(asker);
	}

	/** Keeps what was answered, which may be told twice: once without the slower family. */
	#learn(name: string, ip4: Answer | null, ip6: Answer | null): Entry['result'] {
		const answers = [ip4, ip6].filter((answer) => answer !== null);
		const result = this.#resultOf(answers);
		const { minTtlMs, maxTtlMs, negativeTtlMs, cacheEntries } = this.#options;
		let keepMs = Math.min(maxTtlMs, Math.max(minTtlMs, Math.min(...answers.map((answer) => answer.ttlMs))));
		if (result instanceof GatewayError)
			keepMs = result.code === 'destination_not_found' ? negativeTtlMs : FAILURE_TTL_MS;
		if (this.#closed) return result;
		this.#cache.delete(name);
		this.#cache.set(name, { result, expiresMs: this.#clock.nowMs() + keepMs });
		for (const oldest of this.#cache.keys()) {
			if (this.#cache.size <= cacheEntries) break;
			this.#cache.delete(oldest);
		}
		return result;
	}

	#resultOf(answers: readonly Answer[]): Entry['result'] {
		const addresses = answers.flatMap((answer) => answer.addresses);
		if (addresses.length > 0) return this.#inOrder(addresses);
		const failures = answers.map((answer) => answer.failure);
		for (const code of ['dns_timeout', 'dns_error'] as const) if (failures.includes(code)) return dnsError(code);
		return dnsError('destination_not_found');
	}

	/** Families in turn, so that a dead one costs one attempt (RFC 8305 section 4). */
	#inOrder(addresses: readonly Ip[]): readonly Ip[] {
		const ip4 = addresses.filter((ip) => typeof ip === 'number');
		const ip6 = addresses.filter((ip) => typeof ip !== 'number');
		const [first, second] = this.#prefersIp6() ? [ip6, ip4] : [ip4, ip6];
		const turns = Math.max(first.length, second.length);
		return Array.from({ length: turns }, (_, i) => [...first.slice(i, i + 1), ...second.slice(i, i + 1)]).flat();
	}
}

function dnsError(code: Code, note?: string): GatewayError {
	const why = note === undefined ? {} : { note };
	if (code === 'destination_not_found') return new GatewayError(code, { side: 'target', phase: 'resolve', ...why });
	return new GatewayError(code, { side: 'gateway', phase: 'resolve', retry: 'next', ...why });
}

function localhost(name: string): readonly Ip[] | null {
	return name === 'localhost' || name.endsWith('.localhost') ? LOCALHOST : null;
}

/** `promise`, unless `signal` is aborted first; the work behind `promise` goes on for whoever shares it. */
function untilAborted<T>(promise: Promise<T>, signal: Halt): Promise<T> {
	if (signal.aborted) return Promise.reject(abortError(signal));
	return new Promise((resolve, reject) => {
		const onAbort = (): void => reject(abortError(signal));
		const over = (): void => signal.removeEventListener('abort', onAbort);
		signal.addEventListener('abort', onAbort);
		promise.then(resolve, reject);
		promise.then(over, over);
	});
}

/** Looks again only when the last look is old. */
function rarely(look: () => boolean, clock: Clock): () => boolean {
	let value = false;
	let lookedMs = Number.NEGATIVE_INFINITY;
	return () => {
		const nowMs = clock.nowMs();
		if (nowMs - lookedMs >= FAMILY_TTL_MS) [value, lookedMs] = [look(), nowMs];
		return value;
	};
}

/**
 * This machine has an address of the global unicast block 2000::/3, so IPv6 very probably leads somewhere. False when the
 * system cannot tell: getifaddrs(3) needs a descriptor, and a name must not cost the process because it has none left.
 */
export function hasGlobalIp6(read: typeof networkInterfaces = networkInterfaces): boolean {
	let interfaces: ReturnType<typeof networkInterfaces>;
	try {
		interfaces = read();
	} catch {
		return false;
	}
	const addresses = Object.values(interfaces).flatMap((all) => all ?? []);
	return addresses.some(({ family, internal, address }) => family === 'IPv6' && !internal && /^[23]/.test(address));
}
