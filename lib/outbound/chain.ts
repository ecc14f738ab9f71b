// A way out through one upstream proxy or through several, one behind the other: the first is reached from this machine,
// each further one through those before it, and the last one is asked for the target.
import type { Dialer, Outbound } from '../core/dialer.ts';
import { GatewayError } from '../core/error.ts';
import type { Ip } from '../core/ip.ts';
import type { Secret } from '../core/secret.ts';
import { type Target, targetOfHost } from '../core/target.ts';
import { type DialDeps, dialTarget } from '../io/connect.ts';
import { openDatagramPath } from '../io/datagram-path.ts';
import type { SecureOptions } from '../io/secure.ts';
import { wireText } from '../policy/wire-text.ts';
import type { HopOptions } from './hop.ts';
import { httpHop } from './http.ts';
import { socks4Hop, socks5Hop } from './socks.ts';
import { type TorCredentials, torHop } from './tor.ts';

/** One upstream proxy, as configured. */
export interface ChainHop {
	readonly type: 'socks4' | 'socks4a' | 'socks5' | 'http' | 'https' | 'tor';
	/** Canonical text of a name or an address. */
	readonly host: string;
	readonly port: number;
	readonly user: string | null;
	/** Null without a user, and always for SOCKS4 and Tor. */
	readonly password: Secret | null;
	/** For `https`. */
	readonly tls?: SecureOptions;
}

/** Another way out as a part of this one. */
export interface ChainTag {
	readonly type: 'tag';
	readonly tag: string;
}

export interface ChainOptions {
	readonly tag: string;
	/** At least one; the last one stands next to the target. */
	readonly hops: readonly (ChainHop | ChainTag)[];
}

export interface ChainDeps extends DialDeps {
	/** Reaches the first hop; without it that is dialled from here. */
	readonly via?: Dialer | null;
	/** Whether a connection to there would be one to this gateway. */
	readonly isListener?: (ip: Ip, port: number) => boolean;
	/** The way out called `tag` once more, behind `via` (null: from here), as `as`. Without it chains have hops alone. */
	readonly named?: (tag: string, as: string, via: Dialer | null) => Outbound;
	/** Where there are hops of type `tor`. */
	readonly isolation?: TorCredentials;
}

/**
 * The outbound of a chain. A single hop is an outbound of its own type, known by the tag in errors; the hops of a longer
 * chain are `tag#1`, `tag#2` ... Throws plain Error for a chain without hops or with a host that is none.
 */
export function chain(options: ChainOptions, deps: ChainDeps): Outbound {
	const { tag, hops } = options;
	let via: Dialer | null = deps.via ?? null;
	let last: Outbound | null = null;
	for (const [i, hop] of hops.entries()) {
		if (hop.type === 'tag') last = named(hop.tag, i === hops.length - 1 ? tag : hop.tag, via, deps);
		else {
			const label = hops.length === 1 ? tag : `${tag}#${i + 1}`;
			last = outboundOf(hop, { tag, label, address: addressOf(hop) }, via ?? fromHere(deps), deps);
		}
		via = last;
	}
	if (last === null) throw new Error('a chain needs a hop');
	return last;
}

function named(tag: string, as: string, via: Dialer | null, deps: ChainDeps): Outbound {
	if (!deps.named) throw new Error('no way out has a name here');
	return deps.named(tag, as, via);
}

/** Dials a first hop. The exit policy has no say there, but a hop that is this gateway would be a loop. */
function fromHere(deps: ChainDeps): Dialer {
	return {
		dial(target, { signal, flow }) {
			const permits = (ip: Ip): GatewayError | null => (deps.isListener?.(ip, target.port) ? loop() : null);
			return dialTarget(target, { signal, flow, permits }, deps, { side: 'hop' });
		},
		associate: (sink, context) => openDatagramPath(sink, deps, context),
	};
}

function loop(): GatewayError {
	return new GatewayError('proxy_loop_detected', { side: 'hop', phase: 'connect', retry: 'next' });
}

function outboundOf(hop: ChainHop, options: HopOptions, via: Dialer, deps: ChainDeps): Outbound {
	const { resolver, isolation } = deps;
	switch (hop.type) {
		case 'socks4':
		case 'socks4a':
			return socks4Hop({ ...options, type: hop.type, user: hop.user && wireText(hop.user) }, { via, resolver });
		case 'socks5':
			return socks5Hop({ ...options, credentials: credentialsOf(hop) }, { via });
		case 'tor':
			if (!isolation) throw new Error('a Tor hop needs its isolation');
			return torHop(options, { via, isolation });
		case 'http':
		case 'https': {
			const tls = hop.tls === undefined ? {} : { tls: hop.tls };
			return httpHop({ ...options, type: hop.type, credentials: credentialsOf(hop), ...tls }, { via });
		}
	}
}

function credentialsOf({ user, password }: ChainHop): { user: string; password: string } | null {
	return user === null ? null : { user: wireText(user), password: wireText(password?.reveal() ?? '') };
}

function addressOf(hop: ChainHop): Target {
	const address = targetOfHost(hop.host, hop.port);
	if (address === null) throw new Error('a hop needs a host');
	return address;
}
