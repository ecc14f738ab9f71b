// Bytes of subjects: how many flow, and how many there are a day and a month. One script draws all four, by Redis' clock; days
// and months are those of UTC. What was used under the last salt is carried over once, when the subject draws again.
import type { BlindKeys, Blinds } from './redis-blind.ts';
import type { StoreClient } from './redis-client.ts';
import type { ByteGrants, ByteWants, FlowWant, QuotaWant } from './shared.ts';

/** Keys of which we know that nothing is to be carried over any more. */
const MOST_CARRIED = 16_384;

export class Bytes {
	readonly #blinds: Blinds;
	readonly #carried: Set<string> = new Set();

	constructor(blinds: Blinds) {
		this.#blinds = blinds;
	}

	async draw(client: StoreClient, keys: BlindKeys, { up, down, day, month }: ByteWants): Promise<ByteGrants> {
		const carried = day || month ? await this.#before(client, keys) : [];
		const wants = [...flow(up), ...flow(down), ...quota(day), ...quota(month)];
		const key = `${keys.now}:bytes`;
		const granted = await client.bautaDraw(key, ...wants, this.#blinds.forgottenMs, ...carried);
		const [upBytes, downBytes, dayBytes, monthBytes, retryMs] = granted;
		return { up: upBytes, down: downBytes, day: dayBytes, month: monthBytes, retryMs };
	}

	giveBack(client: StoreClient, keys: BlindKeys, { day, month }: { day: number; month: number }): Promise<unknown> {
		return client.bautaGiveBack(`${keys.now}:bytes`, Math.floor(day), Math.floor(month));
	}

	/** What was used under the last salt, unless that is known to be counted already. */
	async #before(client: StoreClient, { now, before }: BlindKeys): Promise<string[]> {
		if (before === null || this.#carried.has(now)) return [];
		const used = await client.hmget(`${before}:bytes`, 'day', 'db', 'month', 'mb');
		if (this.#carried.size >= MOST_CARRIED) this.#carried.clear();
		this.#carried.add(now);
		return used.every((value) => value === null) ? [] : used.map((value) => value ?? '0');
	}
}

function flow(want: FlowWant | undefined): [number, number] {
	return want ? [want.perSecond, Math.floor(want.want)] : [0, 0];
}

function quota(want: QuotaWant | undefined): [number, number] {
	return want ? [want.limit, Math.floor(want.want)] : [0, 0];
}
