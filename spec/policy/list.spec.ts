import test from 'ava';
import { parseIp } from '../../lib/core/ip.ts';
import { atOnce, compileList, emptyList, type FilterList } from '../../lib/policy/list.ts';
import { lineOf } from '../../lib/policy/list-finder.ts';

const list = (text: string | Buffer): FilterList => atOnce(compileList(Buffer.from(text as string)));

/** Which of them are listed. */
const listed = (from: FilterList, names: string): string =>
	names
		.split(' ')
		.filter((name) => from.hasName(name))
		.join(' ');

const MIXED = `! Title: all kinds\r
||ads.example.com^\r
0.0.0.0 trk.example.net\r
@@||good.ads.example.com^\r
/^ads?[0-9]+\\./\r
198.51.100.0/24\r
2001:db8::/32\r
example.org##.banner\r
what is this\r
@@198.51.100.7\r
`;

test('a list of all kinds, in CRLF, is counted and asked', (t) => {
	const mixed = list(MIXED);
	t.deepEqual(mixed.counts, { names: 2, prefixes: 2, patterns: 1, exceptions: 2, otherLines: 1, badLines: 1 });
	t.deepEqual(mixed.badLines, [9]);
	t.is(
		listed(mixed, 'ads.example.com x.ads.example.com example.com trk.example.net a.trk.example.net ad7.example.org'),
		'ads.example.com x.ads.example.com trk.example.net ad7.example.org',
	);
	t.true(mixed.hasName('good.ads.example.com') && mixed.exceptsName('a.good.ads.example.com'));
	const ip = (text: string) => parseIp(text)!;
	t.true(mixed.hasAddress(ip('198.51.100.9')) && mixed.hasAddress(ip('2001:db8::9')));
	t.true(mixed.exceptsAddress(ip('198.51.100.7')));
	t.false(mixed.hasAddress(ip('198.51.101.1')) || mixed.exceptsAddress(ip('198.51.100.8')));
	t.true(mixed.hasPrefixes);
	t.false(mixed.isEmpty);
});

test('a byte order mark, a last line without an end and the same name twice change nothing', (t) => {
	const marked = list('\ufeffexample.com\nexample.com\nEXAMPLE.com.\nexample.net');
	t.deepEqual([marked.counts.names, marked.counts.badLines], [2, 0]);
	t.is(listed(marked, 'example.com example.net'), 'example.com example.net');
});

test('names in Unicode are found by their ASCII, in UTF-8', (t) => {
	t.is(
		listed(list('||bücher.example^\n*.рф'), 'xn--bcher-kva.example a.xn--p1ai bcher.example'),
		'xn--bcher-kva.example a.xn--p1ai',
	);
});

test('what is no list has nothing in it', (t) => {
	const page = `<!DOCTYPE html>\n<html>\n<body class="x">\n<p>Not found, see example.com</p>\n</body>\n</html>\n`;
	for (const text of [
		'',
		'# nothing\n\n',
		page,
		Buffer.alloc(100_000, 0),
		Buffer.alloc(100_000, 0xff),
		'x'.repeat(5_000_000),
	])
		t.true(list(text).isEmpty);
	t.is(list(page).counts.badLines, 6);
	t.true(emptyList().isEmpty);
	t.false(emptyList().hasName('example.com') || emptyList().hasPrefixes);
});

test('a line without end costs its length once, and the lines around it count', (t) => {
	const long = list(`example.com\n${'a.'.repeat(2_000_000)}\nexample.net`);
	t.deepEqual([long.counts.names, long.counts.badLines, long.badLines], [2, 1, [2]]);
});

test('of expressions without end those are taken that fit', (t) => {
	const many = list(Array.from({ length: 500 }, (_, i) => `/^a${i}\\.[a-z]{8}\\.com$/`).join('\n'));
	t.true(many.counts.patterns > 20 && many.counts.patterns < 100);
	t.is(many.counts.patterns + many.counts.badLines, 500);
	t.true(many.hasName('a3.abcdefgh.com'));
});

test('a long list is made with many pauses', (t) => {
	const lines = Array.from({ length: 20_000 }, (_, i) => `n${i}.example.com`).join('\n');
	t.true([...compileList(Buffer.from(lines))].length >= 150);
});

test('the line is found that lists a name or an address', (t) => {
	const bytes = Buffer.from(MIXED);
	const line = (text: string): number | null => {
		const ip = parseIp(text);
		return lineOf(bytes, ip === null ? text : null, ip);
	};
	t.deepEqual(
		[
			'x.ads.example.com',
			'trk.example.net',
			'a.trk.example.net',
			'ad12.example',
			'198.51.100.1',
			'2001:db8::1',
			'b',
		].map(line),
		[2, 3, null, 5, 6, 7, null],
	);
});
