import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { bauta } from '../helpers/command.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';

const FLAGS = [
	'-L',
	'127.0.0.1:0',
	'-L',
	'[::1]:0',
	'-F',
	'socks5://alice:s3same@a,http://b:1',
	'-F',
	'socks4://c',
	'--user',
	'bob:s3same',
	'--allow-private',
	'--allow-ports',
	'80,443',
	'--anonymity',
	'anonymous',
	'--log-level',
	'warn',
	'--log-clients',
	'hash',
];

test('print turns flags into a file that means the same', async (t) => {
	const { code, stdout, stderr } = await bauta(t, ['config', 'print', ...FLAGS]);
	t.deepEqual([code, stderr], [0, '']);
	for (const text of [
		'listen = [ "127.0.0.1:0", "[::1]:0" ]',
		'upstream = [ "socks5://alice:***@a,http://b:1", "socks4://c" ]',
		'list = [ "bob:***" ]',
		'allow_private = true',
		'ports = "80,443"',
		'level = "anonymous"',
		'level = "warn"',
		'clients = "hash"',
	]) {
		t.true(stdout.includes(text), text);
	}
	const file = join(temporaryFolder(t), 'bauta.toml');
	writeFileSync(file, stdout);
	t.is((await bauta(t, ['config', 'print', '-c', file])).stdout, stdout);
});

test('print shows no secret of flags, environment and file', async (t) => {
	const file = join(temporaryFolder(t), 'bauta.toml');
	writeFileSync(file, '[[upstream]]\ntag = "a"\nvia = ["http://u:s3same@h:1"]\n');
	const env = { BAUTA_USERS__LIST: 'carol:s3same' };
	const { code, stdout } = await bauta(t, ['config', 'print', '-c', file], { env });
	t.is(code, 0);
	t.true(stdout.includes('carol:***') && stdout.includes('http://u:***@h:1'));
	t.false(stdout.includes('s3same'));
});

test('a flag wins over the environment, and that over the file', async (t) => {
	const file = join(temporaryFolder(t), 'bauta.toml');
	writeFileSync(file, '[log]\nlevel = "error"\nclients = "truncate"\n[limits]\nburst = 1\n');
	const env = { BAUTA_LOG__LEVEL: 'debug', BAUTA_LOG__CLIENTS: 'hash' };
	const { stdout } = await bauta(t, ['config', 'print', '-c', file, '--log-level', 'warn'], { env });
	for (const text of ['level = "warn"', 'clients = "hash"', 'burst = 1']) t.true(stdout.includes(text), text);
});

test('print of a bad configuration says what is bad and nothing else', async (t) => {
	const { code, stdout, stderr } = await bauta(t, ['config', 'print', '-L', 'x']);
	t.deepEqual([code, stdout], [78, '']);
	t.regex(stderr, /^--listen: listen\[0\]: expected /);
});

test('schema prints the JSON Schema', async (t) => {
	const { code, stdout } = await bauta(t, ['config', 'schema']);
	t.is(code, 0);
	t.like(JSON.parse(stdout), {
		$schema: 'https://json-schema.org/draft/2020-12/schema',
		properties: { limits: { properties: { burst: { type: 'integer' } } } },
	});
});
