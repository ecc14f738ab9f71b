// What a gateway has done, counted: plain numbers, kept by an observer and read by metrics, the admin API and `bauta status`.
// The words that numbers are kept under are of a closed list or of the configuration; no client, user or target is among them.
import type { Flow } from '../core/flow.ts';
import type { LimitsMode, Observer } from '../core/observer.ts';

/** Connections that ended alike. */
export interface ConnectionCount {
	readonly listener: string;
	readonly protocol: string;
	/** Why they ended: a cause of core/flow.ts, or `dropped`. */
	readonly result: string;
	count: number;
}

/** What went out one way. */
export interface ExitCount {
	readonly outbound: string;
	opened: number;
	failed: number;
	/** Of all that opened, together. */
	dialMs: number;
}

/** What members of one group were of no use for. */
export interface MemberFailures {
	readonly group: string;
	readonly cause: string;
	count: number;
}

/** Rows of one table. A configuration has a few hundred at most; what reloads invent beyond it is counted as `other`. */
const MOST_ROWS = 2_048;

const OTHER = 'other';

/** Counts from its own start; nothing is ever reset. */
export class Tally implements Observer {
	/** Flows that live now. */
	readonly live: Set<Flow> = new Set();
	/** Bugs of ours. */
	bugs = 0;
	/** Who keeps the limits. */
	limitsMode: LimitsMode = 'local';
	readonly #connections: Map<string, ConnectionCount> = new Map();
	readonly #exits: Map<string, ExitCount> = new Map();
	readonly #limited: Map<string, number> = new Map();
	readonly #commands: Map<string, number> = new Map();
	readonly #drops: Map<string, number> = new Map();
	readonly #memberFailures: Map<string, MemberFailures> = new Map();
	readonly #ejections: Map<string, number> = new Map();
	readonly #modeChanges: Map<LimitsMode, number> = new Map();
	#admitted = 0;
	#refused = 0;
	#endedUpBytes = 0;
	#endedDownBytes = 0;
	#requests = 0;

	get connections(): Iterable<ConnectionCount> {
		return this.#connections.values();
	}

	get exits(): Iterable<ExitCount> {
		return this.#exits.values();
	}

	/** Refusals by the limit that refused. */
	get limited(): ReadonlyMap<string, number> {
		return this.#limited;
	}

	/** Connections that are over and asked for more than a stream, by command. */
	get commands(): ReadonlyMap<string, number> {
		return this.#commands;
	}

	/** Datagrams and peers of those that were dropped, by why. */
	get drops(): ReadonlyMap<string, number> {
		return this.#drops;
	}

	/** How often members of groups were of no use, by group and by why. */
	get memberFailures(): Iterable<MemberFailures> {
		return this.#memberFailures.values();
	}

	/** How often members of a group were ejected, by group. */
	get ejections(): ReadonlyMap<string, number> {
		return this.#ejections;
	}

	/** How often the limits came to be kept so. */
	get modeChanges(): ReadonlyMap<LimitsMode, number> {
		return this.#modeChanges;
	}

	/** Connections that a limit did not let in, or not even be heard. */
	get refused(): number {
		return this.#refused;
	}

	/** Connections that are over and that no limit had refused. */
	get admitted(): number {
		return this.#admitted;
	}

	/** Plain HTTP requests of connections that are over. */
	get requests(): number {
		return this.#requests;
	}

	/** Payload so far, that of live flows included: neither number ever shrinks. */
	bytes(): { readonly up: number; readonly down: number } {
		let up = this.#endedUpBytes;
		let down = this.#endedDownBytes;
		for (const { upBytes, downBytes, carrier } of this.live) {
			up += upBytes + (carrier?.upBytes ?? 0);
			down += downBytes + (carrier?.downBytes ?? 0);
		}
		return { up, down };
	}

	flowStarted(flow: Flow): void {
		this.live.add(flow);
	}

	flowOpened({ route, askedMs, openedMs }: Flow): void {
		const exit = this.#exit(route ?? OTHER);
		exit.opened++;
		if (askedMs !== null && openedMs !== null) exit.dialMs += openedMs - askedMs;
	}

	flowEnded(flow: Flow): void {
		this.live.delete(flow);
		const cause = flow.outcome?.cause ?? OTHER;
		this.#connection(flow.inbound, flow.protocol, cause).count++;
		this.#endedUpBytes += flow.upBytes;
		this.#endedDownBytes += flow.downBytes;
		this.#requests += flow.requests;
		if (flow.command !== null) add(this.#commands, flow.command, 1);
		if (flow.drops !== null) for (const [why, count] of Object.entries(flow.drops)) add(this.#drops, why, count);
		if (flow.route !== null && flow.openedMs === null) this.#exit(flow.route).failed++;
		const phase = flow.outcome?.phase;
		const refused = phase === 'admission' && isLimit(cause);
		// A tunnel whose bytes are used up had been admitted.
		if (refused || (phase === 'relay' && isLimit(cause))) this.#limit(flow.outcome?.note ?? OTHER);
		if (refused) this.#refused++;
		else if (flow.askedMs !== null) this.#admitted++;
	}

	dropped(listener: string, why: string): void {
		this.#connection(listener, 'unknown', 'dropped').count++;
		this.#refused++;
		this.#limit(why);
	}

	limits(mode: LimitsMode): void {
		this.limitsMode = mode;
		this.#modeChanges.set(mode, (this.#modeChanges.get(mode) ?? 0) + 1);
	}

	memberFailed(group: string, why: string): void {
		const cause = wordOf(why);
		const key = `${group}\n${cause}`;
		const known = this.#memberFailures.get(key);
		if (known) known.count++;
		else if (this.#memberFailures.size >= MOST_ROWS && group !== OTHER) this.memberFailed(OTHER, OTHER);
		else this.#memberFailures.set(key, { group, cause, count: 1 });
	}

	memberEjected(group: string): void {
		add(this.#ejections, this.#ejections.has(group) || this.#ejections.size < MOST_ROWS ? group : OTHER, 1);
	}

	bug(): void {
		this.bugs++;
	}

	#connection(listener: string, protocol: string, result: string): ConnectionCount {
		const key = `${listener}\n${protocol}\n${result}`;
		const known = this.#connections.get(key);
		if (known) return known;
		if (this.#connections.size >= MOST_ROWS && listener !== OTHER) return this.#connection(OTHER, protocol, result);
		const fresh = { listener, protocol, result, count: 0 };
		this.#connections.set(key, fresh);
		return fresh;
	}

	#exit(outbound: string): ExitCount {
		const known = this.#exits.get(outbound);
		if (known) return known;
		if (this.#exits.size >= MOST_ROWS && outbound !== OTHER) return this.#exit(OTHER);
		const fresh = { outbound, opened: 0, failed: 0, dialMs: 0 };
		this.#exits.set(outbound, fresh);
		return fresh;
	}

	#limit(note: string): void {
		const word = wordOf(note);
		const limit = this.#limited.has(word) || this.#limited.size < MOST_ROWS ? word : OTHER;
		this.#limited.set(limit, (this.#limited.get(limit) ?? 0) + 1);
	}
}

/** `note` is a few constant words of ours: `open connections` is counted as `open_connections`. */
function wordOf(note: string): string {
	return note.replaceAll(' ', '_');
}

function add(counts: Map<string, number>, word: string, count: number): void {
	counts.set(word, (counts.get(word) ?? 0) + count);
}

function isLimit(cause: string): boolean {
	return cause === 'client_limit_reached' || cause === 'connection_limit_reached';
}
