// Places of subjects, in the memory of one process for several gateways. Each says how many it holds as one absolute number;
// one that dies is taken out, and its places are free at once.
import type { Shared } from './shared.ts';

/** What each gateway holds of one subject. */
type Holders = Map<number, number>;

export class MemoryPlaces {
	readonly #held: Map<string, Holders> = new Map();

	/** As `Shared.places` says, of a subject by name. */
	ask(gateway: number, name: string, { limit, held, need, want }: Parameters<Shared['places']>[1]): number {
		let others = 0;
		for (const [holder, count] of this.#held.get(name) ?? []) if (holder !== gateway) others += count;
		const free = Math.max(0, limit - others - held);
		const granted = Math.min(need - held, free);
		const now = held + granted + Math.min(want - need, Math.floor((free - granted) / 2));
		this.hold(gateway, name, now);
		return now;
	}

	/** Takes note of how many a gateway holds. */
	hold(gateway: number, name: string, count: number): void {
		const holders = this.#held.get(name) ?? new Map();
		if (count > 0) holders.set(gateway, count);
		else holders.delete(gateway);
		if (holders.size > 0) this.#held.set(name, holders);
		else this.#held.delete(name);
	}

	/** Frees all that a gateway holds. */
	release(gateway: number): void {
		for (const name of this.#held.keys()) this.hold(gateway, name, 0);
	}
}
