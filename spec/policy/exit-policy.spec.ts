// What is refused and open by default, with --allow-private and in report mode; rules have a spec of their own.
import test from 'ava';
import fc from 'fast-check';
import { GatewayError } from '../../lib/core/error.ts';
import { parseIp } from '../../lib/core/ip.ts';
import { ALL, PUBLIC, policy, resolved, type Setting, to, word } from '../helpers/exit-policies.ts';

for (const host of ['www.example.com', PUBLIC, '2606:4700::1111', '64:ff9b::8.8.8.8', '::ffff:8.8.8.8']) {
	test(`by default ${host} may be reached by everybody`, (t) => {
		t.like(policy().judge(to(host)), { allow: true, reports: [], route: null, rule: null, needsAddress: false });
	});
}

/** Ways to write what must not be reached, as a client may send it. */
const DISGUISES: readonly string[] = [
	'127.0.0.1',
	'127.1',
	'0177.0.0.1',
	'0x7f.1',
	'0x7f000001',
	'2130706433',
	'017700000001',
	'127.0.0.1.',
	'0',
	'0.0.0.0',
	'0x0',
	'[::1]',
	'[::]',
	'::ffff:127.0.0.1',
	'[::ffff:7f00:1]',
	'[::127.0.0.1]',
	'[::ffff:0:127.0.0.1]',
	'64:ff9b::7f00:1',
	'64:ff9b:1::7f00:1',
	'2002:7f00:1::',
	'2002:7f00:0001:0:0:0:0:1',
	'2001:0:7f00:1::1',
	'2001:0:808:808::80ff:fffe',
	'2a00:1450::5efe:127.0.0.1',
	'2a00:1450::200:5efe:7f00:1',
	'169.254.169.254',
	'0xa9fea9fe',
	'2852039166',
	'0251.0376.0251.0376',
	'169.254.43518',
	'::ffff:a9fe:a9fe',
	'64:ff9b::a9fe:a9fe',
	'2002:a9fe:a9fe::1',
	'2a00:1450::5efe:a9fe:a9fe',
	'fe80::a9fe:a9fe',
	'fd00:ec2::254',
	'168.63.129.16',
	'64:ff9b::168.63.129.16',
	'100.100.100.200',
	'10.0.0.1',
	'10.1',
	'012.0.0.1',
	'192.168.0.1',
	'0300.0250.1',
	'172.16.0.1',
	'100.64.0.1',
	'198.18.0.1',
	'224.0.0.1',
	'255.255.255.255',
	'240.0.0.1',
	'fd00::1',
	'fe80::1',
	'fec0::1',
	'ff02::1',
	'2001:db8::1',
	'3fff::1',
	'5f00::1',
	'100::1',
	'::2',
	'200::1',
	'e000::1',
];

for (const host of DISGUISES) {
	test(`${host} is refused, as target and as answer of a resolver`, (t) => {
		const verdict = policy().judge(to(host));
		t.is(word(verdict), 'destination_ip_prohibited');
		if (verdict.allow) return;
		t.is(verdict.error.phase, 'policy');
		t.is(verdict.error.side, 'gateway');
		t.is(verdict.error.retry, 'no');
		t.regex(verdict.rule, /^special address: /);
		const address = parseIp(host.replace(/^\[|\]$|\.$/g, ''));
		t.is(policy().judgeAddress(to('www.example.com'), address!, t.fail)?.code, 'destination_ip_prohibited');
	});
}

const REFUSED_NAMES = [
	'localhost',
	'a.localhost',
	'printer.local',
	'db.internal',
	'x.home.arpa',
	'router.lan',
	'wiki',
	'x.onion',
	'x.alt',
	'x.invalid',
	'1.0.0.10.in-addr.arpa',
];

for (const host of REFUSED_NAMES) {
	test(`the name ${host} is refused, whatever it would resolve to`, (t) => {
		t.is(word(policy().judge(to(host))), 'http_request_denied');
		t.is(word(policy().judge(to(`${host.toUpperCase()}.`))), 'http_request_denied');
		t.is(resolved(policy(), to(host), PUBLIC), 'http_request_denied');
	});
}

test('ports that are not listed are refused for names and addresses', (t) => {
	for (const host of ['www.example.com', PUBLIC]) {
		const verdict = policy().judge(to(host, 25));
		t.is(word(verdict), 'http_request_denied');
		t.is(!verdict.allow && verdict.rule, 'port');
		t.is(word(policy().judge(to(host, 0))), 'http_request_denied');
		t.is(word(policy({ ports: ALL }).judge(to(host, 25))), 'allow');
	}
	t.is(resolved(policy(), to('www.example.com', 25), PUBLIC), 'http_request_denied');
});

test('--allow-private opens private and loopback addresses and local names', (t) => {
	const open = policy({ allowPrivate: true });
	for (const host of [
		'127.0.0.2',
		'::1',
		'10.1.2.3',
		'192.168.1.1',
		'172.31.0.1',
		'100.64.0.1',
		'fd00::1',
		'198.18.0.1',
		'192.0.2.1',
		'64:ff9b::10.1.2.3',
	])
		t.is(word(open.judge(to(host))), 'allow', host);
	for (const host of ['localhost', 'printer.local', 'db.internal', 'x.home.arpa', 'wiki', 'x.test'])
		t.is(word(open.judge(to(host))), 'allow', host);
	for (const host of ['45.0.0.5', '10.0.0.5', '2a01:4f8::5']) t.is(word(open.judge(to(host))), 'allow', `own ${host}`);
});

test("--allow-private opens neither metadata services nor what is nobody's", (t) => {
	const open = policy({ allowPrivate: true });
	for (const host of [
		'169.254.169.254',
		'64:ff9b::a9fe:a9fe',
		'fe80::1',
		'100.100.100.200',
		'168.63.129.16',
		'fd00:ec2::254',
		'fd20:ce::254',
	])
		t.is(word(open.judge(to(host))), 'destination_ip_prohibited', host);
	for (const host of [
		'0.0.0.0',
		'224.0.0.1',
		'255.255.255.255',
		'::',
		'ff02::1',
		'200::1',
		'2002:a00:1::1',
		'::ffff:0:10.0.0.1',
	])
		t.is(word(open.judge(to(host))), 'destination_ip_prohibited', host);
	for (const host of ['x.onion', 'x.alt', 'x.invalid', 'x.in-addr.arpa'])
		t.is(word(open.judge(to(host))), 'http_request_denied', host);
});

const MODES = [
	{},
	{ allowPrivate: true },
	{ mode: 'report' },
	{ rules: [{ action: 'allow', addresses: ['127.0.0.1', '45.0.0.5'] }] },
] as const satisfies readonly Setting[];

for (const setting of MODES) {
	test(`our own listeners are a loop always: ${JSON.stringify(setting)}`, (t) => {
		const judge = policy({ ports: ALL, ...setting });
		const wildcard = [
			'127.0.0.1',
			'127.8.8.8',
			'::1',
			'45.0.0.5',
			'10.0.0.5',
			'2a01:4f8::5',
			'0.0.0.0',
			'::',
			'::ffff:45.0.0.5',
			'64:ff9b::45.0.0.5',
			'2002:2d00:5::1',
			'0x2d000005',
		];
		for (const host of wildcard) t.is(word(judge.judge(to(host, 1080))), 'proxy_loop_detected', host);
		for (const host of ['127.0.0.1', '0.0.0.0', '::ffff:7f00:1'])
			t.is(word(judge.judge(to(host, 9090))), 'proxy_loop_detected', host);
		t.is(resolved(judge, to('www.example.com', 1080), '45.0.0.5'), 'proxy_loop_detected');
		t.is(resolved(judge, to('www.example.com', 1080), '::ffff:45.0.0.5'), 'proxy_loop_detected');
		t.not(word(judge.judge(to(PUBLIC, 1080))), 'proxy_loop_detected');
		t.not(word(judge.judge(to('45.0.0.5', 9090))), 'proxy_loop_detected', 'the admin port is on loopback alone');
	});
}

test('our own addresses are refused on every other port, also inside NAT64', (t) => {
	const judge = policy({ ports: ALL });
	for (const host of ['45.0.0.5', '2a01:4f8::5', '64:ff9b::45.0.0.5', '::ffff:45.0.0.5']) {
		const verdict = judge.judge(to(host, 22));
		t.is(word(verdict), 'destination_ip_prohibited', host);
		t.is(!verdict.allow && verdict.rule, 'own address', host);
		t.is(resolved(judge, to('www.example.com', 22), host), 'destination_ip_prohibited', host);
	}
	t.is(word(judge.judge(to('45.0.0.6', 22))), 'allow');
});

test('errors say why in words of ours and repeat nothing that a client sent', (t) => {
	fc.assert(
		fc.property(fc.constantFrom(...DISGUISES, ...REFUSED_NAMES), fc.constantFrom(25, 443, 1080), (host, port) => {
			const verdict = policy().judge(to(host, port, { user: 'alice' }));
			if (verdict.allow) return t.fail(host);
			t.true(verdict.error instanceof GatewayError);
			const said = [verdict.error.message, verdict.error.note, verdict.rule].join(' ');
			t.false(said.includes('alice') || said.includes('203.0.113.9'), said);
			t.false(host !== 'localhost' && said.includes(host), said);
		}),
	);
});
