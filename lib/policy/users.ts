// Who may come in, and the check that they are who they say. Passwords are kept as scrypt hashes (users file) or, where
// the configuration has them in clear, as keyed hashes under a key of this process. A check takes the same time whether
// the user exists or not, right answers are remembered for a minute, and checks wait in a bounded queue, so that neither a
// browser's thirty connections nor somebody's thirty thousand guesses cost the others much.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Clock, systemClock } from '../core/clock.ts';
import type { Credentials } from '../core/intent.ts';
import type { Secret } from '../core/secret.ts';
import { isPassword, type PasswordHash, parsePasswordHash } from './password-hash.ts';
import { Turns } from './turns.ts';
import { wireBytes, wireText } from './wire-text.ts';

/** A user whose password the configuration has in clear. */
export interface PlainUser {
	readonly name: string;
	readonly password: Secret;
}

/** What is wrong with a line, counted from zero. */
export interface UserProblem {
	readonly line: number;
	readonly problem: string;
}

/** Two of the four threads of libuv's pool, the other two are for files; 64 MiB with the usual hashes. */
const AT_ONCE = 2;
/** Two or three seconds' worth, well within a handshake. */
const WAITING = 64;
/** A client's own connections show the same credentials and share one check; this is for several users behind one address. */
const PER_CLIENT = 4;

/** What a right answer saves: one check a minute and user, however many connections come. */
const REMEMBERED_MS = 60_000;
const MOST_REMEMBERED = 4_096;

/** Who was right so recently is checked before the others: however many guess, they do not keep out who has been here. */
const KNOWN_MS = 3_600_000;

/** Longer than any protocol carries (RFC 1929: 255 bytes); what is more is not worth a hash. */
const MOST_BYTES = 1_024;

type Keep = PasswordHash | Buffer;

/** The users of one configuration. A reload makes new ones, which remember nothing. */
export class Users {
	readonly #byName: ReadonlyMap<string, Keep>;
	readonly #all: readonly Keep[];
	readonly #key: Buffer;
	readonly #clock: Clock;
	readonly #turns: Turns = new Turns({ atOnce: AT_ONCE, waiting: WAITING, perClient: PER_CLIENT });
	/** Digests of right credentials and until when they count, the oldest first. */
	readonly #right: Map<string, number> = new Map();
	/** Clients that were right, and until when that counts, the oldest first. */
	readonly #known: Map<string, number> = new Map();
	readonly #underWay: Map<string, Promise<boolean>> = new Map();

	private constructor(byName: ReadonlyMap<string, Keep>, key: Buffer, clock: Clock) {
		this.#byName = byName;
		this.#all = [...byName.values()];
		this.#key = key;
		this.#clock = clock;
	}

	/**
	 * Reads lines of a users file, `name:$scrypt$...` as `bauta user hash` prints them; empty ones and those that begin
	 * with # are skipped. Lines with a problem make no user; a name is taken once, but `plain` wins over a line.
	 */
	static parse(
		lines: readonly string[],
		plain: readonly PlainUser[] = [],
		clock: Clock = systemClock,
	): { readonly users: Users; readonly problems: readonly UserProblem[] } {
		const key = randomBytes(32);
		const byName = new Map<string, Keep>();
		const problems: UserProblem[] = [];
		for (const [line, text] of lines.entries()) {
			const problem = /^\s*(#|$)/.test(text) ? null : addLine(byName, text.trim());
			if (problem !== null) problems.push({ line, problem });
		}
		for (const { name, password } of plain) {
			const bytes = Buffer.from(password.reveal(), 'utf8');
			byName.set(wireText(name), digest(key, 'password', bytes));
		}
		return { users: new Users(byName, key, clock), problems };
	}

	/**
	 * Whether the credentials are a user's. `client` is who pays for the check when many are asked for: its limit key;
	 * without it the user name. Rejects with GatewayError `client_limit_reached` or `connection_limit_reached` when too
	 * many checks wait. Credentials without a password prove nothing: false.
	 */
	verify(credentials: Credentials, client: string = credentials.user): Promise<boolean> {
		const { user, password } = credentials;
		if (password === null || this.#all.length === 0) return Promise.resolve(false);
		const bytes = wireBytes(password);
		if (bytes.length > MOST_BYTES || user.length > MOST_BYTES) return Promise.resolve(false);
		const proof = digest(this.#key, user, bytes).toString('base64');
		if (this.#holds(this.#right, proof)) return Promise.resolve(true);
		return this.#underWay.get(proof) ?? this.#check(user, bytes, proof, client);
	}

	#check(user: string, password: Buffer, proof: string, client: string): Promise<boolean> {
		const keep = this.#byName.get(user);
		// A stranger is checked against somebody, always the same for one name: the time it takes tells nothing.
		const against = keep ?? (this.#all[digest(this.#key, user, EMPTY).readUInt32BE() % this.#all.length] as Keep);
		if (Buffer.isBuffer(against)) {
			const same = timingSafeEqual(digest(this.#key, 'password', password), against);
			return Promise.resolve(same && keep !== undefined);
		}
		const check = this.#turns.take(client, this.#holds(this.#known, client), async () => {
			const right = (await isPassword(password, against)) && keep !== undefined;
			if (right) this.#remember(proof, client);
			return right;
		});
		this.#underWay.set(proof, check);
		const over = (): void => void this.#underWay.delete(proof);
		check.then(over, over);
		return check;
	}

	#holds(all: Map<string, number>, key: string): boolean {
		const untilMs = all.get(key);
		if (untilMs === undefined) return false;
		if (this.#clock.nowMs() < untilMs) return true;
		all.delete(key);
		return false;
	}

	#remember(proof: string, client: string): void {
		const nowMs = this.#clock.nowMs();
		keep(this.#right, proof, nowMs + REMEMBERED_MS);
		keep(this.#known, client, nowMs + KNOWN_MS);
	}
}

const EMPTY: Buffer = Buffer.alloc(0);

/** The one kept for longest makes room. */
function keep(all: Map<string, number>, key: string, untilMs: number): void {
	all.delete(key);
	const oldest = all.size < MOST_REMEMBERED ? undefined : all.keys().next().value;
	if (oldest !== undefined) all.delete(oldest);
	all.set(key, untilMs);
}

/** Adds a user. Returns what is wrong with the line, or null. */
function addLine(byName: Map<string, Keep>, text: string): string | null {
	const colon = text.indexOf(':');
	const name = wireText(text.slice(0, Math.max(0, colon)));
	if (name.length === 0 || name.length > 255) return 'expected "name:hash", the name 1 to 255 bytes long';
	if (byName.has(name)) return 'a user of this name is already there';
	const hash = parsePasswordHash(text.slice(colon + 1));
	if (typeof hash === 'string') return hash;
	byName.set(name, hash);
	return null;
}

/** A keyed hash of two things, which cannot run into each other. */
function digest(key: Buffer, first: string, second: Buffer): Buffer {
	return createHmac('sha256', key).update(`${first.length}:${first}`).update(second).digest();
}
