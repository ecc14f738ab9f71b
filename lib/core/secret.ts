// A value that must not be printed. Every way of turning it into text gives `***`; only `reveal` gives it back.
import { inspect } from 'node:util';

export class Secret {
	readonly #value: string;

	constructor(value: string) {
		this.#value = value;
		Object.defineProperty(this, inspect.custom, { value: () => '***' });
	}

	reveal(): string {
		return this.#value;
	}

	toString(): string {
		return '***';
	}

	toJSON(): string {
		return '***';
	}
}
