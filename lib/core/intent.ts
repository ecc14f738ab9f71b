// What a client asked for, the same whatever protocol it spoke. One member, one driver in flow/.
import type { Target } from './target.ts';

export type Intent =
	/** An opaque stream to the target. */
	| { readonly kind: 'tunnel'; readonly target: Target }
	/** Plain HTTP: the connection's first request is still unread, in the handshake's early bytes. */
	| { readonly kind: 'exchange' }
	/** A page of the proxy's own, which the codec has ready: nothing is dialled. */
	| { readonly kind: 'page' }
	/** Datagrams to any target, for as long as the connection lives. What the client says it will send from counts for nothing. */
	| { readonly kind: 'associate' }
	/** One connection from the target to here; `0.0.0.0` and `::` are anybody. The port counts for nothing. */
	| { readonly kind: 'bind'; readonly target: Target }
	/** The address of a name, or the name of an address (`reverse`). `ip4Only`: the reply has no room for another. */
	| { readonly kind: 'resolve'; readonly target: Target; readonly reverse: boolean; readonly ip4Only: boolean };

/** Who a client says it is. `password` is null where the protocol has none (SOCKS4 userid), which proves nothing. */
export interface Credentials {
	readonly user: string;
	readonly password: string | null;
}
