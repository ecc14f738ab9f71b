// How much a subject may: one rule for all clients, one for the networks that they come from, one for all users, and
// exceptions by name. Pure: the numbers alone, and which of them are whose.
import type { Client } from '../core/client.ts';
import { contains, type Prefix, prefixOf } from '../policy/prefix.ts';
import type { Failing, FailureRule } from './shared.ts';

/** What happens to a rule's subjects while the shared store does not answer. */
export type WhenDown = 'local' | 'open' | 'closed';

/** 0 switches a limit off. */
export interface Allowance {
	readonly connectionsOpen: number;
	readonly connectionsPerSecond: number;
	/** More, once in ten seconds. Nothing without `connectionsPerSecond`. */
	readonly burst: number;
	/** Plain HTTP requests. */
	readonly requestsPerSecond: number;
	readonly requestsBurst: number;
	/** From the client. */
	readonly upBytesPerSecond: number;
	/** To the client. */
	readonly downBytesPerSecond: number;
	/** Both directions together, in a day and in a month of UTC. */
	readonly dayBytes: number;
	readonly monthBytes: number;
	readonly whenDown: WhenDown;
}

/** An exception: `allowance` is whole, what the exception leaves out is filled in already. */
export interface Exception {
	readonly name: string;
	/** Clients by address; the rule for networks does not count them. */
	readonly clients: readonly Prefix[];
	readonly users: readonly string[];
	readonly client: Allowance;
	readonly user: Allowance;
}

export interface Allowances {
	readonly client: Allowance;
	/** Of the wider IPv6 prefix that a client is in. */
	readonly network: Allowance;
	readonly user: Allowance;
	/** The first that fits wins. */
	readonly exceptions: readonly Exception[];
	/** Failures of one client. */
	readonly failures: Readonly<Record<Failing, FailureRule>>;
}

/** Of the shared limit, this part (a sixteenth) may be taken without asking the store, or is taken ahead when it is asked. */
const LEAD_SHARE = 16;

/**
 * How many a gateway may be ahead of the shared store with one subject: a sixteenth of the limit, nothing below 16. So a
 * limit of L may be passed by `lead(L)` for each gateway but the first, and by no more.
 */
export function lead(limit: number): number {
	return Math.floor(limit / LEAD_SHARE);
}

/** What a client may, and what its network may; null where networks are not counted. */
export function allowanceOfClient(
	{ exceptions, client: common, network }: Allowances,
	client: Client,
): { readonly client: Allowance; readonly network: Allowance | null } {
	for (const { clients, client: own } of exceptions)
		if (clients.some((prefix) => contains(prefix, prefixOf(client.ip)))) return { client: own, network: null };
	return { client: common, network: client.network === null ? null : network };
}

/** What a user may. */
export function allowanceOfUser({ exceptions, user: common }: Allowances, user: string): Allowance {
	return exceptions.find(({ users }) => users.includes(user))?.user ?? common;
}

/** Nothing is limited by it. */
export function isUnlimited(allowance: Allowance): boolean {
	return (
		allowance.connectionsOpen === 0 &&
		allowance.connectionsPerSecond === 0 &&
		allowance.requestsPerSecond === 0 &&
		!limitsBytes(allowance)
	);
}

/** Bytes are counted by it. */
export function limitsBytes(allowance: Allowance): boolean {
	const { upBytesPerSecond, downBytesPerSecond, dayBytes, monthBytes } = allowance;
	return upBytesPerSecond > 0 || downBytesPerSecond > 0 || dayBytes > 0 || monthBytes > 0;
}
