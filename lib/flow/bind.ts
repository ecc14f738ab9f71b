// BIND (RFC 1928 section 4, SOCKS4 memo): listens for one connection from one peer, says where, then says who came, and from
// there on it is a tunnel. Who else comes is closed and counted, and the wait goes on.
import { type Came, type DialContext, type Outbound, unsupported, type Waiter } from '../core/dialer.ts';
import type { GatewayError } from '../core/error.ts';
import type { Flow, Outcome } from '../core/flow.ts';
import type { Halt } from '../core/halt.ts';
import { type Ip, isUnspecified } from '../core/ip.ts';
import type { Link } from '../core/link.ts';
import { type Target, targetOfIp } from '../core/target.ts';
import type { ServerHandshake } from '../io/handshake.ts';
import { opening } from './opening.ts';
import { carry, type TunnelDeps, type Way } from './tunnel.ts';

/** What the BINDs of one gateway share. */
export interface BindOptions {
	/** Whether a listener serves BIND. */
	allows(inbound: string): boolean;
	/** From the first reply on; the memo of SOCKS4 says two minutes. */
	readonly waitMs: number;
	/** The address that peers reach `local` by. */
	advertised(inbound: string, local: Ip): Ip;
}

export interface BindDeps extends Omit<TunnelDeps, 'route'> {
	readonly bind: BindOptions;
	/** Judges and routes a peer. Throws GatewayError. */
	route(target: Target): Way;
	/** The way of a client for whom anybody may come. Throws GatewayError. */
	routeOfClient(named: string | null): Outbound;
	/** Judges one peer of those that may come; null permits. */
	judgePeer(ip: Ip): GatewayError | null;
}

/** Serves one BIND to its end. Throws GatewayError when it came to nothing; the client has been told by then. */
export async function bind(
	flow: Flow,
	link: Link,
	handshake: ServerHandshake,
	target: Target,
	deps: BindDeps,
): Promise<Outcome> {
	const waiter = await opening(handshake, deps.dialMs, (signal) => listen(flow, link, target, deps, signal));
	const far = await opening(handshake, deps.bind.waitMs, (signal) => accept(flow, handshake, waiter, deps, signal));
	handshake.opened(targetOfIp(far.ip, far.port));
	return carry(flow, link, far.link, deps);
}

async function listen(flow: Flow, link: Link, target: Target, deps: BindDeps, signal: Halt): Promise<Waiter> {
	const isAnybody = target.ip !== null && isUnspecified(target.ip);
	const { outbound, permits } = isAnybody
		? { outbound: deps.routeOfClient(null), permits: () => null }
		: deps.route(target);
	flow.route = outbound.tag;
	if (!outbound.wait) throw unsupported('no BIND');
	const context: DialContext = { signal, flow, permits };
	const request = {
		peer: isAnybody ? null : target,
		judge: (ip: Ip) => deps.judgePeer(ip),
		family: target.kind === 'ip6' ? ('ip6' as const) : ('ip4' as const),
		local: link.localIp(),
	};
	return outbound.wait(request, context);
}

async function accept(
	flow: Flow,
	handshake: ServerHandshake,
	waiter: Waiter,
	deps: BindDeps,
	signal: Halt,
): Promise<Came> {
	handshake.listening(targetOfIp(deps.bind.advertised(flow.inbound, waiter.ip), waiter.port));
	const came = await waiter.came(signal, (why, count) => {
		flow.drops = { ...flow.drops, [why]: count };
	});
	flow.openedMs = deps.nowMs();
	try {
		deps.connected();
		return came;
	} catch (thrown) {
		came.link.destroy();
		throw thrown;
	}
}
