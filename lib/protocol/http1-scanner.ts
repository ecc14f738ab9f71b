// Finds the lines of an HTTP/1.x head or trailer section: RFC 9112 sections 2.2, 3, 4, 5 and 7.1.2. It looks at each byte
// once, keeps its place between calls however the bytes were cut, and never looks behind its limit, so that the same bytes
// always end in the same result. Strings are made when the end has been seen, all from one.
//
// A request line is printable ASCII up to CRLF, a status line may hold 80-FF and HTAB too. A field line is a token, a colon at once behind it, and
// a value of printable bytes, 80-FF, SP and HTAB up to CRLF. Everything else is refused: bare CR and LF, NUL and other
// control bytes, folded lines, white space before a colon, empty names.

/** One field line of a head or of a trailer section. Text is latin1: one character a byte. */
export interface Field {
	/** Lower case. */
	readonly name: string;
	/** Without the white space around it. */
	readonly value: string;
	/** As received, without CRLF. */
	readonly line: string;
}

/**
 * What a head may take. `maxBytes` (default 64 KiB) is the whole head: squid takes 64 KB, Envoy 60 KiB, nginx 32 KiB,
 * haproxy and node 16 KiB. `maxFields` (default 128) bounds what each field costs behind the parser: haproxy takes 101,
 * Apache, Envoy and hyper 100.
 */
export interface HeadLimits {
	readonly maxBytes?: number;
	readonly maxFields?: number;
}

const MAX_BYTES = 65_536;
const MAX_FIELDS = 128;

/** Note of the error for a head over its limits; a client is told by 431 (RFC 6585 section 5). */
export const HEAD_TOO_LARGE = 'head too large';
/** Note of the error for a first line over the limit; a client is told by 414 (RFC 9110 section 15.5.15). */
export const LINE_TOO_LONG = 'first line too long';

/** What a byte may be part of, a bit each. */
export const TOKEN = 1;
export const TEXT = 2;
const ASCII = 4;
export const BYTE_CLASS: Uint8Array = new Uint8Array(256);

BYTE_CLASS[9] = TEXT;
for (let byte = 0x20; byte < 0x7f; byte++) BYTE_CLASS[byte] = TEXT | ASCII;
for (let byte = 0x80; byte < 256; byte++) BYTE_CLASS[byte] = TEXT;
for (const char of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
	BYTE_CLASS[char.charCodeAt(0)] = TOKEN | TEXT | ASCII;
}

const HTAB = 9;
const LF = 10;
const CR = 13;
const SP = 32;
const COLON = 58;

/** Where a scanner stands; `*_END`: at the CR of a line, which is taken together with its LF. */
const BEFORE = 0;
const FIRST = 1;
const FIRST_END = 2;
const LINE = 3;
const NAME = 4;
const VALUE = 5;
const VALUE_END = 6;
const SECTION_END = 7;

const MORE = 0;
const WRONG = -1;
const NO_FIELDS: readonly Field[] = [];

/** 'request': one empty line may come before the first line (section 2.2). 'fields': a trailer section, without a first line. */
export type ScanStart = 'request' | 'response' | 'fields';

export class FieldScanner {
	/** What is wrong, once `scan` has said so: constant text. */
	note = '';
	/** The first line, once it has been passed. */
	line = '';
	readonly #maxBytes: number;
	readonly #maxFields: number;
	readonly #judgeLine: ((line: string) => string) | null;
	/** What the first line may be made of. */
	readonly #lineClass: number;
	#state: number;
	#at = 0;
	/** Of the line at hand. */
	#start = 0;
	/** Three numbers a field: where its line starts, its colon is, its line ends. */
	readonly #marks: number[] = [];

	/** `judgeLine` says what is wrong with the first line, or ''. */
	constructor(start: ScanStart, limits: HeadLimits, judgeLine: ((line: string) => string) | null = null) {
		this.#state = start === 'request' ? BEFORE : start === 'response' ? FIRST : LINE;
		this.#lineClass = start === 'request' ? ASCII : TEXT;
		this.#maxBytes = limits.maxBytes ?? MAX_BYTES;
		this.#maxFields = limits.maxFields ?? MAX_FIELDS;
		this.#judgeLine = judgeLine;
	}

	/**
	 * The length of the section with its empty line; 0 while that has not come; -1 when something is wrong, see `note`.
	 * `bytes` are all bytes since the first, each time more of them. Done once it has given something other than 0.
	 */
	scan(bytes: Buffer): number {
		const end = Math.min(bytes.length, this.#maxBytes);
		let length = this.#state < LINE ? this.#scanFirst(bytes, end) : MORE;
		if (length === MORE && this.#state >= LINE) length = this.#scanFields(bytes, end);
		if (length !== MORE || end < this.#maxBytes) return length;
		return this.#wrong(this.#state < LINE ? LINE_TOO_LONG : HEAD_TOO_LARGE);
	}

	/** Always MORE when nothing is wrong: the state tells whether the line has been passed. */
	#scanFirst(bytes: Buffer, end: number): number {
		if (this.#state === BEFORE) {
			if (end === 0) return MORE;
			if (bytes[0] === CR) {
				if (end === 1) return MORE;
				if (bytes[1] !== LF) return this.#wrong('line end');
				this.#at = 2;
				this.#start = 2;
			}
			this.#state = FIRST;
		}
		let at = this.#at;
		if (this.#state === FIRST) {
			const lineClass = this.#lineClass;
			while (at < end && ((BYTE_CLASS[bytes[at] as number] as number) & lineClass) !== 0) at++;
			this.#at = at;
			if (at === end) return MORE;
			if (bytes[at] !== CR) return this.#wrong(bytes[at] === LF ? 'line end' : 'first line');
			this.#state = FIRST_END;
		}
		if (at + 1 >= end) return MORE;
		if (bytes[at + 1] !== LF) return this.#wrong('line end');
		this.line = bytes.toString('latin1', this.#start, at);
		const note = this.#judgeLine?.(this.line) ?? '';
		if (note !== '') return this.#wrong(note);
		this.#at = at + 2;
		this.#state = LINE;
		return MORE;
	}

	#scanFields(bytes: Buffer, end: number): number {
		let at = this.#at;
		let state = this.#state;
		for (;;) {
			if (state === LINE) {
				if (at === end) break;
				this.#start = at;
				state = bytes[at] === CR ? SECTION_END : NAME;
			}
			if (state === NAME) {
				while (at < end && ((BYTE_CLASS[bytes[at] as number] as number) & TOKEN) !== 0) at++;
				if (at === end) break;
				if (bytes[at] !== COLON || at === this.#start) return this.#wrong('field name');
				if (this.#marks.length === 3 * this.#maxFields) return this.#wrong(HEAD_TOO_LARGE);
				this.#marks.push(this.#start, at++);
				state = VALUE;
			}
			if (state === VALUE) {
				while (at < end && ((BYTE_CLASS[bytes[at] as number] as number) & TEXT) !== 0) at++;
				if (at === end) break;
				if (bytes[at] !== CR) return this.#wrong(bytes[at] === LF ? 'line end' : 'field value');
				this.#marks.push(at);
				state = VALUE_END;
			}
			if (at + 1 >= end) break;
			if (bytes[at + 1] !== LF) return this.#wrong('line end');
			at += 2;
			if (state === SECTION_END) return at;
			state = LINE;
		}
		this.#at = at;
		this.#state = state;
		return MORE;
	}

	#wrong(note: string): number {
		this.note = note;
		return WRONG;
	}

	/** The fields in order, once `scan` has given `length`. They share one string of the section, which lives as long as one of them. */
	fields(bytes: Buffer, length: number): readonly Field[] {
		const marks = this.#marks;
		if (marks.length === 0) return NO_FIELDS;
		const base = marks[0] as number;
		const text = bytes.toString('latin1', base, length);
		const fields: Field[] = [];
		for (let i = 0; i < marks.length; i += 3) {
			const start = (marks[i] as number) - base;
			fields.push(fieldAt(text, start, (marks[i + 1] as number) - base, (marks[i + 2] as number) - base));
		}
		return fields;
	}
}

function fieldAt(text: string, start: number, colon: number, end: number): Field {
	let from = colon + 1;
	let to = end;
	while (from < to && isSpace(text.charCodeAt(from))) from++;
	while (to > from && isSpace(text.charCodeAt(to - 1))) to--;
	return { name: text.slice(start, colon).toLowerCase(), value: text.slice(from, to), line: text.slice(start, end) };
}

function isSpace(char: number): boolean {
	return char === SP || char === HTAB;
}
