// The SOCKS commands beside CONNECT: which driver serves which, and what is not served here.
import type { Outbound } from '../core/dialer.ts';
import { GatewayError } from '../core/error.ts';
import type { Command, Flow, Outcome } from '../core/flow.ts';
import type { Intent } from '../core/intent.ts';
import type { Ip } from '../core/ip.ts';
import type { Link } from '../core/link.ts';
import type { Target } from '../core/target.ts';
import type { ServerHandshake } from '../io/handshake.ts';
import { associate } from './associate.ts';
import { type BindOptions, bind } from './bind.ts';
import type { Relays } from './relays.ts';
import { resolve } from './resolve.ts';
import type { TunnelDeps, Way } from './tunnel.ts';

export interface CommandDeps extends Omit<TunnelDeps, 'route'> {
	readonly client: Ip;
	/** Null: UDP ASSOCIATE is not served. */
	readonly udp: Relays | null;
	readonly bind: BindOptions;
	/** Judges and routes what is not connected to: a peer, or a question. Throws GatewayError. */
	route(target: Target): Way;
	/** The way of a client whose target is not known yet; `named` is what a hook wants. Throws GatewayError. */
	routeOfClient(named: string | null): Outbound;
	/** Asks the hook for the way of an association. */
	named(): string | null;
	/** Judges and routes the target of a datagram. Throws GatewayError. */
	judge(target: Target, named: string | null): Way;
	/** Null permits. */
	judgePeer(ip: Ip): GatewayError | null;
}

/** Serves one command to its end. Throws GatewayError when it came to nothing; the client has been told by then. */
export function serveCommand(
	intent: Extract<Intent, { kind: Command }>,
	flow: Flow,
	link: Link,
	handshake: ServerHandshake,
	deps: CommandDeps,
): Promise<Outcome> {
	flow.command = intent.kind;
	switch (intent.kind) {
		case 'resolve':
			flow.target = intent.target;
			return resolve(flow, link, handshake, intent, deps);
		case 'bind':
			flow.target = intent.target;
			return deps.bind.allows(flow.inbound) ? bind(flow, link, handshake, intent.target, deps) : notServed(handshake);
		case 'associate': {
			const { udp } = deps;
			if (udp === null) return notServed(handshake);
			let named: string | null = null;
			const route = (): Outbound => {
				named = deps.named();
				return deps.routeOfClient(named);
			};
			const judge = (target: Target): Way => deps.judge(target, named);
			return associate(flow, link, handshake, { ...deps, udp, route, judge });
		}
	}
}

function notServed(handshake: ServerHandshake): Promise<never> {
	const error = new GatewayError('command_unsupported', { note: 'not served here' });
	handshake.refuse(error);
	return Promise.reject(error);
}
