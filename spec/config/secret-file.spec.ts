import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { isCredential, parseToken, pathOf, readSecretFile } from '../../lib/config/secret-file.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';

test('a credential is a file in the folder that the service manager names', (t) => {
	t.true(isCredential('credential:users'));
	t.false(isCredential('/etc/bauta/users'));
	t.deepEqual(pathOf('credential:users', '/run/credentials/bauta.service'), {
		value: '/run/credentials/bauta.service/users',
	});
	t.deepEqual(pathOf('/etc/bauta/users', undefined), { value: '/etc/bauta/users' });
});

test('a credential that nobody brings is named, with what to write into the unit', (t) => {
	const refused = pathOf('credential:users', undefined);
	t.deepEqual(refused, {
		wrong: 'expected a credential called "users" (LoadCredential= in the unit)',
		found: 'no $CREDENTIALS_DIRECTORY',
	});
});

test('the name of a credential leads nowhere else', (t) => {
	for (const name of [
		'credential:',
		'credential:..',
		'credential:.',
		'credential:../a',
		'credential:a/b',
		'credential:a b',
	])
		t.true('wrong' in pathOf(name, '/run/x'), name);
});

test('a secret is what its file holds, without the line feed behind it', (t) => {
	const file = join(temporaryFolder(t), 'secret');
	const read = (text: string): string | undefined => {
		writeFileSync(file, text);
		const parsed = readSecretFile(file);
		return 'value' in parsed ? parsed.value.reveal() : undefined;
	};
	t.is(read('s3cret\n'), 's3cret');
	t.is(read('s3cret\r\n'), 's3cret');
	t.is(read(' s3 cret'), ' s3 cret');
	t.is(read('\n'), undefined);
	t.is(read('x'.repeat(4_097)), undefined);
	t.true('wrong' in readSecretFile(`${file}.not`));
});

test('a token is what a bearer can show', (t) => {
	const parsed = parseToken('aZ09-._~+/==');
	t.is('value' in parsed ? parsed.value?.reveal() : null, 'aZ09-._~+/==');
	t.deepEqual(parseToken(''), { value: null });
	for (const text of ['a b', 'a\n', 'ü', '=', 'a'.repeat(513)]) t.true('wrong' in parseToken(text), text);
});
