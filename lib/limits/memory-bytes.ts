// Bytes of subjects, in the memory of one process for several gateways: what the script in Redis does, word for word. A
// bucket has room for what is wanted and a fifth of a second's worth more, which is what two gateways in turn leave in it; a
// quarter of what is wanted is granted, less is not worth the way.
import type { Clock } from '../core/clock.ts';
import { type Period, periodOf } from './quota.ts';
import type { ByteGrants, ByteWants, FlowWant, QuotaWant } from './shared.ts';

const SWEEP_MS = 1_000;

/** An empty bucket of this age is full again, whatever its rate. */
const RESTED_MS = 60_000;

interface Bucket {
	tokens: number;
	atMs: number;
}

interface Used {
	id: number;
	bytes: number;
}

interface Entry {
	readonly buckets: { up?: Bucket; down?: Bucket };
	readonly used: { day?: Used; month?: Used };
	askedMs: number;
}

export class MemoryBytes {
	readonly #limit: number;
	readonly #clock: Clock;
	readonly #epochMs: () => number;
	readonly #entries: Map<string, Entry> = new Map();
	#sweptMs = Number.NEGATIVE_INFINITY;

	/** At most `limit` subjects. `epochMs` is the time of day, for days and months. */
	constructor(limit: number, clock: Clock, epochMs: () => number) {
		this.#limit = limit;
		this.#clock = clock;
		this.#epochMs = epochMs;
	}

	/** As `Shared.draw` says; null when there is no room to count. */
	draw(name: string, { up, down, day, month }: ByteWants): ByteGrants | null {
		const entry = this.#entryOf(name);
		if (entry === null) return null;
		const flows = { up: this.#flow(entry, 'up', up), down: this.#flow(entry, 'down', down) };
		return {
			up: flows.up.granted,
			down: flows.down.granted,
			day: this.#quota(entry, 'day', day),
			month: this.#quota(entry, 'month', month),
			retryMs: Math.max(flows.up.retryMs, flows.down.retryMs),
		};
	}

	giveBack(name: string, unused: { readonly day: number; readonly month: number }): void {
		const used = this.#entries.get(name)?.used;
		for (const period of ['day', 'month'] as const) {
			const counted = used?.[period];
			if (counted) counted.bytes = Math.max(0, counted.bytes - unused[period]);
		}
	}

	#entryOf(name: string): Entry | null {
		const nowMs = this.#clock.nowMs();
		const known = this.#entries.get(name);
		if (!known && this.#entries.size >= this.#limit) this.#sweep(nowMs);
		if (!known && this.#entries.size >= this.#limit) return null;
		const entry = known ?? { buckets: {}, used: {}, askedMs: nowMs };
		entry.askedMs = nowMs;
		this.#entries.set(name, entry);
		return entry;
	}

	/** Forgets those that have rested and of which no quota counts any more. */
	#sweep(nowMs: number): void {
		if (nowMs - this.#sweptMs < SWEEP_MS) return;
		this.#sweptMs = nowMs;
		const epochMs = this.#epochMs();
		const counts = (period: Period, used?: Used): boolean => !!used?.bytes && used.id === periodOf(period, epochMs);
		for (const [name, { askedMs, used }] of this.#entries)
			if (nowMs - askedMs > RESTED_MS && !counts('day', used.day) && !counts('month', used.month))
				this.#entries.delete(name);
	}

	#flow(
		{ buckets }: Entry,
		direction: 'up' | 'down',
		asked: FlowWant | undefined,
	): { granted: number; retryMs: number } {
		if (!asked) return { granted: 0, retryMs: 0 };
		const { perSecond, want } = asked;
		const nowMs = this.#clock.nowMs();
		const room = want + perSecond / 5;
		const before = buckets[direction];
		const tokens = before
			? Math.min(room, before.tokens + (perSecond * (nowMs - before.atMs)) / 1_000)
			: Math.max(want, perSecond / 10);
		const could = Math.floor(Math.min(want, tokens));
		const granted = could < want / 4 ? 0 : could;
		buckets[direction] = { tokens: tokens - granted, atMs: nowMs };
		return { granted, retryMs: Math.max(0, Math.ceil((1_000 * (want - (tokens - granted))) / perSecond)) };
	}

	#quota({ used }: Entry, period: Period, asked: QuotaWant | undefined): number {
		if (!asked) return 0;
		const id = periodOf(period, this.#epochMs());
		const before = used[period];
		const counted = before?.id === id ? before : { id, bytes: 0 };
		const granted = Math.max(0, Math.min(asked.want, asked.limit - counted.bytes));
		used[period] = { id, bytes: counted.bytes + granted };
		return granted;
	}
}
