// Limits that a fleet shares, kept in Redis: the rooms for places, rates, bytes and bans behind the one interface, and the
// one clockwork that keeps them alive. Needs Redis 6.2 or Valkey; docs of the keys and of the rights needed are in README.
import { randomBytes } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import type { Secret } from '../core/secret.ts';
import { Bans } from './redis-bans.ts';
import { type Blinded, type BlindKeys, Blinds } from './redis-blind.ts';
import { Bytes } from './redis-bytes.ts';
import { ours, StoreProblem } from './redis-causes.ts';
import type { RedisServers, StoreClient } from './redis-client.ts';
import { COUNTED, type Counted, countedOf } from './redis-counted.ts';
import { Exits, type KeptExit } from './redis-exits.ts';
import { Places } from './redis-places.ts';
import { type Rated, Rates, type Taken } from './redis-rates.ts';
import { RedisStore, type StoreDeps } from './redis-store.ts';
import type { ByteGrants, ByteWants, Failing, FailureRule, Rate, Shared, Subject } from './shared.ts';

export interface RedisLimits extends RedisServers {
	/** What every key begins with. */
	readonly prefix: string;
	/** Goes into what clients and users are hashed with; the same for all gateways. */
	readonly key: Secret | null;
	/** The longest that a question waits for its answer. */
	readonly waitMs: number;
	/** How long Redis believes in a gateway that it does not hear. */
	readonly leaseMs: number;
	/** How long a salt is used; it is destroyed as much later. At least two leases. */
	readonly saltMs: number;
}

export interface SharedDeps extends Pick<StoreDeps, 'note' | 'modeChanged'> {
	readonly clock: Clock;
	/** False: an operator's look. It is no gateway, and has no part of a limit. */
	readonly isGateway?: boolean;
}

/** What changed is told, and what others have changed is heard, within this time. */
const LONGEST_TICK_MS = 1_000;

export class RedisShared implements Shared {
	gateways = 1;
	readonly #limits: RedisLimits;
	readonly #clock: Clock;
	readonly #gateway: string = randomBytes(9).toString('base64url');
	readonly #store: RedisStore;
	readonly #blinds: Blinds;
	readonly #places: Places;
	readonly #rates: Rates;
	readonly #bytes: Bytes;
	readonly #bans: Bans;
	readonly #exits: Exits;
	readonly #tickMs: number;
	#timer: NodeJS.Timeout | undefined;
	#ticking = false;
	#aliveMs = 0;
	/** For how long Redis shall count this process as a gateway. */
	readonly #believedMs: number;

	constructor(limits: RedisLimits, { clock, note, modeChanged, isGateway = true }: SharedDeps) {
		const { prefix, key, leaseMs, saltMs } = limits;
		this.#limits = limits;
		this.#clock = clock;
		this.#believedMs = isGateway ? limits.leaseMs : 0;
		this.#tickMs = Math.min(LONGEST_TICK_MS, leaseMs / 6);
		this.#blinds = new Blinds({ prefix, key, saltMs, aheadMs: leaseMs }, clock);
		this.#places = new Places({ gateway: this.#gateway, leaseMs }, this.#blinds, clock);
		this.#rates = new Rates(clock);
		this.#bytes = new Bytes(this.#blinds);
		this.#bans = new Bans(this.#blinds, { prefix, lookMs: this.#tickMs }, clock);
		this.#exits = new Exits(this.#blinds);
		const recover = (client: StoreClient): Promise<void> => this.#recover(client);
		this.#store = new RedisStore(limits, { clock, note, modeChanged, recover });
	}

	get up(): boolean {
		return this.#store.up;
	}

	/** Resolves when it is known whether there is a Redis; never rejects. */
	async start(): Promise<void> {
		this.#timer = setInterval(() => void this.#tick(), this.#tickMs);
		this.#timer.unref();
		await this.#store.start();
	}

	/** Frees what this gateway holds, if Redis answers. */
	async close(): Promise<void> {
		clearInterval(this.#timer);
		for (const command of this.#places.release()) await this.#store.ask(command);
		await this.#store.ask((client) => client.zrem(`${this.#limits.prefix}:gateways`, this.#gateway));
		this.#store.close();
	}

	async #recover(client: StoreClient): Promise<void> {
		await this.#sayAlive(client);
		await this.#blinds.agree(client, { anew: true });
		for (const command of this.#places.all()) await command(client);
		await this.#bans.reload(client);
	}

	async #sayAlive(client: StoreClient): Promise<void> {
		const key = `${this.#limits.prefix}:gateways`;
		const [gateways, redisMs] = await ours(client.bautaAlive(key, this.#gateway, this.#believedMs));
		this.gateways = Math.max(1, gateways);
		this.#blinds.setRedisMs(redisMs);
		this.#aliveMs = this.#clock.nowMs();
	}

	async #tick(): Promise<void> {
		if (this.#ticking || !this.#store.up) return;
		this.#ticking = true;
		if (this.#clock.nowMs() - this.#aliveMs >= this.#limits.leaseMs / 3)
			await this.#store.ask(async (client) => {
				await this.#sayAlive(client);
				await this.#blinds.agree(client, { anew: true });
			});
		else if (this.#blinds.lacksSalt) await this.#store.ask((client) => this.#blinds.agree(client, { anew: false }));
		await this.#store.ask((client) => this.#bans.refresh(client));
		// Taken one by one: what is taken counts as said, and a store that has fallen hears nothing.
		const due = this.#places.due();
		for (let next = this.#takeDue(due); next !== null; next = this.#takeDue(due)) {
			const foreign = await this.#store.ask(next);
			if (foreign !== null && foreign > 0) this.#store.noteForeignKey();
		}
		this.#ticking = false;
	}

	#takeDue(due: ReturnType<Places['due']>): ((client: StoreClient) => Promise<number>) | null {
		const next = this.#store.up ? due.next() : null;
		return next === null || next.done ? null : next.value;
	}

	/** Asks about a subject, under its keys of now. */
	#ask<T>(subject: Blinded, question: (client: StoreClient, keys: BlindKeys) => Promise<T>): Promise<T | null> {
		return this.#store.ask(async (client) => {
			const keys = this.#blinds.keysOf(subject) ?? (await this.#keysAgreed(client, subject));
			return question(client, keys);
		});
	}

	/** The salt of a window that has begun while nobody looked. */
	async #keysAgreed(client: StoreClient, subject: Blinded): Promise<BlindKeys> {
		await this.#blinds.agree(client, { anew: false });
		const keys = this.#blinds.keysOf(subject);
		if (keys === null) throw new StoreProblem('no salt');
		return keys;
	}

	async places(subject: Subject, ask: Parameters<Shared['places']>[1]): Promise<number | null> {
		if (!this.up) return null;
		return this.#places.ask(subject, ask, (question) => this.#ask(subject, (client, { now }) => question(client, now)));
	}

	hold(subject: Subject, held: number): void {
		this.#places.hold(subject, held);
	}

	async take(what: Rated, subject: Subject, rate: Rate, count: number): Promise<Taken | null> {
		if (!this.up) return null;
		if (rate.perSecond === 0) return { granted: count, retryMs: 0 };
		const spent = this.#rates.spent(what, subject);
		if (spent) return spent;
		return this.#ask(subject, (client, { now }) => this.#rates.take(client, now, { what, subject, rate, count }));
	}

	draw(subject: Subject, wants: ByteWants): Promise<ByteGrants | null> {
		return this.#ask(subject, (client, keys) => this.#bytes.draw(client, keys, wants));
	}

	giveBack(subject: Subject, unused: { readonly day: number; readonly month: number }): void {
		void this.#ask(subject, (client, keys) => this.#bytes.giveBack(client, keys, unused));
	}

	fail(
		subject: Subject,
		what: Failing,
		rule: FailureRule,
	): Promise<{ readonly failures: number; readonly banMs: number } | null> {
		return this.#ask(subject, (client, keys) => this.#bans.fail(client, keys, what, rule));
	}

	/** Exits of a session, whatever that is called. Null: no answer. */
	exitsOf(session: string): Promise<readonly KeptExit[] | null> {
		return this.#ask(sessionCalled(session), (client, keys) => this.#exits.of(client, keys));
	}

	keepExit(session: string, kept: KeptExit, how: { gone: string | null; longer: boolean }): Promise<string | null> {
		return this.#ask(sessionCalled(session), (client, keys) => this.#exits.keep(client, keys, kept, how));
	}

	forgetExit(session: string, place: string): void {
		void this.#ask(sessionCalled(session), (client, keys) => this.#exits.forget(client, keys, place));
	}

	bannedMs(subject: Subject): number {
		return this.#bans.leftMs(() => this.#blinds.keysOf(subject));
	}

	/** What is counted of a subject, for an operator who knows its name. Null: no answer. */
	show(subject: Subject): Promise<Counted | null> {
		return this.#ask(subject, async (client, keys) => ({
			...(await countedOf(client, keys.now)),
			banMs: this.bannedMs(subject),
		}));
	}

	/** Forgets what is counted of a subject, under this salt and the last: rates, bytes, failures and its ban, but what it holds. */
	reset(subject: Subject): Promise<true | null> {
		return this.#ask(subject, async (client, keys) => {
			for (const key of [keys.now, keys.before]) {
				if (key === null) continue;
				await client.del(...COUNTED.map((what) => `${key}:${what}`));
				await this.#bans.unban(client, key);
			}
			return true as const;
		});
	}

	/** Bans a subject everywhere. Resolves to how long it is banned now: no longer than its name can be told. */
	ban(subject: Subject, ms: number): Promise<number | null> {
		return this.#ask(subject, (client, keys) => this.#bans.ban(client, keys.now, ms));
	}

	/** Ends a ban, and forgets the failures that would lead to the next. */
	unban(subject: Subject): Promise<true | null> {
		return this.#ask(subject, async (client, keys) => {
			for (const key of [keys.now, keys.before]) {
				if (key === null) continue;
				await client.del(`${key}:authentication`, `${key}:destination`);
				await this.#bans.unban(client, key);
			}
			return true as const;
		});
	}
}

/** A session is blind as a subject is. */
function sessionCalled(name: string): { readonly kind: 'session'; readonly name: string } {
	return { kind: 'session', name };
}
