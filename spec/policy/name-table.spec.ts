import test from 'ava';
import fc from 'fast-check';
import { atOnce } from '../../lib/policy/list.ts';
import { isPackable, isRecordOf, pack, RECORD_BYTES, recordEnd, unpack } from '../../lib/policy/name-packing.ts';
import { NameTable, NameTableBuilder } from '../../lib/policy/name-table.ts';

function tableOf(names: Iterable<string>): NameTable {
	const builder = new NameTableBuilder();
	for (const name of names) builder.add(name);
	return atOnce(builder.build());
}

const label = fc.stringMatching(/^[a-z0-9_-]{1,9}$/);
const name = fc.array(label, { minLength: 1, maxLength: 6 }).map((labels) => labels.join('.'));
/** Few labels, so that names are often under each other. */
const crowded = fc
	.array(fc.constantFrom('a', 'b', 'com', 'ad'), { minLength: 1, maxLength: 5 })
	.map((labels) => labels.join('.'));

test('a packed name is itself and nothing else', (t) => {
	fc.assert(
		fc.property(name, name, (one, other) => {
			const bytes = new Uint8Array(RECORD_BYTES + 3);
			const end = pack(one, bytes, 3);
			const chars = new Uint8Array(256);
			t.is(recordEnd(bytes, 3), end);
			t.is(Buffer.from(chars.subarray(0, unpack(bytes, 3, chars))).toString(), one);
			t.true(isRecordOf(`x.${one}`, 2, bytes, 3));
			t.false(isRecordOf(`${one}x`, 0, bytes, 3));
			t.is(isRecordOf(other, 0, bytes, 3), other === one);
		}),
	);
});

test('the longest name has room, and twenty characters take about twelve bytes', (t) => {
	const longest = `${`${'q'.repeat(63)}.`.repeat(3)}${'q'.repeat(61)}`;
	t.is(longest.length, 253);
	const bytes = new Uint8Array(RECORD_BYTES);
	t.is(pack(longest, bytes, 0), RECORD_BYTES);
	t.true(isRecordOf(longest, 0, bytes, 0));
	t.true(pack('tracker.example1.com', bytes, 0) <= 14);
	t.deepEqual(['A.com', 'a b', '', 'ä.de', 'q'.repeat(254)].filter(isPackable), []);
});

test('what a set of strings says, the table says', (t) => {
	for (const names of [name, crowded])
		fc.assert(
			fc.property(fc.array(names, { maxLength: 60 }), fc.array(names), (listed, asked) => {
				const set = new Set(listed);
				const table = tableOf(listed);
				t.is(table.size, set.size);
				for (const one of [...listed, ...asked, ...asked.map((each) => `${each}.${listed[0] ?? 'a'}`)]) {
					const above = one.split('.').map((_, i, labels) => labels.slice(i).join('.'));
					t.is(table.has(one), set.has(one), one);
					t.is(
						table.hasAbove(one),
						above.some((each) => set.has(each)),
						one,
					);
				}
			}),
		);
});

test('a name with as many labels as can be is asked no deeper than names are listed', (t) => {
	const table = tableOf(['example.com']);
	t.true(table.hasAbove(`${'a.'.repeat(115)}example.com`));
	t.false(table.hasAbove(`${'a.'.repeat(115)}example.org`));
	t.false(table.hasAbove('com'));
	t.false(NameTable.EMPTY.hasAbove('example.com') || NameTable.EMPTY.has('example.com'));
});

test('a hundred thousand names, more than one piece, are all found, and nothing beside them', (t) => {
	const names = Array.from({ length: 100_000 }, (_, i) => `host-${i}.some-longer-domain-${i % 977}.example.com`);
	const table = tableOf(names);
	t.is(table.size, names.length);
	t.true(names.every((one) => table.has(one) && table.hasAbove(`www.${one}`)));
	t.false(names.some((one) => table.has(`x${one}`) || table.hasAbove(one.slice(1))));
});

test('a long table is made with many pauses', (t) => {
	const builder = new NameTableBuilder();
	for (let i = 0; i < 20_000; i++) builder.add(`n${i}.example.com`);
	t.true([...builder.build()].length >= 20);
});
