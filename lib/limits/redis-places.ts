// Places of subjects. Each gateway says how many it holds as one absolute number that Redis forgets at the end of a lease: a
// gateway that dies frees its places, one that says its number twice is counted once, and a command that came late is
// set right by the next. Numbers are said again every third of a lease, many in one command.
import type { Clock } from '../core/clock.ts';
import type { Blinds } from './redis-blind.ts';
import type { StoreClient } from './redis-client.ts';
import { type Shared, type Subject, subjectName } from './shared.ts';

export interface PlacesOptions {
	/** This gateway, by a random name. */
	readonly gateway: string;
	readonly leaseMs: number;
}

/** What this gateway holds of a subject. */
interface Holding {
	readonly subject: Subject;
	count: number;
	/** When it was last said; it is in the order of this that holdings are kept. */
	saidMs: number;
	/** Questions under way: their answer says the number anew. */
	asking: number;
	/** Redis may have heard of it. */
	known: boolean;
}

/** In one command: so many take Redis half a millisecond. */
const MOST_IN_COMMAND = 128;

/** Of what was given back while Redis was away; the rest is free there when its lease is over. */
const MOST_UNSAID = 16_384;

export class Places {
	readonly #options: PlacesOptions;
	readonly #blinds: Blinds;
	readonly #clock: Clock;
	/** The one said longest ago is the first. */
	readonly #holdings: Map<string, Holding> = new Map();
	readonly #unsaid: Set<Holding> = new Set();

	constructor(options: PlacesOptions, blinds: Blinds, clock: Clock) {
		this.#options = options;
		this.#blinds = blinds;
		this.#clock = clock;
	}

	/** As `Shared.places` says; `through` asks about the subject under its key. */
	async ask(
		subject: Subject,
		{ limit, held, need, want }: Parameters<Shared['places']>[1],
		through: <T>(question: (client: StoreClient, key: string) => Promise<T>) => Promise<T | null>,
	): Promise<number | null> {
		const holding = this.#holdingOf(subject);
		const { gateway, leaseMs } = this.#options;
		holding.known = true;
		holding.asking++;
		holding.count = held;
		const granted = await through((client, key) =>
			client.bautaPlaces(`${key}:open`, gateway, leaseMs, limit, held, need, want),
		);
		holding.asking--;
		holding.count = granted ?? held;
		if (granted === null)
			this.#unsaid.add(holding); // it may have been granted all the same
		else if (this.#blinds.isNextNear) for (const command of this.#commands([holding])) void through(command);
		else this.#said(holding);
		return granted;
	}

	hold(subject: Subject, held: number): void {
		if (held === 0 && !this.#holdings.has(subjectName(subject))) return;
		const holding = this.#holdingOf(subject);
		if (holding.count === held) return;
		holding.count = held;
		// What came and went between two commands is nobody's affair.
		if (held === 0 && (!holding.known || this.#unsaid.size >= MOST_UNSAID)) this.#said(holding);
		else this.#unsaid.add(holding);
	}

	#holdingOf(subject: Subject): Holding {
		const name = subjectName(subject);
		const known = this.#holdings.get(name);
		if (known) return known;
		const holding: Holding = { subject, count: 0, saidMs: this.#clock.nowMs(), asking: 0, known: false };
		this.#holdings.set(name, holding);
		return holding;
	}

	#said(holding: Holding): void {
		this.#unsaid.delete(holding);
		const name = subjectName(holding.subject);
		this.#holdings.delete(name);
		if (holding.count === 0 && holding.asking === 0) return;
		holding.saidMs = this.#clock.nowMs();
		this.#holdings.set(name, holding);
	}

	/** Commands that say what has changed, and what has not been said for a third of a lease. */
	*due(): Generator<(client: StoreClient) => Promise<number>> {
		const beforeMs = this.#clock.nowMs() - this.#options.leaseMs / 3;
		for (const holding of this.#holdings.values()) {
			if (holding.saidMs > beforeMs) break;
			this.#unsaid.add(holding);
		}
		yield* this.#commands([...this.#unsaid].filter((holding) => holding.asking === 0));
	}

	/** Commands that say all of it. */
	all(): Generator<(client: StoreClient) => Promise<number>> {
		return this.#commands([...this.#holdings.values()]);
	}

	/** Commands that give all of it back. */
	release(): Generator<(client: StoreClient) => Promise<number>> {
		for (const holding of this.#holdings.values()) holding.count = 0;
		return this.all();
	}

	*#commands(holdings: readonly Holding[]): Generator<(client: StoreClient) => Promise<number>> {
		for (const batch of this.#batches(holdings)) {
			const counts = batch.map(({ holding }) => holding.count);
			const keys = batch.map(({ key }) => key);
			for (const { holding } of batch) {
				holding.known = true;
				this.#said(holding);
			}
			yield async (client) => {
				try {
					return await this.#say(client, keys, counts);
				} catch (error) {
					for (const { holding } of batch) this.#unsay(holding);
					throw error;
				}
			};
		}
	}

	/** What could not be said is still to be said, places given back among it. */
	#unsay(holding: Holding): void {
		const name = subjectName(holding.subject);
		const known = this.#holdings.get(name);
		if (known === undefined) this.#holdings.set(name, holding);
		this.#unsaid.add(known ?? holding);
	}

	#say(client: StoreClient, keys: readonly string[], counts: readonly number[]): Promise<number> {
		const { gateway, leaseMs } = this.#options;
		return client.bautaHold(keys.length, ...keys, gateway, leaseMs, ...counts);
	}

	/** Keys with what they hold, those of one slot together. */
	*#batches(holdings: readonly Holding[]): Generator<{ readonly key: string; readonly holding: Holding }[]> {
		const bySlot = new Map<string, { key: string; holding: Holding }[]>();
		for (const holding of holdings) {
			const keys = this.#blinds.keysOf(holding.subject);
			if (keys === null) continue;
			for (const key of [keys.now, keys.next]) {
				if (key === null) continue;
				const slot = key.slice(0, key.indexOf('}'));
				let batch = bySlot.get(slot);
				if (batch?.length === MOST_IN_COMMAND) yield batch;
				if (!batch || batch.length === MOST_IN_COMMAND) {
					batch = [];
					bySlot.set(slot, batch);
				}
				batch.push({ key: `${key}:open`, holding });
			}
		}
		yield* bySlot.values();
	}
}
