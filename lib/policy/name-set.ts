// Sets of names. `example.com` means itself and every name under it, `=example.com` itself alone. A look-up asks a hash for
// each suffix of a name, the shortest first, and none longer than the longest in the set: the size of the set costs
// nothing, and a name of 127 labels no more than one of three.
import { targetOfHost } from '../core/target.ts';

/** `exact`: not the names under it. `name` is canonical: lower case, ASCII, no trailing dot. */
export interface NamePattern {
	readonly name: string;
	readonly exact: boolean;
}

/** Reads one pattern. Returns what is wrong as text: an address, a wildcard, a name that is none or not ASCII. */
export function parseNamePattern(text: string): NamePattern | string {
	const exact = text.startsWith('=');
	const target = targetOfHost(exact ? text.slice(1) : text, 1);
	if (target === null || text.includes('*') || text.includes('=', 1)) return EXPECTED;
	if (target.kind !== 'name') return 'an address is no name: it belongs to the addresses';
	return { name: target.host, exact };
}

const EXPECTED =
	'expected a name such as "example.com" (and all below it) or "=example.com" (alone), in ASCII (xn--...)';

export class NameSet {
	readonly #exact: ReadonlySet<string>;
	readonly #suffixes: ReadonlySet<string>;
	/** Labels of the longest suffix. */
	readonly #mostLabels: number;

	constructor(patterns: readonly NamePattern[]) {
		this.#exact = new Set(patterns.filter((pattern) => pattern.exact).map((pattern) => pattern.name));
		this.#suffixes = new Set(patterns.filter((pattern) => !pattern.exact).map((pattern) => pattern.name));
		this.#mostLabels = [...this.#suffixes].reduce((most, name) => Math.max(most, labelsOf(name)), 0);
	}

	/** Whether a name is in the set, by itself or under another; `suffixes` are those of the name. */
	has(suffixes: readonly string[]): boolean {
		const reach = Math.min(suffixes.length, this.#mostLabels);
		for (let i = 0; i < reach; i++) if (this.#suffixes.has(suffixes[i] as string)) return true;
		return this.#exact.size > 0 && this.#exact.has(suffixes[suffixes.length - 1] as string);
	}
}

/**
 * What a canonical name is under, itself included, the shortest first: `com`, `example.com`, `www.example.com`. Made once
 * and asked of many sets, it is hashed once.
 */
export function suffixesOf(name: string): string[] {
	const suffixes: string[] = [];
	for (let dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1))
		suffixes.push(name.slice(dot + 1));
	suffixes.push(name);
	return suffixes;
}

function labelsOf(name: string): number {
	return name.split('.').length;
}
