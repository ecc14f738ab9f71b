import { deepStrictEqual, equal } from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { formatIp, parseIp6 } from '../../lib/core/ip.ts';
import { authorityOf, targetOfHost, targetOfIp, targetOfIp4, targetOfIp6 } from '../../lib/core/target.ts';

for (const [host, kind, canonical] of [
	['example.com', 'name', 'example.com'],
	['EXAMPLE.Com', 'name', 'example.com'],
	['example.com.', 'name', 'example.com'],
	['localhost', 'name', 'localhost'],
	['a', 'name', 'a'],
	['_dmarc.example.com', 'name', '_dmarc.example.com'],
	['-a.b-', 'name', '-a.b-'],
	['xn--bcher-kva.example', 'name', 'xn--bcher-kva.example'],
	['1.2.3.4.example', 'name', '1.2.3.4.example'],
	['0x7f.1.example', 'name', '0x7f.1.example'],
	['dead.beef', 'name', 'dead.beef'],
	[`${'a'.repeat(63)}.example`, 'name', `${'a'.repeat(63)}.example`],
	[`${'a.'.repeat(126)}a`, 'name', `${'a.'.repeat(126)}a`],
	[`${'a.'.repeat(126)}a.`, 'name', `${'a.'.repeat(126)}a`],
	['127.0.0.1', 'ip4', '127.0.0.1'],
	['127.0.0.1.', 'ip4', '127.0.0.1'],
	['0x7f.1', 'ip4', '127.0.0.1'],
	['0x7f.1.', 'ip4', '127.0.0.1'],
	['2130706433', 'ip4', '127.0.0.1'],
	['017700000001', 'ip4', '127.0.0.1'],
	['::1', 'ip6', '::1'],
	['[::1]', 'ip6', '::1'],
	['2001:DB8:0:0::1', 'ip6', '2001:db8::1'],
	['::ffff:127.0.0.1', 'ip4', '127.0.0.1'],
	['[::FFFF:7f00:1]', 'ip4', '127.0.0.1'],
] as const) {
	test(`host ${host} is the ${kind} ${canonical}`, (t) => {
		const target = targetOfHost(host, 443);
		t.is(target?.kind, kind);
		t.is(target?.host, canonical);
		t.is(target?.port, 443);
		t.is(target?.ip === null ? null : formatIp(target!.ip), kind === 'name' ? null : canonical);
	});
}

for (const host of [
	'',
	'.',
	'..',
	'.example.com',
	'example..com',
	'example.com..',
	'127.0.0.1..',
	'1.2.3.256',
	'1.2.3.4.5',
	'08.1.1.1',
	'example.123',
	'example.10',
	'example.0',
	'example.0x10',
	'example.0x1f',
	'example.0x',
	'4294967296',
	'0'.repeat(70),
	'[127.0.0.1]',
	'[example.com]',
	'[]',
	'[',
	'[::1',
	'::1]',
	'[[::1]]',
	'[::1.]',
	'[::1].',
	'::1.',
	'fe80::1%eth0',
	'[fe80::1%25eth0]',
	'example.com:80',
	'user@example.com',
	'example.com/',
	'bücher.example',
	'example。com',
	`${'a'.repeat(64)}.example`,
	`${'a.'.repeat(126)}aa`,
	`${'a.'.repeat(127)}a`,
	'a'.repeat(255),
]) {
	const shown = JSON.stringify(host.length > 40 ? `${host.slice(0, 20)}… (${host.length})` : host);
	test(`${shown} is no host`, (t) => t.is(targetOfHost(host, 1), null));
}

test('no byte but letters, digits and the marks of a reg-name may stand in a name', (t) => {
	const allowed = /[-A-Za-z0-9._~!$&'()*+,;=]/;
	for (let byte = 0; byte < 256; byte++) {
		const char = String.fromCharCode(byte);
		const target = targetOfHost(`a${char}b`, 80);
		if (allowed.test(char)) t.is(target?.host, `a${char}b`.toLowerCase());
		else t.is(target, null, `byte ${byte}`);
	}
});

test('a forbidden byte refuses a name wherever it stands', (t) => {
	const bad = fc.constantFrom(
		'\0',
		'\r',
		'\n',
		'\t',
		' ',
		'\u007f',
		'\u0080',
		'[',
		']',
		'/',
		'?',
		'#',
		'@',
		'\\',
		'%',
		'"',
	);
	const property = fc.property(bad, fc.nat(11), (char, at) => {
		return targetOfHost(`example.com`.slice(0, at) + char + `example.com`.slice(at), 80) === null;
	});
	t.notThrows(() => fc.assert(property));
});

test('the canonical host of any text reads back as itself', (t) => {
	const unit = fc.constantFrom(...'01279abfxX.:-_[]'.split(''));
	const property = fc.property(fc.string({ unit, maxLength: 20 }), (text) => {
		const target = targetOfHost(text, 7);
		if (target === null) return;
		deepStrictEqual(targetOfHost(target.host, 7), target);
		equal(target.kind === 'name', target.ip === null);
	});
	t.notThrows(() => fc.assert(property, { numRuns: 3000 }));
});

test('an IPv4-mapped address is the IPv4 address it would be dialled as', (t) => {
	t.deepEqual(targetOfIp6(parseIp6('::ffff:10.0.0.1')!, 80), targetOfIp4(0x0a000001, 80));
});

test('a target keeps its own copy of an IPv6 address', (t) => {
	const bytes = parseIp6('2001:db8::1')!;
	const target = targetOfIp(bytes, 80);
	bytes.fill(0);
	t.is(target.host, '2001:db8::1');
	t.is(formatIp(target.ip!), '2001:db8::1');
});

test('an authority has brackets around IPv6 alone', (t) => {
	t.is(authorityOf(targetOfHost('example.com', 443)!), 'example.com:443');
	t.is(authorityOf(targetOfHost('127.1', 80)!), '127.0.0.1:80');
	t.is(authorityOf(targetOfHost('::1', 8080)!), '[::1]:8080');
});
