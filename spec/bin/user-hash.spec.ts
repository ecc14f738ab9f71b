import { once } from 'node:events';
import test from 'ava';
import { isPassword, type PasswordHash, parsePasswordHash } from '../../lib/policy/password-hash.ts';
import { BIN, bauta } from '../helpers/command.ts';
import { startProcess } from '../helpers/process.ts';
import { needs, program } from '../helpers/programs.ts';
import type { Scope } from '../helpers/scope.ts';

/** Whether the printed line is this user's, with this password. */
async function is(line: string, user: string, password: string): Promise<boolean> {
	const colon = line.indexOf(':');
	const hash = parsePasswordHash(line.slice(colon + 1).trimEnd());
	return line.slice(0, colon) === user && (await isPassword(Buffer.from(password), hash as PasswordHash));
}

test('prints the line for the users file', async (t) => {
	const { code, stdout, stderr } = await bauta(t, ['user', 'hash', 'alice'], { input: 's3same:ä ö\n' });
	t.deepEqual([code, stderr], [0, '']);
	t.true(await is(stdout, 'alice', 's3same:ä ö'));
	t.is(stdout.split('\n').length, 2);
});

test('takes the name from standard input where none was given', async (t) => {
	const { stdout } = await bauta(t, ['user', 'hash'], { input: 'bob:s3same\nmore\n' });
	t.true(await is(stdout, 'bob', 's3same'));
});

test('refuses what is no user, and shows none of it', async (t) => {
	for (const [args, input] of [
		[['alice'], ''],
		[['alice'], '\n'],
		[['al:ice'], 's3same'],
		[[], 's3same'],
		[['alice'], 's3same'.repeat(50)],
	] as [string[], string][]) {
		const { code, stdout, stderr } = await bauta(t, ['user', 'hash', ...args], { input });
		t.deepEqual([code, stdout], [64, ''], input);
		t.true(stderr.startsWith('bauta: expected '), stderr);
		t.false(stderr.includes('s3same'));
	}
});

/** Runs the command at a terminal and answers each question with the next text; resolves with all that was to be seen. */
async function typed(t: Scope, answers: readonly (readonly [string, string])[]): Promise<string> {
	const command = `${process.execPath} ${BIN} user hash alice`;
	const child = startProcess(t, program('script'), [
		'--quiet',
		'--return',
		'--flush',
		'--command',
		command,
		'/dev/null',
	]);
	let seen = '';
	let next = 0;
	child.stdout!.setEncoding('utf8').on('data', (text: string) => {
		seen += text;
		const [question, answer] = answers[next] ?? [];
		if (question === undefined || !seen.endsWith(question)) return;
		next++;
		child.stdin!.write(answer as string);
	});
	await once(child, 'close');
	return seen;
}

needs(test, 'script')('at a terminal it asks twice and shows nothing that is typed', async (t) => {
	const seen = await typed(t, [
		['Password: ', 's3samx\x7fe\r'],
		['Again: ', 's3same\r'],
	]);
	t.false(seen.includes('s3sam'));
	t.true(await is(seen.split('\r\n').at(-2)!, 'alice', 's3same'), seen);
});

needs(test, 'script')('at a terminal two different passwords are none', async (t) => {
	const seen = await typed(t, [
		['Password: ', 'one\r'],
		['Again: ', 'two\r'],
	]);
	t.true(seen.includes('expected the same password twice'), seen);
	t.false(seen.includes('$scrypt$'));
});

needs(test, 'script')('at a terminal Ctrl-C gives up', async (t) => {
	const seen = await typed(t, [['Password: ', 'one\x03']]);
	t.true(seen.includes('gave up'), seen);
	t.false(seen.includes('$scrypt$'));
});
