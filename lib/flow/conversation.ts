// One client on the line: handshake, admission, verdict, route, and what the client asked for. The switch on Intent is the
// table of what bauta can do.
import type { Client } from '../core/client.ts';
import type { Outbound } from '../core/dialer.ts';
import { GatewayError } from '../core/error.ts';
import type { Flow, Outcome } from '../core/flow.ts';
import type { Credentials, Intent } from '../core/intent.ts';
import { formatIp, type Ip } from '../core/ip.ts';
import type { Link } from '../core/link.ts';
import type { Session } from '../core/session.ts';
import { type Target, targetOfIp } from '../core/target.ts';
import { ServerHandshake, type ServerHandshakeOptions } from '../io/handshake.ts';
import type { Relay } from '../io/relay.ts';
import type { Sweep } from '../io/sweep.ts';
import type { Budget } from '../limits/budget.ts';
import type { Admission } from '../limits/limiter.ts';
import { FILTERED, type Subject, type Verdict } from '../policy/exit-policy.ts';
import type { Rule } from '../policy/rules.ts';
import type { NamedSession } from '../policy/session-grammar.ts';
import type { SessionReader } from '../policy/sessions.ts';
import { type CommandDeps, serveCommand } from './command.ts';
import { type ExchangeDeps, exchange } from './exchange.ts';
import { metered } from './metered-link.ts';
import type { Entrance, ServeDeps } from './serve-deps.ts';
import { type Carriage, carry, type TunnelDeps, tunnel, type Way } from './tunnel.ts';

/** What the conversations of one server share. */
export interface Around {
	readonly relays: Set<Relay>;
	draining: boolean;
}

/** What hooks are shown of an association, which has many targets. */
const ANYWHERE: Target = targetOfIp(0, 0);

/** Note of an error for a hook's bug, which was told when it happened. */
export const HOOK = 'hook';

/** One client on one link: as many handshakes as HTTP keep-alive makes of it, then what the client asked for. */
export class Conversation implements ServerHandshakeOptions, TunnelDeps {
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
			const handshake = new ServerHandshake(this.#link, codec, this);
			let intent: Intent;
			try {
				intent = await handshake.intent();
			} finally {
				this.#flow.protocol = codec.protocol;
			}
			this.#flow.askedMs = this.nowMs();
			// Nothing is waited for that is known: each wait of a connection costs a microsecond.
			const admitting = first ? this.#admit(handshake) : null;
			if (admitting !== null) await admitting;
			if (this.#flow.session !== null) await this.#deps.recall(this.#flow.session);
			switch (intent.kind) {
				case 'tunnel':
					this.#flow.target = intent.target;
					return await tunnel(this.#flow, this.#link, handshake, intent.target, this);
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

	get deadlineMs(): number {
		return this.#deps.options.handshakeMs;
	}

	get dialMs(): number {
		return this.#deps.options.dialMs;
	}

	get lifetimeMs(): number | null {
		return this.#deps.options.lifetimeMs;
	}

	get sweep(): Sweep {
		return this.#deps.sweep;
	}

	get relays(): Set<Relay> {
		return this.#around.relays;
	}

	get asksFirst(): boolean {
		return this.#deps.hooks.connected !== undefined;
	}

	nowMs(): number {
		return this.#deps.clock.nowMs();
	}

	budget(): Budget | null {
		return this.#admission.budget();
	}

	route(target: Target): Way {
		return this.#routed(this.#subjectOf(target));
	}

	#commandDeps(): CommandDeps {
		const { udp, bind, hooks, policy } = this.#deps;
		const { dialMs, lifetimeMs, sweep, relays, asksFirst } = this;
		return {
			dialMs,
			lifetimeMs,
			sweep,
			relays,
			asksFirst,
			nowMs: () => this.nowMs(),
			budget: () => this.budget(),
			connected: () => this.connected(),
			client: this.#client.ip,
			udp,
			bind,
			route: (target) => this.#routed({ ...this.#subjectOf(target), portless: true }),
			routeOfClient: (named) => this.#routeOfClient(named),
			named: () => this.#hook(() => hooks.route?.(ANYWHERE, this.#flow)) ?? null,
			judge: (target, named) => this.#judged(this.#subjectOf(target), () => named),
			judgePeer: (ip) => {
				const verdict = policy.judge({ ...this.#subjectOf(targetOfIp(ip, 0)), portless: true });
				return verdict.allow ? null : verdict.error;
			},
		};
	}

	/** Null: it has its place. Throws GatewayError, or rejects with it, when it gets none; the client has been told by then. */
	#admit(handshake: ServerHandshake): Promise<void> | null {
		const delayMs = this.#deps.options.authRequired ? 0 : this.#admission.delayMs();
		return delayMs > 0 ? this.#admitLate(handshake, delayMs) : this.#askAdmission(handshake);
	}

	async #admitLate(handshake: ServerHandshake, delayMs: number): Promise<void> {
		await this.#penance(delayMs);
		await this.#askAdmission(handshake);
	}

	#askAdmission(handshake: ServerHandshake): Promise<void> | null {
		const answer = this.#admission.admit(this.#flow.user);
		if (answer instanceof Promise) return answer.then((refusal) => this.#turnAway(handshake, refusal));
		this.#turnAway(handshake, answer);
		return null;
	}

	#turnAway(handshake: ServerHandshake, refusal: GatewayError | null): void {
		if (refusal === null) return;
		handshake.refuse(refusal);
		throw refusal;
	}

	/** Who has failed often waits before the next attempt, unless it goes. */
	async #penance(delayMs: number): Promise<void> {
		if (delayMs === 0) return;
		const waited = Promise.withResolvers<void>();
		const timer = setTimeout(waited.resolve, delayMs);
		await Promise.race([waited.promise, this.#link.gone()]);
		clearTimeout(timer);
	}

	async authenticate(credentials: Credentials | null): Promise<boolean> {
		const { hooks, options, verify, sessions } = this.#deps;
		this.#flow.user = null;
		this.#flow.session = null;
		if (options.authRequired && credentials) await this.#penance(this.#admission.delayMs());
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

	#subjectOf(target: Target): Subject {
		const { user, inbound, session } = this.#flow;
		return { client: this.#client, user, inbound, target, session };
	}

	/** Judges, then routes. Throws GatewayError when the exit policy says no. */
	#routed(subject: Subject): Way {
		return this.#judged(subject, () => this.#deps.hooks.route?.(subject.target, this.#flow) ?? null);
	}

	/** The way of a client whose target is not known yet, or may be anybody. */
	#routeOfClient(named: string | null): Outbound {
		const verdict = this.#deps.policy.judgeClient({ ...this.#subjectOf(ANYWHERE), portless: true });
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

	connected(): void {
		this.#hook(() => this.#deps.hooks.connected?.(this.#flow));
		try {
			this.#deps.observer.flowOpened?.(this.#flow);
		} catch (thrown) {
			this.#deps.observer.bug?.(thrown);
		}
	}

	#exchangeDeps(): ExchangeDeps {
		const { options, pool, sweep, clock } = this.#deps;
		return {
			route: (target, request) => this.#routed({ ...this.#subjectOf(target), request }),
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
			connected: () => this.connected(),
			upgraded: (client, origin) => carry(this.#flow, client, origin, this),
		};
	}
}

/** Silence about a wish that nothing fulfils would be a lie: the client believes that it leaves from there. */
function refuseWish(outbound: Outbound, exit: string): void {
	if (outbound.offers?.(exit)) return;
	throw new GatewayError('http_request_denied', { phase: 'policy', note: 'no such exit' });
}
