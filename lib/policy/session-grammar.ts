// Sessions in the user name, the same in SOCKS5, Basic and the user id of SOCKS4:
//
//   alice-session-abc123-ttl-10m-exit-de-strict      or, with "+" as separator,      alice+session=abc123+ttl=10m+exit=de
//
// Keys in any order: session (sessid, sid), ttl (sesstime, lifetime), exit (country, cc); words without a value: strict,
// soft, fixed, sliding. A number without a unit is minutes, as the commercial services have it. Pure; never throws.
//
// Where the name ends. A whole name that is a user's has no session, so names with hyphens keep their meaning; else the
// longest user's name in front of a separator is it, and what follows must be right. Without a list of users the name ends
// before the first key that has a value. So `web-1` is a name everywhere, and `web-1-session-a` has a session everywhere.

/** What the words behind a name ask for. Null: not said. */
export interface SessionWords {
	readonly session: string | null;
	readonly ttlMs: number | null;
	readonly exit: string | null;
	readonly strict: boolean | null;
	readonly sliding: boolean | null;
}

export interface NamedSession {
	/** The name without what followed it. */
	readonly user: string;
	/** Null: nothing followed. `wrong`: what did is not to be had; say so only to who has proved to be the user. */
	readonly words: SessionWords | 'wrong' | null;
}

/** Twice what SOCKS5 carries; a longer name is looked at as a whole. */
const NAME_CHARACTERS = 510;

const VALUE: RegExp = /^[A-Za-z0-9._~]{1,64}$/;
const TTL: RegExp = /^(\d{1,7})(s|m|h|d)?$/;
const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

type Key = 'session' | 'ttl' | 'exit';

const KEYS: ReadonlyMap<string, Key> = new Map<string, Key>([
	['session', 'session'],
	['sessid', 'session'],
	['sid', 'session'],
	['ttl', 'ttl'],
	['sesstime', 'ttl'],
	['lifetime', 'ttl'],
	['exit', 'exit'],
	['country', 'exit'],
	['cc', 'exit'],
]);

const FLAGS: ReadonlyMap<string, readonly ['strict' | 'sliding', boolean]> = new Map([
	['strict', ['strict', true]],
	['soft', ['strict', false]],
	['sliding', ['sliding', true]],
	['fixed', ['sliding', false]],
]);

/** Takes a name apart. `isUser` knows the users; null where nobody does. */
export function readSession(name: string, separator: string, isUser: ((name: string) => boolean) | null): NamedSession {
	const plain: NamedSession = { user: name, words: null };
	if (name.length > NAME_CHARACTERS || !(name.includes(separator) || isUser === null)) return plain;
	if (isUser === null) return readOpen(name, separator);
	if (isUser(name)) return plain;
	for (let at = name.lastIndexOf(separator); at >= 0; at = at > 0 ? name.lastIndexOf(separator, at - 1) : -1) {
		const user = name.slice(0, at);
		if (isUser(user)) return { user, words: wordsOf(name.slice(at + separator.length).split(separator)) ?? 'wrong' };
	}
	return plain;
}

function readOpen(name: string, separator: string): NamedSession {
	const items = name.split(separator);
	for (let i = 0; i < items.length; i++) {
		if (!begins(items, i)) continue;
		return { user: items.slice(0, i).join(separator), words: wordsOf(items.slice(i)) ?? 'wrong' };
	}
	return { user: name, words: null };
}

/** Whether a key with a value stands at `i`. */
function begins(items: readonly string[], i: number): boolean {
	const [key, value] = split(items[i] as string);
	return KEYS.has(key) && (value ?? items[i + 1] ?? '') !== '';
}

function split(item: string): readonly [key: string, value: string | null] {
	const at = item.indexOf('=');
	return at < 0 ? [item, null] : [item.slice(0, at), item.slice(at + 1)];
}

/** Null for a key that is unknown or comes twice, a value that is none, and a time without a session to last. */
function wordsOf(items: readonly string[]): SessionWords | null {
	const values = new Map<Key, string>();
	const flags = new Map<'strict' | 'sliding', boolean>();
	for (let i = 0; i < items.length; i++) {
		const [word, inline] = split(items[i] as string);
		const flag = inline === null ? FLAGS.get(word) : undefined;
		if (flag) {
			if (flags.has(flag[0])) return null;
			flags.set(...flag);
			continue;
		}
		const key = KEYS.get(word);
		const value = inline ?? items[++i];
		if (key === undefined || value === undefined || values.has(key) || !VALUE.test(value)) return null;
		values.set(key, value);
	}
	const session = values.get('session') ?? null;
	const ttl = values.get('ttl');
	const ttlMs = ttl === undefined ? null : ttlOf(ttl);
	if (ttl !== undefined && ttlMs === null) return null;
	if (session === null && (ttlMs !== null || flags.has('sliding') || !values.has('exit'))) return null;
	const [strict, sliding] = [flags.get('strict') ?? null, flags.get('sliding') ?? null];
	return { session, ttlMs, exit: values.get('exit') ?? null, strict, sliding };
}

function ttlOf(text: string): number | null {
	const match = TTL.exec(text);
	if (!match) return null;
	const ms = Number(match[1]) * (UNIT_MS[match[2] ?? 'm'] as number);
	return ms > 0 ? ms : null;
}
