// The members of a group in their order, and which of them are open to use. Each question a strategy has is answered
// without a walk through the members: a dense list to draw from, a bit for each to find the next one, and a tree of sums
// (Fenwick's) to draw by weight. What changes them is rare: an ejection, a new list.
import type { Member } from './member.ts';

export class Roster<W> {
	members: readonly Member<W>[] = [];
	/** Open members, in no order. */
	readonly #open: Member<W>[] = [];
	/** Where a member is in `#open`, by index; -1: it is closed. */
	#place: Int32Array = new Int32Array(0);
	#bits: Uint32Array = new Uint32Array(0);
	#sums: Float64Array = new Float64Array(0);
	/** Grows with each new list: what is made of the list is then stale. */
	version = 0;

	get size(): number {
		return this.members.length;
	}

	get openCount(): number {
		return this.#open.length;
	}

	/** Takes the place of the list before. Open is who is neither `ejected` nor `trying`. No member may be twice on it. */
	replace(members: readonly Member<W>[]): void {
		for (const member of this.members) member.index = -1;
		this.members = members;
		this.#open.length = 0;
		this.#place = new Int32Array(members.length).fill(-1);
		this.#bits = new Uint32Array((members.length + 31) >> 5);
		this.#sums = new Float64Array(members.length + 1);
		this.version++;
		for (const [index, member] of members.entries()) {
			member.index = index;
			if (member.state === 'open' || member.state === 'trial') this.open(member);
		}
	}

	has(member: Member<W>): boolean {
		return member.index >= 0;
	}

	isOpen(member: Member<W>): boolean {
		return member.index >= 0 && (this.#place[member.index] as number) >= 0;
	}

	open(member: Member<W>): void {
		if (member.index < 0 || this.isOpen(member)) return;
		this.#place[member.index] = this.#open.push(member) - 1;
		this.#bits[member.index >> 5]! |= 1 << (member.index & 31);
		this.#weigh(member.index, member.weight);
	}

	close(member: Member<W>): void {
		if (!this.isOpen(member)) return;
		const place = this.#place[member.index] as number;
		const last = this.#open.pop() as Member<W>;
		if (last !== member) {
			this.#open[place] = last;
			this.#place[last.index] = place;
		}
		this.#place[member.index] = -1;
		this.#bits[member.index >> 5]! &= ~(1 << (member.index & 31));
		this.#weigh(member.index, -member.weight);
	}

	#weigh(index: number, weight: number): void {
		for (let i = index + 1; i < this.#sums.length; i += i & -i) this.#sums[i]! += weight;
	}

	/** The open member at `place` of 0 to `openCount` - 1. */
	openAt(place: number): Member<W> {
		return this.#open[place] as Member<W>;
	}

	/** The first open member at `index` or behind it, going round; null when none is open. */
	openFrom(index: number): Member<W> | null {
		if (this.#open.length === 0) return null;
		const start = index % this.members.length;
		const words = this.#bits.length;
		let bits = (this.#bits[start >> 5] as number) & (-1 << (start & 31));
		for (let i = 0; i <= words; i++) {
			const word = ((start >> 5) + i) % words;
			if (i > 0) bits = this.#bits[word] as number;
			if (bits !== 0) return this.members[(word << 5) + 31 - Math.clz32(bits & -bits)] as Member<W>;
		}
		return null;
	}

	/** An open member drawn by weight with a number from 0 up to 1; null when none is open. */
	openByWeight(random: number): Member<W> | null {
		const size = this.members.length;
		if (this.#open.length === 0) return null;
		let left = random * this.#total();
		let at = 0;
		for (let step = 1 << (31 - Math.clz32(size)); step > 0; step >>= 1) {
			if (at + step > size || (this.#sums[at + step] as number) > left) continue;
			at += step;
			left -= this.#sums[at] as number;
		}
		// Sums of fractions are not exact: what falls into no member falls to the next one.
		return this.openFrom(Math.min(at, size - 1));
	}

	#total(): number {
		let total = 0;
		for (let i = this.members.length; i > 0; i -= i & -i) total += this.#sums[i] as number;
		return total;
	}
}
