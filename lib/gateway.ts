// The composition root: a configuration becomes a generation (policy, users, ways out), and the gateway is what outlives
// one: listeners, limits, numbers. Everything a gateway has hangs on it, so several live in one process.
import { isDeepStrictEqual } from 'node:util';
import type { Config, ConfigInput } from './config/config.ts';
import { resolveConfig } from './config/resolve.ts';
import { systemClock } from './core/clock.ts';
import { parseIp } from './core/ip.ts';
import type { Observer } from './core/observer.ts';
import type { Hooks } from './flow/serve-deps.ts';
import { type Decision, type Exit, Generation, type Surroundings } from './generation.ts';
import type { ProxyInbound } from './inbound/proxy.ts';
import type { HandedSocket } from './io/listen.ts';
import { InterfaceAddresses } from './io/own-addresses.ts';
import { Reactor } from './io/reactor.ts';
import { systemFacts } from './io/system.ts';
import { AccountLimiter, type Ceilings, ceilingsFor } from './limits/account-limiter.ts';
import { fitted } from './limits/fit.ts';
import type { ExitStore } from './limits/fleet-sessions.ts';
import type { RedisShared } from './limits/redis-shared.ts';
import type { Shared } from './limits/shared.ts';
import { prepareListeners } from './listeners.ts';
import { type ListStatus, ListStore } from './lists.ts';
import { type Kept, keptFor } from './parts.ts';
import type { Subject } from './policy/exit-policy.ts';
import type { ListenAddress, OwnAddresses } from './policy/own-addresses.ts';
import type { TaggedSource } from './ways.ts';

export type { Decision, Exit } from './generation.ts';

export interface GatewayOptions {
	readonly hooks?: Hooks;
	/** Logs, metrics. Nothing is written anywhere without one. */
	readonly observer?: Observer;
	/** Sockets that another process hands over, by the name or the `address:port` of a listener; each is taken once. */
	readonly handed?: (name: string) => HandedSocket | null;
	/** This is one of several processes that serve together. */
	readonly siblings?: Siblings;
}

/** What the processes of one gateway have in common. */
export interface Siblings {
	/** How many they are: what is counted by each for itself is divided by it. */
	readonly count: number;
	/** Where limits and sessions are kept, unless there is a Redis. */
	readonly store: Shared & ExitStore;
	/** Keys what sticks to somebody. */
	readonly secret: Buffer;
	/** Flows are numbered `first`, `first + step` and so on: no two processes have the same. */
	readonly ids: { readonly first: number; readonly step: number };
}

/** `starting` until all listeners are there; `draining` from the call of `drain` or `close` on. */
export type GatewayState = 'starting' | 'serving' | 'draining';

export interface Gateway {
	readonly state: GatewayState;
	/** What is in force. */
	readonly config: Config;
	/** What is listened on, as `address:port` with the ports that were really given; empty before `start`. */
	readonly addresses: readonly string[];
	/** Flows that live now. */
	readonly liveFlows: number;
	/** The ways out, the default route first. */
	readonly exits: readonly Exit[];
	/** The lists that rules name, as they are now. */
	readonly lists: readonly ListStatus[];
	/** The addresses that are left from, and how many connections do; those of tunnels from before a reload are counted. */
	readonly sources: readonly TaggedSource[];
	/** Sockets that listen, to hand over to another process: it may accept from them while this one still does. */
	readonly sockets: readonly HandedSocket[];
	/** Listens on every configured address, or on none: rejects with ListenError and frees what it had. */
	start(): Promise<void>;
	/**
	 * Applies another configuration, whole or not at all: rejects with ConfigError or ListenError, and then nothing has
	 * changed. Tunnels keep the rules they started with, HTTP connections end behind their current request; listeners that
	 * stay go on without a gap, counts go on. One after the other, when several are asked for.
	 */
	reload(config: Config | ConfigInput): Promise<void>;
	/** What the rules that are in force would say. */
	decide(subject: Subject): Decision;
	/** Another listener of this process, as `address:port`: no client gets there through the gateway. */
	protect(address: string | null): void;
	/**
	 * Accepts nothing more, lets live flows end for `deadlineMs` (default: the configuration's), then closes the rest. The
	 * gateway is closed when it resolves.
	 */
	drain(deadlineMs?: number): Promise<void>;
	/** Closes everything now; resolves when every flow has reported its end, or a second later. Again does nothing. */
	close(): Promise<void>;
}

/** A gateway, not yet listening. Throws ConfigError with every problem of the configuration. */
export function createGateway(config: Config | ConfigInput = {}, options: GatewayOptions = {}): Gateway {
	return new ComposedGateway(resolveConfig(config), options);
}

/** A store that answers is there in a tenth of this; one that does not shall not keep the gateway from its clients. */
const SHARED_MS = 250;

/** A reset link is gone in the same turn; only a hook or a check of a password that hangs could take longer. */
const REPORTS_MS = 1_000;

class ComposedGateway implements Gateway {
	state: GatewayState = 'starting';
	addresses: readonly string[] = [];
	readonly #observer: Observer;
	readonly #siblings: Siblings | null;
	readonly #limiter: AccountLimiter;
	readonly #kept: Kept;
	/** Null: limits are this process's own. */
	#shared: RedisShared | null = null;
	readonly #interfaces: InterfaceAddresses = new InterfaceAddresses();
	/** Made when a configuration first asks for it. */
	#reactor: Reactor | null | undefined;
	readonly #generationOf: (config: Config) => Generation;
	#current: Generation;
	/** Those whose flows are not all over, the current one among them. */
	readonly #living: Set<Generation> = new Set();
	#reloading: Promise<void> = Promise.resolve();
	/** Addresses no client may reach through us: see `protect`. */
	#protected: ListenAddress | null = null;
	#listeners: readonly ListenAddress[] = [];

	constructor(config: Config, { hooks = {}, observer = {}, handed = () => null, siblings }: GatewayOptions) {
		this.#observer = observer;
		this.#siblings = siblings ?? null;
		this.#limiter = new AccountLimiter(config.limits.allowances, ceilingsOf(config, this.#siblings?.count ?? 1));
		this.#kept = keptFor(config, siblings?.secret);
		const surroundings: Surroundings = {
			hooks,
			observer,
			limiter: this.#limiter,
			kept: this.#kept,
			ids: numbersFrom(siblings?.ids ?? { first: 1, step: 1 }),
			lists: new ListStore((level, event, facts) => observer.note?.(level, event, facts)),
			own: () => this.#own(),
			handed,
			// One for all generations, which may share a listener.
			reactor: () => {
				if (this.#reactor === undefined) this.#reactor = Reactor.create(undefined, (thrown) => observer.bug?.(thrown));
				return this.#reactor;
			},
		};
		this.#generationOf = (next) => new Generation(next, surroundings);
		this.#current = this.#generationOf(config);
		this.#living.add(this.#current);
	}

	get config(): Config {
		return this.#current.config;
	}

	get exits(): readonly Exit[] {
		return this.#current.exits;
	}

	get lists(): readonly ListStatus[] {
		return this.#current.lists;
	}

	get sources(): readonly TaggedSource[] {
		const before = [...this.#living].filter((generation) => generation !== this.#current);
		const older = before.flatMap(({ sources }) => sources).filter(({ open }) => open > 0);
		return this.#current.sources.map((use) => {
			const same = older.filter(({ tag, source }) => tag === use.tag && source === use.source);
			return { ...use, open: same.reduce((sum, { open }) => sum + open, use.open) };
		});
	}

	get liveFlows(): number {
		let count = 0;
		for (const { server } of this.#living) count += server.liveCount;
		return count;
	}

	get sockets(): readonly HandedSocket[] {
		return this.#current.inbounds.flatMap(({ sockets }) => sockets);
	}

	#own(): OwnAddresses {
		const interfaces = this.#interfaces.list(systemClock.nowMs());
		return { listeners: this.#listeners, interfaces, prefixes: this.#current.ownPrefixes };
	}

	decide(subject: Subject): Decision {
		return this.#current.decide(subject);
	}

	protect(address: string | null): void {
		const match = address === null ? null : /^\[?([^\]]*)\]?:(\d+)$/.exec(address);
		const ip = match ? parseIp(match[1] as string) : null;
		this.#protected = match && ip !== null ? { ip, port: Number(match[2]) } : null;
		this.#listened();
	}

	/** Notes what is listened at now. */
	#listened(): void {
		const at = this.#current.inbounds.flatMap(({ listener }) => (listener ? [listener.address] : []));
		this.addresses = at.map(({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`));
		const listeners = at.flatMap(({ host, port }) => {
			const ip = parseIp(host);
			return ip === null ? [] : [{ ip, port }];
		});
		this.#listeners = this.#protected ? [...listeners, this.#protected] : listeners;
	}

	async start(): Promise<void> {
		await this.#share();
		await this.#current.prepare(null);
		try {
			for (const inbound of this.#current.inbounds) {
				await inbound.start();
				this.#listened();
			}
		} catch (error) {
			await this.close();
			throw error;
		}
		this.state = 'serving';
		this.#current.commit();
		for (const address of this.addresses) this.#observer.note?.('info', 'listening', { address });
	}

	/** Who shares nothing does not load what it takes. */
	async #share(): Promise<void> {
		const { redis, limits } = this.config;
		if (redis === null) return this.#shareWith(this.#siblings?.store ?? null);
		const { RedisShared } = await import('./limits/redis-shared.ts');
		this.#shared = new RedisShared(redis, {
			clock: systemClock,
			note: (level, event, facts) => this.#observer.note?.(level, event, facts),
			modeChanged: (up, cause) => this.#observer.limits?.(up ? 'shared' : limits.allowances.client.whenDown, cause),
		});
		this.#shareWith(this.#shared);
		await within(SHARED_MS, this.#shared.start());
	}

	#shareWith(store: (Shared & ExitStore) | null): void {
		if (store === null) return;
		this.#limiter.share(store);
		this.#kept.sessions.share(store);
	}

	reload(config: Config | ConfigInput): Promise<void> {
		const reload = this.#reloading.then(() => this.#reload(resolveConfig(config)));
		this.#reloading = reload.catch(() => {});
		return reload;
	}

	async #reload(config: Config): Promise<void> {
		if (this.state !== 'serving') throw new Error(`a gateway that is ${this.state} cannot reload`);
		const next = this.#generationOf(config);
		const old = this.#current;
		try {
			await next.prepare(old);
			const change = await prepareListeners(old.inbounds, next.inbounds);
			if (this.#draining()) for (const inbound of change.started) await inbound.stop();
			if (this.#draining()) throw new Error('the gateway drains');
			this.#living.add(next);
			this.#current = next;
			change.commit();
			next.commit();
			this.#limiter.change(config.limits.allowances, ceilingsOf(config, this.#siblings?.count ?? 1));
			if (!isDeepStrictEqual(config.redis, old.config.redis))
				this.#observer.note?.('warn', 'redis: another store takes a restart, the one before goes on');
			this.#tell(change.started);
		} catch (error) {
			// What a new listener had accepted by then has nobody to end it.
			next.server.closeAll();
			next.close();
			throw error;
		}
		void old.retire().then(() => this.#living.delete(old));
	}

	#draining(): boolean {
		return this.state === 'draining';
	}

	#tell(started: readonly ProxyInbound[]): void {
		const before = this.addresses;
		this.#listened();
		for (const { listener } of started) {
			const address = this.addresses[this.#current.inbounds.findIndex((inbound) => inbound.listener === listener)];
			this.#observer.note?.('info', 'listening', { address });
		}
		for (const address of before) {
			if (!this.addresses.includes(address)) this.#observer.note?.('info', 'listener closed', { address });
		}
	}

	async drain(deadlineMs: number = this.config.timeouts.drainMs): Promise<void> {
		this.state = 'draining';
		await this.#stopListening();
		for (const { server } of this.#living) server.drain();
		await within(deadlineMs, this.#reported());
		await this.close();
	}

	async close(): Promise<void> {
		this.state = 'draining';
		await this.#stopListening();
		for (const { server } of this.#living) server.closeAll();
		await within(REPORTS_MS, this.#reported());
		for (const generation of this.#living) generation.close();
		this.#kept.sessions.close();
		await this.#shared?.close();
	}

	async #reported(): Promise<void> {
		await Promise.all([...this.#living].map(({ server }) => server.reported()));
	}

	async #stopListening(): Promise<void> {
		await Promise.all(this.#current.inbounds.map((inbound) => inbound.stop()));
	}
}

/** What is configured, as far as there are descriptors for it, of one of `count` processes. */
function ceilingsOf({ limits }: Config, count: number): Ceilings {
	return fitted(ceilingsFor(limits.ceilings, count), systemFacts().descriptors);
}

function numbersFrom({ first, step }: Siblings['ids']): Surroundings['ids'] {
	let last = first - step;
	return {
		next: () => {
			last += step;
			return last;
		},
	};
}

async function within(limitMs: number, done: Promise<void>): Promise<void> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<void>((resolve) => {
		timer = setTimeout(resolve, limitMs);
	});
	await Promise.race([done, late]);
	clearTimeout(timer);
}
