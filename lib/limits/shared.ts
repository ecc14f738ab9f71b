// What gateways of one fleet ask of each other, as each of them sees it: places, rates, bytes and bans of a subject, kept in
// one store. The store is told of a subject by name and keeps it blind. Nothing here throws or waits long: an answer that
// does not come within the store's time limit is null, and then the caller's own policy decides.

/** Whom a limit counts. `name` is the client's prefix, its wider prefix, or the user's name. */
export interface Subject {
	readonly kind: 'client' | 'network' | 'user';
	readonly name: string;
}

/** One word for it, for tables in memory. */
export function subjectName({ kind, name }: Subject): string {
	return `${kind} ${name}`;
}

/** 0 switches one off. */
export interface Rate {
	readonly perSecond: number;
	/** More, once in ten seconds. */
	readonly burst: number;
}

/** What may be failed too often. */
export type Failing = 'authentication' | 'destination';

export interface FailureRule {
	/** So many within `windowMs` are borne; the next one bans. */
	readonly most: number;
	readonly windowMs: number;
	readonly banMs: number;
}

/** Of one direction: `perSecond` bytes flow into the shared bucket, `want` are asked for. */
export interface FlowWant {
	readonly perSecond: number;
	readonly want: number;
}

/** Of one period: `limit` bytes in all, `want` are asked for. */
export interface QuotaWant {
	readonly limit: number;
	readonly want: number;
}

/** What a gateway asks for ahead of need. Absent: not limited. */
export interface ByteWants {
	readonly up?: FlowWant;
	readonly down?: FlowWant;
	readonly day?: QuotaWant;
	readonly month?: QuotaWant;
}

/** What it got: bytes, at most what was wanted. 0 of a direction: ask again after `retryMs`; 0 of a period: it is spent. */
export interface ByteGrants {
	readonly up: number;
	readonly down: number;
	readonly day: number;
	readonly month: number;
	/** Until the emptier direction has as much as was wanted. */
	readonly retryMs: number;
}

export interface Shared {
	/** False while the store does not answer: every question is answered with null at once, then. */
	readonly up: boolean;
	/** Gateways that were there when the store was last heard, this one among them; 1 at least. */
	readonly gateways: number;
	/**
	 * Says that this gateway holds `held` places of the subject, needs `need` in all and would like `want`. Resolves to how
	 * many it may hold now: `held` at least, `need` as far as `limit` allows over all gateways; of what is free beyond that,
	 * half at most, up to `want`, so that what one gateway keeps in hand does not lock the others out.
	 */
	places(
		subject: Subject,
		ask: { readonly limit: number; readonly held: number; readonly need: number; readonly want: number },
	): Promise<number | null>;
	/** Takes note that this gateway holds `held` places: told to the store within a second, kept alive there until 0. */
	hold(subject: Subject, held: number): void;
	/** Takes `count` of a rate; resolves to how many were granted, and when to come again if that is fewer. */
	take(
		what: 'connections' | 'requests',
		subject: Subject,
		rate: Rate,
		count: number,
	): Promise<{ readonly granted: number; readonly retryMs: number } | null>;
	draw(subject: Subject, wants: ByteWants): Promise<ByteGrants | null>;
	/** Returns bytes of a period that were drawn and not used. */
	giveBack(subject: Subject, unused: { readonly day: number; readonly month: number }): void;
	/** Counts a failure. Resolves to how many there are in the window, and for how long the subject is banned (0: not). */
	fail(
		subject: Subject,
		what: Failing,
		rule: FailureRule,
	): Promise<{ readonly failures: number; readonly banMs: number } | null>;
	/** For how long the subject is banned still, 0 when it is not; bans of other gateways are known a second later. */
	bannedMs(subject: Subject): number;
}
