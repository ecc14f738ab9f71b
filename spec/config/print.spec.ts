import test from 'ava';
import { parse } from 'smol-toml';
import type { ConfigInput } from '../../lib/config/config.ts';
import { printConfig } from '../../lib/config/print.ts';
import { resolveConfig } from '../../lib/config/resolve.ts';

const FULL: ConfigInput = {
	listen: [':1080'],
	upstream: ['socks5://alice:s3cret@a,http://bob@b:1', { tag: 'tor', via: ['socks5://t:s3cret@c', 'socks4://d'] }],
	rule: [
		{ name: 'one', action: 'allow', client: ['10.0.0.0/8'], route: 'tor' },
		{ action: 'deny', target: ['example.com'] },
	],
	users: { list: ['alice:s3cret', 'bob:s3cret:more'] },
	limits: { burst: 7 },
	redis: { url: ['redis://:s3cret@a:1/2', 'redis://b:s3cret@b'], sentinel: 'm' },
	log: { level: 'debug' },
	admin: { listen: '127.0.0.1:9090', token: 's3cret-s3cret-s3cret' },
};

/** With the values of secrets taken out, and class instances as what they show. */
const shown = (input: ConfigInput): string => JSON.stringify(resolveConfig(input));

test('what is printed reads back as the same configuration, but for the secrets', (t) => {
	for (const input of [{}, FULL]) {
		const text = printConfig(input);
		t.is(shown(parse(text)), shown(input));
		t.is(printConfig(parse(text)), text);
	}
});

test('masks every secret and nothing else', (t) => {
	const text = printConfig(FULL);
	t.false(text.includes('s3cret'));
	t.true(text.includes('"socks5://alice:***@a,http://bob@b:1"'));
	t.true(text.includes('"socks5://t:***@c"'));
	t.true(text.includes('[ "redis://:***@a:1/2", "redis://b:***@b" ]'));
	t.true(text.includes('[ "alice:***", "bob:***" ]'));
});

test('says every default', (t) => {
	t.true(printConfig({}).includes('handshake = "10s"'));
	t.true(printConfig({ timeouts: { dial: '1s' } }).includes('handshake = "10s"'));
});
