import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { ConfigInput, HopConfig } from '../../lib/config/config.ts';
import { ConfigError } from '../../lib/config/problem.ts';
import { resolveConfig } from '../../lib/config/resolve.ts';
import { formatIp } from '../../lib/core/ip.ts';
import { Secret } from '../../lib/core/secret.ts';
import { CLIENT_PREFIXES } from '../../lib/limits/client-key.ts';
import { DEFAULT_ALLOWANCES, DEFAULT_CEILINGS } from '../../lib/limits/defaults.ts';
import { DEFAULT_PORT_RANGES, type PortSet } from '../../lib/policy/ports.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';

test('nothing said is what a careful person would say', (t) => {
	const { exit, limits, ...rest } = resolveConfig({});
	t.deepEqual(rest, {
		admin: { listen: { kind: 'default' }, token: null, hosts: [] },
		reload: { watch: false },
		listen: [{ tag: 'listen-1', host: '127.0.0.1', port: 1080 }],
		upstreams: [],
		groups: [],
		route: null,
		anonymity: { level: 'elite', response: { remove: [], spare: [] } },
		egress: { source: [], strategy: 'random', mark: 0, device: '' },
		sources: [],
		session: {
			separator: '-',
			ttlMs: 600_000,
			maxTtlMs: 86_400_000,
			sliding: false,
			strict: false,
			limit: 100_000,
			limitPerOwner: 1_000,
		},
		tor: { isolate: ['client', 'user', 'session'], rotateMs: 0 },
		rules: [],
		lists: [],
		users: null,
		workers: 1,
		redis: null,
		timeouts: {
			handshakeMs: 10_000,
			dialMs: 15_000,
			idleMs: 3_600_000,
			lifetimeMs: 0,
			httpIdleMs: 75_000,
			keepAliveMs: 180_000,
			drainMs: 30_000,
		},
		udp: {
			enabled: true,
			advertised: [],
			ports: null,
			filter: 'address',
			packetsPerSecond: 10_000,
			idleMs: 300_000,
		},
		bind: { listeners: 'loopback', advertised: [], ports: null, waitMs: 120_000 },
		pac: { enabled: false, hosts: [] },
		resolver: {
			servers: [],
			timeoutMs: 5_000,
			cacheEntries: 10_000,
			minTtlMs: 5_000,
			maxTtlMs: 3_600_000,
			hostsFile: true,
		},
		io: { native: true },
		log: { level: 'info', format: 'auto', clients: 'none', users: false, targets: false },
	});
	t.deepEqual(limits, { allowances: DEFAULT_ALLOWANCES, ceilings: DEFAULT_CEILINGS, prefixes: CLIENT_PREFIXES });
	t.deepEqual([exit.allowPrivate, exit.mode], [false, 'enforce']);
	for (const [first, last] of DEFAULT_PORT_RANGES) t.true(exit.ports.has(first) && exit.ports.has(last));
	for (const port of [22, 25, 3389]) t.false(exit.ports.has(port));
});

test('everything said is understood', (t) => {
	const config = resolveConfig({
		listen: [':1', '[::1]:0', 'fd:proxy'],
		upstream: ['socks5://alice:s3cret@a,http://b:1', { tag: 'tor', via: ['socks5h://127.0.0.1:9050'] }],
		anonymity: { level: 'transparent' },
		exit: { allow_private: true, ports: 'all', mode: 'report' },
		users: { list: ['alice:s3:cret'] },
		limits: { connections_open: 0, ipv6_prefix: 48 },
		egress: { source: ['203.0.113.0/28,2001:db8:1::/64', '192.0.2.7'], strategy: 'sticky', mark: 7, device: 'wg0' },
		source: [{ tag: 'office', from: ['192.0.2.8'] }],
		session: { separator: '+', ttl: '1m', max_ttl: '1h', expire: 'sliding', strict: true, total: 10, per_user: 2 },
		tor: { isolate: ['target'], rotate: '5m' },
		timeouts: { idle: 'off', drain: '1m' },
		resolver: { servers: ['127.0.0.1:53'], min_ttl: 'off', hosts_file: false },
		log: { level: 'off', format: 'json', clients: 'hash', users: true, targets: true },
	});
	t.deepEqual(config.listen, [
		{ tag: 'listen-1', host: null, port: 1 },
		{ tag: 'listen-2', host: '::1', port: 0 },
		{ tag: 'listen-3', host: null, port: 0, descriptor: 'proxy' },
	]);
	const [first, tor] = config.upstreams;
	t.is(first?.tag, 'upstream-1');
	t.is((first!.hops[0] as HopConfig).password?.reveal(), 's3cret');
	t.deepEqual(first?.hops[1], { type: 'http', host: 'b', port: 1, user: null, password: null });
	t.deepEqual(tor, {
		tag: 'tor',
		hops: [{ type: 'socks5', host: '127.0.0.1', port: 9050, user: null, password: null }],
	});
	t.true(config.exit.ports.has(65_535));
	const [alice] = config.users ?? [];
	t.true(alice !== undefined && 'password' in alice && alice.password.reveal() === 's3:cret');
	t.deepEqual([config.limits.allowances.client.connectionsOpen, config.limits.prefixes.v6Bits], [0, 48]);
	t.deepEqual([config.timeouts.idleMs, config.timeouts.drainMs, config.resolver.minTtlMs], [0, 60_000, 0]);
	t.deepEqual(
		config.egress.source.map(({ ip, bits }) => `${formatIp(ip)}/${bits}`),
		['203.0.113.0/28', '2001:db8:1::/64', '192.0.2.7/32'],
	);
	t.like(config.egress, { strategy: 'sticky', mark: 7, device: 'wg0' });
	t.like(config.sources[0], { tag: 'office', strategy: 'random', mark: 0, device: '' });
	t.deepEqual(config.session, {
		separator: '+',
		ttlMs: 60_000,
		maxTtlMs: 3_600_000,
		sliding: true,
		strict: true,
		limit: 10,
		limitPerOwner: 2,
	});
	t.deepEqual(config.tor, { isolate: ['target'], rotateMs: 300_000 });
	t.deepEqual(config.log, { level: 'off', format: 'json', clients: 'hash', users: true, targets: true });
});

test('a rule is handed on as the policy takes it', (t) => {
	const { rules } = resolveConfig({
		rule: [
			{
				action: 'allow',
				client: ['10.0.0.0/8', '2001:db8::1'],
				user: ['alice'],
				target: ['example.com', '=example.org'],
				address: ['192.0.2.0/24'],
				port: '22,8000-8002',
				inbound: ['listen-1'],
				session: ['crawl*'],
				exit: ['de'],
				time: ['mon-fri 09:00-17:30'],
				route: 'direct',
			},
			{ name: 'rest', action: 'deny' },
		],
	});
	const ports = rules[0]?.ports as PortSet;
	t.deepEqual(
		[21, 22, 23, 8_001].map((port) => ports.has(port)),
		[false, true, false, true],
	);
	t.deepEqual(
		{ ...rules[0], ports: null },
		{
			name: 'rule-1',
			action: 'allow',
			clients: ['10.0.0.0/8', '2001:db8::1'],
			users: ['alice'],
			names: ['example.com', '=example.org'],
			addresses: ['192.0.2.0/24'],
			ports: null,
			inbounds: ['listen-1'],
			sessions: ['crawl*'],
			exits: ['de'],
			times: ['mon-fri 09:00-17:30'],
			lists: [],
			methods: [],
			paths: [],
			types: [],
			route: 'direct',
		},
	);
	t.deepEqual(rules[1], {
		name: 'rest',
		action: 'deny',
		clients: [],
		users: [],
		names: [],
		addresses: [],
		ports: null,
		inbounds: [],
		sessions: [],
		exits: [],
		times: [],
		lists: [],
		methods: [],
		paths: [],
		types: [],
		route: null,
	});
});

test('the result is frozen to the bottom', (t) => {
	const config = resolveConfig({ upstream: ['socks5://a:b@h'], rule: [{ action: 'deny', client: ['::/0'] }] });
	const frozen = (value: unknown): boolean =>
		typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen));
	t.true(frozen(config));
	t.true((config.upstreams[0]!.hops[0] as HopConfig).password instanceof Secret);
});

test('a finished configuration is taken as it is', (t) => {
	const config = resolveConfig({});
	t.is(resolveConfig(config), config);
	t.throws(() => resolveConfig({ ...config } as object), { instanceOf: ConfigError });
});

test('a bad input is refused with every problem', (t) => {
	const error = t.throws(() => resolveConfig({ listen: [], log: { level: 'loud' as 'info' } }), {
		instanceOf: ConfigError,
	});
	t.is(
		error?.message,
		'configuration: listen: expected at least 1 in the list, found an empty list\n' +
			'configuration: log.level: expected one of "debug", "info", "warn", "error", "off", found "loud"',
	);
	for (const input of [null, 7, 'x', []]) {
		t.throws(() => resolveConfig(input as object), { instanceOf: ConfigError }, JSON.stringify(input));
	}
});

test('printing a configuration shows no password', (t) => {
	const config = resolveConfig({ upstream: ['socks5://alice:s3cret@a'], users: { list: ['bob:s3cret'] } });
	t.false(JSON.stringify(config).includes('s3cret'));
	t.true(JSON.stringify(config).includes('***'));
});

test('the admin listener has a token where TCP leads to it', (t) => {
	const refused = (input: ConfigInput): string[] =>
		(t.throws(() => resolveConfig(input), { instanceOf: ConfigError })?.problems ?? []).map(({ path }) => path);
	t.deepEqual(refused({ admin: { listen: '127.0.0.1:9090' } }), ['admin.listen']);
	t.deepEqual(refused({ admin: { token: 'a b' } }), ['admin.token']);
	for (const listen of ['/run/x/admin.sock', 'off', '', 'fd:admin']) resolveConfig({ admin: { listen } });
	const { admin } = resolveConfig({
		admin: { listen: '[::1]:9090', token: '0123456789abcdef', hosts: ['gate.example'] },
	});
	t.deepEqual(admin.listen, { kind: 'tcp', host: '::1', port: 9090 });
	t.is(admin.token?.reveal(), '0123456789abcdef');
	t.false(JSON.stringify(admin).includes('0123456789abcdef'));
});

test('a token comes from its file, and what is wrong with that file is said', (t) => {
	const folder = temporaryFolder(t);
	const file = join(folder, 'token');
	const tokenOf = (text: string): string => {
		writeFileSync(file, text);
		try {
			return resolveConfig({ admin: { listen: ':9090', token_file: file } }).admin.token?.reveal() ?? 'none';
		} catch (error) {
			return (error as ConfigError).problems.map(({ path, message }) => `${path}: ${message}`).join('\n');
		}
	};
	t.is(tokenOf('0123456789abcdef\n'), '0123456789abcdef');
	t.regex(tokenOf(''), /^admin\.token_file: expected a file with a secret in it, found an empty one$/);
	t.regex(tokenOf('two words'), /^admin\.token_file: expected a token of letters/);
	t.throws(() => resolveConfig({ admin: { token: 'x', token_file: file } }), { message: /expected one of token and/ });
	t.throws(() => resolveConfig({ admin: { token_file: `${file}.not` } }), { message: /found ".*\.not" \(ENOENT\)/ });
});
