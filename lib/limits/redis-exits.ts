// Exits of sessions, as the fleet keeps them: one hash a session under its blind key, a field for each place where an exit was
// chosen. A session that began under the last salt is found under it until that is destroyed.
import type { BlindKeys, Blinds } from './redis-blind.ts';
import type { StoreClient } from './redis-client.ts';

/** An exit that is kept at one place, and for how long still. */
export interface KeptExit {
	readonly place: string;
	readonly exit: string;
	readonly leftMs: number;
}

export class Exits {
	readonly #blinds: Blinds;

	constructor(blinds: Blinds) {
		this.#blinds = blinds;
	}

	/** All of a session; what a later salt has of a place counts. */
	async of(client: StoreClient, { now, before }: BlindKeys): Promise<readonly KeptExit[]> {
		const older = before === null ? [] : await client.bautaExits(nameOf(before));
		const found = new Map<string, KeptExit>();
		for (const list of [older, await client.bautaExits(nameOf(now))])
			for (let i = 0; i + 2 < list.length; i += 3) {
				const [place, exit, leftMs] = list.slice(i, i + 3) as [string, string, string];
				found.set(place, { place, exit, leftMs: Number(leftMs) });
			}
		return [...found.values()];
	}

	/** Keeps an exit unless another one is kept that is not `gone`, the same one for `longer`; resolves to the one kept now. */
	keep(
		client: StoreClient,
		{ now }: BlindKeys,
		{ place, exit, leftMs }: KeptExit,
		{ gone, longer }: { readonly gone: string | null; readonly longer: boolean },
	): Promise<string> {
		const longestMs = this.#blinds.forgottenMs - this.#blinds.redisMs;
		const ms = Math.max(1, Math.ceil(Math.min(leftMs, longestMs)));
		return client.bautaKeepExit(nameOf(now), place, exit, ms, gone ?? '', longer ? '1' : '0');
	}

	forget(client: StoreClient, { now }: BlindKeys, place: string): Promise<number> {
		return client.hdel(nameOf(now), place);
	}
}

function nameOf(key: string): string {
	return `${key}:exits`;
}
