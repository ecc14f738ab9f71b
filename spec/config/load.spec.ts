import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { ConfigInput, PartConfig } from '../../lib/config/config.ts';
import { type Flags, type LoadOptions, loadConfig } from '../../lib/config/load.ts';
import { ConfigError } from '../../lib/config/problem.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';

/** Writes files of a folder of their own; gives back the path of the first one. */
function files(t: ExecutionContext, texts: Readonly<Record<string, string | Uint8Array>>): string {
	const folder = temporaryFolder(t);
	mkdirSync(join(folder, 'conf.d'));
	for (const [name, text] of Object.entries(texts)) writeFileSync(join(folder, name), text);
	return join(folder, Object.keys(texts)[0] as string);
}

/** What is wrong, a line each, with the folder taken off. */
async function problems(options: LoadOptions): Promise<string[]> {
	try {
		await loadConfig(options);
		return [];
	} catch (error) {
		if (!(error instanceof ConfigError)) throw error;
		return error.message.split('\n').map((line) => line.replace(/\/\S*\/(?=[^/]*\.(toml|txt))/g, ''));
	}
}

const problemsOf = (t: ExecutionContext, text: string | Uint8Array): Promise<string[]> =>
	problems({ file: files(t, { 'bauta.toml': text }) });

function flags(input: ConfigInput): Flags {
	return { input, nameOf: (path) => `--${path.join('-')}` };
}

test('loads without a file', async (t) => {
	const { config, input } = await loadConfig({});
	t.deepEqual(config.listen, [{ tag: 'listen-1', host: '127.0.0.1', port: 1080 }]);
	t.deepEqual(input, {});
});

test('a later place wins over an earlier one, key by key', async (t) => {
	const file = files(t, {
		'bauta.toml': '[limits]\nburst = 1\nhandshakes = 1\nconnections_open = 1\ntotal_clients = 1\n',
		'conf.d/20.toml': 'limits.handshakes = 3\n',
		'conf.d/10.toml': 'limits = { handshakes = 2, connections_open = 2, total_clients = 2 }\n',
		'conf.d/30.txt': 'limits.handshakes = 9\n',
	});
	const env = { BAUTA_LIMITS__CONNECTIONS_OPEN: '4', BAUTA_LIMITS__TOTAL_CLIENTS: '4' };
	const { config } = await loadConfig({ file, env, flags: flags({ limits: { total_clients: 5 } }) });
	const { burst, connectionsOpen } = config.limits.allowances.client;
	const { handshakes, maxKeys, totalConnections } = config.limits.ceilings;
	t.deepEqual([burst, handshakes, connectionsOpen, maxKeys, totalConnections], [1, 3, 4, 5, 10_000]);
});

const hostOf = (part: PartConfig | undefined): string | null => (part && part.type !== 'tag' ? part.host : null);

test('rules and upstreams of several files add up, in order', async (t) => {
	const file = files(t, {
		'bauta.toml': 'upstream = ["socks5://a"]\n[[rule]]\naction = "deny"\nport = "1"\n',
		'conf.d/1.toml': 'upstream = ["socks5://b"]\n[[rule]]\naction = "allow"\nroute = "upstream-2"\n',
	});
	const { config } = await loadConfig({ file });
	t.deepEqual(
		config.upstreams.map(({ tag, hops }) => `${tag} ${hostOf(hops[0])}`),
		['upstream-1 a', 'upstream-2 b'],
	);
	t.deepEqual(
		config.rules.map(({ name, action }) => `${name} ${action}`),
		['rule-1 deny', 'rule-2 allow'],
	);
	const replaced = await loadConfig({ file, flags: flags({ upstream: ['socks5://c', 'socks5://d'] }) });
	t.deepEqual(
		replaced.config.upstreams.map(({ hops }) => hostOf(hops[0])),
		['c', 'd'],
	);
});

test('names every problem at its place', async (t) => {
	const text = [
		'listen = ["127.0.0.1:1080", "1080", 5]',
		'upstreem = "x"',
		'timeouts.dial = "10"',
		'[limits]',
		'burts = 3',
		'burst = -1',
		'handshakes = 1.5',
		'ipv4_prefix = 33',
		'[log]',
		'level = "inf"',
		'users = "yes"',
		'[[rule]]',
		'action = "alow"',
		'client = ["10.0.0.1/8"]',
		'[[rule]]',
		'name = "x"',
		'rout = "tor"',
		'[[rule]]',
		'action = "deny"',
		'target = { a = 1 }',
		'[users]',
		'list = ["alice", 42]',
		'[resolver]',
		'servers = [',
		'  "9.9.9.9",',
		'  "dns"',
		']',
		'[exit]',
		'ports = 80',
		'[anonymity.response]',
		'remove = ["cookies", "etag"]',
		'spare = ["=a.example", "10.0.0.1", 3]',
	].join('\n');
	t.deepEqual(await problemsOf(t, text), [
		'bauta.toml:1:29: listen[1]: expected an address with a port such as "127.0.0.1:1080", "[::1]:1080" or ":1080" for every address, found "1080"',
		'bauta.toml:1:37: listen[2]: expected text in quotes, found a number',
		'bauta.toml:2:1: upstreem: expected a known key, found another, did you mean "upstream"?',
		'bauta.toml:3:17: timeouts.dial: expected a duration such as "30s", "250ms", "5m" or "1h", found "10"',
		'bauta.toml:5:1: limits.burts: expected a known key, found another, did you mean "burst"?',
		'bauta.toml:6:9: limits.burst: expected a whole number of at least 0, found -1',
		'bauta.toml:7:14: limits.handshakes: expected a whole number, found a number with a fraction',
		'bauta.toml:8:15: limits.ipv4_prefix: expected a whole number of at most 32, found 33',
		'bauta.toml:10:9: log.level: expected one of "debug", "info", "warn", "error", "off", found "inf", did you mean "info"?',
		'bauta.toml:11:9: log.users: expected true or false, found text',
		'bauta.toml:13:10: rule[0].action: expected one of "allow", "deny", "report", found "alow", did you mean "allow"?',
		'bauta.toml:14:11: rule[0].client[0]: host bits are set: write "10.0.0.0/8", found "10.0.0.1/8"',
		'bauta.toml:15:1: rule[1].action: expected one of "allow", "deny", "report", found nothing',
		'bauta.toml:17:1: rule[1].rout: expected a known key, found another, did you mean "route"?',
		'bauta.toml:20:10: rule[2].target: expected a list, found a table',
		'bauta.toml:22:9: users.list[0]: expected "name:password", found no ":"',
		'bauta.toml:22:18: users.list[1]: expected text in quotes, found a number',
		'bauta.toml:26:3: resolver.servers[1]: expected the address of a DNS server such as "9.9.9.9", "127.0.0.1:5353" or "[2620:fe::fe]:53", found "dns"',
		'bauta.toml:29:9: exit.ports: expected text in quotes, found a number',
		'bauta.toml:31:22: anonymity.response.remove[1]: expected one of "hops", "alternatives", "validators", "cookies", "refresh", "pins", "reports", "hints", found "etag"',
		'bauta.toml:32:24: anonymity.response.spare[1]: an address is no name: it belongs to the addresses, found "10.0.0.1"',
		'bauta.toml:32:36: anonymity.response.spare[2]: expected text in quotes, found a number',
	]);
});

test('points into tables of every notation', async (t) => {
	const text = [
		'upstream = [{ tag = "a", via = ["socks5://h"] }, { tag = "direct", via = [] }, 7]',
		'exit."mod" = 1',
		'log = { level = "x", "no such" = 1 }',
		'[resolver]',
		'[timeouts.dial]',
		's = 1',
	].join('\n');
	t.deepEqual(await problemsOf(t, text), [
		'bauta.toml:1:58: upstream[1].tag: expected a tag of its own: "direct" and "block" are always there, found "direct"',
		'bauta.toml:1:74: upstream[1].via: expected at least 1 in the list, found an empty list',
		'bauta.toml:1:80: upstream[2]: expected text in quotes or a table, found a number',
		'bauta.toml:2:6: exit.mod: expected a known key, found another, did you mean "mode"?',
		'bauta.toml:3:17: log.level: expected one of "debug", "info", "warn", "error", "off", found "x"',
		'bauta.toml:3:22: log."no such": expected a known key, found another',
		'bauta.toml:5:1: timeouts.dial: expected text in quotes, found a table',
	]);
});

test('names the file of each problem, and all of their syntax errors', async (t) => {
	const file = files(t, {
		'bauta.toml': 'listen = [\n  "127.0.0.1:1080"\n[log]\n',
		'conf.d/1.toml': 'a = 1\na = 2\n',
		'conf.d/2.toml': '[log]\nlevel = 1\n[[rule]]\naction = "allow"\nroute = "of the broken file"\n',
	});
	t.deepEqual(await problems({ file }), [
		'bauta.toml:3:1: expected TOML, found this: expected comma or end of structure',
		'1.toml:2:1: expected TOML, found this: trying to redefine an already defined table or value',
		'2.toml:2:9: log.level: expected one of "debug", "info", "warn", "error", "off", found 1',
	]);
});

test('says which variable and which flag is wrong', async (t) => {
	const env = {
		BAUTA_LIMITS__BURST: 'many',
		BAUTA_LISTN: ':1',
		BAUTA_UPSTREAM: '[{ tag = "a" }]',
		BAUTA_RULE: 'deny everything',
	};
	const wrong = flags({ exit: { ports: '0' }, listen: [':1', 'x'] });
	t.deepEqual(await problems({ env, flags: wrong }), [
		'environment BAUTA_LISTN: expected BAUTA_ and a known key, found another, did you mean "BAUTA_LISTEN"?',
		'--listen-1: listen[1]: expected an address with a port such as "127.0.0.1:1080", "[::1]:1080" or ":1080" for every address, found "x"',
		'environment BAUTA_UPSTREAM: upstream[0].via: expected a list, found nothing',
		'--exit-ports: exit.ports: expected ports such as "80,443,8000-8099", "default,22" or "all", found "0"',
		'environment BAUTA_RULE: rule[0]: expected a table, found text',
		'environment BAUTA_RULE: rule[1]: expected a table, found text',
		'environment BAUTA_LIMITS__BURST: limits.burst: expected a whole number, found text',
	]);
});

test('compares the sections that are well formed, even where others are not', async (t) => {
	const text = [
		'listen = [":1", ":1", ":0", ":0"]',
		'[[upstream]]',
		'tag = "tor"',
		'via = ["socks5://a"]',
		'[[upstream]]',
		'tag = "tor"',
		'via = ["socks5://b"]',
		'[[rule]]',
		'name = "r"',
		'action = "allow"',
		'route = "torr"',
		'inbound = ["listen-1", "listen-9"]',
		'[[rule]]',
		'name = "r"',
		'action = "deny"',
		'route = "direct"',
		'[resolver]',
		'min_ttl = "2h"',
		'[log]',
		'level = 1',
	].join('\n');
	t.deepEqual(await problemsOf(t, text), [
		'bauta.toml:1:17: listen[1]: expected another address, found ":1" a second time',
		'bauta.toml:6:7: upstream[1].tag: expected another tag, found "tor" a second time',
		'bauta.toml:11:9: rule[0].route: expected one of "direct", "block", "tor", found "torr", did you mean "tor"?',
		'bauta.toml:12:24: rule[0].inbound[1]: expected one of "listen-1", "listen-2", "listen-3", "listen-4", found "listen-9", did you mean "listen-1"?',
		'bauta.toml:14:8: rule[1].name: expected another name, found "r" a second time',
		'bauta.toml:16:9: rule[1].route: expected no route where the action is "deny", found one',
		'bauta.toml:18:11: resolver.min_ttl: expected no more than resolver.max_ttl, found more',
		'bauta.toml:20:9: log.level: expected one of "debug", "info", "warn", "error", "off", found 1',
	]);
});

test('reads the users file from beside the file that names it', async (t) => {
	const hash = '$scrypt$ln=15,r=8,p=1$kt0yUZX4NnF5YQhvXC/lhQ$0Spbnh6k6hfXmKSnxmvn0VOMbHdeAGslJCPnjbAl3C0';
	const file = files(t, {
		'bauta.toml': '[users]\nfile = "users.txt"\nlist = ["bob:secret"]\n',
		'users.txt': `# people\n\nalice:${hash}\r\n`,
	});
	const { config } = await loadConfig({ file });
	t.deepEqual(
		config.users?.map(({ name }) => name),
		['bob', 'alice'],
	);
});

test('names each bad line of the users file, and shows none of it', async (t) => {
	const hash = '$scrypt$ln=15,r=8,p=1$kt0yUZX4NnF5YQhvXC/lhQ$0Spbnh6k6hfXmKSnxmvn0VOMbHdeAGslJCPnjbAl3C0';
	const file = files(t, {
		'bauta.toml': '[users]\nfile = "users.txt"\nlist = ["bob:secret", "carol:x", "carol:y"]\n',
		'users.txt': `alice:${hash}\nbob:${hash}\ndave:hunter2\n:${hash}\nhunter2\nalice:${hash}\n`,
	});
	t.deepEqual(await problems({ file }), [
		'bauta.toml:3:34: users.list[2]: expected another name, found "carol" a second time',
		'users.txt:2:1: expected each name once, found one that was there before',
		'users.txt:3:1: expected a hash such as "$scrypt$ln=15,r=8,p=1$SALT$HASH", found another form',
		'users.txt:4:1: expected "name:hash", the name 1 to 255 bytes long, found another form',
		'users.txt:5:1: expected "name:hash", the name 1 to 255 bytes long, found another form',
		'users.txt:6:1: expected each name once, found one that was there before',
	]);
});

test('points at the key that names a users file which cannot be read, whatever else is wrong with users', async (t) => {
	const found = await problemsOf(t, '[users]\nfile = "none.txt"\nlist = [1]\n');
	t.is(found.length, 2);
	t.regex(found[0]!, /^bauta\.toml:2:8: users\.file: expected a readable file, found "none\.txt" \(ENOENT\)$/);
	t.is(found[1], 'bauta.toml:3:9: users.list[0]: expected text in quotes, found a number');
});

test('an empty users file lets nobody in', async (t) => {
	const file = files(t, { 'bauta.toml': 'users.file = "users.txt"\n', 'users.txt': '' });
	t.deepEqual((await loadConfig({ file })).config.users, []);
	t.is((await loadConfig({})).config.users, null);
});

test('tells a file that is not there from one that cannot be used', async (t) => {
	const folder = temporaryFolder(t);
	const missing = await t.throwsAsync(loadConfig({ file: join(folder, 'none.toml') }), { instanceOf: ConfigError });
	t.is(missing?.kind, 'missing');
	const invalid = await t.throwsAsync(loadConfig({ file: folder }), { instanceOf: ConfigError });
	t.is(invalid?.kind, 'invalid');
	t.regex(invalid?.message ?? '', /EISDIR/);
});

test('reads UTF-8 with and without its mark, and refuses other bytes', async (t) => {
	t.deepEqual(await problemsOf(t, '\ufefflog.level = "warn"\n'), []);
	t.deepEqual(await problemsOf(t, Buffer.from('log.level = "\xff"\n', 'latin1')), [
		'bauta.toml: expected a readable file, found bytes that are no UTF-8',
	]);
});

const SECRETS = ['correcthorsebattery', 'stapletroubador'];

const SAFE = [
	'upstream = ["socks5://alice:correcthorsebattery@proxy.example:1080,http://bob:stapletroubador@h:1"]',
	'[users]',
	'list = ["carol:correcthorsebattery", "dave:stapletroubador"]',
	'[limits]',
	'burst = 1',
].join('\n');

/** Any six letters in a row of a secret. */
function leaks(text: string): boolean {
	return SECRETS.some((secret) =>
		Array.from({ length: secret.length - 5 }, (_, i) => secret.slice(i, i + 6)).some((part) => text.includes(part)),
	);
}

test('whatever slip of the hand, no problem shows a secret', async (t) => {
	const file = files(t, { 'bauta.toml': SAFE });
	t.deepEqual(await problems({ file }), []);
	const keys = fc.constantFrom(...Array.from('":=[],@/ \n%#\\\'x{'));
	let wrong = 0;
	await fc.assert(
		fc.asyncProperty(fc.nat(SAFE.length), fc.nat(2), keys, async (at, removed, inserted) => {
			writeFileSync(file, SAFE.slice(0, at) + inserted + SAFE.slice(at + removed));
			const found = await problems({ file });
			if (found.length > 0) wrong++;
			t.false(leaks(found.join('\n')), found.join('\n'));
		}),
		{ numRuns: 500 },
	);
	t.true(wrong > 100, 'too few slips were mistakes');
});

test('a secret in a variable of a wrong kind or name is not shown', async (t) => {
	const env = {
		BAUTA_UPSTREAM: 'socks4://alice:correcthorsebattery@h',
		BAUTA_USERS__LIST: 'correcthorsebattery',
		BAUTA_USERS: 'alice:correcthorsebattery',
		BAUTA_LIMITS__BURST: 'correcthorsebattery',
	};
	const found = await problems({ env });
	t.is(found.length, 4);
	t.false(leaks(found.join('\n')), found.join('\n'));
});
