// Sessions of a fleet: remembered in this process, where they are asked for at once, and written through to the store that the
// gateways share. What another gateway chose, or this one before a restart, is read when a connection comes in with the
// session, before a way out is asked for. While the store is away sessions are this process's own.
import type { MemorySessions, PromptSessions } from '../balance/session-store.ts';
import type { Session } from '../core/session.ts';
import type { KeptExit } from './redis-exits.ts';

/** What of the shared store sessions need. Nothing here throws or waits long; null: no answer. */
export interface ExitStore {
	exitsOf(session: string): Promise<readonly KeptExit[] | null>;
	keepExit(
		session: string,
		kept: KeptExit,
		how: { readonly gone: string | null; readonly longer: boolean },
	): Promise<string | null>;
	forgetExit(session: string, place: string): void;
}

export class FleetSessions implements PromptSessions {
	readonly #memory: MemorySessions;
	/** Null: sessions are this process's own. */
	#store: ExitStore | null = null;
	/** What the store did not answer to: said again when it does. */
	readonly #unsaid: Map<string, Written> = new Map();

	constructor(memory: MemorySessions) {
		this.#memory = memory;
	}

	/** From now on the fleet knows, and forgets what is forgotten here for want of room. */
	share(store: ExitStore): void {
		this.#store = store;
		this.#memory.onCrowdedOut = (key) => store.forgetExit(...partsOf(key));
	}

	/** Reads what the fleet knows of a session: to be awaited before its exits are asked for. Null: nothing to wait for. */
	recall({ key, owner }: Session): Promise<void> | null {
		return this.#store === null || key === null ? null : this.#read(this.#store, key, owner);
	}

	async #read(store: ExitStore, key: string, owner: string): Promise<void> {
		const kept = await store.exitsOf(key);
		if (kept !== null) this.#sayAgain();
		for (const { place, exit, leftMs } of kept ?? []) this.#memory.learn(`${place}\n${key}`, exit, leftMs, owner);
	}

	get(key: string, slideMs: number | null): string | null {
		const exit = this.#memory.get(key, slideMs);
		if (exit !== null && slideMs !== null && this.#store !== null)
			void this.#write(key, { exit, leftMs: slideMs, owner: null, gone: null });
		return exit;
	}

	put(key: string, exit: string, ttlMs: number, owner: string, gone: string | null): string {
		const kept = this.#memory.put(key, exit, ttlMs, owner, gone);
		if (kept === exit && this.#store !== null) void this.#write(key, { exit, leftMs: ttlMs, owner, gone });
		return kept;
	}

	endsMs(key: string): number | null {
		return this.#memory.endsMs(key);
	}

	/** Who was first in the fleet is right: the next connection goes by its exit. */
	#sayAgain(): void {
		const unsaid = [...this.#unsaid];
		this.#unsaid.clear();
		for (const [key, written] of unsaid) void this.#write(key, written);
	}

	async #write(key: string, written: Written): Promise<void> {
		const { exit, leftMs, owner, gone } = written;
		const [session, place] = partsOf(key);
		const kept = await this.#store?.keepExit(session, { place, exit, leftMs }, { gone, longer: owner === null });
		if (typeof kept !== 'string') {
			if (this.#unsaid.size < MOST_UNSAID) this.#unsaid.set(key, written);
		} else if (kept !== exit && owner !== null) this.#memory.learn(key, kept, leftMs, owner);
	}

	close(): void {
		this.#memory.close();
	}
}

/** Of sessions that began while the store was away; the others are this process's own until they end. */
const MOST_UNSAID = 1_024;

/** What is told to the fleet; without an owner an exit only lasts longer. */
interface Written {
	readonly exit: string;
	readonly leftMs: number;
	readonly owner: string | null;
	readonly gone: string | null;
}

/** A key of a session store is the place, which has no line feed, and the session. */
function partsOf(key: string): [session: string, place: string] {
	const end = key.indexOf('\n');
	return [key.slice(end + 1), key.slice(0, end)];
}
