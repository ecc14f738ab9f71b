// Configuration files: the one that was named and `conf.d/*.toml` beside it, in the order of their names. Bytes to
// layers; a file that cannot be read or is no TOML is a problem with its place, not an end.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import { isTable, type Layer, type Table } from './layers.ts';
import type { Positions } from './positions.ts';
import { type ConfigErrorKind, type Problem, placeOf } from './problem.ts';
import { isCredential } from './secret-file.ts';

export interface Files {
	readonly layers: readonly Layer[];
	readonly problems: readonly Problem[];
	/** Whether `file` itself could be read. */
	readonly kind: ConfigErrorKind;
}

/** Reads `file` and its `conf.d`. */
export function readFiles(file: string): Files {
	const layers: Layer[] = [];
	const problems: Problem[] = [];
	const main = readLayer(file, layers, problems);
	for (const drop of dropIns(join(dirname(file), 'conf.d'), problems)) readLayer(drop, layers, problems);
	return { layers, problems, kind: kindOf(main) };
}

function kindOf(errno: string | null): ConfigErrorKind {
	if (errno === 'ENOENT') return 'missing';
	return errno === 'EACCES' || errno === 'EPERM' ? 'forbidden' : 'invalid';
}

function dropIns(folder: string, problems: Problem[]): string[] {
	try {
		const names = readdirSync(folder).filter((name) => name.endsWith('.toml'));
		return names.sort().map((name) => join(folder, name));
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code !== 'ENOENT' && code !== 'ENOTDIR') problems.push(unreadable(folder, code));
		return [];
	}
}

/** The errno, when `file` could not be read. */
function readLayer(file: string, layers: Layer[], problems: Problem[]): string | null {
	try {
		const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
		layers.push(layerOf(file, text));
		return null;
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		problems.push(error instanceof TomlError ? syntaxProblem(file, error) : unreadable(file, code));
		return code ?? 'error';
	}
}

function unreadable(file: string, errno: string | undefined): Problem {
	const found = errno === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'bytes that are no UTF-8' : errno;
	return { ...placeOf(file), path: '', message: `expected a readable file, found ${found}` };
}

/** The first line of the parser's message is constant text; the lines behind it show the file, secrets and all. */
function syntaxProblem(file: string, { message, line, column }: TomlError): Problem {
	const reason = (message.split('\n')[0] as string).replace('Invalid TOML document: ', '');
	return { where: file, line, column, path: '', message: `expected TOML, found this: ${reason}` };
}

/** Throws TomlError. */
function layerOf(file: string, text: string): Layer {
	const data = parse(text) as Table;
	for (const [section, key] of FILES) anchor(data[section], key, file);
	for (const items of [data.group, data.list])
		if (Array.isArray(items)) for (const item of items) for (const key of LIST_FILES) anchor(item, key, file);
	let positions: Positions | null | undefined;
	const place: Layer['place'] = async (path, at) => {
		positions ??= (await import('./positions.ts')).positionsOf(text);
		return { where: file, ...(positions?.of(path, at) ?? { line: null, column: null }) };
	};
	return { data, adds: true, place };
}

/** Keys that name a file. */
const FILES: readonly (readonly [section: string, key: string])[] = [
	['users', 'file'],
	['exit', 'page'],
	['admin', 'token_file'],
	['redis', 'password_file'],
	['redis', 'ca_file'],
];

/** The same, of each group and each list. */
const LIST_FILES: readonly string[] = ['file', 'keep'];

/** A relative name in a file is relative to that file. */
function anchor(table: unknown, key: string, file: string): void {
	const name = isTable(table) ? table[key] : undefined;
	if (!isTable(table) || typeof name !== 'string' || name === '' || isCredential(name)) return;
	table[key] = resolve(dirname(file), name);
}
