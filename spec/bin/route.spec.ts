import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { bauta } from '../helpers/command.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';

const CONFIG = `users.list = ["alice:x"]
upstream = [
  { tag = "far", via = ["socks5://u:s3cret@h.example:1080", "http://[2001:db8::1]:3128"] },
]
[[rule]]
name = "no mail"
action = "deny"
target = ["mail.example.com"]
[[rule]]
action = "allow"
user = ["alice"]
session = ["here"]
route = "direct"
`;

function configFile(t: Parameters<typeof temporaryFolder>[0]): string {
	const file = join(temporaryFolder(t), 'bauta.toml');
	writeFileSync(file, CONFIG);
	return file;
}

test('the rule and the way out are named with the place that says so, and no password', async (t) => {
	const file = configFile(t);
	const far = await bauta(t, ['route', 'www.example.com:443', '--user', 'alice', '-c', file]);
	t.deepEqual(far.stdout.split('\n'), [
		'target    www.example.com:443',
		'user      alice',
		'rule      none',
		`way out   far, socks5://u:***@h.example:1080,http://[2001:db8::1]:3128 (${file}:3:3)`,
		'',
	]);
	const here = await bauta(t, ['route', 'http://www.example.com/x', '--user', 'alice-session-here-ttl-5m', '-c', file]);
	t.deepEqual(
		[here.code, here.stdout.split('\n')],
		[
			0,
			[
				'target    www.example.com:80',
				'user      alice',
				'session   here, 300s from its first use',
				`rule      rule-2 (${file}:9:1)`,
				'way out   direct',
				'then      resolved here; each of its addresses is judged before it is dialled',
				'',
			],
		],
	);
});

test('a refusal says why and ends with 1', async (t) => {
	const file = configFile(t);
	const denied = await bauta(t, ['route', 'mail.example.com', '--user', 'alice', '-c', file]);
	t.deepEqual(
		[denied.code, denied.stdout.split('\n').slice(2)],
		[1, [`rule      no mail (${file}:5:1)`, 'refused   http_request_denied', '']],
	);
	const json = await bauta(t, ['route', '[::1]:443', '--json', '--at', '2026-11-23T12:00', '--client', '2001:db8::1']);
	t.is(json.code, 1);
	t.deepEqual(JSON.parse(json.stdout), {
		allowed: false,
		error: 'destination_ip_prohibited',
		rule: null,
		list: null,
		reports: [],
		route: null,
		session: null,
	});
});

test('what cannot be asked is a wrong command line', async (t) => {
	for (const args of [
		['a:0'],
		['a b'],
		['a:99999'],
		['a', '--client', 'x'],
		['a', '--at', 'x'],
		['a', '--inbound', 'x'],
	]) {
		const { code, stdout } = await bauta(t, ['route', ...args]);
		t.deepEqual([code, stdout], [64, ''], args.join(' '));
	}
});
