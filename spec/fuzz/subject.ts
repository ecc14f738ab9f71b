// What is fuzzed. A subject takes bytes that are up to no good and says what they led to, or throws what went wrong.
import type { Scope } from '../helpers/scope.ts';
import type { Roll } from './dice.ts';

/** All that a trial depends on: whatever else it has to decide, such as how to cut the bytes, it rolls from `choice`. */
export interface Input {
	readonly choice: number;
	readonly bytes: Buffer;
}

export interface Trial {
	/**
	 * Tries one input. Gives what was reached, as text in which nothing is random: an input that reached something new is
	 * worth mutating further. Throws when a promise of the subject is broken.
	 */
	try(bytes: Buffer, roll: Roll): string | Promise<string>;
	/** Now and then, while nothing is being tried, and at the end: throws for what has piled up. */
	settle?(): Promise<void>;
}

export interface Subject {
	readonly name: string;
	/** Good inputs, which all others are made of. */
	readonly seeds: readonly Buffer[];
	/** What may be put anywhere: keywords, borders, odd numbers. */
	readonly words: readonly (string | Buffer)[];
	/** Of an input; default 4 KiB. */
	readonly limitBytes?: number;
	/** Inputs in the works at once, for subjects that wait; default 1. */
	readonly width?: number;
	/** Everything that was begun ends with the scope. */
	start(scope: Scope): Trial | Promise<Trial>;
}
