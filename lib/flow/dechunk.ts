// Takes the chunk framing off a body for an HTTP/1.0 client, which cannot read it (RFC 9112 section 6.1): such a body then
// ends with the connection. What comes in was checked already, so this only finds its way.

/** Where it stands: in a chunk's size, in the rest of that line, in data, or in the CRLF behind data. */
type Place = 'size' | 'line' | 'data' | 'end';

const LF = 10;
const NOTHING: Buffer = Buffer.alloc(0);

export class Dechunker {
	#place: Place = 'size';
	#size = 0;

	/** The data in more of a well-formed chunked body, trailer section excluded. */
	strip(framed: Buffer): Buffer {
		const data: Buffer[] = [];
		for (let at = 0; at < framed.length; ) {
			if (this.#place === 'data') {
				const part = framed.subarray(at, at + this.#size);
				data.push(part);
				at += part.length;
				this.#size -= part.length;
				if (this.#size === 0) this.#place = 'end';
			} else this.#pass(framed[at++] as number);
		}
		if (data.length === 1) return data[0] as Buffer;
		return data.length === 0 ? NOTHING : Buffer.concat(data);
	}

	/** One byte that is not data. */
	#pass(byte: number): void {
		if (byte === LF) {
			const behindLine = this.#place !== 'end' && this.#size > 0;
			this.#place = behindLine ? 'data' : 'size';
		} else if (this.#place === 'size') {
			const digit = hexDigit(byte);
			if (digit < 0) this.#place = 'line';
			else this.#size = this.#size * 16 + digit;
		}
	}
}

function hexDigit(byte: number): number {
	if (byte >= 48 && byte <= 57) return byte - 48;
	const letter = byte | 32;
	return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}
