// What a log may say about a client: nothing, a wide prefix, or a keyed hash whose key is random, lives in memory alone
// and is replaced each day, so that yesterday's lines cannot be joined with today's, by nobody.
import { createHmac, randomBytes } from 'node:crypto';
import { formatIp, parseIp } from '../core/ip.ts';
import { firstOf } from '../policy/prefix.ts';

/** Wide enough to hold many subscribers: what providers hand out begins at /24 and /48 (RFC 6177). */
const IP4_BITS = 24;
const IP6_BITS = 48;

const DAY_MS = 86_400_000;

/** A word for a client's key, or null for none. */
export type ClientWord = (key: string) => string | null;

export function clientWord(mode: 'none' | 'truncate' | 'hash', wallMs: () => number = Date.now): ClientWord {
	if (mode === 'none') return () => null;
	return mode === 'truncate' ? truncated : hashed(wallMs);
}

/** `192.0.2.0/24`, `2001:db8::/48`; a prefix that is wider already stays as it is. */
function truncated(key: string): string | null {
	const [address, length] = key.split('/') as [string, string?];
	const ip = parseIp(address);
	if (ip === null) return null;
	const bits = Math.min(length === undefined ? 128 : Number(length), typeof ip === 'number' ? IP4_BITS : IP6_BITS);
	return `${formatIp(firstOf(ip, bits))}/${bits}`;
}

/** 64 bits of HMAC-SHA-256 as hex: enough to tell a day's clients apart. Days are days of UTC. */
function hashed(wallMs: () => number): ClientWord {
	const secret = randomBytes(32);
	let day = Math.floor(wallMs() / DAY_MS);
	return (key) => {
		const today = Math.floor(wallMs() / DAY_MS);
		if (today !== day) randomBytes(32).copy(secret);
		day = today;
		return createHmac('sha256', secret).update(key).digest('hex').slice(0, 16);
	};
}
