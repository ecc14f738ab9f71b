// How much a client may, as the flows see it. What is counted and where is behind this interface.
import type { Client } from '../core/client.ts';
import type { GatewayError } from '../core/error.ts';
import type { Link } from '../core/link.ts';
import type { Budget } from './budget.ts';
import type { Failing } from './shared.ts';

/** null: yes. An error: no, and why. A promise where somebody else has to be asked; it never rejects. */
export type Permission = GatewayError | null | Promise<GatewayError | null>;

export interface Limiter {
	/**
	 * Called at accept, before a byte is read. Takes a place among the handshakes. When all places are taken, `link` may be
	 * reset for somebody who has fewer. Null: there is none for this client, close unheard.
	 */
	enter(client: Client, link: Pick<Link, 'reset'>): Admission | null;
}

/** One connection's place. Released once, whatever happened; releasing again does nothing. */
export interface Admission {
	/** It made room for another client: the place was given back and the link reset. */
	readonly evicted: boolean;
	/**
	 * The handshake is over: says whether a flow may open, and turns the handshake's place into a flow's. The error is
	 * `client_limit_reached` (with `retryAfterMs`) or `connection_limit_reached` (the gateway is full); the handshake's place
	 * is then kept until `release`, because a refused connection is there until it is closed. Once.
	 */
	admit(user: string | null): Permission;
	/** Says whether one more plain HTTP request may go; of a client that was banned meanwhile none may. After `admit` only. */
	request(): Permission;
	/** What the flow's bytes are taken from; null when nobody counts them. After `admit` only; the same one each time. */
	budget(): Budget | null;
	/** Takes note of a failure of this client's: too many of them ban it. */
	failed(what: Failing): void;
	/** How long the client's next attempt should wait, because of its failures; 0 as a rule. */
	delayMs(): number;
	release(): void;
}
