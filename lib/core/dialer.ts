// The one seam out. Direct, hop, chain, group and block are all dialers, so they nest.
import type { DatagramPath, PathSink } from './datagram.ts';
import { GatewayError } from './error.ts';
import type { Flow } from './flow.ts';
import type { Halt } from './halt.ts';
import type { Ip } from './ip.ts';
import type { Link } from './link.ts';
import type { Target } from './target.ts';

export interface DialContext {
	/** Aborted when the client has gone, the deadline has passed or the gateway stops: every socket of the dial closes. */
	readonly signal: Halt;
	readonly flow: Flow;
	/** Absent where the dial may be tried again by another way, which what has gone by the first one would rule out. */
	readonly optimistic?: Optimistic;
	/** Judges an address that a name resolved to; null permits. Whoever resolves a name must ask before it dials. */
	permits(ip: Ip): GatewayError | null;
}

/** What a client has sent behind its request, for a way out that carries it to the target before that has answered. */
export interface Optimistic {
	/** All of it, and what comes until the dial ends, within a bound. Once, and never by a way that may not reach the target. */
	sendTo(link: Pick<Link, 'write'>): void;
}

export interface Dialer {
	/**
	 * A link to the target, open to its last hop. Throws nothing but GatewayError. The caller owns the link and closes it;
	 * on abort the dialer closes what it had opened.
	 */
	dial(target: Target, context: DialContext): Promise<Link>;
	/** Of who has several exits: settles on one for one use. Such a dialer's `dial` is `choose` and the use's `dial`. */
	choose?(choice: Choice): Use;
	/**
	 * A way for datagrams, open to its last hop; where there is none, the way out has none. Rejects with GatewayError:
	 * `command_unsupported` when a hop has none. The caller closes it; on abort the dialer closes what it had opened.
	 */
	associate?(sink: PathSink, context: DialContext): Promise<DatagramPath>;
	/**
	 * What a name leads to, or with `reverse` what an address is called; where there is none, the way out cannot be asked.
	 * `ip4Only`: another family is no answer. Rejects with GatewayError. The port of the answer is 0.
	 */
	resolve?(question: Question, context: DialContext): Promise<Target>;
}

/** What an exit is chosen for. */
export interface Choice {
	readonly flow: Flow;
	readonly target: Target;
	/** Those of one key leave by one exit, for as long as the policy of rotation says. Left out: as that policy has it. */
	readonly stickyKey?: string | null;
}

/** One use of a way out with several exits: which of them it takes, and what is learnt by that. */
export interface Use extends Dialer {
	/** Names the exit: another one after a dial that failed over and after `again`. */
	readonly exit: string;
	/** When a plain HTTP request is asked again by another exit; null: never. */
	readonly retry: RetryRule | null;
	/** Bytes of the target came by this exit; with the status of a response where one was seen. */
	answered(status: number | null): void;
	/** The exit said yes, and then nothing of the target came. */
	silent(): void;
	/** Takes the next best exit that this use has not tried; false when there is none. */
	again(): boolean;
}

/** Which answers to plain HTTP are about the exit and not about the request. */
export interface RetryRule {
	readonly statuses: ReadonlySet<number>;
	readonly methods: ReadonlySet<string>;
	/** Further exits that one request may be tried by. */
	readonly tries: number;
	/** A longer body is not kept for another try. */
	readonly bodyBytes: number;
}

/** The wish of BIND. */
export interface WaitRequest {
	/** Who is to come; null: anybody. A name stands for all its addresses that policy permits. */
	readonly peer: Target | null;
	/** Judges who came, where anybody may; null permits. */
	judge(ip: Ip): GatewayError | null;
	/** Of whom anybody is. */
	readonly family: 'ip4' | 'ip6';
	/** What the client itself is connected to. */
	readonly local: Ip | null;
}

/** Somebody who came. The taker owns the link. */
export interface Came {
	readonly link: Link;
	readonly ip: Ip;
	readonly port: number;
}

/** Listens until the one who is awaited has come. */
export interface Waiter {
	/** Where. */
	readonly ip: Ip;
	readonly port: number;
	/** Resolves when the peer came; `dropped` hears how many others did. Once; closes itself when the signal aborts. */
	came(signal: Halt, dropped: (why: 'stranger' | 'refused', count: number) => void): Promise<Came>;
	/** Before `came` was asked. */
	close(): void;
}

/** The wish of RESOLVE and RESOLVE_PTR. */
export interface Question {
	readonly target: Target;
	readonly reverse: boolean;
	readonly ip4Only: boolean;
}

/** The refusal of a way out that cannot do what was asked for. */
export function unsupported(note: string): GatewayError {
	return new GatewayError('command_unsupported', { side: 'hop', phase: 'hop', retry: 'next', note });
}

/** How many exits of a group are open to use, of all; and of these, how many are left alone or on trial. */
export interface MemberCount {
	readonly open: number;
	readonly ejected: number;
	readonly halfOpen: number;
	readonly total: number;
}

/** One exit of a group, as it is now. */
export interface MemberReport {
	/** Its tag, or its group and line: never an address. */
	readonly name: string;
	readonly state: 'open' | 'half-open' | 'ejected';
	/** How long it is still left alone; 0 for one that is not ejected. */
	readonly restsMs: number;
	/** How long it takes to be open, of late; null: not known. */
	readonly latencyMs: number | null;
	/** Ways that were opened by it. */
	readonly opened: number;
	/** How often it was of no use, by why: constant text. */
	readonly faults: ReadonlyMap<string, number>;
	/** Its own exits, where it is a group that was used. */
	readonly inner: Iterable<MemberReport> | null;
}

/** A named way out. */
export interface Outbound extends Dialer {
	/** Listens for a peer, from where it leaves; where there is none, the way out cannot. Rejects with GatewayError. */
	wait?(request: WaitRequest, context: DialContext): Promise<Waiter>;
	readonly type: string;
	/** Unique in a gateway; for routes, logs and metrics. */
	readonly tag: string;
	/** Names of targets go to the far end unresolved, so that no rule can see their addresses here. */
	readonly namesTravel: boolean;
	/** Of a group, as it is now: a walk through its members, as the next one. */
	readonly members?: MemberCount;
	/** Of a group, in the order of its list. */
	reports?(): Iterable<MemberReport>;
	/** Of who stands at one place: a link to that place itself, which the caller closes at once. For probes. */
	reach?(context: DialContext): Promise<Link>;
	/** Leads into Tor, where names under .onion are at home. */
	readonly carriesOnion?: boolean;
	/** Each dial for this flow may leave by another exit, so a link is for one exchange alone; absent: never. */
	rotates?(flow: Flow): boolean;
	/** Whether it has an exit of that name to choose, for a client that wishes for one; absent: none. */
	offers?(exit: string): boolean;
	/** Lets go of what it keeps open between dials. */
	close(): void;
}

/** What an aborted dial ends with: the reason it was aborted for, else the client's leaving. */
export function abortError(signal: Halt): GatewayError {
	if (signal.reason instanceof GatewayError) return signal.reason;
	return new GatewayError('connection_terminated', { side: 'client', phase: 'connect' });
}
