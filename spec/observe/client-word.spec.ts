import test from 'ava';
import { clientWord, randomDayKey, SharedDayKey } from '../../lib/observe/client-word.ts';

test('says nothing by default', (t) => {
	t.is(clientWord('none')('192.0.2.77'), null);
});

test('truncates to what holds many subscribers', (t) => {
	const word = clientWord('truncate');
	t.is(word('192.0.2.77'), '192.0.2.0/24');
	t.is(word('192.0.2.77/32'), '192.0.2.0/24');
	t.is(word('2001:db8:1:2::/64'), '2001:db8:1::/48');
});

test('leaves a prefix alone that is wider already', (t) => {
	const word = clientWord('truncate');
	t.is(word('192.0.0.0/16'), '192.0.0.0/16');
	t.is(word('2001:db8::/32'), '2001:db8::/32');
});

test('says nothing of a key that is no address', (t) => {
	t.is(clientWord('truncate')('unix'), null);
});

test('hashes a client to the same word all day, another client to another', (t) => {
	const word = clientWord('hash');
	const first = word('192.0.2.77');
	t.regex(first!, /^[0-9a-f]{16}$/);
	t.is(word('192.0.2.77'), first);
	t.not(word('192.0.2.78'), first);
});

test('cannot be compared across processes or days', (t) => {
	let nowMs = Date.UTC(2026, 0, 1, 23, 59, 59, 999);
	const word = clientWord(
		'hash',
		randomDayKey(() => nowMs),
	);
	const before = word('192.0.2.77');
	t.not(
		clientWord(
			'hash',
			randomDayKey(() => nowMs),
		)('192.0.2.77'),
		before,
	);
	nowMs += 1;
	const after = word('192.0.2.77');
	t.not(after, before);
	t.is(word('192.0.2.77'), after);
});

test('processes that share a key say the same words, each day others', (t) => {
	let nowMs = Date.UTC(2026, 0, 1, 23, 59, 59, 999);
	const first = new SharedDayKey(undefined, () => nowMs);
	const word = clientWord('hash', () => first.today.key);
	const early = new SharedDayKey(first.today, () => nowMs);
	const before = word('192.0.2.77');
	t.is(clientWord('hash', () => early.today.key)('192.0.2.77'), before);
	nowMs += 3 * 86_400_000;
	const late = new SharedDayKey(first.today, () => nowMs);
	const words = [early, late].map((key) => clientWord('hash', () => key.today.key)('192.0.2.77'));
	t.deepEqual(words, [word('192.0.2.77'), word('192.0.2.77')]);
	t.not(words[0], before);
});
