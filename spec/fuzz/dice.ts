// Numbers that are the same in every run with the same seed.

/** A whole number from 0 to below `below`. */
export type Roll = (below: number) => number;

/** mulberry32: 32 bits of state, good enough to choose by, and quick. */
export function dice(seed: number): Roll {
	let state = seed;
	return (below) => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
	};
}

/** One of them. `items` must not be empty. */
export function pick<T>(roll: Roll, items: readonly T[]): T {
	return items[roll(items.length)] as T;
}
