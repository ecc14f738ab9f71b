import test from 'ava';
import fc from 'fast-check';
import { type NamedSession, readSession } from '../../lib/policy/session-grammar.ts';

const users =
	(...names: string[]) =>
	(name: string) =>
		names.includes(name);

/** Name and words in short: `alice {session=a ttl=600000}`. */
function short({ user, words }: NamedSession): string {
	if (words === null || words === 'wrong') return `${user} ${words}`;
	const said = Object.entries(words).filter(([, value]) => value !== null);
	return `${user} {${said.map(([key, value]) => `${key}=${value}`).join(' ')}}`;
}

const read = (name: string, isUser: ((name: string) => boolean) | null = null, separator = '-') =>
	short(readSession(name, separator, isUser));

test('a name with everything behind it comes apart, in any order', (t) => {
	const whole = 'alice {session=abc123 ttlMs=600000 exit=de strict=true}';
	t.is(read('alice-session-abc123-ttl-10m-exit-de-strict', users('alice')), whole);
	t.is(read('alice-strict-exit-de-ttl-10m-session-abc123', users('alice')), whole);
	t.is(read('alice-session-abc123-ttl-10m-exit-de-strict'), whole);
	t.is(read('alice+session=abc123+ttl=10m+exit=de+strict', null, '+'), whole);
	t.is(read('alice-session-a-soft-sliding'), 'alice {session=a strict=false sliding=true}');
	t.is(read('alice-session-a-fixed'), 'alice {session=a sliding=false}');
});

test('the words of other services mean the same', (t) => {
	t.is(read('u-sessid-abc-sesstime-30-cc-DE'), 'u {session=abc ttlMs=1800000 exit=DE}');
	t.is(read('brd-customer-x-zone-y-country-us-session-rand39'), 'brd-customer-x-zone-y {session=rand39 exit=us}');
	t.is(read('u-sid-7-lifetime-90s'), 'u {session=7 ttlMs=90000}');
});

test('a user whose name has hyphens keeps it, with and without a session', (t) => {
	const known = users('web', 'web-1', 'web-session-x', 'web-1-soft');
	t.is(read('web-1', known), 'web-1 null');
	t.is(read('web-session-x', known), 'web-session-x null', 'a whole name is that name');
	t.is(read('web-1-session-a', known), 'web-1 {session=a}');
	t.is(read('web-1-soft-session-a', known), 'web-1-soft {session=a}', 'the longest name wins');
	t.is(read('web-session-x-session-a', known), 'web-session-x {session=a}');
	t.is(read('bob-session-a', known), 'bob-session-a null', 'nobody of that name: authentication says so');
	t.is(read('my-app-1'), 'my-app-1 null');
	t.is(read('my-app-1-session-a'), 'my-app-1 {session=a}');
	t.is(read('very-strict'), 'very-strict null');
	t.is(read('last-exit'), 'last-exit null');
});

test('a key that is unknown, comes twice or has no value is wrong, whoever it is', (t) => {
	const known = users('alice');
	for (const rest of [
		'session-a-sesion-b',
		'session-a-session-b',
		'session-a-sid-b',
		'session',
		'session-a-ttl',
		'session-a-strict-soft',
		'session-a-strict-strict',
		'session-a-strict=1',
		'session-a-',
		'session--a',
		'session-é',
		`session-${'a'.repeat(65)}`,
		'session-a b',
		'session-a/b',
		'session-a-ttl-0',
		'session-a-ttl-10x',
		'session-a-ttl--1',
		'session-a-ttl-1.5m',
		'session-a-ttl-99999999m',
		'exit-',
	]) {
		t.is(read(`alice-${rest}`, known), 'alice wrong', rest);
	}
	t.is(read('x-session-a-colour-red'), 'x wrong');
	t.is(read('x-exit-de-colour-red'), 'x wrong');
});

test('a time or a word about a session that is not named is wrong', (t) => {
	for (const rest of ['ttl-10m', 'strict', 'sliding', 'exit-de-ttl-5m', 'exit-de-fixed'])
		t.is(read(`alice-${rest}`, users('alice')), 'alice wrong', rest);
	t.is(read('alice-exit-de-strict', users('alice')), 'alice {exit=de strict=true}');
});

test('a time without a unit is minutes', (t) => {
	t.is(read('u-session-a-ttl-10'), 'u {session=a ttlMs=600000}');
	t.is(read('u-session-a-ttl-10s'), 'u {session=a ttlMs=10000}');
	t.is(read('u-session-a-ttl-2h'), 'u {session=a ttlMs=7200000}');
	t.is(read('u-session-a-ttl-1d'), 'u {session=a ttlMs=86400000}');
});

test('without a list of users a name may be empty or begin with a key', (t) => {
	t.is(read('session-a'), ' {session=a}');
	t.is(read('-session-a'), ' {session=a}');
	t.is(read(''), ' null');
	t.is(read('session-a', users('alice')), 'session-a null');
});

test('any text is taken without a throw, and what is left of it is its beginning', (t) => {
	const word = fc.oneof(
		fc.constantFrom('session', 'ttl', 'exit', 'strict', 'alice', 'bob', '10m', '=', ''),
		fc.string({ unit: 'binary', maxLength: 8 }),
	);
	const name = fc.array(word, { maxLength: 40 }).map((words) => words.join('-'));
	fc.assert(
		fc.property(name, fc.constantFrom(null, users('alice', 'bob-1')), (text, isUser) => {
			t.true(text.startsWith(readSession(text, '-', isUser).user));
		}),
	);
});

test('a name of separators alone, or a very long one, costs no more than a look', (t) => {
	t.is(readSession('-'.repeat(510), '-', users('a')).words, null);
	const long = `alice-session-${'a'.repeat(100_000)}`;
	t.deepEqual(readSession(long, '-', users('alice')), { user: long, words: null });
	t.deepEqual(readSession(long, '-', null), { user: long, words: null });
});
