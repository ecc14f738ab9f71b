// Words in a script.

/** For sh, bash and zsh: nothing inside has a meaning. */
export function quoted(text: string): string {
	return `'${text.replaceAll("'", `'\\''`)}'`;
}
