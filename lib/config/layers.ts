// A configuration written in several places, as one: each layer is laid over the ones before it, and every value
// remembers its layer, so that a problem points at the line, variable or flag that said it. Tables are merged key by
// key; the lists `rule`, `upstream`, `group`, `source` and `list` of several files add up in order, because a file that silently
// switched off the deny rules of another one would be a trap; every other value replaces the one before.
import type { Finding, Path, Place } from './problem.ts';

/** One place that says something. */
export interface Layer {
	readonly data: Table;
	/** Adds to lists of tables, as a file does; else it replaces them. */
	readonly adds: boolean;
	place(path: Path, at: Finding['at']): Place | Promise<Place>;
}

/** A table of TOML. */
export type Table = Record<string, unknown>;

const ADDED: ReadonlySet<string> = new Set(['rule', 'upstream', 'group', 'source', 'list']);

/** What the layers say together. */
export class Merged {
	readonly data: Table = {};
	readonly #origins: Map<string, { readonly layer: Layer; readonly path: Path }> = new Map();

	/** The first layer is the weakest. */
	constructor(layers: readonly Layer[]) {
		for (const layer of layers) this.#lay(layer, this.data, layer.data, []);
	}

	#lay(layer: Layer, into: Table, from: Table, path: Path): void {
		for (const [key, value] of Object.entries(from)) {
			const here = [...path, key];
			const there = into[key];
			if (isTable(value)) {
				const table: Table = isTable(there) ? there : {};
				into[key] = table;
				this.#note(layer, here, here);
				this.#lay(layer, table, value, here);
			} else if (layer.adds && path.length === 0 && ADDED.has(key) && Array.isArray(value)) {
				this.#add(layer, into, key, value);
			} else {
				into[key] = value;
				this.#forget(here);
				this.#note(layer, here, here);
			}
		}
	}

	/** What a replaced list or table said inside is no longer said. */
	#forget(path: Path): void {
		const inside = JSON.stringify(path).replace(/]$/, ',');
		for (const id of this.#origins.keys()) if (id.startsWith(inside)) this.#origins.delete(id);
	}

	#add(layer: Layer, into: Table, key: string, items: readonly unknown[]): void {
		const before = Array.isArray(into[key]) ? (into[key] as unknown[]) : [];
		into[key] = [...before, ...items];
		this.#note(layer, [key], [key]);
		for (const i of items.keys()) this.#note(layer, [key, before.length + i], [key, i]);
	}

	#note(layer: Layer, path: Path, origin: Path): void {
		this.#origins.set(JSON.stringify(path), { layer, path: origin });
	}

	/** Where the value at `path` was written, or what is around it; null when no layer says anything there. */
	async place(path: Path, at: Finding['at']): Promise<Place | null> {
		for (let length = path.length; length > 0; length--) {
			const origin = this.#origins.get(JSON.stringify(path.slice(0, length)));
			if (origin) return origin.layer.place([...origin.path, ...path.slice(length)], at);
		}
		return null;
	}
}

export function isTable(value: unknown): value is Table {
	return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
