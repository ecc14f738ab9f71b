import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { bauta } from '../helpers/command.ts';

const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
	readonly version: string;
};

test('says its version', async (t) => {
	t.deepEqual(await bauta(t, ['--version']), { code: 0, stdout: `${version}\n`, stderr: '' });
});

test('the help names every command, and the flags of the one that needs no name', async (t) => {
	const { code, stdout, stderr } = await bauta(t, ['--help']);
	t.deepEqual([code, stderr], [0, '']);
	for (const word of [
		'serve',
		'check',
		'config',
		'user',
		'--config',
		'--listen',
		'--upstream',
		'--user',
		'--allow-private',
		'--allow-ports',
		'--anonymity',
		'--log-level',
		'--log-clients',
	]) {
		t.true(stdout.includes(word), word);
	}
});

test('a command line that cannot be understood ends with 64 and starts nothing', async (t) => {
	for (const args of [
		['--no-such-flag'],
		['check', '--config'],
		['check', 'extra'],
		['config'],
		['config', 'prnt'],
		['user'],
		['serve', 'extra'],
	]) {
		const { code, stdout, stderr } = await bauta(t, args);
		t.is(code, 64, args.join(' '));
		t.is(stdout, '', args.join(' '));
		t.not(stderr, '', args.join(' '));
	}
});

test('a mistyped word or flag is answered with the one that was meant', async (t) => {
	t.true((await bauta(t, ['chekc'])).stderr.includes('did you mean "check"?'));
	t.true((await bauta(t, ['--listn', ':1'])).stderr.includes('--listen'));
});

test('what is not understood is not repeated where it may be a password', async (t) => {
	for (const args of [
		['alice:s3same'],
		['serve', 'alice:s3same'],
		['--usr=alice:s3same'],
		['check', '--usr', 'a:s3same'],
	]) {
		const { code, stdout, stderr } = await bauta(t, args);
		t.is(code, 64, args.join(' '));
		t.false((stdout + stderr).includes('s3same'), stderr);
	}
});
