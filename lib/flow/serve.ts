// The life of one client connection: accept, handshake, admission, verdict, route, and one report at its end, whatever
// happened. The switch on Intent is the table of what bauta can do.

import type { Client } from '../core/client.ts';
import type { Outbound } from '../core/dialer.ts';
import { asGatewayError, GatewayError } from '../core/error.ts';
import { type Flow, newFlow, type Outcome } from '../core/flow.ts';
import type { Credentials, Intent } from '../core/intent.ts';
import { formatIp, type Ip } from '../core/ip.ts';
import type { Link } from '../core/link.ts';
import type { Session } from '../core/session.ts';
import { type Target, targetOfIp } from '../core/target.ts';
import { ServerHandshake } from '../io/handshake.ts';
import type { Relay, RelayEnd } from '../io/relay.ts';
import type { Admission } from '../limits/limiter.ts';
import { FILTERED, type Subject, type Verdict } from '../policy/exit-policy.ts';
import type { Rule } from '../policy/rules.ts';
import type { NamedSession } from '../policy/session-grammar.ts';
import type { SessionReader } from '../policy/sessions.ts';
import type { Codec } from '../protocol/codec.ts';
import { type CommandDeps, serveCommand } from './command.ts';
import { type ExchangeDeps, exchange } from './exchange.ts';
import { metered } from './metered-link.ts';
import type { Entrance, ServeDeps } from './serve-deps.ts';
import { Carriage, carry, outcomeOf, outcomeOfEnd, type TunnelDeps, tunnel, type Way } from './tunnel.ts';
import { Visit } from './visit.ts';

/** What the conversations of one server share. */
interface Around {
	readonly relays: Set<Relay>;
	draining: boolean;
}

/** What hooks are shown of an association, which has many targets. */
const ANYWHERE: Target = targetOfIp(0, 0);

/** The client did nothing wrong, as far as anybody knows. */
const EVICTED: Outcome = {
	cause: 'connection_limit_reached',
	side: 'gateway',
	phase: 'admission',
	note: 'made room for another client',
};

/** Note of an error for a hook's bug, which was told when it happened. */
const HOOK = 'hook';

/** Serves connections; one for each gateway. */
export class FlowServer {
	readonly #deps: ServeDeps;
	/** Links of the flows that live: closing one ends its flow, or leaves it a relay that still sends. */
	readonly #live: Set<Link> = new Set();
	readonly #around: Around = { relays: new Set(), draining: false };
	#closing = false;
	/** Who waits until no flow lives. */
	readonly #whenReported: (() => void)[] = [];

	constructor(deps: ServeDeps) {
		this.#deps = deps;
	}

	get liveCount(): number {
		return this.#live.size;
	}

	/** From now on kept-alive HTTP connections end behind their current request. */
	drain(): void {
		this.#around.draining = true;
	}

	/** Closes every live flow at once; the outcome of those that were not over is `drained`. */
	closeAll(): void {
		this.#closing = true;
		for (const relay of this.#around.relays) relay.stop();
		for (const link of this.#live) link.reset();
	}

	/** Resolves when every flow that lives has reported its end. */
	reported(): Promise<void> {
		if (this.#live.size === 0) return Promise.resolve();
		return new Promise((resolve) => this.#whenReported.push(resolve));
	}

	/** Serves one accepted link to its end. Owns the link. */
	serve(link: Link, client: Client, entrance: Entrance): void {
		const { hooks, limiter, observer, ids } = this.#deps;
		const accepted = this.#guard(() => hooks.accept?.(entrance.tag, client) ?? true) === true;
		const admission = accepted ? limiter.enter(client, link) : null;
		if (!admission) {
			link.destroy();
			this.#guard(() => observer.dropped?.(entrance.tag, accepted ? 'handshakes' : 'hook'));
			return;
		}
		const flow = newFlow(ids.next(), entrance.tag, client.key, this.#deps.clock.nowMs(), client.network);
		this.#live.add(link);
		this.#guard(() => observer.flowStarted?.(flow));
		const visit = new Visit(link, flow, admission, this);
		const conversation = new Conversation(link, client, flow, admission, this.#deps, this.#around);
		conversation.run(entrance).then(
			(end) => (end instanceof Carriage ? end.whenOver(visit) : this.over(visit, end)),
			(thrown: unknown) => this.#failed(visit, thrown),
		);
	}

	/** What a visit came to. A link that still says goodbye has a descriptor, so its flow has a place until it is closed. */
	over(visit: Visit, end: Outcome | RelayEnd['cause']): void {
		if (end instanceof GatewayError && end.code === 'proxy_internal_error') return this.#failed(visit, end);
		const outcome = typeof end === 'object' && !(end instanceof GatewayError) ? end : outcomeOfEnd(end);
		visit.flow.outcome = this.#closing ? { cause: 'drained' } : visit.admission.evicted ? EVICTED : outcome;
		if (visit.link.closed) this.#report(visit);
		else void visit.link.gone().then(() => this.#report(visit));
	}

	#failed(visit: Visit, thrown: unknown): void {
		const error = asGatewayError(thrown);
		if (error.code === 'proxy_internal_error' && error.note !== HOOK) this.#deps.observer.bug?.(error.cause ?? error);
		if (error !== thrown) visit.link.destroy();
		this.over(visit, outcomeOf(error));
	}

	#report({ link, flow, admission }: Visit): void {
		const { observer, hooks } = this.#deps;
		this.#live.delete(link);
		admission.release();
		flow.endedMs = this.#deps.clock.nowMs();
		this.#guard(() => observer.flowEnded?.(flow));
		this.#guard(() => hooks.closed?.(flow));
		if (this.#live.size === 0) for (const tell of this.#whenReported.splice(0)) tell();
	}

	/** Runs a hook or an observer; what it throws is somebody's bug and costs nothing but its answer. */
	#guard<T>(hook: () => T): T | undefined {
		try {
			return hook();
		} catch (thrown) {
			this.#deps.observer.bug?.(thrown);
			return undefined;
		}
	}
}

/** One client on one link: as many handshakes as HTTP keep-alive makes of it, then what the client asked for. */
class Conversation {
	#link: Link;
	readonly #client: Client;
	readonly #flow: Flow;
	readonly #admission: Admission;
	readonly #deps: ServeDeps;
	readonly #around: Around;

	constructor(link: Link, client: Client, flow: Flow, admission: Admission, deps: ServeDeps, around: Around) {
		this.#link = link;
		this.#client = client;
		this.#flow = flow;
		this.#admission = admission;
		this.#deps = deps;
		this.#around = around;
	}

	/** To its end, or to the tunnel that it opened, which runs by then. */
	async run(entrance: Entrance): Promise<Outcome | Carriage> {
		for (let first = true; ; first = false) {
			const codec = entrance.codec();
			this.#flow.session = null;
			const handshake = new ServerHandshake(this.#link, codec, {
				deadlineMs: this.#deps.options.handshakeMs,
				authenticate: (credentials) => this.#authenticate(credentials),
			});
			const intent = await this.#intent(handshake, codec);
			this.#flow.askedMs = this.#deps.clock.nowMs();
			if (first) await this.#admit(handshake);
			if (this.#flow.session !== null) await this.#deps.recall(this.#flow.session);
			switch (intent.kind) {
				case 'tunnel':
					this.#flow.target = intent.target;
					return tunnel(this.#flow, this.#link, handshake, intent.target, this.#tunnelDeps());
				case 'page':
					handshake.opened();
					this.#link.finish();
					return { cause: 'closed' };
				case 'associate':
				case 'bind':
				case 'resolve':
					return serveCommand(intent, this.#flow, this.#link, handshake, this.#commandDeps());
				case 'exchange': {
					handshake.opened();
					this.#link = metered(this.#link, this.#admission.budget());
					const end = await exchange(this.#link, this.#flow, this.#exchangeDeps());
					if (end.kind === 'ended') return end.outcome;
				}
			}
		}
	}

	#commandDeps(): CommandDeps {
		const { udp, bind, hooks, policy } = this.#deps;
		return {
			...this.#tunnelDeps(),
			client: this.#client.ip,
			udp,
			bind,
			route: (target) => this.#route(target, { portless: true }),
			routeOfClient: (named) => this.#routeOfClient(named),
			named: () => this.#hook(() => hooks.route?.(ANYWHERE, this.#flow)) ?? null,
			judge: (target, named) => this.#judged(this.#subjectOf(target, false), () => named),
			judgePeer: (ip) => {
				const verdict = policy.judge(this.#subjectOf(targetOfIp(ip, 0), true));
				return verdict.allow ? null : verdict.error;
			},
		};
	}

	async #intent(handshake: ServerHandshake, codec: Codec): Promise<Intent> {
		try {
			return await handshake.intent();
		} finally {
			this.#flow.protocol = codec.protocol;
		}
	}

	async #admit(handshake: ServerHandshake): Promise<void> {
		if (!this.#deps.options.authRequired) await this.#penance();
		const answer = this.#admission.admit(this.#flow.user);
		const refusal = answer instanceof Promise ? await answer : answer;
		if (refusal === null) return;
		handshake.refuse(refusal);
		throw refusal;
	}

	/** Who has failed often waits before the next attempt, unless it goes. */
	async #penance(): Promise<void> {
		const delayMs = this.#admission.delayMs();
		if (delayMs === 0) return;
		const waited = Promise.withResolvers<void>();
		const timer = setTimeout(waited.resolve, delayMs);
		await Promise.race([waited.promise, this.#link.gone()]);
		clearTimeout(timer);
	}

	async #authenticate(credentials: Credentials | null): Promise<boolean> {
		const { hooks, options, verify, sessions } = this.#deps;
		this.#flow.user = null;
		this.#flow.session = null;
		if (options.authRequired && credentials) await this.#penance();
		const named = credentials && sessions ? sessions.read(credentials.user) : null;
		const shown = credentials && named?.words ? { ...credentials, user: named.user } : credentials;
		const ok = hooks.authenticate
			? await hooks.authenticate(shown, this.#flow)
			: !options.authRequired || (shown !== null && (await verify(shown, this.#client.key)));
		if (!ok && shown) this.#admission.failed('authentication');
		if (!ok || !shown) return ok;
		// On an open endpoint a name is only claimed: it must not meet rules or limits that are about users.
		if (options.authRequired) this.#flow.user = shown.user;
		if (sessions && named?.words) this.#flow.session = this.#sessionOf(sessions, named);
		return ok;
	}

	/** Said only now that the user is known to be one: else the answer would tell who is. */
	#sessionOf(sessions: SessionReader, { user, words }: NamedSession): Session | null {
		const details = { side: 'client', phase: 'handshake', note: 'session parameters' } as const;
		if (words === 'wrong') throw new GatewayError('http_request_denied', details);
		return words && sessions.sessionOf(words, user, this.#deps.options.authRequired ? null : this.#client.key);
	}

	#subjectOf(target: Target, portless: boolean): Subject {
		const { user, inbound, session } = this.#flow;
		return { client: this.#client, user, inbound, target, session, ...(portless ? { portless } : {}) };
	}

	/** Judges, then routes. Throws GatewayError when the exit policy says no. */
	#route(target: Target, about: Pick<Subject, 'portless' | 'request'> = {}): Way {
		const subject = { ...this.#subjectOf(target, false), ...about };
		return this.#judged(subject, () => this.#deps.hooks.route?.(target, this.#flow) ?? null);
	}

	/** The way of a client whose target is not known yet, or may be anybody. */
	#routeOfClient(named: string | null): Outbound {
		const verdict = this.#deps.policy.judgeClient(this.#subjectOf(ANYWHERE, true));
		if (!verdict.allow) throw this.#denied(verdict.error);
		for (const rule of verdict.reports) this.#report(rule);
		return this.#wayOut(named, verdict);
	}

	#judged(subject: Subject, named: () => string | null): Way {
		const verdict = this.#deps.policy.judge(subject);
		if (!verdict.allow) throw this.#denied(verdict.error);
		for (const rule of verdict.reports) this.#report(rule);
		const outbound = this.#wayOut(this.#hook(named), verdict);
		if (verdict.needsAddress && outbound.namesTravel)
			throw this.#denied(new GatewayError('http_request_denied', { phase: 'policy' }));
		const permits = (ip: Ip): GatewayError | null => this.#permits(subject, ip);
		if (verdict.awaiting.length === 0) return { outbound, permits };
		return { outbound, permits, judgeAnswer: (types) => this.#judgeAnswer(subject, verdict.awaiting, types) };
	}

	#wayOut(named: string | null, { route, readsExit }: Extract<Verdict, { allow: true }>): Outbound {
		const outbound = this.#deps.router.outbound(named ?? route);
		const wish = this.#flow.session?.exit ?? null;
		if (wish !== null && named === null && !readsExit) refuseWish(outbound, wish);
		return outbound;
	}

	#permits(subject: Subject, ip: Ip): GatewayError | null {
		const error = this.#deps.policy.judgeAddress(subject, ip, (rule) => this.#report(rule));
		return error && this.#denied(error);
	}

	#judgeAnswer(subject: Subject, awaiting: readonly Rule[], types: readonly string[]): GatewayError | null {
		return this.#deps.policy.judgeAnswer({ subject, awaiting }, types, (rule) => this.#report(rule));
	}

	/** Who collects refusals is looking for something, unless it is pages that ask for what is filtered. */
	#denied(error: GatewayError): GatewayError {
		if (error.note !== FILTERED) this.#admission.failed('destination');
		return error;
	}

	#report(rule: string): void {
		if (!this.#flow.reports.includes(rule)) this.#flow.reports = [...this.#flow.reports, rule];
	}

	/** Told here and not where the flow ends: an exchange answers its client and goes on. */
	#hook<T>(hook: () => T): T {
		try {
			return hook();
		} catch (thrown) {
			if (thrown instanceof GatewayError) throw thrown;
			this.#deps.observer.bug?.(thrown);
			throw new GatewayError('proxy_internal_error', { note: HOOK });
		}
	}

	#connected(): void {
		this.#hook(() => this.#deps.hooks.connected?.(this.#flow));
		try {
			this.#deps.observer.flowOpened?.(this.#flow);
		} catch (thrown) {
			this.#deps.observer.bug?.(thrown);
		}
	}

	#tunnelDeps(): TunnelDeps {
		const { options, sweep, clock, hooks } = this.#deps;
		return {
			route: (target) => this.#route(target),
			dialMs: options.dialMs,
			lifetimeMs: options.lifetimeMs,
			sweep,
			relays: this.#around.relays,
			nowMs: () => clock.nowMs(),
			connected: () => this.#connected(),
			asksFirst: hooks.connected !== undefined,
			budget: () => this.#admission.budget(),
		};
	}

	#exchangeDeps(): ExchangeDeps {
		const { options, pool, sweep, clock } = this.#deps;
		return {
			route: (target, request) => this.#route(target, { request }),
			permission: () => this.#admission.request(),
			pool,
			sweep,
			level: options.level,
			page: options.page,
			removal: options.removal,
			clientIp: options.level === 'transparent' ? formatIp(this.#client.ip) : null,
			// Rules may tell listeners apart, so what one let through is no link of another's.
			clientKey: `${this.#flow.inbound} ${this.#client.key}`,
			authRequired: options.authRequired || this.#deps.sessions !== null,
			dialMs: options.dialMs,
			headMs: options.handshakeMs,
			idleMs: options.httpIdleMs,
			nowMs: () => clock.nowMs(),
			draining: () => this.#around.draining,
			slowed: () => this.#admission.delayMs() > 0,
			connected: () => this.#connected(),
			upgraded: (client, origin) => carry(this.#flow, client, origin, this.#tunnelDeps()),
		};
	}
}

/** Silence about a wish that nothing fulfils would be a lie: the client believes that it leaves from there. */
function refuseWish(outbound: Outbound, exit: string): void {
	if (outbound.offers?.(exit)) return;
	throw new GatewayError('http_request_denied', { phase: 'policy', note: 'no such exit' });
}
