import { scryptSync } from 'node:crypto';
import test from 'ava';
import { GatewayError } from '../../lib/core/error.ts';
import { Secret } from '../../lib/core/secret.ts';
import { type PlainUser, Users } from '../../lib/policy/users.ts';

/** A line of a users file, cheap to check. */
function line(name: string, password: string, ln = 4): string {
	const salt = Buffer.from(`salt of ${name}`.padEnd(16, '.'), 'utf8').subarray(0, 16);
	const hash = scryptSync(password, salt, 32, { N: 2 ** ln, r: 8, p: 1 });
	const [saltText, hashText] = [salt, hash].map((bytes) => bytes.toString('base64').replaceAll('=', ''));
	return `${name}:$scrypt$ln=${ln},r=8,p=1$${saltText}$${hashText}`;
}

function plain(name: string, password: string): PlainUser {
	return { name, password: new Secret(password) };
}

function wire(text: string): string {
	return Buffer.from(text, 'utf8').toString('latin1');
}

function codeOf(thrown: unknown): string {
	return thrown instanceof GatewayError ? thrown.code : String(thrown);
}

test('knows its users by their passwords', async (t) => {
	const { users, problems } = Users.parse([line('alice', 'wonder'), line('bob', 'b')], [plain('carol', 'c')]);
	t.deepEqual(problems, []);
	const ask = (user: string, password: string | null): Promise<boolean> => users.verify({ user, password });
	t.true(await ask('alice', 'wonder'));
	t.true(await ask('bob', 'b'));
	t.true(await ask('carol', 'c'));
	for (const [user, password] of [
		['alice', 'b'],
		['alice', ''],
		['Alice', 'wonder'],
		['alice', 'wonder\0'],
		['alice ', 'wonder'],
		['carol', 'C'],
		['dave', 'wonder'],
		['', ''],
		['__proto__', 'x'],
		['alice', null],
		['alicewonder', ''],
	] as const)
		t.false(await ask(user, password), `${user}:${password}`);
});

test('a password proves nothing for another user, not even when it is right somewhere', async (t) => {
	const { users } = Users.parse([line('only', 'secret')], [plain('other', 'secret')]);
	for (const user of ['stranger', 'x', 'y', 'z', 'admin'])
		t.false(await users.verify({ user, password: 'secret' }), user);
	t.true(await users.verify({ user: 'only', password: 'secret' }));
	t.false(await users.verify({ user: 'stranger', password: 'secret' }), 'a remembered answer is of its own user');
});

test('names and passwords are bytes: UTF-8 in the file, a character a byte on the wire', async (t) => {
	const { users } = Users.parse([line('josé', 'contraseña')], [plain('zoë', 'naïve')]);
	t.true(await users.verify({ user: wire('josé'), password: wire('contraseña') }));
	t.true(await users.verify({ user: wire('zoë'), password: wire('naïve') }));
	t.false(await users.verify({ user: wire('josé'), password: 'contraseña' }), 'latin1 bytes are other bytes');
	t.false(await users.verify({ user: 'josé', password: wire('contraseña') }));
});

test('comments and empty lines are no users, other lines that are none are problems', async (t) => {
	const good = line('alice', 'wonder');
	const { users, problems } = Users.parse(['# users', '', '  ', ` ${good} `, 'nobody', ':x', 'bob:secret', good]);
	t.deepEqual(
		problems.map((each) => each.line),
		[4, 5, 6, 7],
	);
	t.regex(problems[0]!.problem, /^expected "name:hash"/);
	t.regex(problems[2]!.problem, /^expected a hash/);
	t.regex(problems[3]!.problem, /already there/);
	t.false(JSON.stringify(problems).includes('secret'));
	t.true(await users.verify({ user: 'alice', password: 'wonder' }));
	t.false(await users.verify({ user: 'bob', password: 'secret' }));
});

test('a password given in clear takes the place of a line', async (t) => {
	const { users } = Users.parse([line('alice', 'old')], [plain('alice', 'new')]);
	t.true(await users.verify({ user: 'alice', password: 'new' }));
	t.false(await users.verify({ user: 'alice', password: 'old' }));
});

test('where there are no users nobody is one', async (t) => {
	t.false(await Users.parse([]).users.verify({ user: '', password: '' }));
});

test('what no protocol carries is not even hashed', async (t) => {
	const { users } = Users.parse([line('alice', 'wonder')]);
	t.false(await users.verify({ user: 'alice', password: 'x'.repeat(1_000_000) }));
	t.false(await users.verify({ user: 'x'.repeat(1_000_000), password: 'x' }));
});

test('the same credentials at once are one check', async (t) => {
	const { users } = Users.parse([line('alice', 'wonder')]);
	const asked = Array.from({ length: 500 }, () => users.verify({ user: 'alice', password: 'wonder' }, 'browser'));
	t.true(asked.every((each) => each === asked[0]));
	t.true(await asked[0]);
});

test('a right answer is remembered for a minute, and no wrong one', async (t) => {
	let nowMs = 1_000;
	const { users } = Users.parse([line('alice', 'wonder', 14)], [], { nowMs: () => nowMs });
	const credentials = { user: 'alice', password: 'wonder' };
	t.true(await users.verify(credentials));
	// More at once than there are turns for: only what needs no check is answered.
	const busy = Array.from({ length: 4 }, (_, i) => users.verify({ user: 'alice', password: `${i}` }, 'guesser'));
	t.true(await users.verify(credentials, 'guesser'));
	nowMs += 59_999;
	t.true(await users.verify(credentials, 'guesser'));
	nowMs += 1;
	t.is(await users.verify(credentials, 'guesser').catch(codeOf), 'client_limit_reached');
	t.deepEqual(await Promise.all(busy), [false, false, false, false]);
	t.true(await users.verify(credentials, 'guesser'));
});

test('who floods with guesses is refused, and others are still checked', async (t) => {
	const { users } = Users.parse([line('alice', 'wonder', 12)]);
	const guesses = Array.from({ length: 200 }, (_, i) =>
		users.verify({ user: i % 2 ? 'alice' : `stranger-${i}`, password: `guess-${i}` }, 'flooder').catch(codeOf),
	);
	const right = users.verify({ user: 'alice', password: 'wonder' }, 'alice at home');
	const answers = await Promise.all(guesses);
	t.is(answers.filter((answer) => answer === false).length, 4);
	t.is(answers.filter((answer) => answer === 'client_limit_reached').length, 196);
	t.true(await right);
});

test('guesses from everywhere are refused beyond the queue, and it empties again', async (t) => {
	const { users } = Users.parse([line('alice', 'wonder', 10)]);
	const guesses = Array.from({ length: 200 }, (_, i) =>
		users.verify({ user: 'alice', password: `guess-${i}` }, `client-${i}`).catch(codeOf),
	);
	const answers = await Promise.all(guesses);
	t.is(answers.filter((answer) => answer === false).length, 66);
	t.is(answers.filter((answer) => answer === 'connection_limit_reached').length, 134);
	t.true(await users.verify({ user: 'alice', password: 'wonder' }, 'client-7'));
});

test('who was right within the hour is checked before all that guess', async (t) => {
	let nowMs = 1_000;
	const { users } = Users.parse([line('alice', 'wonder', 10), line('bob', 'builder', 10)], [], { nowMs: () => nowMs });
	t.true(await users.verify({ user: 'alice', password: 'wonder' }, 'home'));
	const flood = (): Promise<unknown>[] =>
		Array.from({ length: 100 }, (_, i) => users.verify({ user: 'alice', password: `${i}` }, `c${i}`).catch(codeOf));
	let guesses = flood();
	t.true(await users.verify({ user: 'bob', password: 'builder' }, 'home'));
	t.is((await Promise.all(guesses)).filter((answer) => answer === false).length, 66);
	nowMs += 3_600_000;
	guesses = flood();
	t.is(await users.verify({ user: 'bob', password: 'builder' }, 'home').catch(codeOf), 'connection_limit_reached');
	await Promise.all(guesses);
});

test('a stranger is checked as somebody is, in turns and all', async (t) => {
	const { users } = Users.parse([line('alice', 'wonder', 12)]);
	const asked = Array.from({ length: 6 }, (_, i) =>
		users.verify({ user: `stranger-${i}`, password: 'x' }, 'c').catch(codeOf),
	);
	const answers = await Promise.all(asked);
	t.is(answers.filter((answer) => answer === false).length, 4);
	t.is(answers.filter((answer) => answer === 'client_limit_reached').length, 2);
});
