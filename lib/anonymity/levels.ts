// The levels of anonymity as one table. All levels take off what names the client or its way here (identifying.ts), what is
// about one hop alone (connection.ts, hop-by-hop names in request-head.ts and response-head.ts), and write back what a client
// writes differently because it knows of a proxy. They differ in what the gateway says of itself, and transparent alone
// says who the client is.
//
// RFC 9110 section 7.6.3 wants a Via field from every proxy. Elite knowingly sends none: its far side must not know that
// there is a proxy. Loops are found by other means than Via: own addresses are no targets.

/**
 * `elite` (the default): the far side sees what the client would have sent it directly. `anonymous`: it sees that there is
 * a proxy, not whose. `transparent`: it sees the client's address too.
 */
export type Level = 'elite' | 'anonymous' | 'transparent';

export interface LevelRules {
	/**
	 * What becomes of Via. `removed`: none is sent. `replaced`: the ones received are dropped for one of ours, which RFC 9110
	 * section 7.6.3 lets a portal do for the hosts behind it. `appended`: ours follows the ones received. Ours names no
	 * host: `1.1 proxy`.
	 */
	readonly via: 'removed' | 'replaced' | 'appended';
	/** Whether requests get X-Forwarded-For and Forwarded (RFC 7239) with the client's address; the received ones are not believed. */
	readonly clientAddress: boolean;
	/** What becomes of Max-Forwards: judges take it for a proxy's mark, a proxy that may be seen counts it down (section 7.6.2). */
	readonly maxForwards: 'removed' | 'counted';
}

export const LEVELS: Readonly<Record<Level, LevelRules>> = {
	elite: { via: 'removed', clientAddress: false, maxForwards: 'removed' },
	anonymous: { via: 'replaced', clientAddress: false, maxForwards: 'counted' },
	transparent: { via: 'appended', clientAddress: true, maxForwards: 'counted' },
};

/** The Via line of a message that came as HTTP/1.`minor`, or null at a level that sends none. */
export function viaLine(level: Level, minor: 0 | 1): string | null {
	return LEVELS[level].via === 'removed' ? null : `Via: 1.${minor} proxy`;
}
