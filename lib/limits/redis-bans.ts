// Failures and bans of subjects. Failures are counted under the subject's own key; a ban is a line in one list, which every
// gateway copies as it changes, so that whoever is banned anywhere is refused everywhere without asking. A ban holds for
// two windows of the salt at most: then nobody can tell any more whom it meant.
import type { Clock } from '../core/clock.ts';
import type { BlindKeys, Blinds } from './redis-blind.ts';
import { ours } from './redis-causes.ts';
import type { StoreClient } from './redis-client.ts';
import type { Failing, FailureRule } from './shared.ts';

/** Bans in the list, here and in Redis; the ones that end first make room. 16 MB there. */
const MOST_BANS = 65_536;

/** Changes that are remembered; a gateway that may have missed one reads the whole list. */
const MOST_CHANGES = 4_096;

/** A change is remembered while every gateway looks so many times. */
const LOOKS = 10;

const PAGE = 2_048;

export class Bans {
	readonly #blinds: Blinds;
	readonly #prefix: string;
	readonly #changesMs: number;
	readonly #clock: Clock;
	/** By blind key, in Redis' clock. */
	readonly #endMs: Map<string, number> = new Map();
	/** The last change known, and when changes were last asked for. */
	#since = 0;
	#refreshedMs = 0;

	/** `refresh` is called every `lookMs`. */
	constructor(blinds: Blinds, { prefix, lookMs }: { prefix: string; lookMs: number }, clock: Clock) {
		this.#blinds = blinds;
		this.#clock = clock;
		this.#prefix = prefix;
		this.#changesMs = Math.ceil(LOOKS * lookMs);
	}

	get #list(): string {
		return `${this.#prefix}:{bans}`;
	}

	get #changes(): string {
		return `${this.#prefix}:{bans}:changes`;
	}

	/** 0: not banned. */
	leftMs(keysOf: () => BlindKeys | null): number {
		if (this.#endMs.size === 0) return 0;
		const keys = keysOf();
		if (keys === null) return 0;
		const endMs = Math.max(this.#endOf(keys.now), keys.before === null ? 0 : this.#endOf(keys.before));
		return Math.max(0, endMs - this.#blinds.redisMs);
	}

	#endOf(key: string): number {
		return this.#endMs.get(key) ?? 0;
	}

	async fail(
		client: StoreClient,
		{ now }: BlindKeys,
		what: Failing,
		{ most, windowMs, banMs }: FailureRule,
	): Promise<{ readonly failures: number; readonly banMs: number }> {
		const failures = await client.bautaFail(`${now}:${what}`, Math.ceil(Math.min(windowMs, this.#longestMs)));
		return { failures, banMs: failures > most ? await this.ban(client, now, banMs) : 0 };
	}

	/** Resolves to how long the ban lasts now. */
	async ban(client: StoreClient, key: string, ms: number): Promise<number> {
		const lastsMs = Math.ceil(Math.min(ms, this.#longestMs));
		const end = await this.#change(client, key, lastsMs);
		if (end === null) return 0;
		this.#endMs.set(key, Number(end));
		return Math.max(0, Number(end) - this.#blinds.redisMs);
	}

	async unban(client: StoreClient, key: string): Promise<void> {
		await this.#change(client, key, 0);
		this.#endMs.delete(key);
	}

	#change(client: StoreClient, key: string, ms: number): Promise<string | null> {
		return ours(client.bautaBan(this.#list, this.#changes, key, ms, MOST_BANS, MOST_CHANGES, this.#changesMs));
	}

	get #longestMs(): number {
		return this.#blinds.forgottenMs - this.#blinds.redisMs;
	}

	/** Copies what has changed. */
	async refresh(client: StoreClient): Promise<void> {
		const beforeMs = this.#refreshedMs;
		this.#refreshedMs = this.#clock.nowMs();
		const found = await ours(
			client.bautaBansSince(this.#list, this.#changes, this.#since, MOST_CHANGES, this.#changesMs),
		);
		const isMissed = found.length >= 3 * MOST_CHANGES || this.#refreshedMs - beforeMs > this.#changesMs / 2;
		if (isMissed) return this.reload(client);
		for (let i = 0; i < found.length; i += 3) {
			const [key, at, end] = found.slice(i, i + 3) as [string, string, string];
			this.#since = Number(at);
			if (end === '0') this.#endMs.delete(key);
			else this.#endMs.set(key, Number(end));
		}
		if (this.#endMs.size > MOST_BANS) this.#forgetOver();
	}

	/** Copies the whole list. */
	async reload(client: StoreClient): Promise<void> {
		const [, newest] = await ours(client.zrange(this.#changes, '-1', '-1', 'WITHSCORES'));
		this.#endMs.clear();
		this.#refreshedMs = this.#clock.nowMs();
		for (let start = 0; start < MOST_BANS; start += PAGE) {
			const page = await ours(client.zrange(this.#list, `${start}`, `${start + PAGE - 1}`, 'WITHSCORES'));
			for (let i = 0; i < page.length; i += 2) this.#endMs.set(page[i] as string, Number(page[i + 1]));
			if (page.length < 2 * PAGE) break;
		}
		this.#since = Number(newest ?? 0);
	}

	#forgetOver(): void {
		const nowMs = this.#blinds.redisMs;
		for (const [key, endMs] of this.#endMs) if (endMs <= nowMs) this.#endMs.delete(key);
	}
}
