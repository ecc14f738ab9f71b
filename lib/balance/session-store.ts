// Which exit a session has: asked before an exit is chosen, told after. The store knows keys and exits as opaque text and
// says for how long; what an exit is (an address, a member of a group, a nonce for Tor) is the affair of whoever asks.
import { type Clock, systemClock } from '../core/clock.ts';
import { GatewayError } from '../core/error.ts';
import type { Session } from '../core/session.ts';

/** An answer at once where there is one, later where somebody else has to be asked. */
type Soon<T> = T | Promise<T>;

/** What keeps sessions. Failures are its own affair: a store that cannot answer knows nothing. */
export interface SessionStore {
	/** The exit under `key`, or null. `slideMs`: from now on it is kept that long. */
	get(key: string, slideMs: number | null): Soon<string | null>;
	/**
	 * Keeps `exit` for `ttlMs` unless another one is kept already, and returns the one that is kept now: so connections
	 * that come at once agree. `gone` is an exit that does not count any more. What one `owner` keeps may be bounded.
	 */
	put(key: string, exit: string, ttlMs: number, owner: string, gone: string | null): Soon<string>;
	/** When what `get` or `put` has just given ends to be kept, by the gateway's clock; null where it is not kept. */
	endsMs(key: string): number | null;
	close(): void;
}

/** One that answers at once: a choice among the members of a group waits for nobody. */
export interface PromptSessions extends SessionStore {
	get(key: string, slideMs: number | null): string | null;
	put(key: string, exit: string, ttlMs: number, owner: string, gone: string | null): string;
}

/** How an exit is found for a session that has none, and whether it still exists. */
export interface ExitChoice {
	/** Tells the exits of one way out from those of another. */
	readonly place: string;
	isThere(exit: string): boolean;
	choose(): string;
}

/**
 * The exit of a session that has a key: the one it had if that is still there, else a new one. Writes into the session until
 * when. Rejects with `hop_unavailable` when a strict session's exit is gone.
 */
export async function exitOf(session: Session, store: SessionStore, choice: ExitChoice): Promise<string> {
	const key = `${choice.place}\n${session.key}`;
	const kept = await store.get(key, session.sliding ? session.ttlMs : null);
	const isThere = kept !== null && choice.isThere(kept);
	if (kept !== null && !isThere && session.strict) throw exitGone();
	const exit = isThere ? kept : await store.put(key, choice.choose(), session.ttlMs, session.owner, kept);
	// A way may have several, one behind the other: what leaves by them lasts no longer than any.
	session.exitEndsMs = Math.min(session.exitEndsMs, store.endsMs(key) ?? 0);
	return exit;
}

/** What a strict session ends with when its exit does not exist or does not answer any more. */
export function exitGone(): GatewayError {
	return new GatewayError('hop_unavailable', { side: 'gateway', phase: 'connect', note: 'exit of the session gone' });
}

interface Entry {
	exit: string;
	expiresMs: number;
}

export interface MemorySessionOptions {
	/** Most sessions in all; those of the owner that has been silent longest make room. */
	readonly limit: number;
	/** Most sessions of one owner; its oldest makes room, so that nobody can push out the others'. */
	readonly limitPerOwner: number;
}

/** Sessions in the memory of this process: they end with it. */
export class MemorySessions implements PromptSessions {
	/** Told of a key that made room for others before its time. */
	onCrowdedOut: ((key: string) => void) | null = null;
	readonly #options: MemorySessionOptions;
	readonly #clock: Clock;
	readonly #entries: Map<string, Entry> = new Map();
	/** The keys of each owner, the oldest first; the owner heard last comes last. */
	readonly #owners: Map<string, Set<string>> = new Map();

	constructor(options: MemorySessionOptions, clock: Clock = systemClock) {
		this.#options = options;
		this.#clock = clock;
	}

	get size(): number {
		return this.#entries.size;
	}

	get(key: string, slideMs: number | null): string | null {
		const entry = this.#entries.get(key);
		const nowMs = this.#clock.nowMs();
		if (!entry || entry.expiresMs <= nowMs) return null;
		if (slideMs !== null) entry.expiresMs = nowMs + slideMs;
		return entry.exit;
	}

	put(key: string, exit: string, ttlMs: number, owner: string, gone: string | null): string {
		const kept = this.get(key, null);
		if (kept !== null && kept !== gone) return kept;
		this.learn(key, exit, ttlMs, owner);
		return exit;
	}

	endsMs(key: string): number | null {
		return this.#entries.get(key)?.expiresMs ?? null;
	}

	/** Somebody who knows says which exit is kept under `key`. */
	learn(key: string, exit: string, ttlMs: number, owner: string): void {
		this.#entries.set(key, { exit, expiresMs: this.#clock.nowMs() + ttlMs });
		const keys = this.#owners.get(owner) ?? new Set();
		this.#owners.delete(owner);
		this.#owners.set(owner, keys);
		keys.delete(key);
		keys.add(key);
		if (keys.size > this.#options.limitPerOwner) this.#forgetOldest(keys);
		if (this.#entries.size > this.#options.limit) this.#makeRoom();
	}

	#makeRoom(): void {
		const [owner, keys] = this.#owners.entries().next().value as [string, Set<string>];
		this.#forgetOldest(keys);
		if (keys.size === 0) this.#owners.delete(owner);
	}

	#forgetOldest(keys: Set<string>): void {
		const oldest = keys.values().next().value as string;
		keys.delete(oldest);
		this.#entries.delete(oldest);
		this.onCrowdedOut?.(oldest);
	}

	close(): void {
		this.#entries.clear();
		this.#owners.clear();
	}
}
