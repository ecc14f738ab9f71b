// Where all who have the same key meet, without anything being remembered: the same member for the same key in every
// gateway with the same list and after every restart, and when a member goes only its own keys move.
//
// Rendezvous hashing proper weighs every member for every key: 12 us with 10,000 members (measured). So members and probes
// of the key are points on a circle, and the probe that is closest to a member behind it decides: multi-probe consistent
// hashing (Appleton and O'Reilly, 2015), which with 21 probes loads no member 10 % above its share. The next closest is
// who comes next when that one is closed or skipped.
import { hashOf, mix } from './hash.ts';
import type { Member } from './member.ts';
import type { Roster } from './roster.ts';
import type { Pick, Random, Strategy } from './strategy.ts';
import { drawOpen, evenly } from './strategy.ts';

const PROBES = 21;
const CIRCLE = 2 ** 32;

/** The golden ratio in 32 bits: multiples of it are spread evenly. */
const STEP = 0x9e3779b9;

export class Rendezvous<W> implements Strategy<W> {
	readonly countsLinks = false;
	readonly #random: Random;
	/** Points in order, and whose they are. */
	#points: Uint32Array = new Uint32Array(0);
	#owners: Member<W>[] = [];
	/** Where the points of each part of the circle begin. */
	#starts: Uint32Array = new Uint32Array(0);
	#shift = 32;
	#version = -1;
	readonly #distances: Float64Array = new Float64Array(PROBES);
	readonly #found: Int32Array = new Int32Array(PROBES);

	/** `random` is for whoever has no key. */
	constructor(random: Random) {
		this.#random = random;
	}

	pick(roster: Roster<W>, use: Pick<W>): Member<W> | null {
		if (use.key === null) return drawOpen(roster, use, this.#random, evenly);
		if (roster.openCount === 0) return null;
		if (this.#version !== roster.version) this.#place(roster);
		const hash = hashOf(use.key);
		for (let i = 0; i < PROBES; i++) this.#probe(i, mix(hash + Math.imul(i, STEP)));
		return this.#closest(roster, use) ?? this.#anyFrom(hash, roster, use);
	}

	#probe(i: number, point: number): void {
		const at = this.#firstFrom(point);
		this.#found[i] = at;
		const distance = (this.#points[at] as number) - point;
		this.#distances[i] = distance < 0 ? distance + CIRCLE : distance;
	}

	/** The first point at this one or behind it, going round. */
	#firstFrom(point: number): number {
		let at = this.#starts[this.#shift === 32 ? 0 : point >>> this.#shift] as number;
		while (at < this.#points.length && (this.#points[at] as number) < point) at++;
		return at === this.#points.length ? 0 : at;
	}

	#closest(roster: Roster<W>, use: Pick<W>): Member<W> | null {
		let best: Member<W> | null = null;
		let least = Number.POSITIVE_INFINITY;
		for (let i = 0; i < PROBES; i++) {
			if ((this.#distances[i] as number) >= least) continue;
			const member = this.#owners[this.#found[i] as number] as Member<W>;
			if (!roster.isOpen(member) || use.skips(member)) continue;
			best = member;
			least = this.#distances[i] as number;
		}
		return best;
	}

	/** All that the probes met are closed: the next one on the circle. */
	#anyFrom(point: number, roster: Roster<W>, use: Pick<W>): Member<W> | null {
		const start = this.#firstFrom(point);
		for (let i = 0; i < this.#owners.length; i++) {
			const member = this.#owners[(start + i) % this.#owners.length] as Member<W>;
			if (roster.isOpen(member) && !use.skips(member)) return member;
		}
		return null;
	}

	#place(roster: Roster<W>): void {
		const placed = roster.members.map((member) => ({ member, point: hashOf(member.id) }));
		placed.sort((a, b) => a.point - b.point || (a.member.id < b.member.id ? -1 : 1));
		this.#owners = placed.map(({ member }) => member);
		this.#points = Uint32Array.from(placed, ({ point }) => point);
		// As many parts as there are points, or twice as many: one or two steps find a point in its part.
		const bits = Math.min(24, 32 - Math.clz32(Math.max(0, placed.length - 1)));
		this.#shift = 32 - bits;
		this.#starts = new Uint32Array(2 ** bits);
		let at = 0;
		for (let part = 0; part < this.#starts.length; part++) {
			while (at < this.#points.length && (this.#points[at] as number) < part * 2 ** this.#shift) at++;
			this.#starts[part] = at;
		}
		this.#version = roster.version;
	}
}
