// What a log may say about a client: nothing, a wide prefix, or a keyed hash whose key is random, lives in memory alone
// and is replaced each day, so that yesterday's lines cannot be joined with today's, by nobody.
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { formatIp, parseIp } from '../core/ip.ts';
import { firstOf } from '../policy/prefix.ts';

/** Wide enough to hold many subscribers: what providers hand out begins at /24 and /48 (RFC 6177). */
const IP4_BITS = 24;
const IP6_BITS = 48;

const DAY_MS = 86_400_000;

/** A word for a client's key, or null for none. */
export type ClientWord = (key: string) => string | null;

/** `key` is given where several processes write the same words. */
export function clientWord(mode: 'none' | 'truncate' | 'hash', key: () => Uint8Array = randomDayKey()): ClientWord {
	if (mode === 'none') return () => null;
	return mode === 'truncate' ? truncated : hashed(key);
}

/** A key that is random each day. Days are days of UTC. */
export function randomDayKey(wallMs: () => number = Date.now): () => Uint8Array {
	const key = randomBytes(32);
	let day = dayOf(wallMs());
	return () => {
		const today = dayOf(wallMs());
		if (today !== day) randomBytes(32).copy(key);
		day = today;
		return key;
	};
}

/** The key of a day, from which that of the next day follows, and never that of the day before. */
export interface DayKey {
	readonly day: number;
	readonly key: Uint8Array;
}

/** A key that is the same each day in all processes that began with the same one; each forgets what it was the day before. */
export class SharedDayKey {
	#day: number;
	#key: Uint8Array;
	readonly #wallMs: () => number;

	/** Begins with `from`, or with a random one of today. */
	constructor(from?: DayKey, wallMs: () => number = Date.now) {
		this.#wallMs = wallMs;
		this.#day = from?.day ?? dayOf(wallMs());
		this.#key = from?.key ?? randomBytes(32);
	}

	/** Of today, to begin with in another process. */
	get today(): DayKey {
		for (const today = dayOf(this.#wallMs()); this.#day < today; this.#day++)
			this.#key = createHash('sha256').update(this.#key).digest();
		return { day: this.#day, key: this.#key };
	}
}

function dayOf(wallMs: number): number {
	return Math.floor(wallMs / DAY_MS);
}

/** `192.0.2.0/24`, `2001:db8::/48`; a prefix that is wider already stays as it is. */
function truncated(key: string): string | null {
	const [address, length] = key.split('/') as [string, string?];
	const ip = parseIp(address);
	if (ip === null) return null;
	const bits = Math.min(length === undefined ? 128 : Number(length), typeof ip === 'number' ? IP4_BITS : IP6_BITS);
	return `${formatIp(firstOf(ip, bits))}/${bits}`;
}

/** 64 bits of HMAC-SHA-256 as hex: enough to tell a day's clients apart. */
function hashed(key: () => Uint8Array): ClientWord {
	return (client) => createHmac('sha256', key()).update(client).digest('hex').slice(0, 16);
}
