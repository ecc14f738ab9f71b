// A page of documentation in pieces: its fenced blocks, its tables, its sections, and every command that it shows.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

export class Page {
	readonly text: string;

	/** `path`: from the root of the project. */
	constructor(path: string) {
		this.text = readFileSync(join(ROOT, path), 'utf8');
	}

	/** Bodies of the fenced blocks of a language. */
	blocks(language: string): string[] {
		return [...this.text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].filter((m) => m[1] === language).map((m) => m[2]!);
	}

	/** The one block of a language that has `part` in it. */
	block(language: string, part: string): string {
		const found = this.blocks(language).filter((text) => text.includes(part));
		if (found.length !== 1) throw new Error(`${found.length} blocks of ${language} have ${part}`);
		return found[0]!;
	}

	/** Lines of the blocks that are commands. */
	get commands(): readonly string[] {
		return this.blocks('sh').flatMap((text) => text.trimEnd().split('\n'));
	}

	/** Cells of the rows of the table under a header. */
	table(header: string): string[][] {
		const rows = this.text.split(`\n${header}\n`)[1]!.split('\n\n')[0]!.split('\n').slice(1);
		return rows.map((row) => row.split('|').slice(1, -1)).map((cells) => cells.map((cell) => cell.trim()));
	}

	section(title: string): string {
		return this.text.split(`\n## ${title}\n`)[1]!.split('\n## ')[0]!;
	}

	/** The paragraph that begins so. */
	paragraph(beginning: string): string {
		return beginning + this.text.split(`\n\n${beginning}`)[1]!.split('\n\n')[0]!;
	}

	/** Files of the project that it names in code. */
	get files(): readonly string[] {
		return [...this.text.matchAll(/`((?:lib|conf|docs|systemd)\/[\w./]+)`/g)].map(([, path]) => path!);
	}

	/** Keys of the configuration that it names in code, as section and key. */
	get keys(): readonly (readonly [section: string, key: string])[] {
		const named = [...this.text.matchAll(/`([a-z]+)\.([a-z_]+)(?: = [^`]*)?`/g)];
		return named
			.map(([, section, key]) => [section!, key!] as const)
			.filter(([, key]) => key !== 'toml' && key !== 'conf');
	}
}
