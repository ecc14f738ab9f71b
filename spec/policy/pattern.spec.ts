import test from 'ava';
import fc from 'fast-check';
import { MOST_STEPS, type Pattern, parsePattern } from '../../lib/policy/pattern.ts';
import { PatternSet } from '../../lib/policy/pattern-set.ts';

function patternOf(source: string, fold = false): Pattern {
	const pattern = parsePattern(source, { fold });
	if (typeof pattern === 'string') throw new Error(`${source}: ${pattern}`);
	return pattern;
}

const matches = (source: string, text: string): boolean => new PatternSet([patternOf(source)]).test(text);

const EXPRESSIONS = [
	'ads',
	'^ads?[0-9]+\\.',
	'^(?:track|pixel)[-.]',
	'(^|\\.)ad[sx]?\\.',
	'a.c',
	'a{2}',
	'a{1,2}b',
	'(ab|a)*$',
	'^$',
	'[^a-c.]b',
	'[\\d-]+\\.b',
	'a*?b+?',
	'\\x61\\.b',
	'()|c$',
	'[a-]b',
	'[\\w.]{3,}$',
	'(a*)*c',
	'a||b',
	'x*',
];

test('what V8 finds is found, and nothing else', (t) => {
	const text = fc.stringMatching(/^[abcds.\-0 -3x]{0,14}$/);
	for (const source of EXPRESSIONS) {
		const set = new PatternSet([patternOf(source)]);
		const regExp = new RegExp(source);
		for (const one of ['', 'ads1.b', 'track-a', 'b.ads.c', 'ab', 'aab'])
			t.is(set.test(one), regExp.test(one), `${source} ${one}`);
		fc.assert(fc.property(text, (one) => set.test(one) === regExp.test(one)));
	}
});

test('expressions put together at random are read as V8 reads them', (t) => {
	const part = fc.constantFrom('a', 'b', '.', '[ab]', '[^b]', '\\d', '^', '$', '(a|b)', '(?:ab)', '|');
	const count = fc.constantFrom('', '', '*', '+', '?', '{2}', '{0,1}', '{1,}');
	const source = fc
		.array(fc.tuple(part, count), { maxLength: 6 })
		.map((parts) => parts.map(([one, many]) => (/^[\^$|]/.test(one) ? one : one + many)).join(''));
	fc.assert(
		fc.property(source, fc.array(fc.stringMatching(/^[ab1]{0,8}$/)), (written, texts) => {
			const set = new PatternSet([patternOf(written)]);
			const regExp = new RegExp(written);
			for (const text of texts) t.is(set.test(text), regExp.test(text), `${written} ${text}`);
		}),
	);
});

test('letters stand for both cases where that is wanted', (t) => {
	t.true(new PatternSet([patternOf('ADS[X-Z]', true)]).test('adsy'));
	t.false(new PatternSet([patternOf('ADS[X-Z]')]).test('adsy'));
});

test('several are asked as one', (t) => {
	const set = new PatternSet(['^ad', 'x$', '\\.trk\\.'].map((source) => patternOf(source)));
	t.deepEqual(
		['ad.b', 'bad', 'box', 'a.trk.b', 'xa', ''].map((text) => set.test(text)),
		[true, false, true, true, false, false],
	);
	t.false(new PatternSet([]).test('a'));
});

test('what makes V8 go back for ever is answered', (t) => {
	const text = `${'a'.repeat(4_000)}!`;
	for (const source of ['^(a+)+$', '^(a|aa)+$', '^(a*)*b$', '(.*a){20}$', '^(([a-z])+.)+[A-Z]([a-z])+$', '(x+x+)+y'])
		t.false(matches(source, text), source);
	t.true(matches('^(a|a)*!$', text));
});

test('texts that are new at every character are answered, and so is what comes behind them', (t) => {
	const set = new PatternSet([patternOf(`[ab]*a${'[ab]'.repeat(60)}x`)]);
	let seed = 1;
	const random = (): string => {
		seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
		return seed & 0x10000 ? 'a' : 'b';
	};
	for (let round = 0; round < 20; round++) {
		const text = Array.from({ length: 2_000 }, random).join('');
		t.false(set.test(text));
		t.true(set.test(`${text}a${'b'.repeat(60)}x`));
	}
});

test('all bytes can be told apart', (t) => {
	const set = new PatternSet(
		Array.from({ length: 128 }, (_, byte) => patternOf(`^\\x${byte.toString(16).padStart(2, '0')}$`)),
	);
	t.true(set.test('\0') && set.test('a') && set.test('\x7f'));
	t.false(set.test('\xe4') || set.test('\u20ac') || set.test('aa'));
});

test('what is not of the subset is refused with a reason', (t) => {
	for (const [source, reason] of [
		['(?=a)', /"\(\?"/],
		['(?<!a)b', /"\(\?"/],
		['(a)\\1', /escape/],
		['\\bads', /escape/],
		['a**', /two/],
		['*a', /repeat/],
		['{2}', /repeat/],
		['a|{2,}b', /repeat/],
		['a{42296,3}', /repeat/],
		['^*', /repeated/],
		['(a', /"\)"/],
		['a)', /"\("/],
		['[a', /"\]"/],
		['[z-a]', /range/],
		['a\\', /escape/],
		['ä', /ASCII/],
		['a{65}', /64 repetitions/],
		['a{3,2}', /repetitions/],
		['(a{64}){64}', new RegExp(`${MOST_STEPS} steps`)],
		['((((){64}){64}){64}){64}', /repetitions in each other/],
		['('.repeat(40) + ')'.repeat(40), /parentheses/],
		['a'.repeat(513), /512 characters/],
	] as const) {
		const parsed = parsePattern(source, { fold: false });
		t.is(typeof parsed, 'string', source);
		t.regex(parsed as string, reason, source);
	}
});

test('any text is an expression or is refused', (t) => {
	fc.assert(
		fc.property(fc.string({ maxLength: 40 }), fc.string(), (source, text) => {
			const parsed = parsePattern(source, { fold: true });
			t.is(
				typeof (typeof parsed === 'string' ? parsed : new PatternSet([parsed]).test(text)),
				typeof parsed === 'string' ? 'string' : 'boolean',
			);
		}),
	);
});
