// An opaque stream: dial, answer, relay. The answer to the client is made from what the dial really did.
import type { Optimistic, Outbound, Use } from '../core/dialer.ts';
import { asGatewayError, GatewayError } from '../core/error.ts';
import type { Flow, Outcome } from '../core/flow.ts';
import type { Ip } from '../core/ip.ts';
import type { Link } from '../core/link.ts';
import type { Target } from '../core/target.ts';
import type { ServerHandshake } from '../io/handshake.ts';
import { Relay } from '../io/relay.ts';
import type { Sweep } from '../io/sweep.ts';
import type { Budget } from '../limits/budget.ts';
import { Dialling } from './dialling.ts';
import { metered } from './metered-link.ts';

/** Where one target may be reached: what judging and routing it gave. */
export interface Way {
	readonly outbound: Outbound;
	/** Judges an address that the target's name resolved to. */
	readonly permits: (ip: Ip) => GatewayError | null;
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

/** Serves one tunnel to its end. Throws GatewayError when it did not open; the client has been told by then. */
export async function tunnel(
	flow: Flow,
	link: Link,
	handshake: ServerHandshake,
	target: Target,
	deps: TunnelDeps,
): Promise<Outcome> {
	const { far, use } = await open(flow, handshake, target, deps);
	handshake.opened();
	const outcome = await carry(flow, link, far, deps, handshake.sentBytes);
	if (use) tell(use, flow);
	return outcome;
}

/** What a tunnel that is over says about its exit: silence means something to whom something was sent. */
function tell(use: Use, { upBytes, downBytes }: Flow): void {
	if (downBytes > 0) use.answered(null);
	else if (upBytes > 0) use.silent();
}

/** `use` is null where the way out has no exits to choose from. */
interface Opened {
	readonly far: Link;
	readonly use: Use | null;
}

async function open(flow: Flow, handshake: ServerHandshake, target: Target, deps: TunnelDeps): Promise<Opened> {
	const dialling = new Dialling(deps.dialMs);
	handshake.onGone = (error) => dialling.cancel(error);
	if (handshake.gone) dialling.cancel(handshake.gone);
	let far: Link | null = null;
	try {
		const way = deps.route(target);
		flow.route = way.outbound.tag;
		const use = way.outbound.choose?.({ flow, target }) ?? null;
		far = await dialBy(use, way, target, flow, dialling.signal, deps.asksFirst ? null : handshake);
		flow.openedMs = deps.nowMs();
		deps.connected();
		return { far, use };
	} catch (thrown) {
		far?.destroy();
		const error = asGatewayError(thrown, { phase: 'connect' });
		handshake.refuse(error);
		throw error;
	} finally {
		dialling.over();
	}
}

/** Dials by what was chosen, or by the way itself where nothing was; the flow's record has the exit that it came to. */
export function dialBy(
	use: Use | null,
	{ outbound, permits }: Way,
	target: Target,
	flow: Flow,
	signal: AbortSignal,
	optimistic: Optimistic | null = null,
): Promise<Link> {
	const context = { signal, flow, permits, ...(optimistic === null ? {} : { optimistic }) };
	if (use === null) return outbound.dial(target, context);
	return use.dial(target, context).finally(() => {
		flow.exit = use.exit;
	});
}

/**
 * Relays until both sides are done and writes the byte counts into the flow. Also the end of an upgraded exchange. Throws
 * for a bug of ours alone; both links are closed by then. `sentBytes` of the client have gone to the far side before.
 */
export async function carry(
	flow: Flow,
	link: Link,
	far: Link,
	deps: Pick<TunnelDeps, 'sweep' | 'relays' | 'lifetimeMs' | 'budget'>,
	sentBytes: number = 0,
): Promise<Outcome> {
	flow.upBytes += sentBytes;
	const relay = new Relay(metered(link, deps.budget(), sentBytes), far, deps);
	deps.relays.add(relay);
	flow.carrier = relay;
	const timer = deps.lifetimeMs === null ? null : setTimeout(() => relay.stop(), deps.lifetimeMs);
	const end = await relay.run();
	if (timer) clearTimeout(timer);
	deps.relays.delete(relay);
	flow.carrier = null;
	flow.upBytes += end.upBytes;
	flow.downBytes += end.downBytes;
	if (!(end.cause instanceof GatewayError)) return { cause: end.cause === 'aborted' ? 'lifetime' : end.cause };
	if (end.cause.code === 'proxy_internal_error') throw end.cause;
	return outcomeOf(end.cause);
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
