// Names in six bits a code: letters, digits, `-`, `.` and `_` have one each, and the 25 codes that are left over stand for
// two characters that stand together often in names. Twenty characters become about twelve bytes.
//
//   record   count of codes (1 byte) | codes, six bits each, the first in the high bits, zeros up to a whole byte
const SINGLES = '- . _ 0 1 2 3 4 5 6 7 8 9 a b c d e f g h i j k l m n o p q r s t u v w x y z'.split(' ');
const PAIRS = '.c om .n et .o rg .r in er an on re es st ar te al or en ti ad ne io le ra'.split(' ');

/** No name is longer, and no record has more codes. */
const MOST_CHARS = 253;

/** Longest record in bytes. */
export const RECORD_BYTES: number = 1 + Math.ceil((MOST_CHARS * 6) / 8);

const NONE = 255;

/** What a code stands for; the second character is 0 where there is none. */
const FIRST: Uint8Array = new Uint8Array(64);
const SECOND: Uint8Array = new Uint8Array(64);
/** Codes of characters, and of pairs by 128 times the first plus the second. */
const CODE_OF_SINGLE: Uint8Array = new Uint8Array(128).fill(NONE);
const CODE_OF_PAIR: Uint8Array = new Uint8Array(128 * 128).fill(NONE);

for (const [code, text] of [...SINGLES, ...PAIRS].entries()) {
	const [first, second] = [text.charCodeAt(0), text.length > 1 ? text.charCodeAt(1) : 0];
	FIRST[code] = first;
	SECOND[code] = second;
	if (second === 0) CODE_OF_SINGLE[first] = code;
	else CODE_OF_PAIR[128 * first + second] = code;
}

/** Whether a name, in lower case, has no other characters than those that have codes. */
export function isPackable(name: string): boolean {
	return /^[-._0-9a-z]{1,253}$/.test(name);
}

/** Writes the record of a packable name at `at`; returns where it ends. There have to be RECORD_BYTES. */
export function pack(name: string, into: Uint8Array, at: number): number {
	let bits = 0;
	let held = 0;
	let codes = 0;
	let to = at + 1;
	for (let i = 0; i < name.length; codes++) {
		const first = name.charCodeAt(i);
		const pair = i + 1 < name.length ? (CODE_OF_PAIR[128 * first + name.charCodeAt(i + 1)] as number) : NONE;
		i += pair === NONE ? 1 : 2;
		bits = (bits << 6) | (pair === NONE ? (CODE_OF_SINGLE[first] as number) : pair);
		held += 6;
		if (held < 8) continue;
		held -= 8;
		into[to++] = bits >>> held;
		bits &= (1 << held) - 1;
	}
	if (held > 0) into[to++] = bits << (8 - held);
	into[at] = codes;
	return to;
}

/** Where the record at `at` ends. */
export function recordEnd(from: Uint8Array, at: number): number {
	return at + 1 + Math.ceil(((from[at] as number) * 6) / 8);
}

/** Whether the record at `at` is what `name` has from `start` on. */
export function isRecordOf(name: string, start: number, from: Uint8Array, at: number): boolean {
	const end = name.length;
	let bits = 0;
	let held = 0;
	let read = at + 1;
	let i = start;
	for (let codes = from[at] as number; codes > 0; codes--) {
		if (held < 6) {
			bits = ((bits << 8) | (from[read++] as number)) & 0xffff;
			held += 8;
		}
		held -= 6;
		const code = (bits >>> held) & 63;
		if (i >= end || name.charCodeAt(i++) !== FIRST[code]) return false;
		const second = SECOND[code] as number;
		if (second !== 0 && (i >= end || name.charCodeAt(i++) !== second)) return false;
	}
	return i === end;
}

/** Writes the characters of the record at `at` to the start of `into`; returns how many. */
export function unpack(from: Uint8Array, at: number, into: Uint8Array): number {
	let bits = 0;
	let held = 0;
	let read = at + 1;
	let length = 0;
	for (let codes = from[at] as number; codes > 0; codes--) {
		if (held < 6) {
			bits = ((bits << 8) | (from[read++] as number)) & 0xffff;
			held += 8;
		}
		held -= 6;
		const code = (bits >>> held) & 63;
		into[length++] = FIRST[code] as number;
		const second = SECOND[code] as number;
		if (second !== 0) into[length++] = second;
	}
	return length;
}
