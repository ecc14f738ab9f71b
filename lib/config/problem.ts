// What is wrong with a configuration and where it was written. All problems are found in one go and told in one form:
// `FILE:LINE:COLUMN: path: expected, found`. A secret's value is in none of them.

/** Keys and indices from the top: `['rule', 2, 'client']`. */
export type Path = readonly (string | number)[];

/** Where something was written: a file, a variable, a flag. */
export interface Place {
	readonly where: string;
	readonly line: number | null;
	readonly column: number | null;
}

/** Something wrong at a path; its place is still to be looked up, unless it is elsewhere (a line of the users file). */
export interface Finding {
	readonly path: Path;
	/** Which end of `key = value` to point at. */
	readonly at: 'key' | 'value';
	readonly message: string;
	readonly place?: Place;
}

export interface Problem extends Place {
	/** `rule[2].client`, or empty where there is none, as in a syntax error. */
	readonly path: string;
	readonly message: string;
}

/** `missing` and `forbidden` are about the configuration file itself, which was not to be read. */
export type ConfigErrorKind = 'invalid' | 'missing' | 'forbidden';

/** A configuration that starts nothing. Its message is every problem, one a line. */
export class ConfigError extends Error {
	readonly problems: readonly Problem[];
	readonly kind: ConfigErrorKind;

	constructor(problems: readonly Problem[], kind: ConfigErrorKind = 'invalid') {
		super(problems.map(formatProblem).join('\n'));
		this.name = 'ConfigError';
		this.problems = problems;
		this.kind = kind;
	}
}

/** One line without its end. */
export function formatProblem({ where, line, column, path, message }: Problem): string {
	const place = formatPlace({ where, line, column });
	return path === '' ? `${place}: ${message}` : `${place}: ${path}: ${message}`;
}

/** `FILE:LINE:COLUMN`, or as much of it as there is. */
export function formatPlace({ where, line, column }: Place): string {
	return [where, line, column].filter((part) => part !== null).join(':');
}

export function problemOf(finding: Finding, place: Place): Problem {
	return { ...(finding.place ?? place), path: pathText(finding.path), message: finding.message };
}

/** A place that has no lines. */
export function placeOf(where: string): Place {
	return { where, line: null, column: null };
}

/** `limits.burst`, `rule[2].client[0]`; a key that is no bare key of TOML is quoted. */
export function pathText(path: Path): string {
	let text = '';
	for (const part of path) {
		if (typeof part === 'number') text += `[${part}]`;
		else text += `${text && '.'}${/^[\w-]+$/.test(part) ? part : JSON.stringify(part)}`;
	}
	return text;
}
