// Keys in the order in which they were last seen. A Map alone would do for few: its iterator walks over every entry
// deleted at the front since the table last grew, which made a look at the oldest of 50,000 keys cost 40 µs.

interface Node {
	readonly key: string;
	seenMs: number;
	/** Seen just before and just after; the sentinel is both ends. */
	older: Node;
	newer: Node;
}

export class Recency {
	readonly #nodes: Map<string, Node> = new Map();
	readonly #sentinel: Node;

	constructor() {
		const sentinel: Partial<Node> = { key: '', seenMs: 0 };
		sentinel.older = sentinel as Node;
		sentinel.newer = sentinel as Node;
		this.#sentinel = sentinel as Node;
	}

	get size(): number {
		return this.#nodes.size;
	}

	has(key: string): boolean {
		return this.#nodes.has(key);
	}

	/** Makes the key the newest. */
	touch(key: string, nowMs: number): void {
		const known = this.#nodes.get(key);
		if (known) unlink(known);
		const newest = this.#sentinel.older;
		const node = known ?? { key, seenMs: nowMs, older: newest, newer: this.#sentinel };
		if (!known) this.#nodes.set(key, node);
		node.seenMs = nowMs;
		node.older = newest;
		node.newer = this.#sentinel;
		newest.newer = node;
		this.#sentinel.older = node;
	}

	/** Takes out the oldest key if it was last seen at `untilMs` or before; else null. */
	takeOldest(untilMs: number): string | null {
		const oldest = this.#sentinel.newer;
		if (oldest === this.#sentinel || oldest.seenMs > untilMs) return null;
		unlink(oldest);
		this.#nodes.delete(oldest.key);
		return oldest.key;
	}
}

function unlink(node: Node): void {
	node.older.newer = node.newer;
	node.newer.older = node.older;
}
