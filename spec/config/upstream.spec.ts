import test from 'ava';
import fc from 'fast-check';
import type { HopConfig } from '../../lib/config/config.ts';
import { maskChain, parseChain, parseHop } from '../../lib/config/upstream.ts';

/** A hop with its password in clear, or null for a refusal. */
function read(text: string): object | null {
	const parsed = parseHop(text);
	return 'value' in parsed ? { ...parsed.value, password: parsed.value.password?.reveal() ?? null } : null;
}

const plain = (type: HopConfig['type'], host: string, port: number): object => ({
	type,
	host,
	port,
	user: null,
	password: null,
});

test('reads every kind of hop, with the port that everybody means', (t) => {
	t.deepEqual(read('socks5://proxy.example'), plain('socks5', 'proxy.example', 1080));
	t.deepEqual(read('socks5h://proxy.example:9050/'), plain('socks5', 'proxy.example', 9050));
	t.deepEqual(read('SOCKS4://192.0.2.1'), plain('socks4', '192.0.2.1', 1080));
	t.deepEqual(read('socks4a://[2001:DB8::1]:1'), plain('socks4a', '2001:db8::1', 1));
	t.deepEqual(read('http://Proxy.Example:3128'), plain('http', 'proxy.example', 3128));
	t.deepEqual(read('https://proxy.example'), plain('https', 'proxy.example', 443));
});

test('wants the port of an http hop said, because tools disagree about it', (t) => {
	t.is(read('http://proxy.example'), null);
	t.deepEqual(read('http://proxy.example:80'), plain('http', 'proxy.example', 80));
});

test('reads user and password behind their escapes', (t) => {
	const who = (text: string): unknown[] => Object.values(read(text) as object).slice(3);
	t.deepEqual(who('socks5://alice:s3cret@h'), ['alice', 's3cret']);
	t.deepEqual(who('socks5://al%40ice:s%3A%2C%25@h'), ['al@ice', 's:,%']);
	t.deepEqual(who('http://alice:a:b@c/d@h:1'), ['alice', 'a:b@c/d']);
	t.deepEqual(who('socks5://alice@h'), ['alice', '']);
	t.deepEqual(who('socks5://%C3%A4:%E2%82%AC@h'), ['ä', '€']);
	t.deepEqual(who('socks4://alice@h'), ['alice', null]);
});

test('refuses what a hop could not be told', (t) => {
	for (const text of [
		'',
		'proxy.example:1080',
		'ftp://h:1',
		'socks://h:1',
		'socks5:/h:1',
		'socks5://',
		'socks5://:1080',
		'://h:1',
		'socks5://h:0',
		'socks5://h:65536',
		'socks5://h:',
		'socks5://h:x',
		'socks5://::1:1080',
		'socks5://h:1/path',
		'socks5://h ost:1',
		'socks5://h_%:1',
		'socks5://1.2.3.4.5:1',
		'socks5://[::1%25eth0]:1',
		'socks5://:pw@h',
		'socks5://@h',
		'socks5://u:%zz@h',
		'socks5://u%ff:p@h',
		'http://a%3Ab:c@h:1',
		'socks4://u:p@h',
		'socks4://@h',
		'socks4://u%00@h',
		`socks5://${'u'.repeat(256)}@h`,
		`socks5://u:${'p'.repeat(256)}@h`,
	]) {
		t.is(read(text), null, text);
	}
});

test('reads a chain in the order in which it is dialled', (t) => {
	const parsed = parseChain('socks5://a:1, pool,socks4://c:3');
	t.true('value' in parsed);
	if ('value' in parsed)
		t.deepEqual(
			parsed.value.map((part) => (part.type === 'tag' ? part.tag : part.host)),
			['a', 'pool', 'c'],
		);
	t.false('value' in parseChain('socks5://a:1,'));
	t.false('value' in parseChain(''));
});

const wordy = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });

test('reads back any user and password that was escaped, and masks the password', (t) => {
	fc.assert(
		fc.property(wordy, wordy, fc.constantFrom('socks5', 'https'), (user, password, scheme) => {
			fc.pre(scheme === 'socks5' || !user.includes(':'));
			const text = `${scheme}://${encodeURIComponent(user)}:${encodeURIComponent(password)}@proxy.example:1`;
			t.deepEqual(read(text), { type: scheme, host: 'proxy.example', port: 1, user, password });
			t.is(maskChain(text), `${scheme}://${encodeURIComponent(user)}:***@proxy.example:1`);
		}),
	);
});

test('masks passwords wherever they can stand, and nothing else', (t) => {
	t.is(maskChain('socks5://u:p@h:1,http://a@b:c:d@e@[::1]:2'), 'socks5://u:***@h:1,http://a@b:***@[::1]:2');
	for (const text of ['socks5://h:1080', 'socks5://u@[::1]:1080', 'http://[::1]:1,socks4://u@h:2'])
		t.is(maskChain(text), text);
});

test('a refusal shows nothing of what was written', (t) => {
	const texts = [
		'sesame://u:sesame@h',
		'socks5://u:sesame@h:sesame',
		'socks4://u:sesame@h',
		'socks5://u:sesame%zz@h',
		'sesame',
	];
	for (const text of texts) {
		const parsed = parseHop(text);
		t.true('wrong' in parsed && parsed.found !== undefined, text);
		t.false(JSON.stringify(parsed).includes('sesame'), text);
	}
});
