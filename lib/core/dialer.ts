// The one seam out. Direct, hop, chain, group and block are all dialers, so they nest.
import { GatewayError } from './error.ts';
import type { Flow } from './flow.ts';
import type { Ip } from './ip.ts';
import type { Link } from './link.ts';
import type { Target } from './target.ts';

export interface DialContext {
	/** Aborted when the client has gone, the deadline has passed or the gateway stops: every socket of the dial closes. */
	readonly signal: AbortSignal;
	readonly flow: Flow;
	/** Judges an address that a name resolved to; null permits. Whoever resolves a name must ask before it dials. */
	permits(ip: Ip): GatewayError | null;
}

export interface Dialer {
	/**
	 * A link to the target, open to its last hop. Throws nothing but GatewayError. The caller owns the link and closes it;
	 * on abort the dialer closes what it had opened.
	 */
	dial(target: Target, context: DialContext): Promise<Link>;
}

/** A named way out. */
export interface Outbound extends Dialer {
	readonly type: string;
	/** Unique in a gateway; for routes, logs and metrics. */
	readonly tag: string;
	/** Names of targets go to the far end unresolved, so that no rule can see their addresses here. */
	readonly namesTravel: boolean;
	/** Lets go of what it keeps open between dials. */
	close(): void;
}

/** What an aborted dial ends with: the reason it was aborted for, else the client's leaving. */
export function abortError(signal: AbortSignal): GatewayError {
	if (signal.reason instanceof GatewayError) return signal.reason;
	return new GatewayError('connection_terminated', { side: 'client', phase: 'connect' });
}
