// What a client asked for, the same whatever protocol it spoke. One member, one driver in flow/.
import type { Target } from './target.ts';

export type Intent =
	/** An opaque stream to the target. */
	| { readonly kind: 'tunnel'; readonly target: Target }
	/** Plain HTTP: the connection's first request is still unread, in the handshake's early bytes. */
	| { readonly kind: 'exchange' };

/** Who a client says it is. `password` is null where the protocol has none (SOCKS4 userid), which proves nothing. */
export interface Credentials {
	readonly user: string;
	readonly password: string | null;
}
