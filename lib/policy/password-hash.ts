// Hashed passwords as text: `$scrypt$ln=15,r=8,p=1$SALT$HASH` (PHC string format; salt and hash in base64 without
// padding), made and checked by scrypt (RFC 7914) of node:crypto, in the thread pool.
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';

export interface PasswordHash {
	/** Logarithm of the cost; with `r` it sets the memory, 128 * r * 2^ln bytes. */
	readonly ln: number;
	readonly r: number;
	readonly p: number;
	readonly salt: Buffer;
	readonly hash: Buffer;
}

/** 32 MiB and 60 to 100 ms a check: what an interactive login can bear (RFC 7914 section 2 leaves it to the age). */
const COST = { ln: 15, r: 8, p: 1 } as const;

/** A line of a users file must not be able to eat the machine. */
const MOST_BYTES: number = 256 * 1_024 * 1_024;
const MOST_P = 16;

/** 8 bytes of salt, 16 of hash at the least. */
const SALT = /^[A-Za-z0-9+/]{11,128}$/;
const HASH = /^[A-Za-z0-9+/]{22,128}$/;

/** The text of a new hash, with a salt of its own. The password is taken as UTF-8. */
export async function hashPassword(password: string): Promise<string> {
	const salt = randomBytes(16);
	const hash = await derive(Buffer.from(password, 'utf8'), { ...COST, salt, hash: Buffer.alloc(32) });
	return `$scrypt$ln=${COST.ln},r=${COST.r},p=${COST.p}$${unpadded(salt)}$${unpadded(hash)}`;
}

/** Reads the text of a hash. Returns what is wrong as text, which never repeats the hash. */
export function parsePasswordHash(text: string): PasswordHash | string {
	const match = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([^$]{1,200})\$([^$]{1,200})$/.exec(text);
	if (!match) return 'expected a hash such as "$scrypt$ln=15,r=8,p=1$SALT$HASH"';
	const [ln, r, p] = [Number(match[1]), Number(match[2]), Number(match[3])];
	if (ln < 1 || r < 1 || p < 1 || p > MOST_P || 128 * r * 2 ** ln > MOST_BYTES)
		return 'expected ln, r and p above zero, 256 MiB of memory (128 * r * 2^ln) and p=16 at most';
	const [salt, hash] = [match[4] as string, match[5] as string];
	if (!SALT.test(salt) || !HASH.test(hash))
		return 'expected salt (8 bytes or more) and hash (16 or more) in base64 without padding';
	return { ln, r, p, salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') };
}

/**
 * Whether the bytes are the password behind the hash. Takes as long for a wrong one as for the right one. One that ends in
 * NUL is never right: HMAC fills its key with zeros (RFC 2104 section 2), so scrypt takes it for the one without.
 */
export async function isPassword(password: Buffer, hash: PasswordHash): Promise<boolean> {
	const same = timingSafeEqual(await derive(password, hash), hash.hash);
	return same && password.at(-1) !== 0;
}

function derive(password: Buffer, { ln, r, p, salt, hash }: PasswordHash): Promise<Buffer> {
	const N = 2 ** ln;
	// Node's bound must lie above what is used; scrypt itself needs a little more than 128 * N * r.
	const options: ScryptOptions = { N, r, p, maxmem: 2 * 128 * (N + p) * r + 1_048_576 };
	return new Promise((resolve, reject) => {
		scrypt(password, salt, hash.length, options, (error, key) => (error ? reject(error) : resolve(key)));
	});
}

function unpadded(bytes: Buffer): string {
	return bytes.toString('base64').replace(/=+$/, '');
}
