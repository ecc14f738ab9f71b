// One proxied stream from accept to close: the record that flow/ writes and everybody else reads.
import type { Code, Phase, Side } from './error.ts';
import type { Session } from './session.ts';
import type { Target } from './target.ts';

/** What a client asked for when it was more than a stream to a target. */
export type Command = 'associate' | 'bind' | 'resolve';

/** Why a datagram, or a peer that came to a BIND, was not let through. */
export type Drop =
	| 'malformed' // no header, FRAG, an address that cannot be one, port 0
	| 'sender' // not from the client, or not from the port it began with
	| 'stranger' // from where nothing was sent to, or not the peer that BIND waits for
	| 'refused' // by the exit policy or a rule
	| 'limit' // too many a second, too many names asked for
	| 'unresolved' // the name leads nowhere
	| 'unsent'; // the kernel or the hop would not take it

export type Protocol = 'socks4' | 'socks4a' | 'socks5' | 'connect' | 'http' | 'unknown';

/** Why a flow ended: `closed` is the good end, everything else a failure with its place. */
export interface Outcome {
	readonly cause: 'closed' | 'drained' | 'idle' | 'lifetime' | Code;
	readonly side?: Side;
	readonly phase?: Phase;
	readonly hop?: string;
	readonly note?: string;
}

/** A running relay, as far as a record shows it. */
export interface Carrier {
	readonly upBytes: number;
	readonly downBytes: number;
}

/** Written in flow/ only. Times are of the gateway's clock, in milliseconds. */
export interface Flow {
	readonly id: number;
	/** The listener it came in by. */
	readonly inbound: string;
	/** Key of the client for limits and rules: its prefix as text (IPv4 /32, IPv6 /64 unless configured otherwise). */
	readonly client: string;
	/** Key of the wider IPv6 prefix that the client is in, or null. */
	readonly network: string | null;
	readonly startedMs: number;
	protocol: Protocol;
	/** Null for streams and plain HTTP. */
	command: Command | null;
	/** Without what the name asked for behind it; null where names are only claimed. */
	user: string | null;
	/** What the client's name asked of its exit. */
	session: Session | null;
	target: Target | null;
	/** Tag of the way out. */
	route: string | null;
	/** Which of its exits it took, where it has several. */
	exit: string | null;
	/** When the client had said what it wants: the end of its handshake, or null. */
	askedMs: number | null;
	/** When the way out was open, or null. */
	openedMs: number | null;
	/** Plain HTTP requests served; 0 for a tunnel. */
	requests: number;
	/** Payload from the client. */
	upBytes: number;
	/** Payload to the client. */
	downBytes: number;
	/** What carries the tunnel now: until it is over, its bytes come on top of those above. */
	carrier: Carrier | null;
	endedMs: number | null;
	outcome: Outcome | null;
	/** Datagrams and peers that were dropped, by why; null for none. */
	drops: Partial<Record<Drop, number>> | null;
	/** Refusals that report mode let through, by rule name. */
	reports: readonly string[];
}

const NO_REPORTS: readonly string[] = [];

/** A record of which nothing is known yet but where it came from. */
export function newFlow(
	id: number,
	inbound: string,
	client: string,
	startedMs: number,
	network: string | null = null,
): Flow {
	return {
		id,
		inbound,
		client,
		network,
		startedMs,
		protocol: 'unknown',
		command: null,
		user: null,
		session: null,
		target: null,
		route: null,
		exit: null,
		askedMs: null,
		openedMs: null,
		requests: 0,
		upBytes: 0,
		downBytes: 0,
		carrier: null,
		endedMs: null,
		outcome: null,
		drops: null,
		reports: NO_REPORTS,
	};
}

/** Whose share is taken of something that all flows share: one client's, or that of a whole wider IPv6 prefix. */
export function crowdOf({ client, network }: Pick<Flow, 'client' | 'network'>): string {
	return network ?? client;
}
