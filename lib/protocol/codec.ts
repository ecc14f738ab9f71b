// The shape of every handshake codec. Bytes go in, steps come out; a codec has no socket, timer, promise, clock or logger.
//
//   receive(chunk)            bytes from the peer, cut anywhere
//   next() -> Step            what to do now; call again after each step but the last two and `read`
//     read                    nothing more can be said without bytes: call receive, then next again
//     send bytes              write these
//     authenticate creds      decide, then call answer({ kind: 'authenticated' | 'rejected' | 'failed' })
//     open intent             do what the client asked, then call answer({ kind: 'opened' | 'failed' }); BIND: 'listening' before
//     established early       done: `early` are the bytes behind the handshake, of the tunnel or the exchange
//     fail error              done: close after what was sent; nothing more comes
//
// A codec never throws on input. It holds no more than the longest handshake of its protocol and a bounded number of bytes
// behind it (machine.ts says how many); more is a `fail`.
import type { GatewayError } from '../core/error.ts';
import type { Protocol } from '../core/flow.ts';
import type { Credentials, Intent } from '../core/intent.ts';
import type { Target } from '../core/target.ts';

export type Step =
	| { readonly kind: 'read' }
	| { readonly kind: 'send'; readonly bytes: Uint8Array }
	/** null: the client showed none where the protocol lets it. */
	| { readonly kind: 'authenticate'; readonly credentials: Credentials | null }
	| { readonly kind: 'open'; readonly intent: Intent }
	| { readonly kind: 'established'; readonly early: Buffer }
	| { readonly kind: 'fail'; readonly error: GatewayError };

export type Answer =
	| { readonly kind: 'authenticated' }
	| { readonly kind: 'rejected' }
	/** `bound`: the address that the reply carries, where it carries one; a name for one that was asked for. */
	| { readonly kind: 'opened'; readonly bound?: Target }
	/** Of BIND alone: where the peer may connect to. `opened` or `failed` follows. */
	| { readonly kind: 'listening'; readonly bound: Target }
	| { readonly kind: 'failed'; readonly error: GatewayError };

export interface Codec {
	/** What is spoken, as far as known yet. */
	readonly protocol: Protocol;
	/** Bytes received and not yet taken. While an `open` waits for its answer: payload that came early. */
	readonly heldBytes: number;
	/** Of a client codec: its request has been said, so what is written behind it is for the target. */
	readonly asked?: boolean;
	receive(chunk: Uint8Array): void;
	next(): Step;
	/** Answers the last `authenticate` or `open`. Throws a plain Error when none is pending: a bug of the caller's. */
	answer(answer: Answer): void;
	/** While an `open` waits for its answer: the payload that came early, which is the caller's from then on. */
	takeEarly?(): Buffer;
	/** Time is up in the middle of the handshake: what to say before closing, where the protocol has a word for it. */
	lateReply?(): Uint8Array | null;
}

/** What a server codec has to know of its listener. */
export interface ServerOptions {
	/** Users are configured: a client without credentials is refused in its own protocol's way. */
	readonly authRequired: boolean;
	/** A name means something without users, too: a client that has one is asked for it. */
	readonly asksName?: boolean;
	/** Names by which the port may be asked for its proxy.pac, in lower case; absent: it has none. */
	readonly pacHosts?: readonly string[];
}
