import test from 'ava';
import fc from 'fast-check';
import { MAX_MEMBERS, readList } from '../../lib/discovery/lines.ts';

const parse = (line: string): { id: string } | null => (/^m\d+$/.test(line) ? { id: line } : null);
const read = (text: string) => readList(text, parse, ({ id }) => id);

test('a member a line, by its number; empty lines and comments are none', (t) => {
	const { members, bad, repeated } = read('# a list\r\n\r\nm1\n  m2  \n\tm3\n#m4\nm5');
	t.deepEqual(
		members.map(({ line, member }) => `${line} ${member.id}`),
		['3 m1', '4 m2', '5 m3', '7 m5'],
	);
	t.deepEqual([bad, repeated], [[], 0]);
});

test('garbage is known by its line, repetitions by their count', (t) => {
	const { members, bad, repeated } = read('m1\n<html>\nm1\n\0\nm2\nm1\nthird');
	t.is(members.length, 2);
	t.deepEqual([bad, repeated], [[2, 4, 7], 2]);
});

test('a line without end is one bad line, and costs its length once', (t) => {
	const { members, bad } = read(`${'m'.repeat(5_000_000)}\nm1`);
	t.deepEqual([members.length, bad], [1, [1]]);
});

test('of more members than there may be the first ones are read', (t) => {
	const lines = Array.from({ length: MAX_MEMBERS + 10 }, (_, i) => `m${i}`);
	t.is(read(lines.join('\n')).members.length, MAX_MEMBERS);
});

test('every text is a list, in which each line is one thing', (t) => {
	fc.assert(
		fc.property(fc.array(fc.constantFrom('m1', 'm2', 'm3', 'x', '', ' ', '#', '\r')), (lines) => {
			const { members, bad, repeated } = read(lines.join('\n'));
			const said = lines.filter((line) => line.trim() !== '' && line !== '#').length;
			t.is(members.length + bad.length + repeated, said);
		}),
	);
});
