// Finds the end of a chunked body: RFC 9112 section 7.1. The bytes are judged and go on as they came, chunk sizes and
// extensions too; only the trailer section is taken out, because what may pass of it is not decided here.
//
//   SIZE  1a;name=value CR LF   DATA  26 bytes CR LF   ...   SIZE  0 CR LF   TRAILERS  field lines, CR LF
//
// Strict: a size is 1 to 16 hex digits and no more than 2^53 - 1; nothing stands between a size, its extensions and CRLF,
// the optional white space of the grammar included, which no sender writes and readers disagree about.
import { BYTE_CLASS, type Field, FieldScanner, TEXT, TOKEN } from './http1-scanner.ts';

const MAX_DIGITS = 16;
/** One size line. The longest extension in known use, a signature, is about 90 bytes. */
const MAX_LINE_BYTES = 1024;
/**
 * How far extensions may outgrow the data they come with, over a body: 16 KiB, as node and Go bound it. Chunks of one byte
 * with long extensions would else cost both sides a thousand times what they carry.
 */
const MAX_EXCESS_BYTES = 16_384;
/** node takes 16 KiB of trailers too; a trailer is a checksum or a status. */
const TRAILER_LIMITS = { maxBytes: 16_384, maxFields: 64 };

const CR = 13;
const LF = 10;
const QUOTE = 34;
const SEMICOLON = 59;
const EQUALS = 61;
const BACKSLASH = 92;

const SIZE = 0;
const SIZE_LF = 1;
const DATA = 2;
const DATA_CR = 3;
const DATA_LF = 4;
const TRAILERS = 5;
/** Within an extension: before and in its name, before and in its value, in a quoted value and behind a backslash there, behind it. */
const EXT = 6;
const EXT_NAME = 7;
const EXT_EQUALS = 8;
const EXT_VALUE = 9;
const EXT_QUOTED = 10;
const EXT_ESCAPED = 11;
const EXT_CLOSED = 12;
const WRONG = -1;

export class ChunkedScanner {
	/** What is wrong, once `scan` has said so: constant text. */
	note = '';
	/** The trailer section's fields, once it is complete; then the body is. */
	trailers: readonly Field[] | null = null;
	#state = SIZE;
	/** Of the chunk at hand: its size while that is read, then what is left of its data. */
	#left = 0;
	#digits = 0;
	#lineBytes = 0;
	#excessBytes = 0;
	#scanner: FieldScanner | null = null;
	/** A trailer section that came in pieces. */
	#store: Buffer | null = null;
	#stored = 0;

	/** How many bytes of `chunk` belong to the body up to and with its last chunk line; -1 when something is wrong, see `note`. */
	scan(chunk: Buffer): number {
		let at = 0;
		while (at < chunk.length && this.#state !== TRAILERS) {
			if (this.#state === DATA) {
				const length = Math.min(this.#left, chunk.length - at);
				at += length;
				this.#left -= length;
				if (this.#left === 0) this.#state = DATA_CR;
			} else {
				this.#state = this.#after(chunk[at++] as number);
				if (this.#state === WRONG) return WRONG;
			}
		}
		return at;
	}

	/** True when `scanTrailers` is to go on with what is behind the body. */
	get atTrailers(): boolean {
		return this.#state === TRAILERS;
	}

	/** The state behind `byte`, which is not data. */
	#after(byte: number): number {
		switch (this.#state) {
			case SIZE:
				return this.#afterSize(byte);
			case SIZE_LF:
				return byte === LF ? this.#beginData() : this.#wrong('line end');
			case DATA_CR:
				return byte === CR ? DATA_LF : this.#wrong('chunk end');
			case DATA_LF:
				return byte === LF ? SIZE : this.#wrong('chunk end');
			default:
				if (++this.#lineBytes > MAX_LINE_BYTES) return this.#wrong('chunk extension too long');
				return afterExtension(this.#state, byte) ?? this.#wrong('chunk extension');
		}
	}

	#afterSize(byte: number): number {
		const digit = hexDigit(byte);
		if (digit >= 0) {
			this.#left = 16 * this.#left + digit;
			if (++this.#digits > MAX_DIGITS || this.#left > Number.MAX_SAFE_INTEGER) return this.#wrong('chunk size');
			return SIZE;
		}
		if (this.#digits === 0) return this.#wrong('chunk size');
		if (byte === CR) return SIZE_LF;
		return byte === SEMICOLON ? EXT : this.#wrong('chunk size');
	}

	#beginData(): number {
		this.#excessBytes = Math.max(0, this.#excessBytes + this.#lineBytes - this.#left);
		if (this.#excessBytes > MAX_EXCESS_BYTES) return this.#wrong('chunk extension too long');
		this.#digits = 0;
		this.#lineBytes = 0;
		return this.#left === 0 ? TRAILERS : DATA;
	}

	#wrong(note: string): -1 {
		this.note = note;
		return WRONG;
	}

	/** How many of `bytes`, which follow the last chunk line, belong to the trailer section; -1 when something is wrong, see `note`. */
	scanTrailers(bytes: Buffer): number {
		this.#scanner ??= new FieldScanner('fields', TRAILER_LIMITS);
		const before = this.#stored;
		const section = this.#joined(bytes);
		const length = this.#scanner.scan(section);
		if (length < 0) return this.#wrong(this.#scanner.note);
		if (length === 0) {
			this.#keep(bytes);
			return bytes.length;
		}
		const trailers = this.#scanner.fields(section, length);
		if (trailers.some(framesMessage)) return this.#wrong('framing in trailers');
		this.trailers = trailers;
		return length - before;
	}

	/** All of the section so far. In one piece, as it mostly comes, it is not copied. */
	#joined(bytes: Buffer): Buffer {
		if (!this.#store) return bytes;
		const room = bytes.subarray(0, this.#store.length - this.#stored);
		this.#store.set(room, this.#stored);
		return this.#store.subarray(0, this.#stored + room.length);
	}

	/** Room for the whole section at once, so that one that trickles in is copied once. */
	#keep(bytes: Buffer): void {
		this.#store ??= Buffer.allocUnsafeSlow(TRAILER_LIMITS.maxBytes);
		this.#store.set(bytes, this.#stored);
		this.#stored += bytes.length;
	}
}

/** RFC 9110 section 6.5.1: a length that comes behind the body can only mislead. */
function framesMessage(field: Field): boolean {
	return field.name === 'content-length' || field.name === 'transfer-encoding';
}

function hexDigit(byte: number): number {
	if (byte >= 48 && byte <= 57) return byte - 48;
	const letter = byte | 32;
	return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

/** *( ";" name [ "=" ( token / quoted-string ) ] ) CR, RFC 9112 section 7.1.1. The state behind `byte`; null for a wrong one. */
function afterExtension(state: number, byte: number): number | null {
	const bits = BYTE_CLASS[byte] as number;
	const token = (bits & TOKEN) !== 0;
	const text = (bits & TEXT) !== 0;
	switch (state) {
		case EXT:
			return token ? EXT_NAME : null;
		case EXT_NAME:
			if (token) return EXT_NAME;
			return byte === EQUALS ? EXT_EQUALS : afterParameter(byte);
		case EXT_EQUALS:
			if (byte === QUOTE) return EXT_QUOTED;
			return token ? EXT_VALUE : null;
		case EXT_VALUE:
			return token ? EXT_VALUE : afterParameter(byte);
		case EXT_QUOTED:
			if (byte === QUOTE) return EXT_CLOSED;
			if (byte === BACKSLASH) return EXT_ESCAPED;
			return text ? EXT_QUOTED : null;
		case EXT_ESCAPED:
			return text ? EXT_QUOTED : null;
		default:
			return afterParameter(byte);
	}
}

function afterParameter(byte: number): number | null {
	if (byte === SEMICOLON) return EXT;
	return byte === CR ? SIZE_LF : null;
}
