// What one configuration makes: policy, users, ways out, entrances and the server of the flows that came in under it. A
// reload makes a new one; the old one takes no connection any more and is put away when its last flow is over, so a
// tunnel keeps the rules it started with. What outlives it (listeners, limits, numbers) is lent by the gateway.
import { advertisedPrefixes, bindOptionsOf, relaysOf } from './commands.ts';
import type { Config } from './config/config.ts';
import type { Client } from './core/client.ts';
import { systemClock } from './core/clock.ts';
import type { Dialer, MemberCount, MemberReport } from './core/dialer.ts';
import type { Observer } from './core/observer.ts';
import { OriginPool } from './flow/origin-pool.ts';
import { Router } from './flow/router.ts';
import { FlowServer } from './flow/serve.ts';
import type { Hooks } from './flow/serve-deps.ts';
import { ProxyInbound } from './inbound/proxy.ts';
import { Datagrams } from './io/datagram.ts';
import type { HandedSocket } from './io/listen.ts';
import { PortTurns } from './io/port-choice.ts';
import type { Reactor } from './io/reactor.ts';
import type { Resolver } from './io/resolve.ts';
import { Sweep } from './io/sweep.ts';
import { clientOf } from './limits/client-key.ts';
import type { Limiter } from './limits/limiter.ts';
import type { ListStatus, ListStore, Lists } from './lists.ts';
import { type Kept, policyOf, removalOf, resolverOf, sessionReaderOf, sourcePrefixesOf, waysOf } from './parts.ts';
import type { ExitPolicy, Subject } from './policy/exit-policy.ts';
import { type OwnAddresses, OwnMachine } from './policy/own-addresses.ts';
import { type PlainUser, Users } from './policy/users.ts';
import type { TaggedSource, Ways } from './ways.ts';

/** What a gateway lends to each of its generations. */
export interface Surroundings {
	readonly hooks: Hooks;
	readonly observer: Observer;
	readonly limiter: Limiter;
	readonly kept: Kept;
	readonly lists: ListStore;
	/** Flows are numbered through. */
	readonly ids: { next(): number };
	readonly own: () => OwnAddresses;
	readonly handed: (name: string) => HandedSocket | null;
	/** Null where there are no native calls. */
	readonly reactor: () => Reactor | null;
}

/** A way out, as it is listed. */
export interface Exit {
	readonly tag: string;
	readonly type: string;
	/** Null for what is no group. */
	readonly members: MemberCount | null;
	/** Each member of a group, in the order of its list; of what is no group none. */
	reports(): Iterable<MemberReport>;
}

/** What the rules say to one question. */
export interface Decision {
	readonly allow: boolean;
	/** Tag of the way out; null when refused. */
	readonly route: string | null;
	/** The error code a client would get; null when allowed. */
	readonly code: string | null;
	/** Who says no, or what report mode lets pass. */
	readonly rules: readonly string[];
	/** The address that the name resolves to has a say, too. */
	readonly needsAddress: boolean;
}

/** Never, as a number that timers take: Node's longest is 24.8 days. */
const NEVER_MS = 2 ** 31 - 1;

export class Generation {
	readonly config: Config;
	/** Not yet listening. */
	readonly inbounds: readonly ProxyInbound[];
	readonly server: FlowServer;
	/** Addresses of this machine that no interface has: what it leaves from, and what is told in the place of its own. */
	readonly ownPrefixes: OwnAddresses['prefixes'];
	readonly #datagrams: Datagrams;
	readonly #datagramSweep: Sweep;
	readonly #resolver: Resolver;
	/** Null: node's streams carry everything. */
	readonly #reactor: Reactor | null;
	readonly #ways: Ways;
	readonly #lists: Lists;
	readonly #router: Router;
	readonly #policy: ExitPolicy;
	readonly #pool: OriginPool;
	readonly #sweep: Sweep;
	readonly #surroundings: Surroundings;

	constructor(config: Config, surroundings: Surroundings) {
		this.config = config;
		this.#surroundings = surroundings;
		this.#reactor = config.io.native ? surroundings.reactor() : null;
		this.#resolver = resolverOf(config);
		this.#datagrams = new Datagrams({ native: config.io.native });
		this.ownPrefixes = [...sourcePrefixesOf(config), ...advertisedPrefixes(config)];
		this.#ways = this.#waysOut();
		this.#lists = surroundings.lists.open(config.lists);
		this.#router = new Router(this.#ways.outbounds);
		this.#policy = policyOf(config, this.#ways.outbounds, surroundings.own, { lists: this.#lists.byTag });
		const onBug = (thrown: unknown): void => surroundings.observer.bug?.(thrown);
		this.#pool = new OriginPool({ onBug });
		this.#sweep = new Sweep(config.timeouts.idleMs || NEVER_MS, onBug);
		this.#datagramSweep = new Sweep(config.udp.idleMs, onBug);
		this.server = this.#flowServer();
		this.inbounds = config.listen.map((listen) => this.#inbound(listen));
	}

	get #authRequired(): boolean {
		return this.config.users !== null || this.#surroundings.hooks.authenticate !== undefined;
	}

	#waysOut(): Ways {
		const { observer, own, kept } = this.#surroundings;
		const machine = new OwnMachine(own);
		return waysOf(this.config, kept, {
			resolver: this.#resolver,
			reactor: this.#reactor,
			keepAliveMs: this.config.timeouts.keepAliveMs,
			datagrams: this.#datagrams,
			waitPorts: new PortTurns(this.config.bind.ports),
			isListener: (ip, port) => machine.listens(ip, port),
			note: (level, event, facts) => observer.note?.(level, event, facts),
			observer,
		});
	}

	/** Reads its lists, of members and of names, or has them of the one before: to be called before it takes a connection. */
	async prepare(before: Generation | null): Promise<void> {
		const through = (tag: string): Dialer => this.#router.outbound(tag);
		await Promise.all([this.#ways.start(before === null ? null : before.#ways), this.#lists.start(through)]);
	}

	/** It is in force: its groups may ask their members how they are, and lists are fetched by its ways out. */
	commit(): void {
		this.#ways.probe();
		this.#lists.commit((tag) => this.#router.outbound(tag));
	}

	#flowServer(): FlowServer {
		const { timeouts, anonymity, exit } = this.config;
		const { limiter, observer, hooks, ids, kept } = this.#surroundings;
		const users = usersOf(this.config.users);
		return new FlowServer({
			limiter,
			policy: this.#policy,
			router: this.#router,
			pool: this.#pool,
			sweep: this.#sweep,
			udp: relaysOf(this.config, {
				datagrams: this.#datagrams,
				sweep: this.#datagramSweep,
				isLocal: (ip) => this.#policy.isLocal(ip),
			}),
			bind: bindOptionsOf(this.config),
			clock: systemClock,
			observer,
			hooks,
			ids,
			options: {
				handshakeMs: timeouts.handshakeMs || NEVER_MS,
				dialMs: timeouts.dialMs || NEVER_MS,
				lifetimeMs: timeouts.lifetimeMs || null,
				httpIdleMs: timeouts.httpIdleMs || NEVER_MS,
				level: anonymity.level,
				page: exit.page,
				removal: removalOf(this.config),
				authRequired: this.#authRequired,
			},
			sessions: sessionReaderOf(this.config),
			recall: (session) => kept.sessions.recall(session),
			verify: (credentials, client) => users.verify(credentials, client),
		});
	}

	#inbound(listen: Config['listen'][number]): ProxyInbound {
		const { limits, session, pac } = this.config;
		const { prefixes } = limits;
		const { observer, handed } = this.#surroundings;
		return new ProxyInbound(
			{
				...listen,
				authRequired: this.#authRequired,
				asksName: session.separator !== '',
				...(pac.enabled ? { pacHosts: pac.hosts } : {}),
			},
			{
				clientOf: (ip) => clientOf(ip, prefixes),
				serve: (link, client: Client, entrance) => this.server.serve(link, client, entrance),
				onError: (code) => observer.note?.('warn', 'accept failed', { inbound: listen.tag, code }),
				handed,
				reactor: this.#reactor,
				keepAliveMs: this.config.timeouts.keepAliveMs,
			},
		);
	}

	/** Every way out, the default route first. */
	get exits(): readonly Exit[] {
		return this.#router.all.map((outbound) => ({
			tag: outbound.tag,
			type: outbound.type,
			members: outbound.members ?? null,
			reports: () => outbound.reports?.() ?? [],
		}));
	}

	/** What leaves from where. */
	get sources(): readonly TaggedSource[] {
		return this.#ways.sources;
	}

	/** Its lists, as they are now. */
	get lists(): readonly ListStatus[] {
		return this.#lists.status;
	}

	/** What would become of a request, by the rules; hooks are not asked. */
	decide(subject: Subject): Decision {
		const verdict = this.#policy.judge(subject);
		if (!verdict.allow)
			return { allow: false, route: null, code: verdict.error.code, rules: [verdict.rule], needsAddress: false };
		const { reports, needsAddress, route } = verdict;
		return { allow: true, route: this.#router.outbound(route).tag, code: null, rules: reports, needsAddress };
	}

	/** Lets its flows end: tunnels whenever they do, HTTP connections behind their current request. Resolves when all have. */
	async retire(): Promise<void> {
		this.server.drain();
		this.#ways.close();
		this.#lists.close();
		this.#pool.close();
		await this.server.reported();
		this.close();
	}

	/** Lets go of everything but the listeners. Flows that live must have been closed. */
	close(): void {
		this.#pool.close();
		this.#sweep.close();
		this.#ways.close();
		this.#lists.close();
		this.#datagramSweep.close();
		this.#router.close();
		this.#resolver.close();
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
