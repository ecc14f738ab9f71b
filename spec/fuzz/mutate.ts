// Makes one input of others: a good one, damaged where a parser decides.
import { pick, type Roll } from './dice.ts';

/** The one behind the other, in part or whole; what is longer than `limitBytes` is cut. */
export function mutate(
	roll: Roll,
	pool: readonly Buffer[],
	words: readonly (string | Buffer)[],
	limitBytes: number,
): Buffer {
	let bytes = pick(roll, pool);
	// One damage finds most; a pile of them finds what one hides.
	for (let left = 1 + (roll(2) && roll(6)); left > 0; left--) {
		bytes = pick(roll, EDITS)(bytes, roll, pool, words);
		if (bytes.length > limitBytes) bytes = bytes.subarray(0, limitBytes);
	}
	return bytes;
}

type Edit = (bytes: Buffer, roll: Roll, pool: readonly Buffer[], words: readonly (string | Buffer)[]) => Buffer;

/** Where signs, sizes and strings end. */
const BYTES = [0, 1, 2, 3, 4, 5, 9, 10, 13, 32, 34, 58, 92, 126, 127, 128, 192, 254, 255];
const NUMBERS = [
	'0',
	'-1',
	'00',
	'1e9',
	'255',
	'256',
	'65535',
	'65536',
	'2147483648',
	'4294967296',
	'9007199254740993',
];
/** Powers of two and their neighbours, up to what no limit here lets pass. */
const TIMES = [2, 3, 16, 64, 255, 256, 257, 1_024, 8_192];

const EDITS: readonly Edit[] = [
	// a byte
	(bytes, roll) => splice(bytes, place(bytes, roll), 1, Buffer.of(roll(256))),
	(bytes, roll) => splice(bytes, place(bytes, roll), 1, Buffer.of(pick(roll, BYTES))),
	nudged,
	(bytes, roll) => splice(bytes, place(bytes, roll), 0, Buffer.of(pick(roll, BYTES))),
	// a range
	(bytes, roll) => splice(bytes, place(bytes, roll), 1 + roll(8), Buffer.alloc(0)),
	(bytes, roll) => splice(bytes, place(bytes, roll), roll(bytes.length + 1), Buffer.alloc(0)),
	(bytes, roll) => bytes.subarray(0, place(bytes, roll)),
	(bytes, roll) => splice(bytes, place(bytes, roll), 0, range(bytes, roll)),
	repeated,
	// words
	(bytes, roll, _pool, words) => splice(bytes, place(bytes, roll), 0, wordOf(roll, words)),
	(bytes, roll, _pool, words) => splice(bytes, place(bytes, roll), 1 + roll(8), wordOf(roll, words)),
	renumbered,
	recased,
	// two inputs
	(bytes, roll, pool) => Buffer.concat([bytes.subarray(0, place(bytes, roll)), range(pick(roll, pool), roll)]),
	(bytes, roll, pool) => Buffer.concat([bytes, pick(roll, pool)]),
	(bytes, roll, pool) => splice(bytes, place(bytes, roll), roll(16), range(pick(roll, pool), roll)),
];

function splice(bytes: Buffer, at: number, gone: number, instead: Buffer): Buffer {
	return Buffer.concat([bytes.subarray(0, at), instead, bytes.subarray(at + gone)]);
}

function place(bytes: Buffer, roll: Roll): number {
	return roll(bytes.length + 1);
}

function range(bytes: Buffer, roll: Roll): Buffer {
	const from = place(bytes, roll);
	return bytes.subarray(from, from + 1 + roll(Math.max(1, bytes.length - from)));
}

function wordOf(roll: Roll, words: readonly (string | Buffer)[]): Buffer {
	const word = words.length === 0 ? '' : pick(roll, words);
	return typeof word === 'string' ? Buffer.from(word, 'latin1') : word;
}

/** A length that lies by a little. */
function nudged(bytes: Buffer, roll: Roll): Buffer {
	const at = place(bytes, roll);
	return splice(bytes, at, 1, Buffer.of(((bytes[at] ?? 0) + pick(roll, [-2, -1, 1, 2])) & 255));
}

function repeated(bytes: Buffer, roll: Roll): Buffer {
	const from = place(bytes, roll);
	const part = bytes.subarray(from, from + 1 + roll(16));
	const times = Math.min(pick(roll, TIMES), Math.ceil(100_000 / (part.length || 1)));
	return splice(bytes, from, 0, Buffer.concat(Array.from({ length: times }, () => part)));
}

/** Another number where one is written in decimal. */
function renumbered(bytes: Buffer, roll: Roll): Buffer {
	const found = [...bytes.toString('latin1').matchAll(/\d+/g)];
	if (found.length === 0) return bytes;
	const { 0: digits, index } = pick(roll, found);
	return splice(bytes, index, digits.length, Buffer.from(pick(roll, NUMBERS)));
}

function recased(bytes: Buffer, roll: Roll): Buffer {
	const from = place(bytes, roll);
	const to = from + 1 + roll(8);
	const text = bytes.toString('latin1', from, to);
	const other = roll(2) === 0 ? text.toUpperCase() : text.toLowerCase();
	return splice(bytes, from, to - from, Buffer.from(other, 'latin1'));
}
