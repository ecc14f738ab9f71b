import test from 'ava';
import fc from 'fast-check';
import { type NamePattern, NameSet, parseNamePattern, suffixesOf } from '../../lib/policy/name-set.ts';

function setOf(...texts: string[]): NameSet {
	return new NameSet(texts.map((text) => parseNamePattern(text) as NamePattern));
}

function has(set: NameSet, name: string): boolean {
	return set.has(suffixesOf(name));
}

test('reads names, canonical, with = for the name alone', (t) => {
	t.deepEqual(parseNamePattern('example.com'), { name: 'example.com', exact: false });
	t.deepEqual(parseNamePattern('=WWW.Example.COM.'), { name: 'www.example.com', exact: true });
	t.deepEqual(parseNamePattern('onion'), { name: 'onion', exact: false });
	t.deepEqual(parseNamePattern('_srv.example.com'), { name: '_srv.example.com', exact: false });
});

for (const text of [
	'',
	'=',
	'*',
	'*.example.com',
	'.example.com',
	'a..b',
	'exa mple.com',
	'bücher.example',
	'a/b',
	'==a',
	'a:80',
	'1.2.3.256',
]) {
	test(`refuses "${text}" as a name`, (t) => {
		const problem = parseNamePattern(text);
		if (typeof problem !== 'string') return t.fail();
		t.regex(problem, /^expected a name/);
	});
}

for (const text of ['10.0.0.1', '0x7f.1', '=127.1', '::1', '[::1]']) {
	test(`refuses ${text}, which is an address`, (t) => {
		const problem = parseNamePattern(text);
		if (typeof problem !== 'string') return t.fail();
		t.regex(problem, /an address is no name/);
	});
}

test('a name means itself and all below, = itself alone', (t) => {
	const set = setOf('example.com', '=www.example.org');
	t.deepEqual(
		['example.com', 'a.example.com', 'a.b.example.com', 'www.example.org'].map((name) => has(set, name)),
		[true, true, true, true],
	);
	t.deepEqual(
		['badexample.com', 'com', 'example.com.net', 'example.org', 'a.www.example.org'].map((name) => has(set, name)),
		[false, false, false, false, false],
	);
});

test('an address has no suffixes and is in no set', (t) => {
	t.false(setOf('com', '=example.com').has([]));
});

test('suffixes begin at labels, the shortest first', (t) => {
	t.deepEqual(suffixesOf('www.example.com'), ['com', 'example.com', 'www.example.com']);
	t.deepEqual(suffixesOf('localhost'), ['localhost']);
});

test('agrees with asking each pattern in turn', (t) => {
	const name = fc
		.array(fc.constantFrom('a', 'b', 'com'), { minLength: 1, maxLength: 4 })
		.map((labels) => labels.join('.'));
	const pattern = fc.record({ name, exact: fc.boolean() });
	let hits = 0;
	fc.assert(
		fc.property(fc.array(pattern, { maxLength: 5 }), name, (patterns, asked) => {
			const expected = patterns.some((each) => asked === each.name || (!each.exact && asked.endsWith(`.${each.name}`)));
			hits += Number(expected);
			t.is(has(new NameSet(patterns), asked), expected);
		}),
		{ numRuns: 1_000 },
	);
	t.true(hits > 50);
});
