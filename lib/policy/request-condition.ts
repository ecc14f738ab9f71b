// What a rule asks of plain HTTP, the only protocol in which a gateway can read it: method, path, media type of the answer.
// Paths are compared as RFC 3986 section 6.2.2 has them compared, so that no other spelling of the same path gets past.

import type { Pattern } from './pattern.ts';
import { parsePattern } from './pattern.ts';
import { MOST_SET_STEPS, PatternSet } from './pattern-set.ts';

/** A request, as far as rules look at it. */
export interface AskedRequest {
	readonly method: string;
	/** In origin-form, with its query. */
	readonly path: string;
}

/** What a path has to begin with, or an expression that is looked for in it. */
export type PathPattern = { readonly prefix: string } | { readonly pattern: Pattern };

/** Of a path; expressions look no further, and nobody writes a longer one by hand. */
const MOST_PATH_CHARS = 4_096;

/** Reads `/admin/` or `~\.exe$`. Returns what is wrong as text. */
export function parsePathPattern(text: string): PathPattern | string {
	if (text.startsWith('/')) return { prefix: normalPath(text) };
	if (!text.startsWith('~')) return 'expected a path such as "/admin/", or an expression such as "~\\.exe$"';
	const pattern = parsePattern(text.slice(1), { fold: false });
	return typeof pattern === 'string' ? pattern : { pattern };
}

/** Reads `video/*` or `application/zip`, in lower case. Returns what is wrong as text. */
export function parseMediaType(text: string): { readonly type: string } | string {
	const type = text.toLowerCase();
	if (/^[a-z0-9!#$&^_.+-]+\/(?:\*|[a-z0-9!#$&^_.+-]+)$/.test(type)) return { type };
	return 'expected a media type such as "video/*" or "application/zip"';
}

export class RequestCondition {
	readonly #methods: ReadonlySet<string> | null;
	readonly #prefixes: readonly string[];
	readonly #patterns: PatternSet | null;

	/** An empty list is no condition. Expressions beyond MOST_SET_STEPS are to have been refused before. */
	constructor(methods: readonly string[], paths: readonly PathPattern[]) {
		this.#methods = methods.length > 0 ? new Set(methods) : null;
		this.#prefixes = paths.flatMap((path) => ('prefix' in path ? [path.prefix] : []));
		const patterns = paths.flatMap((path) => ('pattern' in path ? [path.pattern] : []));
		this.#patterns = patterns.length > 0 ? new PatternSet(patterns) : null;
	}

	holds({ method, path }: AskedRequest): boolean {
		if (this.#methods !== null && !this.#methods.has(method)) return false;
		if (this.#prefixes.length === 0 && this.#patterns === null) return true;
		const normal = normalPath(path);
		if (this.#prefixes.some((prefix) => normal.startsWith(prefix))) return true;
		return this.#patterns?.test(normal.slice(0, MOST_PATH_CHARS)) ?? false;
	}
}

/** Whether the expressions among paths are few enough to be asked together. */
export function fitTogether(paths: readonly PathPattern[]): boolean {
	return paths.reduce((sum, path) => sum + ('pattern' in path ? path.pattern.steps.length : 0), 0) <= MOST_SET_STEPS;
}

export class TypeCondition {
	readonly #types: ReadonlySet<string>;

	/** Media types in lower case, whole or with `*` behind the slash. */
	constructor(types: readonly string[]) {
		this.#types = new Set(types);
	}

	/** `values`: of the Content-Type fields, of which there should be one. Without any nothing holds. */
	holds(values: readonly string[]): boolean {
		return values.some((value) => {
			const type = (value.split(';', 1)[0] as string).trim().toLowerCase();
			const slash = type.indexOf('/');
			return this.#types.has(type) || (slash > 0 && this.#types.has(`${type.slice(0, slash)}/*`));
		});
	}
}

/** Escapes of what needs none undone, `.`, `..` and empty segments resolved; the query as it is, but for such escapes. */
function normalPath(path: string): string {
	if (!/%|\/[./]/.test(path)) return path;
	const plain = path.replace(/%([0-9a-f]{2})/gi, (written, hex: string) => {
		const char = String.fromCharCode(Number.parseInt(hex, 16));
		return /[A-Za-z0-9._~-]/.test(char) ? char : written.toUpperCase();
	});
	const query = plain.indexOf('?');
	const [before, behind] = query < 0 ? [plain, ''] : [plain.slice(0, query), plain.slice(query)];
	const kept: string[] = [];
	const segments = before.split('/').slice(1);
	const last = segments.at(-1) ?? '';
	for (const segment of segments) {
		if (segment === '..') kept.pop();
		else if (segment !== '' && segment !== '.') kept.push(segment);
	}
	const isFolder = kept.length > 0 && (last === '' || last === '.' || last === '..');
	return `/${kept.join('/')}${isFolder ? '/' : ''}${behind}`;
}
