// A million names and more: packed one behind the other (name-packing.ts), found by a hash that is read from a name's end to
// its start, so that one pass asks for all that the name is under. A slot holds some bits of the hash and where the record
// is; what they say is compared with the whole record, so nothing is ever found that was not put in. About 18 bytes a name.
//
// The hash begins with a number of the table's own, so that nobody knows beforehand which names share a slot.
import { randomInt } from 'node:crypto';
import { isRecordOf, pack, RECORD_BYTES, recordEnd, unpack } from './name-packing.ts';

/** Records never cross from one piece into the next, and none is ever copied to make room. */
const PIECE_BITS = 20;
const PIECE_BYTES: number = 1 << PIECE_BITS;

/** Slots for each record, beyond which a row of taken ones is still short. */
const SLOTS_A_NAME = 4 / 3;

/** Work between two pauses, in names: about 100 us. */
const STRIDE = 512;

const DOT = 0x2e;

/** Never changes once it is there. */
export class NameTable {
	static readonly EMPTY: NameTable = new NameTable([], new Uint32Array(0), {
		size: 0,
		seed: 0,
		placeBits: 31,
		fewest: 0,
		most: 0,
	});

	/** Different names in it. */
	readonly size: number;
	readonly #pieces: readonly Uint8Array[];
	readonly #slots: Uint32Array;
	readonly #seed: number;
	readonly #placeBits: number;
	/** Labels of its shortest and its longest name. */
	readonly #fewest: number;
	readonly #most: number;

	/** To be made by NameTableBuilder. */
	constructor(pieces: readonly Uint8Array[], slots: Uint32Array, shape: Shape) {
		this.size = shape.size;
		this.#pieces = pieces;
		this.#slots = slots;
		this.#seed = shape.seed;
		this.#placeBits = shape.placeBits;
		this.#fewest = shape.fewest;
		this.#most = shape.most;
	}

	/** What it takes, in bytes. */
	get bytes(): number {
		return this.#pieces.reduce((sum, piece) => sum + piece.length, this.#slots.byteLength);
	}

	/** Whether it has this canonical name. */
	has(name: string): boolean {
		if (this.size === 0) return false;
		let hash = this.#seed;
		for (let i = name.length - 1; i >= 0; i--) hash = step(hash, name.charCodeAt(i));
		return this.#holds(name, 0, hash);
	}

	/** Whether it has this canonical name or one that it is under. Asks no deeper than its longest name is. */
	hasAbove(name: string): boolean {
		if (this.size === 0) return false;
		let hash = this.#seed;
		let labels = 1;
		for (let i = name.length - 1; i >= 0; i--) {
			const char = name.charCodeAt(i);
			if (char === DOT) {
				if (labels >= this.#fewest && this.#holds(name, i + 1, hash)) return true;
				if (++labels > this.#most) return false;
			}
			hash = step(hash, char);
		}
		return labels >= this.#fewest && this.#holds(name, 0, hash);
	}

	#holds(name: string, start: number, hash: number): boolean {
		const mixed = mix(hash);
		const slots = this.#slots;
		const bits = this.#placeBits;
		const mark = markOf(mixed, bits);
		for (let i = slotOf(mixed, slots.length); ; i = i + 1 === slots.length ? 0 : i + 1) {
			const slot = slots[i] as number;
			if (slot === 0) return false;
			if (slot >>> bits !== mark) continue;
			const place = (slot & ((1 << bits) - 1)) - 1;
			const piece = this.#pieces[place >>> PIECE_BITS] as Uint8Array;
			if (isRecordOf(name, start, piece, place & (PIECE_BYTES - 1))) return true;
		}
	}
}

interface Shape {
	readonly size: number;
	readonly seed: number;
	/** Low bits of a slot that say where; those above are of the hash. */
	readonly placeBits: number;
	readonly fewest: number;
	readonly most: number;
}

/** Takes names, then makes a table of them. */
export class NameTableBuilder {
	readonly #pieces: Uint8Array[] = [];
	/** Where the last piece is full up to. */
	#used: number = PIECE_BYTES;
	#count = 0;
	#fewest = 128;
	#most = 0;
	/** Characters of one record. */
	readonly #chars: Uint8Array = new Uint8Array(256);

	/** `name` is canonical and packable. */
	add(name: string): void {
		if (this.#used + RECORD_BYTES > PIECE_BYTES) this.#newPiece();
		this.#used = pack(name, this.#pieces.at(-1) as Uint8Array, this.#used);
		this.#count++;
		const labels = labelsOf(name);
		if (labels < this.#fewest) this.#fewest = labels;
		if (labels > this.#most) this.#most = labels;
	}

	#newPiece(): void {
		this.#trim();
		this.#pieces.push(new Uint8Array(PIECE_BYTES));
		this.#used = 0;
	}

	/** A short list must not take the place of a long one. */
	#trim(): void {
		const last = this.#pieces.pop();
		if (last) this.#pieces.push(last.slice(0, this.#used));
	}

	/** The table of all that was added; pauses often. The builder is spent. */
	*build(): Generator<void, NameTable> {
		if (this.#count === 0) return NameTable.EMPTY;
		this.#trim();
		const seed = randomInt(2 ** 32) | 0;
		const placeBits = 32 - Math.clz32(this.#pieces.length << PIECE_BITS);
		const slots = new Uint32Array(Math.ceil(this.#count * SLOTS_A_NAME) + 1);
		let size = 0;
		let left = STRIDE;
		for (const [i, piece] of this.#pieces.entries()) {
			for (let at = 0; at < piece.length; at = recordEnd(piece, at)) {
				if (this.#place(slots, placeBits, seed, i, at)) size++;
				if (--left > 0) continue;
				yield;
				left = STRIDE;
			}
		}
		return new NameTable(this.#pieces, slots, { size, seed, placeBits, fewest: this.#fewest, most: this.#most });
	}

	/** False for a name that is there already. */
	#place(slots: Uint32Array, bits: number, seed: number, index: number, at: number): boolean {
		const piece = this.#pieces[index] as Uint8Array;
		const chars = this.#chars;
		let hash = seed;
		for (let i = unpack(piece, at, chars) - 1; i >= 0; i--) hash = step(hash, chars[i] as number);
		const mixed = mix(hash);
		const mark = markOf(mixed, bits);
		const length = recordEnd(piece, at) - at;
		let i = slotOf(mixed, slots.length);
		for (; slots[i] !== 0; i = i + 1 === slots.length ? 0 : i + 1) {
			const slot = slots[i] as number;
			if (slot >>> bits === mark && this.#isSame(piece, at, length, (slot & ((1 << bits) - 1)) - 1)) return false;
		}
		slots[i] = ((mark << bits) | ((index << PIECE_BITS) + at + 1)) >>> 0;
		return true;
	}

	#isSame(piece: Uint8Array, at: number, length: number, place: number): boolean {
		const other = this.#pieces[place >>> PIECE_BITS] as Uint8Array;
		const from = place & (PIECE_BYTES - 1);
		for (let i = 0; i < length; i++) if (piece[at + i] !== other[from + i]) return false;
		return true;
	}
}

/** FNV-1a (Fowler, Noll, Vo), a character at a time. */
function step(hash: number, char: number): number {
	return Math.imul(hash ^ char, 0x01000193);
}

/** The end of MurmurHash3: every bit of the one counts for every bit of the other. */
function mix(hash: number): number {
	let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
	mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
	return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** By the high bits of a hash. */
function slotOf(mixed: number, slots: number): number {
	return Math.floor((mixed / 2 ** 32) * slots);
}

/** By its low bits. */
function markOf(mixed: number, placeBits: number): number {
	return mixed & ((1 << (32 - placeBits)) - 1);
}

function labelsOf(name: string): number {
	let labels = 1;
	for (let i = 0; i < name.length; i++) if (name.charCodeAt(i) === DOT) labels++;
	return labels;
}
