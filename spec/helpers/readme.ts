// The README in pieces: its fenced blocks, its tables, its sections, and every command that it shows.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const README: string = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');

/** Bodies of the fenced blocks of a language. */
export function blocks(language: string): string[] {
	return [...README.matchAll(/^```(\w*)\n(.*?)^```$/gms)].filter((m) => m[1] === language).map((m) => m[2]!);
}

/** The one block of a language that has `part` in it. */
export function block(language: string, part: string): string {
	const found = blocks(language).filter((text) => text.includes(part));
	if (found.length !== 1) throw new Error(`${found.length} blocks of ${language} have ${part}`);
	return found[0]!;
}

/** Cells of the rows of the table under a header. */
export function table(header: string): string[][] {
	const rows = README.split(`\n${header}\n`)[1]!.split('\n\n')[0]!.split('\n').slice(1);
	return rows.map((row) => row.split('|').slice(1, -1)).map((cells) => cells.map((cell) => cell.trim()));
}

export function section(title: string): string {
	return README.split(`\n## ${title}\n`)[1]!.split('\n## ')[0]!;
}

/** The paragraph that begins so. */
export function paragraph(beginning: string): string {
	return beginning + README.split(`\n\n${beginning}`)[1]!.split('\n\n')[0]!;
}

/** Commands in the table of flags, each with the line of a file that says the same. */
export const PAIRS: readonly (readonly [command: string, toml: string])[] = table('| command | file | |').map(
	([command, toml]) => [command!.replaceAll('`', ''), toml!.replaceAll('`', '')],
);

export const COMMANDS: readonly string[] = [
	...blocks('sh').flatMap((text) => text.trimEnd().split('\n')),
	...PAIRS.map(([command]) => command),
];
