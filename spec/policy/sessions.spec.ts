import test from 'ava';
import fc from 'fast-check';
import type { SessionWords } from '../../lib/policy/session-grammar.ts';
import { SessionReader } from '../../lib/policy/sessions.ts';

const OPTIONS = { separator: '-', ttlMs: 600_000, maxTtlMs: 3_600_000, sliding: false, strict: false };
const WORDS: SessionWords = { session: 'a', ttlMs: null, exit: null, strict: null, sliding: null };
const reader = new SessionReader(OPTIONS, null);

test('what a name does not say is as the operator has it', (t) => {
	t.like(reader.sessionOf(WORDS, 'alice', null), {
		name: 'a',
		ttlMs: 600_000,
		sliding: false,
		strict: false,
		exit: null,
	});
	const said = { session: 'a', ttlMs: 1_000, exit: 'de', strict: true, sliding: true };
	t.like(reader.sessionOf(said, 'alice', null), { ttlMs: 1_000, sliding: true, strict: true, exit: 'de' });
});

test('a time beyond the longest is wrong', (t) => {
	t.is(reader.read('alice-session-a-ttl-61m').words, 'wrong');
	t.like(reader.read('alice-session-a-ttl-60m').words, { ttlMs: 3_600_000 });
});

test('a wish for an exit alone is not remembered', (t) => {
	t.is(reader.sessionOf({ ...WORDS, session: null, exit: 'de' }, 'alice', null).key, null);
});

test('no two users, sessions or clients have one key', (t) => {
	const text = fc.string({ unit: fc.constantFrom('a', '1', ':', ' ', '-', 'user'), maxLength: 6 });
	const who = fc.tuple(text, text, fc.option(text));
	const keyOf = ([session, user, client]: [string, string, string | null]) =>
		reader.sessionOf({ ...WORDS, session }, user, client).key;
	fc.assert(
		fc.property(who, who, (one, other) => {
			t.is(keyOf(one) === keyOf(other), JSON.stringify(one) === JSON.stringify(other));
		}),
	);
});

test('who pays for a session is the user, or the client where names are only claimed', (t) => {
	t.is(reader.sessionOf(WORDS, 'alice', null).owner, 'user alice');
	t.is(reader.sessionOf(WORDS, 'alice', '192.0.2.1').owner, 'client 192.0.2.1');
});
