// Where in a TOML file a path was written. Loaded only when there is something to complain about: the parser that reads
// configurations keeps no positions, the one that keeps them is slower.
import { type AST, parseTOML } from 'toml-eslint-parser';
import type { Path } from './problem.ts';

/** Both count from 1. */
export interface Position {
	readonly line: number;
	readonly column: number;
}

/** Positions in a text that another parser has taken; null where this one does not: they are two readers of one standard. */
export function positionsOf(text: string): Positions | null {
	try {
		return new Positions(text);
	} catch {
		return null;
	}
}

/** Positions of the keys and values of one file. */
export class Positions {
	readonly #keys: Map<string, Position> = new Map();
	readonly #values: Map<string, Position> = new Map();

	/** Throws ParseError for what is no TOML. */
	constructor(text: string) {
		for (const node of parseTOML(text).body[0].body) {
			if (node.type === 'TOMLTable') this.#table(node);
			else this.#pair(node, []);
		}
	}

	/** The key or value at `path`; for what is not there, the nearest thing around it that is. */
	of(path: Path, at: 'key' | 'value'): Position {
		for (let length = path.length; length > 0; length--) {
			const id = JSON.stringify(path.slice(0, length));
			const [first, second] = at === 'key' ? [this.#keys, this.#values] : [this.#values, this.#keys];
			const found = first.get(id) ?? second.get(id);
			if (found) return found;
		}
		return { line: 1, column: 1 };
	}

	/** `[a.b]` and `[[a.b]]`: the header is the position of the table and of the tables around it. */
	#table(node: AST.TOMLTable): void {
		let path: Path = [];
		for (const part of node.resolvedKey) {
			path = [...path, part];
			note(this.#keys, path, node);
		}
		for (const pair of node.body) this.#pair(pair, path);
	}

	#pair(node: AST.TOMLKeyValue, base: Path): void {
		let path = base;
		for (const key of node.key.keys) {
			path = [...path, key.type === 'TOMLBare' ? key.name : key.value];
			note(this.#keys, path, key);
		}
		this.#value(node.value, path);
	}

	#value(node: AST.TOMLContentNode, path: Path): void {
		note(this.#values, path, node);
		if (node.type === 'TOMLInlineTable') for (const pair of node.body) this.#pair(pair, path);
		else if (node.type === 'TOMLArray')
			for (const [i, element] of node.elements.entries()) this.#value(element, [...path, i]);
	}
}

function note(index: Map<string, Position>, path: Path, node: AST.TOMLNode): void {
	const id = JSON.stringify(path);
	if (!index.has(id)) index.set(id, { line: node.loc.start.line, column: node.loc.start.column + 1 });
}
