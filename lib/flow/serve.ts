// The life of one client connection, from accept to one report at its end, whatever happened. What is in between, with the
// client on the line, is in conversation.ts.

import type { Client } from '../core/client.ts';
import { asGatewayError, GatewayError } from '../core/error.ts';
import { newFlow, type Outcome } from '../core/flow.ts';
import type { Link } from '../core/link.ts';
import type { RelayEnd } from '../io/relay.ts';
import { type Around, Conversation, HOOK } from './conversation.ts';
import type { Entrance, ServeDeps } from './serve-deps.ts';
import { Carriage, outcomeOf, outcomeOfEnd } from './tunnel.ts';
import { Visit } from './visit.ts';

/** The client did nothing wrong, as far as anybody knows. */
const EVICTED: Outcome = {
	cause: 'connection_limit_reached',
	side: 'gateway',
	phase: 'admission',
	note: 'made room for another client',
};

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
