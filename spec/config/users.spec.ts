import test from 'ava';
import { parseUser, userOf } from '../../lib/config/users.ts';

test('a user is a name, a colon and a password that may hold more colons', (t) => {
	const parsed = parseUser('alice:a:b');
	t.true('value' in parsed);
	if ('value' in parsed) t.deepEqual([parsed.value.name, parsed.value.password.reveal()], ['alice', 'a:b']);
});

test('refuses what SOCKS5 or HTTP could not carry, and shows none of it', (t) => {
	const long = 'sesame'.repeat(50);
	for (const [name, password] of [
		['', 'sesame'],
		['alice', ''],
		['sesame:', 'x'],
		[long, 'x'],
		['alice', long],
		['alice', 'ä'.repeat(128)],
	] as const) {
		const parsed = userOf(name, password);
		t.true('wrong' in parsed, name);
		t.false(JSON.stringify(parsed).includes('sesame'));
	}
	t.true('wrong' in parseUser('sesame'));
	t.true('value' in userOf('a'.repeat(255), 'ä'.repeat(127)));
});
