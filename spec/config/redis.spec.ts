import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import type { RedisInput } from '../../lib/config/config.ts';
import type { ConfigError } from '../../lib/config/problem.ts';
import { parseKeyPrefix, parseRedisUrl } from '../../lib/config/redis.ts';
import { resolveConfig } from '../../lib/config/resolve.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';

/** What is wrong with a `[redis]`, without the places. */
function problemsOf(redis: RedisInput): string[] {
	try {
		resolveConfig({ redis });
		return [];
	} catch (error) {
		return (error as ConfigError).problems.map(({ message }) => message);
	}
}

test('reads URLs with and without TLS, port, user, password and database', (t) => {
	for (const url of [
		'redis://localhost',
		'rediss://[::1]:6380/0',
		'redis://:p%40ss@redis.example:6379/15',
		'redis://alice:s3cret@127.0.0.1',
		'redis://alice@127.0.0.1',
	]) {
		const parsed = parseRedisUrl(url);
		t.true('value' in parsed && parsed.value.reveal() === url, url);
	}
});

test('refuses other URLs, and shows nothing of them', (t) => {
	for (const url of ['http://s3cret', 's3cret', 'redis://', 'redis://s3cret:0', 'redis://h:99999', 'redis://h/s3cret'])
		t.regex(problemsOf({ url: [url] }).join(), /^expected redis:\/\/ or rediss:\/\/(?!.*s3cret)/, url);
	t.true('wrong' in parseRedisUrl('redis://a:%E0@h'));
	fc.assert(fc.property(fc.string(), (text) => 'wrong' in parseRedisUrl(`redis://a:${text}@`)));
});

test('passwords and authorities come from files, without the end of their line', (t) => {
	const folder = temporaryFolder(t);
	writeFileSync(join(folder, 'password'), 's3cret\n');
	writeFileSync(join(folder, 'ca.pem'), 'PEM');
	writeFileSync(join(folder, 'key'), 'fleet');
	const files = {
		password_file: join(folder, 'password'),
		ca_file: join(folder, 'ca.pem'),
		key_file: join(folder, 'key'),
	};
	const { redis } = resolveConfig({ redis: { url: ['rediss://h'], ...files } });
	t.deepEqual([redis?.password?.reveal(), redis?.ca, redis?.key?.reveal()], ['s3cret', 'PEM', 'fleet']);
	t.regex(problemsOf({ url: ['redis://h'], password_file: join(folder, 'none') }).join(), /readable file.*ENOENT/);
});

test('times are kept where they make sense, and every default of them is', (t) => {
	const { redis } = resolveConfig({ redis: { url: ['redis://h'] } });
	t.deepEqual([redis?.waitMs, redis?.leaseMs, redis?.saltMs], [50, 30_000, 86_400_000]);
	t.regex(problemsOf({ wait: '2s' }).join(), /from "5ms" to "1s"/);
	t.regex(problemsOf({ lease: '1s' }).join(), /from "3s" to "10m"/);
	t.regex(problemsOf({ salt: '1m' }).join(), /from "10m" to "20d"/);
	t.regex(problemsOf({ salt: '10m', lease: '10m' }).join(), /twice redis\.lease/);
});

test('what does not go together is said', (t) => {
	t.regex(problemsOf({ sentinel: 'm' }).join(), /sentinels in redis\.url/);
	t.regex(problemsOf({ url: ['redis://a', 'rediss://b'] }).join(), /found both/);
	t.regex(problemsOf({ url: ['redis://a/1', 'redis://b'] }).join(), /no number of a database/);
	t.deepEqual(problemsOf({ url: ['redis://a/1', 'redis://b/1'], sentinel: 'm' }), []);
});

test('a prefix has no braces and no blanks', (t) => {
	t.deepEqual(parseKeyPrefix('bauta:eu-1'), { value: 'bauta:eu-1' });
	for (const text of ['', '{a}', 'a b', 'x'.repeat(65)]) t.true('wrong' in parseKeyPrefix(text), text);
});
