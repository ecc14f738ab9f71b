// What is different between two lists of lines, line by line.

/** A line that one of two lists has. Both: it is there in another form. */
export interface Difference {
	readonly want: string | null;
	readonly got: string | null;
	/** Index of `got` in its list, else where it would stand. */
	readonly at: number;
	/** The same line stands elsewhere. */
	readonly moved: boolean;
}

/** By the longest common subsequence; lines of the same name that are left over on both sides are one difference. */
export function differences(want: readonly string[], got: readonly string[]): Difference[] {
	const common = commonLines(want, got);
	const missing = want.filter((_, i) => !common.want.has(i));
	const added = got.flatMap((line, at) => (common.got.has(at) ? [] : [{ line, at }]));
	const found: Difference[] = [];
	for (const { line, at } of added) {
		const same = missing.indexOf(line);
		const other = same >= 0 ? same : missing.findIndex((one) => nameOf(one) === nameOf(line));
		const [one = null] = other < 0 ? [] : missing.splice(other, 1);
		found.push({ want: one, got: line, at, moved: same >= 0 });
	}
	return [...found, ...missing.map((line) => ({ want: line, got: null, at: got.length, moved: false }))];
}

/** What stands before the colon, in lower case. */
export function nameOf(line: string): string {
	return (line.split(':')[0] as string).toLowerCase();
}

function commonLines(want: readonly string[], got: readonly string[]): { want: Set<number>; got: Set<number> } {
	const lengths = lengthsOf(want, got);
	const common = { want: new Set<number>(), got: new Set<number>() };
	for (let i = 0, j = 0; i < want.length && j < got.length; ) {
		if (want[i] === got[j]) {
			common.want.add(i++);
			common.got.add(j++);
		} else if (at(lengths, i + 1, j) >= at(lengths, i, j + 1)) i++;
		else j++;
	}
	return common;
}

/** Of the longest common subsequence behind each pair of places. */
function lengthsOf(want: readonly string[], got: readonly string[]): number[][] {
	const lengths = Array.from({ length: want.length + 1 }, () => Array.from(got, () => 0));
	for (let i = want.length - 1; i >= 0; i--) {
		for (let j = got.length - 1; j >= 0; j--) {
			const longest = Math.max(at(lengths, i + 1, j), at(lengths, i, j + 1));
			(lengths[i] as number[])[j] = want[i] === got[j] ? 1 + at(lengths, i + 1, j + 1) : longest;
		}
	}
	return lengths;
}

function at(table: readonly (readonly number[])[], i: number, j: number): number {
	return table[i]?.[j] ?? 0;
}
