// "Did you mean": the known word nearest to a mistyped one.

/** The candidate fewest edits away, if that is at most a third of the word's letters (and one at least); else null. */
export function suggestion(word: string, candidates: Iterable<string>): string | null {
	let best: string | null = null;
	let fewest = Math.max(1, Math.floor(word.length / 3)) + 1;
	for (const candidate of candidates) {
		if (Math.abs(candidate.length - word.length) >= fewest) continue;
		const edits = distance(word.toLowerCase(), candidate.toLowerCase());
		if (edits < fewest) [best, fewest] = [candidate, edits];
	}
	return best;
}

/** `, did you mean "x"?` or nothing. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
	const found = word.length > 64 ? null : suggestion(word, candidates);
	return found === null ? '' : `, did you mean "${found}"?`;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b` (optimal string alignment). */
function distance(a: string, b: string): number {
	let [twoBack, back] = [[] as number[], Array.from({ length: b.length + 1 }, (_, j) => j)];
	for (let i = 1; i <= a.length; i++) {
		const row = [i];
		for (let j = 1; j <= b.length; j++) {
			const replaced = back[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
			row[j] = Math.min(replaced, back[j]! + 1, row[j - 1]! + 1);
			if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
				row[j] = Math.min(row[j]!, twoBack[j - 2]! + 1);
		}
		[twoBack, back] = [back, row];
	}
	return back[b.length]!;
}
