// Regular expressions that cannot run away. V8's own go back and try again, for hours if an expression is meant to; ours are
// a subset of them that a machine without memory of its way decides in one pass, so the longest text costs its length:
//
//   taken     characters, `.`, classes, \d \w \s and their opposites, escaped marks, ( ), (?: ), |, ^, $, * + ? {n,m}
//   refused   what looks around or back, \b, flags, and what would need more than MOST_STEPS steps
//
// Built as Thompson did (Regular Expression Search Algorithm, 1968): a program whose steps take one character each or
// lead to others; pattern-set.ts runs it.

/** Steps of one expression, repetitions written out. */
export const MOST_STEPS = 256;

/** Nobody can read a longer one. */
const MOST_CHARS = 512;

const MOST_REPEATS = 64;

/** What is written out of one expression, whether or not it makes steps. */
const MOST_PARTS = 4_096;

/** Deeper parentheses are a mistake, and each level is a call. */
const MOST_DEPTH = 32;

/** One step; `next` and `other` are indices of steps. */
export type PatternStep =
	/** Takes one character of the set, which has a place for each byte. */
	| { readonly kind: 'take'; readonly set: Uint8Array; next: number }
	| { readonly kind: 'fork'; next: number; other: number }
	| { readonly kind: 'start' | 'end'; next: number }
	| { readonly kind: 'found' };

export interface Pattern {
	/** What was read, without slashes. */
	readonly source: string;
	readonly steps: readonly PatternStep[];
	/** Index of the first step. */
	readonly first: number;
}

/**
 * Reads an expression, without slashes around it; `fold`: letters stand for both their cases. Returns what is wrong with it
 * as text.
 */
export function parsePattern(source: string, { fold }: { readonly fold: boolean }): Pattern | string {
	if (source.length > MOST_CHARS) return `expected an expression of ${MOST_CHARS} characters at most`;
	try {
		const steps: PatternStep[] = [{ kind: 'found' }];
		const first = new Emitter(steps).emit(new Reader(source, fold).read(), 0);
		return { source, steps, first };
	} catch (thrown) {
		if (thrown instanceof Unreadable) return thrown.message;
		throw thrown;
	}
}

class Unreadable extends Error {}

type Node =
	| { readonly kind: 'set'; readonly set: Uint8Array }
	| { readonly kind: 'start' | 'end' }
	| { readonly kind: 'row' | 'choice'; readonly parts: readonly Node[] }
	| { readonly kind: 'repeat'; readonly part: Node; readonly least: number; readonly most: number };

const DIGIT: Uint8Array = setOf((byte) => byte >= 48 && byte <= 57);
const WORD: Uint8Array = setOf((byte) => /\w/.test(String.fromCharCode(byte)));
const SPACE: Uint8Array = setOf((byte) => /\s/.test(String.fromCharCode(byte)));
const ANY: Uint8Array = setOf((byte) => byte !== 10 && byte !== 13);

const NAMED: ReadonlyMap<string, Uint8Array> = new Map([
	['d', DIGIT],
	['w', WORD],
	['s', SPACE],
	['D', opposite(DIGIT)],
	['W', opposite(WORD)],
	['S', opposite(SPACE)],
]);

function setOf(has: (byte: number) => boolean): Uint8Array {
	return Uint8Array.from({ length: 256 }, (_, byte) => (has(byte) ? 1 : 0));
}

function opposite(set: Uint8Array): Uint8Array {
	return set.map((has) => 1 - has);
}

/** Text to tree. */
class Reader {
	readonly #text: string;
	readonly #fold: boolean;
	#at = 0;
	#depth = 0;

	constructor(text: string, fold: boolean) {
		this.#text = text;
		this.#fold = fold;
	}

	read(): Node {
		const node = this.#choice();
		if (this.#at < this.#text.length) throw new Unreadable('expected "(" before ")"');
		return node;
	}

	#choice(): Node {
		const parts = [this.#row()];
		while (this.#takes('|')) parts.push(this.#row());
		return parts.length === 1 ? (parts[0] as Node) : { kind: 'choice', parts };
	}

	#row(): Node {
		const parts: Node[] = [];
		while (this.#at < this.#text.length && !'|)'.includes(this.#text[this.#at] as string)) parts.push(this.#repeated());
		return { kind: 'row', parts };
	}

	#repeated(): Node {
		const part = this.#one();
		const count = this.#count();
		if (count === null) return part;
		if (part.kind === 'start' || part.kind === 'end') throw new Unreadable('expected nothing repeated but characters');
		this.#takes('?');
		if (this.#count() !== null) throw new Unreadable('expected one repetition, found two');
		return { kind: 'repeat', part, ...count };
	}

	/** How often what was read is to stand; null: once. */
	#count(): { readonly least: number; readonly most: number } | null {
		if (this.#takes('*')) return { least: 0, most: Number.POSITIVE_INFINITY };
		if (this.#takes('+')) return { least: 1, most: Number.POSITIVE_INFINITY };
		if (this.#takes('?')) return { least: 0, most: 1 };
		const braces = /^\{(\d{1,4})(?:(,)(\d{1,4})?)?\}/.exec(this.#text.slice(this.#at, this.#at + 12));
		if (!braces) return null;
		this.#at += braces[0].length;
		const least = Number(braces[1]);
		const most = braces[3] === undefined ? (braces[2] ? Number.POSITIVE_INFINITY : least) : Number(braces[3]);
		const counted = Math.max(least, Number.isFinite(most) ? most : 0);
		if (counted > MOST_REPEATS || least > most) throw new Unreadable(`expected ${MOST_REPEATS} repetitions at most`);
		return { least, most };
	}

	#one(): Node {
		const char = this.#text[this.#at++] as string;
		switch (char) {
			case '(':
				return this.#group();
			case '[':
				return { kind: 'set', set: this.#class() };
			case '.':
				return { kind: 'set', set: ANY };
			case '^':
				return { kind: 'start' };
			case '$':
				return { kind: 'end' };
			case '\\':
				return { kind: 'set', set: this.#escaped() };
			case '*':
			case '+':
			case '?':
				throw new Unreadable('expected something to repeat');
			case '{':
				// A brace that counts nothing is a brace (ECMA-262 Annex B); one that would, behind nothing or too high, is a mistake.
				if (/^\d+(?:,\d*)?\}/.test(this.#text.slice(this.#at))) throw new Unreadable('expected something to repeat');
				return { kind: 'set', set: this.#set(byteOf(char), byteOf(char)) };
			default:
				return { kind: 'set', set: this.#set(byteOf(char), byteOf(char)) };
		}
	}

	#group(): Node {
		if (++this.#depth > MOST_DEPTH) throw new Unreadable(`expected ${MOST_DEPTH} parentheses in each other at most`);
		if (this.#takes('?') && !this.#takes(':')) throw new Unreadable('expected no "(?" but "(?:"');
		const node = this.#choice();
		if (!this.#takes(')')) throw new Unreadable('expected ")"');
		this.#depth--;
		return node;
	}

	/** Behind the backslash. */
	#escaped(): Uint8Array {
		const char = this.#text[this.#at++] ?? '';
		const named = NAMED.get(char);
		if (named) return named;
		const byte = this.#escapedByte(char);
		return this.#set(byte, byte);
	}

	#escapedByte(char: string): number {
		if (/^[^A-Za-z0-9]$/.test(char)) return byteOf(char);
		const hex = char === 'x' ? /^[0-9a-fA-F]{2}/.exec(this.#text.slice(this.#at, this.#at + 2)) : null;
		if (!hex) throw new Unreadable('expected no escape but \\d, \\w, \\s, their opposites, \\xHH and marks');
		this.#at += 2;
		return Number.parseInt(hex[0], 16);
	}

	/** Behind the bracket. */
	#class(): Uint8Array {
		const negated = this.#takes('^');
		const set = new Uint8Array(256);
		while (!this.#takes(']')) {
			const first = this.#member();
			if (typeof first !== 'number') {
				merge(set, first);
				continue;
			}
			const isRange = this.#text[this.#at] === '-' && this.#text[this.#at + 1] !== ']';
			if (isRange) this.#at++;
			const last = isRange ? this.#member() : first;
			if (typeof last !== 'number' || last < first) throw new Unreadable('expected a range such as a-z');
			merge(set, this.#set(first, last));
		}
		return negated ? opposite(set) : set;
	}

	#member(): number | Uint8Array {
		const char = this.#text[this.#at++];
		if (char === undefined) throw new Unreadable('expected "]"');
		if (char !== '\\') return byteOf(char);
		const escaped = this.#text[this.#at++] ?? '';
		return NAMED.get(escaped) ?? this.#escapedByte(escaped);
	}

	#set(first: number, last: number): Uint8Array {
		const set = new Uint8Array(256).fill(1, first, last + 1);
		if (!this.#fold) return set;
		for (let upper = 65; upper <= 90; upper++)
			if (set[upper] || set[upper + 32]) {
				set[upper] = 1;
				set[upper + 32] = 1;
			}
		return set;
	}

	#takes(char: string): boolean {
		if (this.#text[this.#at] !== char) return false;
		this.#at++;
		return true;
	}
}

function merge(into: Uint8Array, set: Uint8Array): void {
	for (let byte = 0; byte < 256; byte++) if (set[byte]) into[byte] = 1;
}

function byteOf(char: string): number {
	const code = char.charCodeAt(0);
	if (code > 127) throw new Unreadable('expected ASCII');
	return code;
}

/** Tree to program, from its end to its start: each part is told which step comes behind it. */
class Emitter {
	readonly #steps: PatternStep[];
	/** Parts so far: repetitions of nothing make no steps, and yet take their time. */
	#parts = 0;

	constructor(steps: PatternStep[]) {
		this.#steps = steps;
	}

	/** Returns the index of the first step. */
	emit(node: Node, next: number): number {
		if (++this.#parts > MOST_PARTS) throw new Unreadable('expected fewer repetitions in each other');
		switch (node.kind) {
			case 'set':
				return this.#push({ kind: 'take', set: node.set, next });
			case 'start':
			case 'end':
				return this.#push({ kind: node.kind, next });
			case 'row':
				return node.parts.reduceRight((behind, part) => this.emit(part, behind), next);
			case 'choice':
				return node.parts
					.map((part) => this.emit(part, next))
					.reduceRight((other, first) => this.#push({ kind: 'fork', next: first, other }));
			case 'repeat':
				return this.#repeat(node.part, node.least, node.most, next);
		}
	}

	#repeat(part: Node, least: number, most: number, next: number): number {
		let first = next;
		if (most === Number.POSITIVE_INFINITY) {
			const fork = { kind: 'fork' as const, next: 0, other: next };
			first = this.#push(fork);
			fork.next = this.emit(part, first);
		} else {
			for (let i = least; i < most; i++)
				first = this.#push({ kind: 'fork', next: this.emit(part, first), other: next });
		}
		for (let i = 0; i < least; i++) first = this.emit(part, first);
		return first;
	}

	#push(step: PatternStep): number {
		if (this.#steps.length >= MOST_STEPS)
			throw new Unreadable(`expected an expression of ${MOST_STEPS} steps at most, repetitions written out`);
		return this.#steps.push(step) - 1;
	}
}
