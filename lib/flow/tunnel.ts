// An opaque stream: dial, answer, relay. The answer to the client is made from what the dial really did.
import type { Optimistic, Outbound, Use } from '../core/dialer.ts';
import { asGatewayError, GatewayError } from '../core/error.ts';
import type { Flow, Outcome } from '../core/flow.ts';
import type { Halt } from '../core/halt.ts';
import type { Ip } from '../core/ip.ts';
import type { Link } from '../core/link.ts';
import type { Target } from '../core/target.ts';
import type { ServerHandshake } from '../io/handshake.ts';
import { Relay, type RelayEnd, type RelayOwner } from '../io/relay.ts';
import type { Sweep } from '../io/sweep.ts';
import type { Budget } from '../limits/budget.ts';
import { Dialling } from './dialling.ts';
import { metered } from './metered-link.ts';

/** Where one target may be reached: what judging and routing it gave. */
export interface Way {
	readonly outbound: Outbound;
	/** Judges an address that the target's name resolved to. */
	readonly permits: (ip: Ip) => GatewayError | null;
	/** Judges the answer to a plain HTTP request, by its Content-Type fields; left out where nobody cares. */
	readonly judgeAnswer?: (types: readonly string[]) => GatewayError | null;
}

export interface TunnelDeps {
	/** Judges and routes; throws GatewayError when the target may not be reached. */
	route(target: Target): Way;
	readonly dialMs: number;
	/** Most a tunnel may live; null for no limit. */
	readonly lifetimeMs: number | null;
	readonly sweep: Sweep;
	/** Every relay that runs: one may live on when its client has gone and what it sent has not all left. */
	readonly relays: Set<Relay>;
	nowMs(): number;
	/** The way out is open; throws GatewayError when it shall not be used. */
	connected(): void;
	/** Nothing may go out before `connected` has been asked. */
	readonly asksFirst: boolean;
	/** What the client's bytes are taken from; null when nobody counts them. */
	budget(): Budget | null;
}

/**
 * Opens one tunnel and lets it run. Throws GatewayError when it did not open; the client has been told by then. Nothing of
 * what opened it is kept for as long as it runs.
 */
export async function tunnel(
	flow: Flow,
	link: Link,
	handshake: ServerHandshake,
	target: Target,
	deps: TunnelDeps,
): Promise<Carriage> {
	const dialling = new Dialling(deps.dialMs);
	handshake.onGone = (error) => dialling.cancel(error);
	if (handshake.gone) dialling.cancel(handshake.gone);
	let far: Link | null = null;
	let use: Use | null = null;
	try {
		const way = deps.route(target);
		flow.route = way.outbound.tag;
		use = way.outbound.choose?.({ flow, target }) ?? null;
		far = await dialBy(use, way, target, flow, dialling.signal, deps.asksFirst ? null : handshake);
		flow.openedMs = deps.nowMs();
		deps.connected();
	} catch (thrown) {
		far?.destroy();
		const error = asGatewayError(thrown, { phase: 'connect' });
		handshake.refuse(error);
		throw error;
	} finally {
		dialling.over();
	}
	handshake.opened();
	return new Carriage(flow, link, far, deps, { use, sentBytes: handshake.sentBytes });
}

/** What a tunnel that is over says about its exit: silence means something to whom something was sent. */
function tell(use: Use, { upBytes, downBytes }: Flow): void {
	if (downBytes > 0) use.answered(null);
	else if (upBytes > 0) use.silent();
}

/** Dials by what was chosen, or by the way itself where nothing was; the flow's record has the exit that it came to. */
export function dialBy(
	use: Use | null,
	{ outbound, permits }: Way,
	target: Target,
	flow: Flow,
	signal: Halt,
	optimistic: Optimistic | null = null,
): Promise<Link> {
	// It says how long what is dialled now is good for.
	if (flow.session !== null) flow.session.exitEndsMs = Number.POSITIVE_INFINITY;
	const context = optimistic === null ? { signal, flow, permits } : { signal, flow, permits, optimistic };
	if (use === null) return outbound.dial(target, context);
	return use.dial(target, context).finally(() => {
		flow.exit = use.exit;
	});
}

type CarryDeps = Pick<TunnelDeps, 'sweep' | 'relays' | 'lifetimeMs' | 'budget'>;

interface CarryOptions {
	/** Told what the tunnel says about its exit. */
	readonly use: Use | null;
	/** Bytes of the client that have gone to the far side before. */
	readonly sentBytes: number;
}

const NOTHING_BEFORE: CarryOptions = { use: null, sentBytes: 0 };

/** Who waits for the end of a tunnel. */
export interface CarriageOwner {
	/** Both links are closed and the byte counts are in the flow. Once. */
	carriageOver(end: RelayEnd['cause']): void;
}

/** A tunnel that runs: until both sides are done, or for as long as it may. Writes the byte counts into the flow. */
export class Carriage implements RelayOwner {
	readonly #flow: Flow;
	readonly #relay: Relay;
	readonly #relays: Set<Relay>;
	readonly #use: Use | null;
	readonly #timer: NodeJS.Timeout | null;
	#owner: CarriageOwner | null = null;
	/** It was over before somebody asked. */
	#end: RelayEnd['cause'] | null = null;

	/** Owns both links and begins at once. */
	constructor(flow: Flow, link: Link, far: Link, deps: CarryDeps, { use, sentBytes }: CarryOptions = NOTHING_BEFORE) {
		flow.upBytes += sentBytes;
		this.#flow = flow;
		this.#use = use;
		this.#relays = deps.relays;
		this.#relay = new Relay(metered(link, deps.budget(), sentBytes), far, deps);
		this.#timer = deps.lifetimeMs === null ? null : setTimeout(stop, deps.lifetimeMs, this.#relay);
		this.#relays.add(this.#relay);
		flow.carrier = this.#relay;
		this.#relay.run(this);
	}

	/** Tells `owner` when it is over; at once when it is. */
	whenOver(owner: CarriageOwner): void {
		if (this.#end === null) this.#owner = owner;
		else owner.carriageOver(this.#end);
	}

	relayOver({ cause, upBytes, downBytes }: RelayEnd): void {
		const flow = this.#flow;
		if (this.#timer) clearTimeout(this.#timer);
		this.#relays.delete(this.#relay);
		flow.carrier = null;
		flow.upBytes += upBytes;
		flow.downBytes += downBytes;
		if (this.#use) tell(this.#use, flow);
		this.#end = cause;
		this.#owner?.carriageOver(cause);
	}
}

function stop(relay: Relay): void {
	relay.stop();
}

/** The same to its end, for who waits for it. Rejects for a bug of ours alone; both links are closed by then. */
export function carry(flow: Flow, link: Link, far: Link, deps: CarryDeps): Promise<Outcome> {
	const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
	new Carriage(flow, link, far, deps).whenOver({
		carriageOver(end) {
			if (end instanceof GatewayError && end.code === 'proxy_internal_error') reject(end);
			else resolve(outcomeOfEnd(end));
		},
	});
	return promise;
}

/** How a relay's end is kept in the flow's record. */
export function outcomeOfEnd(end: RelayEnd['cause']): Outcome {
	if (end instanceof GatewayError) return outcomeOf(end);
	return { cause: end === 'aborted' ? 'lifetime' : end };
}

/** A failure as the flow's record keeps it. */
export function outcomeOf(error: GatewayError): Outcome {
	return {
		cause: error.code,
		side: error.side,
		phase: error.phase,
		...(error.hop === undefined ? {} : { hop: error.hop }),
		...(error.note === undefined ? {} : { note: error.note }),
	};
}
