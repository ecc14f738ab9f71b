// Values that occur nowhere else: where one turns up, the field that it was written into has passed. Addresses are of the
// ranges for documentation (RFC 5737, RFC 3849), so that nobody is blamed should one get into a log.
import type { Content } from './fields.ts';

/** `seed`: hexadecimal digits, new for each run, so that no cache knows an answer. */
export class Canaries {
	readonly seed: string;
	readonly #owners: Map<string, string> = new Map();
	#ids = 0;

	constructor(seed: string) {
		this.seed = seed;
	}

	/** Marks one exchange; all of them match `idPattern`. */
	id(): string {
		return `j${this.seed}${String(++this.#ids).padStart(4, '0')}`;
	}

	get idPattern(): RegExp {
		return new RegExp(`j${this.seed}\\d{4}`);
	}

	/** A value for a field, of the form that such a field has. */
	valueFor(field: string, content: Content): string {
		const number = this.#owners.size + 1;
		const [text, mark] = written(content, number, `c${this.seed}${String(number).padStart(4, '0')}`);
		this.#owners.set(mark, field);
		return text;
	}

	/** A word for a field of any kind. */
	wordFor(field: string): string {
		return this.valueFor(field, 'word');
	}

	/** The fields whose values occur in `text` and not in `besides`. */
	foundIn(text: string, besides = ''): string[] {
		return [...this.#owners]
			.filter(([mark]) => text.includes(mark) && !besides.includes(mark))
			.map(([, field]) => field);
	}
}

/** The text, and the part of it to look for. Every address is followed by a port, or one would be found in a longer one. */
function written(content: Content, number: number, word: string): [text: string, mark: string] {
	const address = `2001:db8:${(number >> 8).toString(16)}:${(number & 255).toString(16)}::${word.slice(1, 5)}`;
	switch (content) {
		case 'address':
			return [address, address];
		case 'forwarded':
			return [`for="[${address}]";by=_${word}`, word];
		case 'via':
			return [`1.1 ${word}`, word];
		case 'mail':
			return [`${word}@example.com`, word];
		case 'number':
			return [`4477${word.replace(/\D/g, '')}${number}`, `4477${word.replace(/\D/g, '')}${number}`];
		case 'credentials': {
			const text = Buffer.from(`judge:${word}`).toString('base64');
			return [`Basic ${text}`, text];
		}
		case 'word':
			return [word, word];
	}
}
