import test from 'ava';
import { type Ip, parseIp } from '../../lib/core/ip.ts';
import { targetOfHost } from '../../lib/core/target.ts';
import { suffixesOf } from '../../lib/policy/name-set.ts';
import { type PortSet, parsePorts } from '../../lib/policy/ports.ts';
import { compileRules, type Rule, type RuleSpec, type Subject } from '../../lib/policy/rules.ts';
import { rangeOf } from '../../lib/policy/special-addresses.ts';

function ip(text: string): Ip {
	const parsed = parseIp(text);
	if (parsed === null) throw new Error(text);
	return parsed;
}

function rule(spec: Partial<RuleSpec>): Rule {
	const { rules, problems } = compileRules([{ name: 'rule', action: 'allow', ...spec }]);
	if (problems.length > 0) throw new Error(JSON.stringify(problems));
	return rules[0]!;
}

interface Given {
	readonly host?: string;
	readonly port?: number;
	readonly client?: string;
	readonly user?: string | null;
	readonly inbound?: string;
}

function concerns(spec: Partial<RuleSpec>, given: Given = {}): boolean {
	const target = targetOfHost(given.host ?? 'www.example.com', given.port ?? 443)!;
	const client = { ip: ip(given.client ?? '192.0.2.1'), key: 'k', network: null };
	const subject: Subject = { client, user: given.user ?? null, inbound: given.inbound ?? 'in', target };
	return rule(spec).concerns(subject, target.ip === null ? suffixesOf(target.host) : []);
}

test('a rule without conditions, or with empty ones, concerns everybody', (t) => {
	t.true(concerns({}));
	t.true(concerns({ clients: [], users: [], names: [], addresses: [], ports: null, inbounds: [] }));
	t.true(concerns({}, { host: '10.0.0.1' }));
	t.true(rule({}).covers(ip('10.0.0.1')));
	t.false(rule({}).awaitsAddress);
});

test('a rule by client concerns clients in its prefixes', (t) => {
	const spec = { clients: ['192.0.2.0/24', '2001:db8::/32'] };
	t.true(concerns(spec, { client: '192.0.2.255' }));
	t.true(concerns(spec, { client: '2001:db8::9' }));
	t.false(concerns(spec, { client: '192.0.3.0' }));
	t.false(concerns(spec, { client: '2001:db9::' }));
});

test('a rule by user concerns these users and never those without a name', (t) => {
	t.true(concerns({ users: ['alice', 'bob'] }, { user: 'bob' }));
	t.false(concerns({ users: ['alice'] }, { user: 'Alice' }));
	t.false(concerns({ users: ['alice'] }));
	t.false(concerns({ users: ['null'] }));
});

test('a user is compared by the bytes that a client sends', (t) => {
	t.true(concerns({ users: ['josé'] }, { user: Buffer.from('josé', 'utf8').toString('latin1') }));
	t.false(concerns({ users: ['josé'] }, { user: 'josé' }));
});

test('a rule by name concerns names alone, as pattern says', (t) => {
	const spec = { names: ['example.com', '=exact.example.net'] };
	t.true(concerns(spec, { host: 'WWW.Example.COM.' }));
	t.true(concerns(spec, { host: 'exact.example.net' }));
	t.false(concerns(spec, { host: 'a.exact.example.net' }));
	t.false(concerns(spec, { host: '93.184.216.34' }));
});

test('a rule by port and listener concerns these', (t) => {
	const ports = parsePorts('25,1000-1010') as PortSet;
	t.true(concerns({ ports }, { port: 1005 }));
	t.false(concerns({ ports }, { port: 26 }));
	t.true(concerns({ inbounds: ['a', 'b'] }, { inbound: 'b' }));
	t.false(concerns({ inbounds: ['a'] }, { inbound: 'b' }));
});

test('all conditions must hold', (t) => {
	const spec = {
		clients: ['192.0.2.0/24'],
		users: ['bob'],
		names: ['example.com'],
		ports: parsePorts('443') as PortSet,
	};
	t.true(concerns(spec, { user: 'bob' }));
	t.false(concerns(spec, { user: 'eve' }));
	t.false(concerns(spec, { user: 'bob', port: 80 }));
	t.false(concerns(spec, { user: 'bob', client: '192.0.3.1' }));
	t.false(concerns(spec, { user: 'bob', host: 'www.example.org' }));
});

test('a rule with addresses waits for one and covers those in its prefixes', (t) => {
	const some = rule({ addresses: ['10.0.0.0/8', '2001:db8::/32'] });
	t.true(some.awaitsAddress);
	t.deepEqual(
		['10.9.9.9', '11.0.0.0', '2001:db8::1', '2001:db9::'].map((text) => some.covers(ip(text))),
		[true, false, true, false],
	);
});

test('a deny also covers what carries a listed IPv4 address, an allow does not', (t) => {
	for (const text of ['64:ff9b::10.1.2.3', '2002:a01:203::1', '2a00:1::5efe:10.1.2.3', '2001:0:a01:203::1']) {
		t.true(rule({ action: 'deny', addresses: ['10.0.0.0/8'] }).covers(ip(text)), text);
		t.false(rule({ action: 'allow', addresses: ['10.0.0.0/8'] }).covers(ip(text)), text);
	}
	t.false(rule({ action: 'deny', addresses: ['10.0.0.0/8'] }).covers(ip('64:ff9b::11.1.2.3')));
});

test('a special range is opened by a prefix within it and by none that is wider', (t) => {
	const opens = (prefix: string, text: string): boolean =>
		rule({ addresses: [prefix] }).opensRange(rangeOf(ip(text))!, ip(text));
	t.true(opens('10.1.2.3', '10.1.2.3'));
	t.true(opens('10.0.0.0/8', '10.1.2.3'));
	t.true(opens('fd00::/8', 'fd00::1'));
	t.true(opens('192.0.0.0/24', '192.0.0.200'));
	t.false(opens('10.1.2.4', '10.1.2.3'));
	t.false(opens('0.0.0.0/0', '10.1.2.3'));
	t.false(opens('8.0.0.0/6', '10.1.2.3'));
	t.false(opens('::/0', 'fd00::1'));
	t.false(opens('fd00::/8', 'fd00:ec2::254'), 'metadata is a range of its own');
	t.false(opens('100.64.0.0/10', '100.100.100.200'));
	t.true(opens('100.100.100.200', '100.100.100.200'));
	t.false(rule({}).opensRange(rangeOf(ip('10.0.0.1'))!, ip('10.0.0.1')));
});

test('an own address is opened by itself, ports by being listed, special names by a name within them', (t) => {
	t.true(rule({ addresses: ['198.51.100.7'] }).opensOwn(ip('198.51.100.7')));
	t.true(rule({ addresses: ['2001:db8::7/128'] }).opensOwn(ip('2001:db8::7')));
	t.false(rule({ addresses: ['198.51.100.0/24'] }).opensOwn(ip('198.51.100.7')));
	t.true(rule({ ports: parsePorts('25') as PortSet }).opensPort(25));
	t.false(rule({ ports: parsePorts('25') as PortSet }).opensPort(26));
	t.false(rule({}).opensPort(25));
	t.true(rule({ names: ['printer.local'] }).opensName('printer.local'));
	t.true(rule({ names: ['local'] }).opensName('printer.local'));
	t.true(rule({ names: ['wiki'] }).opensName('wiki'));
	t.false(rule({ names: ['=printer.local'] }).opensName('a.printer.local'));
	t.false(rule({ names: ['example.com'] }).opensName('www.example.com'), 'it is not special');
	t.false(rule({}).opensName('printer.local'));
});

test('problems name the rule, the field and the item', (t) => {
	const { rules, problems } = compileRules([
		{ name: 'good', action: 'deny', addresses: ['10.0.0.0/8'] },
		{ name: 'bad', action: 'allow', clients: ['10.0.0.0/8', '10.1.2.3/8'], names: ['*'], addresses: ['x'] },
	]);
	t.deepEqual(
		problems.map(({ rule, field, item }) => [rule, field, item]),
		[
			[1, 'clients', 1],
			[1, 'names', 0],
			[1, 'addresses', 0],
		],
	);
	t.regex(problems[0]!.problem, /host bits/);
	t.is(rules.length, 2);
});

test('10,000 entries in a rule are all found', (t) => {
	const addresses = Array.from({ length: 10_000 }, (_, i) => `${1 + (i % 200)}.${i >>> 8}.${i & 255}.0/24`);
	const names = Array.from({ length: 10_000 }, (_, i) => `n${i}.example.net`);
	const big = rule({ action: 'deny', addresses });
	t.true(addresses.every((text) => big.covers(ip(text.replace('.0/24', '.77')))));
	t.false(big.covers(ip('250.0.0.1')));
	t.true(concerns({ names }, { host: 'a.n9999.example.net' }));
	t.false(concerns({ names }, { host: 'a.n10000.example.net' }));
});
