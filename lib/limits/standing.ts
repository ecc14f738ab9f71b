// Where the answer to a question about limits comes from right now: from this process alone, from the store that a fleet
// shares, or, while that does not answer, from the rule's own policy.
import { GatewayError } from '../core/error.ts';
import type { WhenDown } from './allowance.ts';
import type { Shared } from './shared.ts';

/** `alone`: no store is configured. `shared`: ask it. The others: it does not answer. */
export type Standing = 'alone' | 'shared' | WhenDown;

/** What a counter has to know of the store. */
export interface Store {
	/** Null: limits are this process's own. */
	readonly shared: Shared | null;
	readonly whenDown: WhenDown;
}

export function standingOf({ shared, whenDown }: Store): Standing {
	if (shared === null) return 'alone';
	return shared.up ? 'shared' : whenDown;
}

/** This gateway's part of a limit that it cannot ask about; 1 at least. */
export function localShare(limit: number, { shared }: Store): number {
	return Math.max(1, Math.floor(limit / (shared?.gateways ?? 1)));
}

/** When a place may be free again nobody knows; a client that asks every second does no harm. */
export const RETRY_MS = 1_000;

/** The client is over `what`. */
export function overLimit(what: string, retryAfterMs: number = RETRY_MS): GatewayError {
	return new GatewayError('client_limit_reached', {
		side: 'client',
		phase: 'admission',
		retryAfterMs: Math.max(1, Math.ceil(retryAfterMs)),
		note: what,
	});
}

/** The rule lets nobody in while the store is away. */
export function unanswered(): GatewayError {
	return new GatewayError('connection_limit_reached', {
		phase: 'admission',
		retryAfterMs: RETRY_MS,
		note: 'limits unavailable',
	});
}
