// Who makes room when all places of one kind are taken: one of the crowd that has most. A crowd is one client, or a whole
// wider IPv6 prefix, whose holder has 65,536 clients to come as. The places are drawn, because whoever has most of them is
// among a few drawn ones, however many crowds there are.

/** What places are of. */
export type PlaceKind = 'handshakes' | 'flows';

export interface Crowd {
	handshakes: number;
	flows: number;
	/** Clients of it that are remembered. */
	guests: number;
}

export interface Taken {
	readonly crowd: Crowd;
	/** Written by the `TakenPlaces` that it is in. */
	index: number;
	/** The smaller, the longer it is there. */
	readonly serial: number;
}

/** With half of all places one crowd is missed once in four billion times. */
const DRAWN = 32;

export class TakenPlaces<P extends Taken> {
	readonly #kind: PlaceKind;
	readonly #all: P[] = [];

	constructor(kind: PlaceKind) {
		this.#kind = kind;
	}

	get size(): number {
		return this.#all.length;
	}

	add(place: P): void {
		place.index = this.#all.push(place) - 1;
		place.crowd[this.#kind]++;
	}

	delete(place: P): void {
		const last = this.#all.pop() as P;
		place.crowd[this.#kind]--;
		if (last === place) return;
		this.#all[place.index] = last;
		last.index = place.index;
	}

	/** The one that makes room for one more of `crowd`, which shall not have as many then as its own; null: there is none. */
	surplus(crowd: Crowd): P | null {
		const largest = this.#largest();
		return largest !== null && largest.crowd[this.#kind] > crowd[this.#kind] + 1 ? largest : null;
	}

	/** Of the largest crowd among those drawn, the one that is there longest. */
	#largest(): P | null {
		let most: P | null = null;
		for (let i = Math.min(DRAWN, this.size); i > 0; i--) {
			const index = this.size <= DRAWN ? i - 1 : Math.floor(Math.random() * this.size);
			const place = this.#all[index] as P;
			if (most === null || this.#exceeds(place, most)) most = place;
		}
		return most;
	}

	#exceeds(a: P, b: P): boolean {
		const more = a.crowd[this.#kind] - b.crowd[this.#kind];
		return more > 0 || (more === 0 && a.serial < b.serial);
	}

	/** As `surplus`; where no crowd has more than another, the longest of those drawn makes room for who has none. */
	longest(crowd: Crowd): P | null {
		return this.surplus(crowd) ?? (crowd[this.#kind] === 0 ? this.#largest() : null);
	}
}

/** The crowds of all that are remembered. */
export class Crowds {
	/** Of wider prefixes. */
	readonly #all: Map<string, Crowd> = new Map();

	/** The crowd of a client that is remembered from now on; `network` is its wider prefix, or null. */
	join(network: string | null): Crowd {
		const known = network === null ? undefined : this.#all.get(network);
		const crowd = known ?? { handshakes: 0, flows: 0, guests: 0 };
		crowd.guests++;
		if (network !== null && !known) this.#all.set(network, crowd);
		return crowd;
	}

	/** The client is remembered no longer. */
	leave(network: string | null, crowd: Crowd): void {
		if (--crowd.guests === 0 && network !== null) this.#all.delete(network);
	}
}
