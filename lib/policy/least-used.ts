// Which of many slots has the fewest users, in constant time: slots are kept in buckets by their count, and the lowest
// bucket with something in it is followed as it moves. Within a bucket the dice decide.

/** Counts users of `slots` slots. */
export class LeastUsed {
	readonly #dice: () => number;
	readonly #counts: Uint32Array;
	/** Where in its bucket a slot stands. */
	readonly #places: Uint32Array;
	readonly #buckets: number[][];
	#lowest = 0;

	constructor(slots: number, dice: () => number) {
		this.#dice = dice;
		this.#counts = new Uint32Array(slots);
		this.#places = Uint32Array.from({ length: slots }, (_, slot) => slot);
		this.#buckets = [Array.from({ length: slots }, (_, slot) => slot)];
	}

	/** A slot with the fewest users of those that do not rest, which has one more now; -1 when all rest. */
	take(rests: (slot: number) => boolean): number {
		for (let count = this.#lowest; count < this.#buckets.length; count++) {
			const bucket = this.#buckets[count] as number[];
			const start = bucket.length === 0 ? 0 : this.#dice() % bucket.length;
			for (let i = 0; i < bucket.length; i++) {
				const slot = bucket[(start + i) % bucket.length] as number;
				if (rests(slot)) continue;
				this.#move(slot, count + 1);
				return slot;
			}
		}
		return -1;
	}

	/** One user of the slot less. */
	release(slot: number): void {
		this.#move(slot, (this.#counts[slot] as number) - 1);
	}

	#move(slot: number, to: number): void {
		const from = this.#counts[slot] as number;
		const bucket = this.#buckets[from] as number[];
		const last = bucket.pop() as number;
		if (last !== slot) {
			bucket[this.#places[slot] as number] = last;
			this.#places[last] = this.#places[slot] as number;
		}
		this.#buckets[to] ??= [];
		this.#places[slot] = (this.#buckets[to] as number[]).push(slot) - 1;
		this.#counts[slot] = to;
		if (to < this.#lowest) this.#lowest = to;
		while ((this.#buckets[this.#lowest] as number[]).length === 0) this.#lowest++;
	}
}
