// A list of names, addresses and expressions that rules ask about, compiled from text of any length a little at a time. What
// it excepts is kept beside it: rules.ts lets exceptions of all lists of a rule win over all that they list.
import type { Ip } from '../core/ip.ts';
import { type EntrySink, readLine } from './list-line.ts';
import { type NameTable, NameTableBuilder } from './name-table.ts';
import type { Pattern } from './pattern.ts';
import { MOST_SET_STEPS, PatternSet } from './pattern-set.ts';
import type { Prefix, PrefixSet } from './prefix.ts';
import { PrefixSetBuilder } from './prefix-sort.ts';

/** Far more than the longest line of any list: the longest name, eight times. */
const MOST_LINE_BYTES = 2_048;

/** Lines between two pauses: about 100 us. */
const STRIDE = 128;

/** Numbers of bad lines that are remembered; all are counted. */
const NAMED_LINES = 10;

const LF = 10;

/** What a list has, counted; the same name twice is one. */
export interface ListCounts {
	readonly names: number;
	readonly prefixes: number;
	readonly patterns: number;
	/** Names, prefixes and expressions that are excepted. */
	readonly exceptions: number;
	/** Lines that are filters of a kind that is not ours. */
	readonly otherLines: number;
	/** Lines that are nothing. */
	readonly badLines: number;
}

/** One of the two halves of a list. */
interface Entries {
	/** Each with all names under it. */
	readonly below: NameTable;
	/** Each alone. */
	readonly exact: NameTable;
	readonly prefixes: PrefixSet;
	readonly patterns: PatternSet;
}

/** Never changes once it is there. */
export class FilterList {
	readonly counts: ListCounts;
	/** Of the first bad lines, from 1. */
	readonly badLines: readonly number[];
	readonly #listed: Entries;
	readonly #excepted: Entries;

	/** To be made by `compileList`. */
	constructor(listed: Entries, excepted: Entries, lines: LineCounts) {
		this.#listed = listed;
		this.#excepted = excepted;
		this.badLines = lines.firstBad;
		this.counts = {
			names: listed.below.size + listed.exact.size,
			prefixes: listed.prefixes.size,
			patterns: listed.patterns.size,
			exceptions: sizeOf(excepted),
			otherLines: lines.other,
			badLines: lines.bad,
		};
	}

	/** Whether there is anything in it. */
	get isEmpty(): boolean {
		return sizeOf(this.#listed) + sizeOf(this.#excepted) === 0;
	}

	/** Whether an address has a say. */
	get hasPrefixes(): boolean {
		return this.#listed.prefixes.size > 0;
	}

	/** Memory for names, in bytes. */
	get bytes(): number {
		return [this.#listed, this.#excepted].reduce((sum, { below, exact }) => sum + below.bytes + exact.bytes, 0);
	}

	/** Whether a canonical name is listed, whatever is excepted. */
	hasName(name: string): boolean {
		return hasName(this.#listed, name);
	}

	hasAddress(ip: Ip): boolean {
		return this.#listed.prefixes.has(ip);
	}

	exceptsName(name: string): boolean {
		return hasName(this.#excepted, name);
	}

	exceptsAddress(ip: Ip): boolean {
		return this.#excepted.prefixes.has(ip);
	}
}

function hasName({ below, exact, patterns }: Entries, name: string): boolean {
	return below.hasAbove(name) || exact.has(name) || patterns.test(name);
}

function sizeOf({ below, exact, prefixes, patterns }: Entries): number {
	return below.size + exact.size + prefixes.size + patterns.size;
}

interface LineCounts {
	readonly other: number;
	readonly bad: number;
	readonly firstBad: readonly number[];
}

/**
 * The list in a text of UTF-8, with or without a byte order mark, lines ended by LF or CRLF. Pauses often, so that whoever
 * runs it can do something else. Never throws: a line that is nothing is counted and left out.
 */
export function* compileList(bytes: Buffer): Generator<void, FilterList> {
	const draft = new Draft();
	const counts = { other: 0, bad: 0, firstBad: [] as number[] };
	let left = STRIDE;
	for (const [line, text] of linesOf(bytes)) {
		const kind = text === null ? 'bad' : readLine(text, draft);
		if (kind === 'other') counts.other++;
		if (kind === 'bad' && counts.bad++ < NAMED_LINES) counts.firstBad.push(line);
		if (--left > 0) continue;
		yield;
		left = STRIDE;
	}
	return yield* draft.build(counts);
}

/** Lines with their numbers, from 1; null for one that is too long. */
export function* linesOf(bytes: Buffer): Generator<readonly [line: number, text: string | null]> {
	const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
	for (let from = hasMark ? 3 : 0, line = 1; from < bytes.length; line++) {
		const found = bytes.indexOf(LF, from);
		const end = found < 0 ? bytes.length : found;
		yield [line, end - from > MOST_LINE_BYTES ? null : textOf(bytes, from, end)];
		from = end + 1;
	}
}

/** ASCII, as nearly every line is, is read for half the price. */
function textOf(bytes: Buffer, from: number, to: number): string {
	const last = to > from && bytes[to - 1] === 13 ? to - 1 : to;
	const text = bytes.toString('latin1', from, last);
	return /[\x80-\xff]/.test(text) ? bytes.toString('utf8', from, last) : text;
}

/** A list in the making. */
class Draft implements EntrySink {
	readonly #listed: Half = new Half();
	readonly #excepted: Half = new Half();

	name(name: string, exact: boolean, except: boolean): void {
		this.#half(except)[exact ? 'exact' : 'below'].add(name);
	}

	prefix(prefix: Prefix, except: boolean): void {
		this.#half(except).prefixes.add(prefix);
	}

	pattern(pattern: Pattern, except: boolean): string | null {
		return this.#half(except).pattern(pattern);
	}

	#half(except: boolean): Half {
		return except ? this.#excepted : this.#listed;
	}

	*build(counts: LineCounts): Generator<void, FilterList> {
		const listed = yield* this.#listed.build();
		const excepted = yield* this.#excepted.build();
		return new FilterList(listed, excepted, counts);
	}
}

class Half {
	readonly below: NameTableBuilder = new NameTableBuilder();
	readonly exact: NameTableBuilder = new NameTableBuilder();
	readonly prefixes: PrefixSetBuilder = new PrefixSetBuilder();
	readonly #patterns: Pattern[] = [];
	#steps = 0;

	pattern(pattern: Pattern): string | null {
		if (this.#steps + pattern.steps.length > MOST_SET_STEPS)
			return `expected expressions of ${MOST_SET_STEPS} steps together at most`;
		this.#steps += pattern.steps.length;
		this.#patterns.push(pattern);
		return null;
	}

	*build(): Generator<void, Entries> {
		const below = yield* this.below.build();
		const exact = yield* this.exact.build();
		const prefixes = yield* this.prefixes.build();
		return { below, exact, prefixes, patterns: new PatternSet(this.#patterns) };
	}
}

/** Runs work that pauses to its end, without a pause. */
export function atOnce<T>(work: Generator<void, T>): T {
	for (;;) {
		const step = work.next();
		if (step.done) return step.value;
	}
}

const EMPTY: FilterList = atOnce(compileList(Buffer.alloc(0)));

/** A list without anything in it. */
export function emptyList(): FilterList {
	return EMPTY;
}
