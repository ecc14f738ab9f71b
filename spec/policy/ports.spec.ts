import test from 'ava';
import fc from 'fast-check';
import { DEFAULT_PORT_RANGES, DEFAULT_PORTS, PortSet, parsePorts } from '../../lib/policy/ports.ts';

/** What spam, guessers of passwords and worms use, and what would hide one proxy behind another. */
const REFUSED = [
	19, 20, 21, 22, 23, 25, 69, 88, 110, 111, 119, 123, 135, 137, 138, 139, 143, 161, 389, 445, 465, 513, 514, 515, 554,
	563, 587, 631, 636, 902, 989, 990, 992, 1080, 1433, 1521, 1723, 1900, 2049, 2323, 2375, 2525, 3128, 3306, 3389, 5038,
	5060, 5432, 5555, 5900, 5985, 6379, 6443, 6667, 6881, 8118, 8332, 9050, 9051, 9100, 9200, 10000, 10250, 11211, 27017,
	65535,
];

/** What browsers, git, package managers, chat, mail readers and Tor need. */
const ALLOWED = [43, 53, 80, 443, 853, 873, 993, 995, 3478, 5222, 5228, 6697, 8080, 8443, 9001, 9418, 11371];

for (const port of REFUSED) {
	test(`port ${port} is not open by default`, (t) => {
		t.false(DEFAULT_PORTS.has(port));
	});
}

for (const port of ALLOWED) {
	test(`port ${port} is open by default`, (t) => {
		t.true(DEFAULT_PORTS.has(port));
	});
}

test('the default ranges rise and do not touch', (t) => {
	for (const [i, [first, last]] of DEFAULT_PORT_RANGES.entries()) {
		t.true(first <= last);
		if (i > 0) t.true(first > DEFAULT_PORT_RANGES[i - 1]![1]);
	}
});

test('reads ports, ranges, all, and more than the default', (t) => {
	const some = parsePorts('80, 443,1024-1026') as PortSet;
	t.deepEqual(
		[79, 80, 81, 443, 1023, 1024, 1026, 1027].filter((port) => some.has(port)),
		[80, 443, 1024, 1026],
	);
	const all = parsePorts('all') as PortSet;
	t.deepEqual(
		[0, 1, 25, 65_535].map((port) => all.has(port)),
		[false, true, true, true],
	);
	const more = parsePorts('default,22') as PortSet;
	t.deepEqual(
		[22, 443, 25].map((port) => more.has(port)),
		[true, true, false],
	);
});

for (const text of [
	'',
	',',
	'80,',
	'0',
	'0-10',
	'65536',
	'10-5',
	'80-',
	'-80',
	'80-90-100',
	'http',
	'1e3',
	'0x50',
	'+80',
	' ',
	'ALL',
	'999999',
	'80;443',
]) {
	test(`refuses "${text}" as ports`, (t) => {
		const problem = parsePorts(text);
		if (typeof problem !== 'string') return t.fail();
		t.regex(problem, /^expected ports such as/);
	});
}

test('a set holds the ports of its ranges and no other', (t) => {
	const port = fc.integer({ min: 0, max: 65_535 });
	const ranges = fc.array(
		fc.tuple(port, fc.integer({ min: 0, max: 300 })).map(([first, n]) => [first, first + n] as const),
		{ maxLength: 4 },
	);
	fc.assert(
		fc.property(ranges, port, fc.nat(3), (given, other, edge) => {
			const set = new PortSet(given);
			const near = given[0] ? [given[0][0] - 1, given[0][0], given[0][1], given[0][1] + 1][edge]! : other;
			for (const asked of [other, near]) {
				const expected = asked > 0 && asked <= 65_535 && given.some(([first, last]) => first <= asked && asked <= last);
				t.is(set.has(asked), expected, String(asked));
			}
		}),
	);
});

test('no number that is no port is in a set', (t) => {
	const all = new PortSet([[0, 70_000]]);
	for (const port of [0, -1, 65_536, 1_000_000, Number.NaN]) t.false(all.has(port), String(port));
});
