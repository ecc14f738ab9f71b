// What zod found, in our words: each issue as "expected X, found Y" at the path where it was written. Values are shown
// by their kind only; the parsers of text show what they know to be no secret.
import type { z } from 'zod';
import { schemaAt } from './json-schema.ts';
import type { Finding, Path } from './problem.ts';
import { didYouMean } from './suggestion.ts';

type Issue = z.core.$ZodIssue;

/** `raw` is what was parsed; paths of the result start at `base`. */
export function findingsOf(raw: unknown, issues: readonly Issue[], base: Path = []): Finding[] {
	return issues.flatMap((issue) => findingsOfIssue(raw, issue, [...base, ...(issue.path as Path)]));
}

function findingsOfIssue(raw: unknown, issue: Issue, path: Path): Finding[] {
	const value = valueAt(raw, issue.path as Path);
	switch (issue.code) {
		case 'unrecognized_keys':
			return issue.keys.map((key) => unknownKey([...path, key]));
		case 'invalid_union':
			return findingsOfUnion(value, issue.errors, path);
		case 'invalid_value':
			return [
				wrong(
					path,
					`one of ${issue.values.map((word) => JSON.stringify(word)).join(', ')}`,
					shown(value, issue.values),
				),
			];
		case 'too_small':
			return [wrong(path, bound(issue.origin, 'at least', issue.minimum), shown(value))];
		case 'too_big':
			return [wrong(path, bound(issue.origin, 'at most', issue.maximum), shown(value))];
		case 'invalid_type':
			return [wrong(path, KINDS[issue.expected] ?? issue.expected, value === undefined ? 'nothing' : kindOf(value))];
		default:
			return [{ path, at: 'value', message: issue.message }];
	}
}

const KINDS: Readonly<Record<string, string>> = {
	string: 'text in quotes',
	number: 'a whole number',
	int: 'a whole number',
	boolean: 'true or false',
	array: 'a list',
	object: 'a table',
};

function wrong(path: Path, expected: string, found: string): Finding {
	return { path, at: 'value', message: `expected ${expected}, found ${found}` };
}

function unknownKey(path: Path): Finding {
	const known = Object.keys(schemaAt(path.slice(0, -1))?.properties ?? {});
	return { path, at: 'key', message: `expected a known key, found another${didYouMean(String(path.at(-1)), known)}` };
}

/** Of the alternatives, the ones that take this kind of value; when there is none, what all of them would have taken. */
function findingsOfUnion(value: unknown, choices: readonly (readonly Issue[])[], path: Path): Finding[] {
	const wants = (choice: readonly Issue[]): string | null => {
		const top = choice.find((issue) => issue.path.length === 0 && issue.code === 'invalid_type');
		return top?.code === 'invalid_type' ? (KINDS[top.expected] ?? top.expected) : null;
	};
	const fitting = choices.find((choice) => wants(choice) === null);
	if (fitting) return findingsOf(value, fitting, path);
	return [wrong(path, choices.map(wants).join(' or '), kindOf(value))];
}

function bound(origin: string, word: string, limit: number | bigint): string {
	if (origin === 'array') return `${word} ${limit} in the list`;
	return origin === 'string' ? `${word} ${limit} characters` : `a whole number of ${word} ${limit}`;
}

function valueAt(raw: unknown, path: Path): unknown {
	return path.reduce<unknown>((value, part) => (value as Record<string | number, unknown> | undefined)?.[part], raw);
}

/** A value that cannot be a secret: numbers and words of a closed list. */
function shown(value: unknown, words?: readonly unknown[]): string {
	if (typeof value === 'number') return String(value);
	if (typeof value !== 'string' || !words) return kindOf(value);
	return JSON.stringify(value.slice(0, 80)) + didYouMean(value, words.map(String));
}

function kindOf(value: unknown): string {
	if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
	if (value instanceof Date) return 'a date';
	switch (typeof value) {
		case 'undefined':
			return 'nothing';
		case 'string':
			return value === '' ? 'empty text' : 'text';
		case 'number':
			return Number.isInteger(value) ? 'a number' : 'a number with a fraction';
		case 'boolean':
			return String(value);
		default:
			return 'a table';
	}
}
