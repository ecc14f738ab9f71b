// Names of subjects as Redis sees them: HMAC-SHA-256 under a salt that all gateways share for one window of time and that is
// destroyed at the end of the next. The salt of a window is made by whoever comes first, ahead of time, so that all
// gateways turn at the same moment of Redis' clock; what is counted on is moved over by those who know the name. With a secret
// of the fleet's own in it, the salts alone do not let a reader of Redis try names.
import { createHmac, randomBytes } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import type { Secret } from '../core/secret.ts';
import { ours, StoreProblem } from './redis-causes.ts';
import type { StoreClient } from './redis-client.ts';
import type { Subject } from './shared.ts';

export interface BlindOptions {
	readonly prefix: string;
	/** The fleet's own secret, which Redis does not know; null without one. */
	readonly key: Secret | null;
	/** One window. */
	readonly saltMs: number;
	/** How long before its window the next salt is there, and what is held is said under it, too. */
	readonly aheadMs: number;
}

/** What is hashed: a subject of limits, or a session. */
export interface Blinded {
	readonly kind: Subject['kind'] | 'session';
	readonly name: string;
}

/** What all keys of a subject begin with: `prefix:{x}yyy`. The first letter picks the slot, so that few scripts say much. */
export interface BlindKeys {
	readonly now: string;
	/** Under the salt before this one; null where that is gone. */
	readonly before: string | null;
	/** Under the next salt, while that is near. */
	readonly next: string | null;
}

/** Subjects whose keys are remembered; about 4 MB. */
const MOST_REMEMBERED = 16_384;

/** A salt as it is stored: 32 bytes. */
const SALT = /^[A-Za-z0-9_-]{43}$/;

/** 128 bits: no two names of a window share a key, and a dump is smaller. */
const KEY_LENGTH = 22;

export class Blinds {
	readonly #options: BlindOptions;
	readonly #clock: Clock;
	/** By the number of the window; as text, which is the key of the HMAC. */
	readonly #salts: Map<number, string> = new Map();
	readonly #remembered: Map<string, BlindKeys> = new Map();
	/** What Redis' clock is ahead of ours. */
	#offsetMs = 0;
	/** Of what is remembered: the window, and whether the next one was near. */
	#era = '';

	constructor(options: BlindOptions, clock: Clock) {
		this.#options = options;
		this.#clock = clock;
	}

	/** Redis' clock, as far as it is known. */
	get redisMs(): number {
		return this.#clock.nowMs() + this.#offsetMs;
	}

	/** Tells what Redis' clock says. */
	setRedisMs(redisMs: number): void {
		this.#offsetMs = redisMs - this.#clock.nowMs();
	}

	/** When keys of this window can no longer be told from others: nothing under them lives longer. */
	get forgottenMs(): number {
		return (this.#window + 2) * this.#options.saltMs;
	}

	/** Whether the next salt is wanted now. */
	get isNextNear(): boolean {
		return this.redisMs >= (this.#window + 1) * this.#options.saltMs - this.#options.aheadMs;
	}

	get #window(): number {
		return Math.floor(this.redisMs / this.#options.saltMs);
	}

	/** Whether a salt is missing that is wanted now: `agree` gets it. */
	get lacksSalt(): boolean {
		return !this.#salts.has(this.#window) || (this.isNextNear && !this.#salts.has(this.#window + 1));
	}

	/** Null before a salt of this window was agreed on. */
	keysOf(subject: Blinded): BlindKeys | null {
		this.#turn();
		const name = `${subject.kind} ${subject.name}`;
		const known = this.#remembered.get(name);
		if (known) return known;
		const window = this.#window;
		const now = this.#key(window, name);
		if (now === null) return null;
		const next = this.isNextNear ? this.#key(window + 1, name) : null;
		const keys: BlindKeys = { now, before: this.#key(window - 1, name), next };
		if (this.#remembered.size >= MOST_REMEMBERED) this.#forgetOldest();
		this.#remembered.set(name, keys);
		return keys;
	}

	#forgetOldest(): void {
		for (const name of this.#remembered.keys()) {
			this.#remembered.delete(name);
			return;
		}
	}

	#key(window: number, name: string): string | null {
		const salt = this.#salts.get(window);
		if (salt === undefined) return null;
		const blind = createHmac('sha256', salt + (this.#options.key?.reveal() ?? ''))
			.update(name)
			.digest('base64url')
			.slice(0, KEY_LENGTH);
		return `${this.#options.prefix}:{${blind[0]}}${blind.slice(1)}`;
	}

	/** Forgets what belongs to another time. */
	#turn(): void {
		const window = this.#window;
		const era = `${window} ${this.isNextNear}`;
		if (era === this.#era) return;
		this.#era = era;
		this.#remembered.clear();
		for (const known of this.#salts.keys()) if (known < window - 1) this.#salts.delete(known);
	}

	/**
	 * Agrees with the other gateways on the salts of now: what is stored wins, what is missing there and known here is put
	 * back. `anew`: also on those that are known here. Rejects when the store does not answer or holds something else.
	 */
	async agree(client: StoreClient, { anew }: { anew: boolean }): Promise<void> {
		const window = this.#window;
		await this.#agreeOn(client, window, anew);
		if (anew) await this.#agreeOn(client, window - 1, true);
		if (this.isNextNear) await this.#agreeOn(client, window + 1, anew);
	}

	async #agreeOn(client: StoreClient, window: number, anew: boolean): Promise<void> {
		const known = this.#salts.get(window);
		if (known !== undefined && !anew) return;
		const isOver = window < this.#window;
		const mine = known ?? (isOver ? '' : randomBytes(32).toString('base64url'));
		const endMs = (window + 2) * this.#options.saltMs;
		const stored = await ours(client.bautaAgree(`${this.#options.prefix}:salt:${window}`, mine, endMs));
		if (stored === null || stored === known) return;
		if (!SALT.test(stored)) throw new StoreProblem('the salt in Redis is not ours');
		this.#salts.set(window, stored);
		this.#remembered.clear();
	}
}
