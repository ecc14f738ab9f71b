import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { BIN, bauta } from '../helpers/command.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';
import { run } from '../helpers/process.ts';

test('a good configuration is said to be one', async (t) => {
	const { code, stdout, stderr } = await bauta(t, ['check', '-c', 'conf/bauta.toml']);
	t.deepEqual([code, stdout, stderr], [0, 'the configuration is valid\n', '']);
});

test('every problem of file, environment and flags is named, and the code is 78', async (t) => {
	const file = join(temporaryFolder(t), 'bauta.toml');
	writeFileSync(file, '[limits]\nburts = 1\nburst = "x"\n');
	const env = { BAUTA_TIMEOUTS__DIAL: 'soon' };
	const { code, stdout, stderr } = await bauta(t, ['check', '-c', file, '--allow-ports', '0', '--log-clients=all'], {
		env,
	});
	t.deepEqual([code, stdout], [78, '']);
	t.deepEqual(stderr.trimEnd().split('\n').toSorted(), [
		'--allow-ports: exit.ports: expected ports such as "80,443,8000-8099", "default,22" or "all", found "0"',
		'--log-clients: log.clients: expected one of "none", "truncate", "hash", found "all"',
		`${file}:2:1: limits.burts: expected a known key, found another, did you mean "burst"?`,
		`${file}:3:9: limits.burst: expected a whole number, found text`,
		'environment BAUTA_TIMEOUTS__DIAL: timeouts.dial: expected a duration such as "30s", "250ms", "5m" or "1h", found "soon"',
	]);
});

test('--json says the same to programs', async (t) => {
	const good = await bauta(t, ['check', '--json', '-L', ':1080', '--allow-private']);
	t.is(good.code, 0);
	const { ok, problems, warnings } = JSON.parse(good.stdout) as Record<string, unknown[]>;
	t.deepEqual([ok, problems, warnings?.length], [true, [], 1]);
	const file = join(temporaryFolder(t), 'bauta.toml');
	writeFileSync(file, 'listen = [\n  "x"\n]\n');
	const bad = await bauta(t, ['check', '--json', '-c', file]);
	t.is(bad.code, 78);
	t.like(JSON.parse(bad.stdout), { ok: false, problems: [{ where: file, line: 2, column: 3, path: 'listen[0]' }] });
});

test('warnings do not make a configuration bad', async (t) => {
	const { code, stdout } = await bauta(t, ['check', '--user', 'alice:s3cret']);
	t.is(code, 0);
	t.regex(stdout, /^warning: passwords in clear.*\nthe configuration is valid\n$/);
	t.false(stdout.includes('s3cret'));
});

test('a file that is not there ends with 66', async (t) => {
	const { code, stderr } = await bauta(t, ['check', '-c', '/nonexistent/bauta.toml']);
	t.deepEqual([code, stderr], [66, '/nonexistent/bauta.toml: expected a readable file, found ENOENT\n']);
});

test('a file that may not be read ends with 77', async (t) => {
	const file = join(temporaryFolder(t), 'bauta.toml');
	writeFileSync(file, '');
	chmodSync(file, 0o000);
	// Root may read anything, unless it gives the right away.
	const root = process.getuid?.() === 0;
	const rights = '-dac_override,-dac_read_search';
	const drop = root ? ['setpriv', '--bounding-set', rights, '--inh-caps', rights] : [];
	const { code, stderr } = await run(t, 'env', [...drop, process.execPath, BIN, 'check', '-c', file]);
	t.deepEqual([code, stderr], [77, `${file}: expected a readable file, found EACCES\n`]);
});
