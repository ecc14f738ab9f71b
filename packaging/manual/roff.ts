// Words for man(7), as groff, mandoc and old formatters take it.

/** Text that is shown as it is: no character of it is a command or another dash. */
export function text(words: string): string {
	return words
		.replaceAll('\\', '\\e')
		.replaceAll('-', '\\-')
		.replaceAll("'", '\\(aq')
		.replaceAll('"', '\\(dq')
		.replaceAll('`', '\\(ga')
		.replaceAll('^', '\\(ha')
		.replaceAll('~', '\\(ti')
		.replace(/^\./gm, '\\&.');
}

/** Prose, in which what stands between backquotes is bold. */
export function prose(words: string): string {
	const parts = words.split('`');
	return parts.map((part, i) => (i % 2 === 1 ? bold(part) : text(part))).join('');
}

export function bold(words: string): string {
	return `\\fB${text(words)}\\fR`;
}

export function title(page: string, section: number, version: string): string {
	return `.TH ${page.toUpperCase()} ${section} "" "bauta ${version}"`;
}

export function section(name: string, ...lines: readonly string[]): string {
	// A section begins a paragraph by itself.
	return [`.SH ${name}`, lines.join('\n').replace(/^\.(PP|br)\n/, '')].join('\n');
}

export function subsection(name: string, ...lines: readonly string[]): string {
	return [`.SS "${text(name)}"`, ...lines].join('\n');
}

/** A word and what it means, below it. `term` is made of `text` and `bold`. */
export function item(term: string, words: string): string {
	return `.TP\n${term}\n${prose(words)}`;
}

/** Lines as they are typed. */
export function example(lines: string): string {
	return `.PP\n.in +4n\n.EX\n${text(lines)}\n.EE\n.in`;
}
