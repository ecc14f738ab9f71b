// SECURITY.md: every file that a claim rests on, and every spec that tests it, is there.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';

const ROOT = join(import.meta.dirname, '..');
const TEXT = readFileSync(join(ROOT, 'SECURITY.md'), 'utf8');

/** Lines of the table of claims, as cells. */
const CLAIMS = TEXT.split('\n')
	.filter((line) => /^\| [A-G ]+\| |^\| all \|/.test(line))
	.map((line) => line.split('|').slice(1, -1))
	.filter((cells) => cells.length === 4) as [string, string, string, string][];

/** Files in a cell; one without a folder is beside the one before it. */
function filesIn(cell: string): string[] {
	const files: string[] = [];
	for (const [, name] of cell.matchAll(/`([^`]+)`/g))
		files.push(name!.includes('/') || files.length === 0 ? name! : join(dirname(files.at(-1)!), name!));
	return files;
}

for (const [against, claim, by, testedBy] of CLAIMS) {
	test(`claim:${claim}`, (t) => {
		t.regex(against, /[A-G]|all/);
		const specs = filesIn(testedBy);
		t.true(specs.length > 0 && specs.every((path) => path.startsWith('spec/')));
		t.deepEqual(
			[...filesIn(by), ...specs].filter((path) => !existsSync(join(ROOT, path))),
			[],
		);
	});
}

test('every kind of attacker has claims against it, and every file that is named is there', (t) => {
	t.deepEqual(
		['A', 'B', 'C', 'D', 'E', 'F', 'G'].filter((letter) => !CLAIMS.some(([against]) => against.includes(letter))),
		[],
	);
	const named = [...TEXT.matchAll(/`((?:docs|spec|systemd|lib)\/[^`]+|[A-Z]+\.md)`/g)].map(([, path]) => path!);
	t.true(named.length > 40);
	t.deepEqual(
		named.filter((path) => !existsSync(join(ROOT, path))),
		[],
	);
});
