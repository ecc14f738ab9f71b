import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { ConfigInput, GroupConfig } from '../../lib/config/config.ts';
import type { GroupInput } from '../../lib/config/config-exits.ts';
import { loadConfig } from '../../lib/config/load.ts';
import { printConfig } from '../../lib/config/print.ts';
import type { ConfigError } from '../../lib/config/problem.ts';
import { resolveConfig } from '../../lib/config/resolve.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';

const MEMBERS = ['socks5://a', 'socks5://b'];

function group(part: Partial<GroupInput>): GroupConfig {
	return resolveConfig({ group: [{ tag: 'pool', members: MEMBERS, ...part }] }).groups[0]!;
}

/** What is wrong, a line each. */
function problems(input: ConfigInput): string[] {
	try {
		resolveConfig(input);
		return [];
	} catch (error) {
		return (error as ConfigError).message.split('\n').map((line) => line.replace('configuration: ', ''));
	}
}

const wrong = (part: Partial<GroupInput>): string[] =>
	problems({ group: [{ tag: 'pool', members: MEMBERS, ...part }] });

test('a group of two members is all that a careful person would say', (t) => {
	const { source, ...rest } = group({});
	t.is(source.kind, 'members');
	t.deepEqual(rest, {
		tag: 'pool',
		scheme: 'http',
		strategy: 'random',
		sticky: 'none',
		rotate: 'connection',
		tries: 3,
		attemptMs: 5_000,
		avoidMs: 600_000,
		eject: { after: 3, restMs: 10_000, longestRestMs: 300_000, floorPercent: 50 },
		retry: null,
		probe: null,
	});
});

test('what sticks is picked by rendezvous and kept until it fails, unless something else is said', (t) => {
	t.like(group({ sticky: 'session' }), { strategy: 'rendezvous', rotate: { uses: null, ms: null } });
	t.like(group({ sticky: 'site', strategy: 'latency', rotate: '10m' }), {
		strategy: 'latency',
		rotate: { uses: null, ms: 600_000 },
	});
	t.deepEqual(group({ rotate: '100 uses' }).rotate, { uses: 100, ms: null });
	t.is(group({ rotate: 'request' }).rotate, 'request');
	t.deepEqual(wrong({ sticky: 'client', rotate: 'request' }), [
		'group[0].rotate: expected "failure", "100 uses" or a duration where something sticks, found another',
	]);
	for (const rotate of ['never', '0 uses', '10', '', 'uses'])
		t.regex(wrong({ rotate })[0]!, /group\[0\]\.rotate: expected "connection"/);
});

test('members are URLs, chains and tags, with weights', (t) => {
	const { source } = group({ members: ['socks5://u:p@a weight=3', 'http://b:1,socks4://c', 'direct'] });
	t.true(source.kind === 'members');
	const members = source.kind === 'members' ? source.members : [];
	t.deepEqual(
		members.map(({ hops, weight }) => [weight, ...hops.map((hop) => (hop.type === 'tag' ? hop.tag : hop.host))]),
		[
			[3, 'a'],
			[1, 'b', 'c'],
			[1, 'direct'],
		],
	);
	for (const member of ['', 'socks5://a weight=0', 'socks5://a weight=1001', 'socks5://a fast', 'a b c', 'ftp://a'])
		t.is(wrong({ members: [member] }).length, 1, member);
});

test('a group has one list of members', (t) => {
	t.deepEqual(wrong({ members: [] }), ['group[0]: expected one of members, file and url, found none']);
	t.deepEqual(wrong({ url: 'http://lists.example/' }), [
		'group[0]: expected one of members, file and url, found several',
	]);
	t.like(group({ members: [], url: 'https://lists.example/x', through: 'direct', keep: 'f', refresh: '1h' }).source, {
		kind: 'url',
		url: { secure: true, path: '/x' },
		refreshMs: 3_600_000,
		keep: 'f',
	});
	t.regex(wrong({ members: [], url: 'lists.example' })[0]!, /expected a URL of http:\/\/ or https:\/\//);
	t.deepEqual(wrong({ members: [], url: 'http://lists.example/', through: 'pool' }), [
		'group[0].through: expected another way out, found this group',
	]);
	t.regex(wrong({ members: [], url: 'http://lists.example/', through: 'poo' })[0]!, /found "poo", did you mean "pool"/);
	t.regex(wrong({ members: [], file: '/nowhere/list' })[0]!, /group\[0\]\.file: expected a readable file.*ENOENT/);
});

test('a probe connects, goes through, or asks; nothing else', (t) => {
	t.like(group({ probe: { ask: 'tcp' } }).probe, { ask: { kind: 'tcp' }, everyMs: 60_000, atOnce: 32 });
	t.like(group({ probe: { ask: '[2001:db8::1]:443' } }).probe, { ask: { kind: 'tunnel', target: { port: 443 } } });
	t.like(group({ probe: { ask: 'http://x.example/ip', expect: '1', exits: ['192.0.2.0/24'] } }).probe, {
		ask: { kind: 'request', expect: '1' },
	});
	for (const ask of ['udp', 'host', 'host:0', 'host:65536', 'ftp://x'])
		t.regex(wrong({ probe: { ask } })[0]!, /group\[0\]\.probe\.ask: expected "tcp", "host:port" or a URL/, ask);
	t.regex(wrong({ probe: { exits: ['192.0.2.1/24'] } })[0]!, /group\[0\]\.probe\.exits\[0\]: host bits/);
});

test('statuses switch the retry on', (t) => {
	const { retry } = group({ retry: { statuses: [403, 503], tries: 1 } });
	t.true(retry?.statuses.has(503) && retry.methods.has('GET') && !retry.methods.has('POST'));
	t.like(retry, { tries: 1, bodyBytes: 65_536 });
	t.is(wrong({ retry: { statuses: [200] } }).length, 1);
});

test('tags of upstreams and groups are one set, and stand wherever a way out does', (t) => {
	const config = resolveConfig({
		upstream: [
			{ tag: 'one', via: ['socks5://a', 'pool', 'http://b:1'] },
			{ tag: 'two', via: ['pool'] },
		],
		group: [
			{ tag: 'pool', members: ['inner', 'socks5://a,two-hops'] },
			{ tag: 'inner', members: MEMBERS },
			{ tag: 'two-hops', members: MEMBERS },
		],
		route: 'pool',
		rule: [{ action: 'allow', route: 'inner' }],
	});
	t.is(config.route, 'pool');
	t.deepEqual(config.upstreams[0]?.hops[1], { type: 'tag', tag: 'pool' });
	t.deepEqual(
		problems({ upstream: [{ tag: 'pool', via: ['socks5://a'] }], group: [{ tag: 'pool', members: MEMBERS }] }),
		['group[0].tag: expected another tag, found "pool" a second time'],
	);
	t.deepEqual(problems({ route: 'nowhere' }), ['route: expected one of "direct", "block", found "nowhere"']);
	t.deepEqual(problems({ upstream: ['socks5://a,pol'], group: [{ tag: 'pool', members: MEMBERS }] }), [
		'upstream[0]: expected one of "direct", "upstream-1", "pool", found "pol", did you mean "pool"?',
	]);
});

test('no way out leads through itself', (t) => {
	const through = problems({
		upstream: [{ tag: 'up', via: ['socks5://a', 'pool'] }],
		group: [
			{ tag: 'pool', members: ['other', 'socks5://b'] },
			{ tag: 'other', members: ['up', 'socks5://b,other'] },
		],
	});
	t.deepEqual(through, [
		'upstream[0]: expected no way through itself, found "pool"',
		'group[0].members[0]: expected no way through itself, found "other"',
		'group[1].members[0]: expected no way through itself, found "up"',
		'group[1].members[1]: expected no way through itself, found "other"',
	]);
});

test('behind a proxy nothing leaves from this machine', (t) => {
	t.deepEqual(
		problems({
			upstream: ['socks5://a,direct', 'pool,socks5://a', 'socks5://a,up'],
			group: [
				{ tag: 'pool', members: ['direct', 'socks5://b'] },
				{ tag: 'up', members: ['pool,socks5://b'] },
			],
		}),
		[
			'upstream[0]: expected proxies alone behind the first hop, found "direct", which leaves from here',
			'upstream[2]: expected proxies alone behind the first hop, found "up", which leaves from here',
		],
	);
});

test('names in a file are beside it, groups of several files add up, and a print shows no secret', async (t) => {
	const folder = temporaryFolder(t);
	const file = join(folder, 'bauta.toml');
	writeFileSync(join(folder, 'list'), '');
	writeFileSync(
		file,
		`[[group]]
tag = "pool"
file = "list"
[[group]]
tag = "web"
url = "https://user:s3cret@lists.example/all?key=s3cret"
keep = "kept"
[[group]]
tag = "own"
members = ["socks5://u:s3cret@a,http://u:s3cret@b:1 weight=2"]
`,
	);
	const { config, input } = await loadConfig({ file });
	t.deepEqual(
		config.groups.map(({ source }) => (source.kind === 'file' ? source.path : source.kind === 'url' && source.keep)),
		[join(folder, 'list'), join(folder, 'kept'), false],
	);
	const printed = printConfig(input);
	t.false(printed.includes('s3cret'));
	t.regex(printed, /lists\.example\/all\?\*\*\*/);
	t.false(JSON.stringify(config.groups[2]).includes('s3cret'));
});
