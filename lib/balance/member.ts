// One way out among several, and what is known of it. A member outlives the list it came from: when that is read anew, who
// is still on it keeps health, counts and latency.

/** Ejected members are asked nothing. A `trial` may be asked once, and is `trying` until that has ended. */
export type MemberState = 'open' | 'ejected' | 'trial' | 'trying';

/** What is known of a member whose list may be read under another configuration: plain values, which hold on to nothing. */
export type MemberRecord = Readonly<
	Pick<
		Member<unknown>,
		'state' | 'failures' | 'doubts' | 'ejections' | 'restsUntilMs' | 'opened' | 'faults' | 'latencyMs' | 'latencyAtMs'
	>
>;

export class Member<W> {
	/** The same in every list that has this member. */
	readonly id: string;
	/** For logs: a tag, or a group and a line. */
	name: string;
	/** Above zero. */
	weight: number;
	readonly #make: () => W;
	#way: W | null = null;
	/** Where it stands in its roster; -1: in none. Written by the roster. */
	index = -1;
	/** Written by health.ts, as what follows. */
	state: MemberState = 'open';
	/** In a row. */
	failures = 0;
	/** Sites whose use failed for a reason that may be theirs, since a byte of any target came. */
	doubts: Set<string> | null = null;
	/** In a row: what the back-off grows by. */
	ejections = 0;
	/** Until when it is left alone. */
	restsUntilMs = 0;
	/** Ways that were opened by it. */
	opened = 0;
	/** Why it was of no use, and how often; null: it never was. */
	faults: Map<string, number> | null = null;
	/** Links that are open by it, where a strategy wants to know. */
	links = 0;
	/** How long it takes to be open, of late; null: not known. */
	latencyMs: number | null = null;
	latencyAtMs = 0;

	/** `make` is called when it is used first: of thousands of members most never are. */
	constructor(id: string, name: string, weight: number, make: () => W) {
		this.id = id;
		this.name = name;
		this.weight = weight;
		this.#make = make;
	}

	/** As it is now. */
	get record(): MemberRecord {
		const { state, failures, doubts, ejections, restsUntilMs, opened, faults, latencyMs, latencyAtMs } = this;
		const copies = { doubts: doubts && new Set(doubts), faults: faults && new Map(faults) };
		return { state, failures, ejections, restsUntilMs, opened, latencyMs, latencyAtMs, ...copies };
	}

	get way(): W {
		this.#way ??= this.#make();
		return this.#way;
	}

	/** The way, if it was ever used. */
	get made(): W | null {
		return this.#way;
	}

	/** It was of no use. `why` is constant text. */
	fault(why: string): void {
		this.faults ??= new Map();
		const word = this.faults.has(why) || this.faults.size < MOST_FAULTS ? why : OTHER;
		this.faults.set(word, (this.faults.get(word) ?? 0) + 1);
	}
}

/** Reasons that are told apart. */
const MOST_FAULTS = 16;

const OTHER = 'other';
