// The composition root: a configuration becomes a policy, limits, ways out and listeners, and they are joined here and
// nowhere else. Everything a gateway has hangs on it, so several live in one process.
import type { Config, ConfigInput } from './config/config.ts';
import { resolveConfig } from './config/resolve.ts';
import type { Client } from './core/client.ts';
import { systemClock } from './core/clock.ts';
import { parseIp } from './core/ip.ts';
import type { Observer } from './core/observer.ts';
import { OriginPool } from './flow/origin-pool.ts';
import { Router } from './flow/router.ts';
import { FlowServer, type Hooks } from './flow/serve.ts';
import { ProxyInbound } from './inbound/proxy.ts';
import { InterfaceAddresses } from './io/own-addresses.ts';
import { Resolver } from './io/resolve.ts';
import { Sweep } from './io/sweep.ts';
import { AccountLimiter } from './limits/account-limiter.ts';
import { clientOf } from './limits/client-key.ts';

import { ExitPolicy } from './policy/exit-policy.ts';
import type { ListenAddress, OwnAddresses } from './policy/own-addresses.ts';
import { compileRules } from './policy/rules.ts';
import { type PlainUser, Users } from './policy/users.ts';
import { outboundsOf } from './registry.ts';

export interface GatewayOptions {
	readonly hooks?: Hooks;
	/** Logs, metrics. Nothing is written anywhere without one. */
	readonly observer?: Observer;
}

export interface Gateway {
	/** What is listened on, as `address:port` with the ports that were really given; empty before `start`. */
	readonly addresses: readonly string[];
	/** Flows that live now. */
	readonly liveFlows: number;
	/** Listens on every configured address, or on none: rejects with ListenError and frees what it had. */
	start(): Promise<void>;
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

/** A reset link is gone in the same turn; only a hook or a check of a password that hangs could take longer. */
const REPORTS_MS = 1_000;

/** Never, as a number that timers take: Node's longest is 24.8 days. */
const NEVER_MS = 2 ** 31 - 1;

class ComposedGateway implements Gateway {
	addresses: readonly string[] = [];
	readonly #config: Config;
	readonly #observer: Observer;
	readonly #authRequired: boolean;
	readonly #resolver: Resolver;
	readonly #router: Router;
	readonly #pool: OriginPool;
	readonly #sweep: Sweep;
	readonly #server: FlowServer;
	readonly #inbounds: readonly ProxyInbound[];
	readonly #interfaces: InterfaceAddresses = new InterfaceAddresses();
	#listeners: readonly ListenAddress[] = [];

	constructor(config: Config, { hooks = {}, observer = {} }: GatewayOptions) {
		this.#config = config;
		this.#observer = observer;
		this.#authRequired = config.users !== null || hooks.authenticate !== undefined;
		const { servers, hostsFile, ...resolver } = config.resolver;
		this.#resolver = new Resolver({ ...resolver, servers, hostsFile: hostsFile ? '/etc/hosts' : null });
		this.#router = new Router(outboundsOf(config.upstreams, { resolver: this.#resolver }));
		this.#pool = new OriginPool();
		this.#sweep = new Sweep(config.timeouts.idleMs || NEVER_MS);
		this.#server = this.#flowServer(hooks);
		this.#inbounds = config.listen.map((listen) => this.#inbound(listen));
	}

	#flowServer(hooks: Hooks): FlowServer {
		const { timeouts, anonymity, limits } = this.#config;
		const users = usersOf(this.#config.users);
		return new FlowServer({
			limiter: new AccountLimiter(limits.allowances, limits.ceilings),
			policy: this.#policy(),
			router: this.#router,
			pool: this.#pool,
			sweep: this.#sweep,
			clock: systemClock,
			observer: this.#observer,
			hooks,
			options: {
				handshakeMs: timeouts.handshakeMs || NEVER_MS,
				dialMs: timeouts.dialMs || NEVER_MS,
				lifetimeMs: timeouts.lifetimeMs || null,
				httpIdleMs: timeouts.httpIdleMs || NEVER_MS,
				level: anonymity.level,
				authRequired: this.#authRequired,
			},
			verify: (credentials, client) => users.verify(credentials, client),
		});
	}

	#policy(): ExitPolicy {
		const { exit, rules } = this.#config;
		return new ExitPolicy({
			allowPrivate: exit.allowPrivate,
			ports: exit.ports,
			mode: exit.mode,
			rules: compileRules(rules).rules,
			ownAddresses: () => this.#own(),
		});
	}

	#own(): OwnAddresses {
		const interfaces = this.#interfaces.list(systemClock.nowMs());
		return { listeners: this.#listeners, interfaces, prefixes: NO_PREFIXES };
	}

	#inbound({ tag, host, port }: Config['listen'][number]): ProxyInbound {
		const { prefixes } = this.#config.limits;
		return new ProxyInbound(
			{ tag, host, port, authRequired: this.#authRequired },
			{
				clientOf: (ip) => clientOf(ip, prefixes),
				serve: (link, client: Client, entrance) => void this.#server.serve(link, client, entrance),
				onError: (code) => this.#observer.note?.('warn', 'accept failed', { inbound: tag, code }),
			},
		);
	}

	get liveFlows(): number {
		return this.#server.liveCount;
	}

	async start(): Promise<void> {
		try {
			for (const inbound of this.#inbounds) {
				const { host, port } = (await inbound.start()).address;
				const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
				this.addresses = [...this.addresses, address];
				const ip = parseIp(host);
				if (ip !== null) this.#listeners = [...this.#listeners, { ip, port }];
			}
		} catch (error) {
			await this.close();
			throw error;
		}
		for (const address of this.addresses) this.#observer.note?.('info', 'listening', { address });
	}

	async drain(deadlineMs: number = this.#config.timeouts.drainMs): Promise<void> {
		await this.#stopListening();
		this.#server.drain();
		await within(deadlineMs, this.#server.reported());
		await this.close();
	}

	async close(): Promise<void> {
		await this.#stopListening();
		this.#server.closeAll();
		await within(REPORTS_MS, this.#server.reported());
		this.#pool.close();
		this.#sweep.close();
		this.#router.close();
		this.#resolver.close();
	}

	async #stopListening(): Promise<void> {
		await Promise.all(this.#inbounds.map((inbound) => inbound.stop()));
	}
}

function usersOf(users: Config['users']): Users {
	const lines: string[] = [];
	const plain: PlainUser[] = [];
	for (const user of users ?? []) {
		if ('hash' in user) lines.push(`${user.name}:${user.hash.reveal()}`);
		else plain.push(user);
	}
	return Users.parse(lines, plain).users;
}

const NO_PREFIXES: OwnAddresses['prefixes'] = [];

async function within(limitMs: number, done: Promise<void>): Promise<void> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<void>((resolve) => {
		timer = setTimeout(resolve, limitMs);
	});
	await Promise.race([done, late]);
	clearTimeout(timer);
}
