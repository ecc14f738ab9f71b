// What an operator's rules do to the exit policy, before and after a name is resolved.
import test from 'ava';
import { type PortSet, parsePorts } from '../../lib/policy/ports.ts';
import { ALL, ip, PUBLIC, policy, resolved, to, word } from '../helpers/exit-policies.ts';

test('the first rule that matches decides', (t) => {
	const judge = policy({
		rules: [
			{ action: 'allow', names: ['good.example.com'] },
			{ action: 'deny', names: ['example.com'], name: 'no examples' },
			{ action: 'allow', users: ['bob'], route: 'far' },
			{ action: 'deny', clients: ['203.0.113.0/24'], ports: parsePorts('80') as PortSet },
		],
	});
	t.is(word(judge.judge(to('good.example.com'))), 'allow');
	const denied = judge.judge(to('bad.example.com'));
	t.is(word(denied), 'http_request_denied');
	t.is(!denied.allow && denied.rule, 'no examples');
	t.is(!denied.allow && denied.error.note, 'rule');
	t.is(word(judge.judge(to('example.com', 443, { user: 'bob' }))), 'http_request_denied');
	t.like(judge.judge(to('example.org', 80, { user: 'bob' })), { allow: true, route: 'far' });
	t.is(word(judge.judge(to('example.org', 80))), 'http_request_denied');
	t.like(judge.judge(to('example.org', 443)), { allow: true, route: null });
	t.is(word(judge.judge(to(PUBLIC, 80))), 'http_request_denied');
});

test('an allow rule that names nothing special opens nothing special', (t) => {
	const wide = policy({ rules: [{ action: 'allow', addresses: ['0.0.0.0/0', '::/0'] }] });
	const everybody = policy({ rules: [{ action: 'allow' }] });
	for (const judge of [wide, everybody]) {
		for (const host of ['127.0.0.1', '169.254.169.254', '10.0.0.1', '::1', '45.0.0.5', '64:ff9b::10.0.0.1'])
			t.is(word(judge.judge(to(host))), 'destination_ip_prohibited', host);
		t.is(word(judge.judge(to('x.local'))), 'http_request_denied');
		t.is(word(judge.judge(to(PUBLIC, 25))), 'http_request_denied');
		t.is(word(judge.judge(to(PUBLIC))), 'allow');
	}
});

test('one inside host is opened by a rule that names its address and port, and nothing beside it', (t) => {
	const judge = policy({ rules: [{ action: 'allow', addresses: ['10.1.2.3'], ports: parsePorts('8006') as PortSet }] });
	t.is(word(judge.judge(to('10.1.2.3', 8006))), 'allow');
	t.is(word(judge.judge(to('::ffff:10.1.2.3', 8006))), 'allow');
	t.is(word(judge.judge(to('10.1.2.3', 443))), 'destination_ip_prohibited');
	t.is(word(judge.judge(to('10.1.2.4', 8006))), 'http_request_denied');
	t.is(word(judge.judge(to('64:ff9b::10.1.2.3', 8006))), 'http_request_denied');
	t.is(word(judge.judge(to(PUBLIC, 8006))), 'http_request_denied');
	t.is(resolved(judge, to('db.example.com', 8006), '10.1.2.3'), 'allow');
	t.is(resolved(judge, to('db.example.com', 8006), '::ffff:10.1.2.3'), 'allow');
	t.is(resolved(judge, to('db.example.com', 8006), '10.1.2.4'), 'http_request_denied');
	t.is(resolved(judge, to('db.example.com', 443), '10.1.2.3'), 'destination_ip_prohibited');
});

test('an inside host with an inside name needs both in the rule', (t) => {
	const name = { action: 'allow', names: ['db.internal'] } as const;
	const both = { ...name, addresses: ['10.1.2.3'] } as const;
	t.is(word(policy({ rules: [name] }).judge(to('db.internal'))), 'allow');
	t.is(resolved(policy({ rules: [name] }), to('db.internal'), '10.1.2.3'), 'destination_ip_prohibited');
	t.like(policy({ rules: [both] }).judge(to('db.internal')), {
		allow: true,
		rule: 'rule-1',
		readsExit: false,
		needsAddress: true,
		awaiting: [],
	});
	t.is(resolved(policy({ rules: [both] }), to('db.internal'), '10.1.2.3'), 'allow');
	t.is(resolved(policy({ rules: [both] }), to('db.internal'), '169.254.169.254'), 'http_request_denied');
	t.is(word(policy({ rules: [both] }).judge(to('other.internal'))), 'http_request_denied');
});

test('an own address is opened by a rule that names it alone; loopback, too', (t) => {
	const ports = parsePorts('8080') as PortSet;
	const single = policy({ rules: [{ action: 'allow', addresses: ['45.0.0.5', '127.0.0.1'], ports }] });
	const wide = policy({ rules: [{ action: 'allow', addresses: ['45.0.0.0/8', '127.0.0.0/8'], ports }] });
	for (const host of ['45.0.0.5', '127.0.0.1']) {
		t.is(word(single.judge(to(host, 8080))), 'allow', host);
		t.is(word(wide.judge(to(host, 8080))), 'destination_ip_prohibited', host);
	}
});

test('a translator that a rule opens leads to public addresses alone', (t) => {
	const judge = policy({ rules: [{ action: 'allow', addresses: ['64:ff9b:1::/48', '2002::/16'] }] });
	t.is(word(judge.judge(to('64:ff9b:1::8.8.8.8'))), 'allow');
	t.is(word(judge.judge(to('64:ff9b:1::10.0.0.1'))), 'destination_ip_prohibited');
	t.is(word(judge.judge(to('2002:808:808::1'))), 'allow');
	t.is(word(judge.judge(to('2002:a9fe:a9fe::1'))), 'destination_ip_prohibited');
});

test('.onion passes only by a rule that names it and a route', (t) => {
	const names = ['onion'];
	t.is(word(policy({ rules: [{ action: 'allow' }] }).judge(to('x.onion'))), 'http_request_denied');
	t.is(word(policy({ rules: [{ action: 'allow', names }] }).judge(to('x.onion'))), 'http_request_denied');
	t.is(word(policy({ rules: [{ action: 'allow', route: 'tor' }] }).judge(to('x.onion'))), 'http_request_denied');
	t.like(policy({ rules: [{ action: 'allow', names, route: 'tor' }] }).judge(to('x.onion')), {
		allow: true,
		route: 'tor',
	});
});

test('a deny by address reaches names, even those that a later rule allows', (t) => {
	const judge = policy({
		rules: [
			{ action: 'deny', addresses: ['45.1.0.0/16'] },
			{ action: 'allow', names: ['example.com'], route: 'far' },
		],
	});
	t.like(judge.judge(to('www.example.com')), { allow: true, route: 'far', needsAddress: false });
	t.is(resolved(judge, to('www.example.com'), '45.1.2.3'), 'http_request_denied');
	t.is(resolved(judge, to('www.example.com'), '64:ff9b::45.1.2.3'), 'http_request_denied');
	t.is(resolved(judge, to('www.example.com'), '45.2.2.3'), 'allow');
	t.is(resolved(judge, to('www.example.org'), '45.1.2.3'), 'http_request_denied');
	t.is(word(judge.judge(to('45.1.2.3'))), 'http_request_denied');
});

test('an earlier rule that allows a name wins over a later deny by address', (t) => {
	const judge = policy({
		rules: [
			{ action: 'allow', names: ['example.com'] },
			{ action: 'deny', addresses: ['45.1.0.0/16'] },
		],
	});
	t.is(resolved(judge, to('www.example.com'), '45.1.2.3'), 'allow');
	t.is(resolved(judge, to('www.example.org'), '45.1.2.3'), 'http_request_denied');
});

test('where only an allow by address could help, a name waits for its address', (t) => {
	const judge = policy({ rules: [{ action: 'allow', addresses: ['45.1.0.0/16'], route: 'far' }, { action: 'deny' }] });
	t.deepEqual(judge.judge(to('www.example.com')), {
		allow: true,
		reports: [],
		route: 'far',
		rule: 'rule-1',
		readsExit: false,
		needsAddress: true,
		awaiting: [],
	});
	t.is(resolved(judge, to('www.example.com'), '45.1.2.3'), 'allow');
	t.is(resolved(judge, to('www.example.com'), '45.2.2.3'), 'http_request_denied');
	t.is(word(judge.judge(to('www.example.com', 25))), 'http_request_denied', 'the rule would not open the port');
	t.is(word(judge.judge(to('45.1.2.3'))), 'allow');
	t.is(word(judge.judge(to('45.2.2.3'))), 'http_request_denied');
});

test('an address is not dialled by another way than the rule for it says', (t) => {
	const judge = policy({ rules: [{ action: 'allow', addresses: ['45.1.0.0/16'], route: 'far' }] });
	t.like(judge.judge(to('www.example.com')), { allow: true, route: null, needsAddress: false });
	t.is(resolved(judge, to('www.example.com'), '45.2.2.3'), 'allow');
	t.is(resolved(judge, to('www.example.com'), '45.1.2.3'), 'http_request_denied');
	t.like(judge.judge(to('45.1.2.3')), { allow: true, route: 'far' });
	t.is(resolved(judge, to('45.1.2.3'), '45.1.2.3'), 'allow', 'a literal went the way it should');
	const trial = policy({ mode: 'report', rules: [{ action: 'allow', addresses: ['45.1.0.0/16'], route: 'far' }] });
	const reported: string[] = [];
	t.is(
		trial.judgeAddress(to('www.example.com'), ip('45.1.2.3'), (rule) => reported.push(rule)),
		null,
	);
	t.deepEqual(reported, ['route']);
});

test('report mode lets pass and says by what it would have been refused', (t) => {
	const judge = policy({ mode: 'report', rules: [{ action: 'deny', names: ['example.com'], name: 'no examples' }] });
	t.deepEqual(judge.judge(to('www.example.com', 25)), {
		allow: true,
		reports: ['no examples', 'port'],
		route: null,
		rule: null,
		readsExit: false,
		needsAddress: false,
		awaiting: [],
	});
	t.like(judge.judge(to('printer.local')), { allow: true, reports: ['special name: local'] });
	t.like(judge.judge(to('127.0.0.1', 22)), { allow: true, reports: ['port', 'special address: loopback'] });
	t.like(judge.judge(to('45.0.0.5')), { allow: true, reports: ['own address'] });
	t.like(judge.judge(to(PUBLIC)), { allow: true, reports: [] });
	const reported: string[] = [];
	t.is(
		judge.judgeAddress(to('www.example.org'), ip('10.0.0.1'), (rule) => reported.push(rule)),
		null,
	);
	t.deepEqual(reported, ['special address: private-use']);
});

test('report mode goes on behind a deny as though it were not there', (t) => {
	const judge = policy({
		mode: 'report',
		rules: [
			{ action: 'deny', addresses: ['45.1.0.0/16'], name: 'addresses' },
			{ action: 'deny', names: ['example.com'], name: 'names' },
			{ action: 'allow', route: 'far' },
		],
	});
	t.like(judge.judge(to('www.example.com')), { allow: true, reports: ['names'], route: 'far' });
	const reported: string[] = [];
	t.is(
		judge.judgeAddress(to('www.example.com'), ip('45.1.2.3'), (rule) => reported.push(rule)),
		null,
	);
	t.deepEqual(reported, ['addresses', 'names']);
});

test('report mode asks nobody for names that are not of the DNS', (t) => {
	const judge = policy({ mode: 'report' });
	t.is(word(judge.judge(to('x.onion'))), 'http_request_denied');
	t.is(word(judge.judge(to('x.alt'))), 'http_request_denied');
});

test('before a target is known only rules about clients alone are heard, the first of them decides', (t) => {
	const rules = [
		{ name: 'targets', action: 'deny', names: ['example.com'] },
		{ name: 'addresses', action: 'deny', addresses: ['0.0.0.0/0'] },
		{ name: 'ports', action: 'deny', ports: ALL },
		{ name: 'alice', action: 'allow', users: ['alice'], route: 'tor' },
		{ name: 'others', action: 'deny' },
	] as const;
	const { client, inbound } = to('example.com');
	t.like(policy({ rules }).judgeClient({ client, inbound, user: 'alice' }), { allow: true, route: 'tor' });
	t.like(policy({ rules }).judgeClient({ client, inbound, user: null }), { allow: false, rule: 'others' });
	t.like(policy({ rules, mode: 'report' }).judgeClient({ client, inbound, user: null }), {
		allow: true,
		reports: ['others'],
	});
});

test('where nothing is connected to, the list of ports has no say, and everything else has', (t) => {
	const rules = [{ name: 'one', action: 'deny', names: ['example.net'] }] as const;
	const judge = policy({ rules, ports: parsePorts('443') as PortSet });
	t.is(word(judge.judge(to('example.com', 0))), 'http_request_denied');
	t.is(word(judge.judge(to('example.com', 0, { portless: true }))), 'allow');
	t.is(word(judge.judge(to('example.net', 0, { portless: true }))), 'http_request_denied');
	t.is(word(judge.judge(to('10.0.0.1', 0, { portless: true }))), 'destination_ip_prohibited');
});
