// A list of members, one a line; empty lines and those that begin with `#` are none. What is wrong with a line is known by
// its number alone: lines hold addresses and passwords.

/** Members of one list; what is beyond is not read. */
export const MAX_MEMBERS = 65_536;

/** No URL with a user and a password of 255 bytes each, escaped, is longer. */
const MAX_LINE = 2_048;

export interface Listed<T> {
	readonly line: number;
	readonly member: T;
}

export interface MemberList<T> {
	readonly members: readonly Listed<T>[];
	/** Numbers of the lines that are no members. */
	readonly bad: readonly number[];
	/** Members that were there before. */
	readonly repeated: number;
}

/** `parse` gives null for what is no member, `idOf` the same for the same one. Lines count from 1. */
export function readList<T>(
	text: string,
	parse: (line: string) => T | null,
	idOf: (member: T) => string,
): MemberList<T> {
	const members: Listed<T>[] = [];
	const bad: number[] = [];
	const ids = new Set<string>();
	let repeated = 0;
	let number = 0;
	for (let from = 0; from <= text.length && members.length < MAX_MEMBERS; ) {
		const end = endOf(text, from);
		const line = end - from > MAX_LINE ? null : text.slice(from, end).trim();
		from = end + 1;
		number++;
		if (line === '' || line?.startsWith('#')) continue;
		const member = line === null ? null : parse(line);
		if (member === null) {
			bad.push(number);
			continue;
		}
		const id = idOf(member);
		if (ids.has(id)) repeated++;
		else members.push({ line: number, member });
		ids.add(id);
	}
	return { members, bad, repeated };
}

function endOf(text: string, from: number): number {
	const end = text.indexOf('\n', from);
	return end < 0 ? text.length : end;
}
