// From the words behind a user name to a session: the operator's defaults and bounds, and a key that nobody else can have.
import type { Session } from '../core/session.ts';
import { type NamedSession, readSession, type SessionWords } from './session-grammar.ts';

export interface SessionOptions {
	/** Between name, keys and values; one character or a few. */
	readonly separator: string;
	/** Of a session that does not say. */
	readonly ttlMs: number;
	/** Longer wishes are refused. */
	readonly maxTtlMs: number;
	readonly sliding: boolean;
	readonly strict: boolean;
}

/** Reads the sessions of one gateway. */
export class SessionReader {
	readonly #options: SessionOptions;
	readonly #isUser: ((name: string) => boolean) | null;

	/** `isUser` knows the users; null where nobody does. */
	constructor(options: SessionOptions, isUser: ((name: string) => boolean) | null) {
		this.#options = options;
		this.#isUser = isUser;
	}

	/** Takes a name apart, before anything else looks at it. A time that is out of bounds is `wrong`, too. */
	read(name: string): NamedSession {
		const named = readSession(name, this.#options.separator, this.#isUser);
		if (named.words === null || named.words === 'wrong') return named;
		return (named.words.ttlMs ?? 0) > this.#options.maxTtlMs ? { ...named, words: 'wrong' } : named;
	}

	/**
	 * The session of this user. `client`: the key of the client where names are only claimed; null where they are proved.
	 * Lengths are in the keys, so that no two of them can be read as one.
	 */
	sessionOf(words: SessionWords, user: string, client: string | null): Session {
		const owner = client === null ? `user ${user}` : `client ${client}`;
		const whose = client === null ? owner : `${owner} ${user.length}:${user}`;
		const { session, exit } = words;
		return {
			key: session === null ? null : `${session.length}:${session} ${whose}`,
			owner,
			name: session,
			ttlMs: words.ttlMs ?? this.#options.ttlMs,
			sliding: words.sliding ?? this.#options.sliding,
			exit,
			strict: words.strict ?? this.#options.strict,
			exitEndsMs: Number.POSITIVE_INFINITY,
		};
	}
}
