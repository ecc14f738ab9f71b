import { isIPv4, isIPv6 } from 'node:net';
import test from 'ava';
import fc from 'fast-check';
import { Address4, Address6 } from 'ip-address';
import {
	formatIp,
	formatIp4,
	formatIp6,
	ip4Within,
	isMapped,
	parseIp,
	parseIp4,
	parseIp6,
	parseStrictIp4,
} from '../../lib/core/ip.ts';

const ip4 = fc.integer({ min: 0, max: 0xffffffff });
const ip6 = fc.uint8Array({ minLength: 16, maxLength: 16 });
/** Bytes in which runs of zeros and ones of any length are common. */
const sparseIp6 = fc
	.array(fc.constantFrom(0, 0, 0, 1, 0xffff, 0x0db8), { minLength: 8, maxLength: 8 })
	.map((words) => Uint8Array.from(words.flatMap((word) => [word >> 8, word & 255])));
const addressLike = fc.string({ unit: fc.constantFrom(...'0123459afFx:.:.::'.split('')), maxLength: 24 });

for (const [text, expected] of [
	['127.0.0.1', '127.0.0.1'],
	['127.1', '127.0.0.1'],
	['127.0.1', '127.0.0.1'],
	['127.256', '127.0.1.0'],
	['127.65536', '127.1.0.0'],
	['0x7f.1', '127.0.0.1'],
	['0X7F.0x0.0.01', '127.0.0.1'],
	['0x7f000001', '127.0.0.1'],
	['0177.0.0.1', '127.0.0.1'],
	['0177.0x0.1', '127.0.0.1'],
	['017700000001', '127.0.0.1'],
	['2130706433', '127.0.0.1'],
	['00000000000000000000000000000000017700000001', '127.0.0.1'],
	['0', '0.0.0.0'],
	['0x', '0.0.0.0'],
	['00', '0.0.0.0'],
	['4294967295', '255.255.255.255'],
	['1.16777215', '1.255.255.255'],
	['1.2.65535', '1.2.255.255'],
	['0251.0376.0251.0376', '169.254.169.254'],
	['2852039166', '169.254.169.254'],
] as const) {
	test(`reads ${text} as IPv4 address ${expected}`, (t) => {
		t.is(formatIp4(parseIp4(text) as number), expected);
		t.is(parseIp(text), parseIp4(text));
	});
}

for (const text of [
	'',
	'.',
	'1.',
	'.1',
	'1..2',
	'1.2.3.4.5',
	'1.2.3.4.0',
	'256.0.0.1',
	'1.256.1.1',
	'1.2.256.1',
	'1.2.3.256',
	'1.2.65536',
	'1.16777216',
	'4294967296',
	'99999999999999999999',
	'0x100000000',
	'08',
	'0x7g',
	'1x',
	'-1',
	'+1',
	'1e3',
	' 1',
	'1 ',
	'1.2.3.4 ',
	'1.2.3.4\n',
	'１.2.3.4',
	`${'0'.repeat(64)}1`,
]) {
	test(`does not read ${JSON.stringify(text)} as an IPv4 address`, (t) => t.is(parseIp4(text), null));
}

test('plain dotted decimal is what node:net calls IPv4', (t) => {
	const property = fc.property(fc.oneof(ip4.map(formatIp4), addressLike), (text) => {
		return (parseStrictIp4(text) !== null) === isIPv4(text);
	});
	t.notThrows(() => fc.assert(property, { numRuns: 2000 }));
});

test('an IPv4 address survives being written and read, in all its spellings', (t) => {
	const property = fc.property(ip4, (ip) => {
		const [a, b] = [ip >>> 24, ip & 0xffffff];
		const spellings = [
			formatIp4(ip),
			String(ip),
			`0x${ip.toString(16)}`,
			`0${ip.toString(8)}`,
			`${a}.${b}`,
			`0${a.toString(8)}.0x${b.toString(16).toUpperCase()}`,
			`${a}.${b >>> 16}.${b & 0xffff}`,
		];
		return spellings.every((text) => parseIp4(text) === ip) && new Address4(formatIp4(ip)).bigInt() === BigInt(ip);
	});
	t.notThrows(() => fc.assert(property));
});

for (const [text, expected] of [
	['::', '::'],
	['::1', '::1'],
	['1::', '1::'],
	['0:0:0:0:0:0:0:1', '::1'],
	['0000:0000:0000:0000:0000:0000:0000:0001', '::1'],
	['2001:DB8::A', '2001:db8::a'],
	['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
	['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
	['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
	['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
	['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
	['::127.0.0.1', '::7f00:1'],
	['64:ff9b::10.0.0.1', '64:ff9b::a00:1'],
	['::ffff:127.0.0.1', '::ffff:127.0.0.1'],
	['::ffff:7f00:1', '::ffff:127.0.0.1'],
	['0:0:0:0:0:ffff:192.168.0.1', '::ffff:192.168.0.1'],
	['1:2:3:4:5:6:255.255.255.255', '1:2:3:4:5:6:ffff:ffff'],
	['ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
] as const) {
	test(`reads ${text} as IPv6 address ${expected}`, (t) => {
		t.is(formatIp6(parseIp6(text) as Uint8Array), expected);
		t.deepEqual(parseIp(text), parseIp6(text));
	});
}

for (const text of [
	'',
	':',
	':::',
	'1',
	'1:2:3:4:5:6:7',
	'1:2:3:4:5:6:7:8:9',
	'1:2:3:4:5:6:7:8::',
	'1:2:3:4:5:6:7:8::1::',
	'1:2:3:4::5:6:7:8',
	'::1::',
	':1:2:3:4:5:6:7:8',
	'1:2:3:4:5:6:7:8:',
	'12345::',
	'g::',
	'::0x1',
	'::-1',
	'1.2.3.4::',
	'1:1.2.3.4::5',
	'::1.2.3.4:5',
	'::1.2.3',
	'::127.1',
	'::1.2.3.256',
	'::01.2.3.4',
	'fe80::1%eth0',
	'fe80::1%25eth0',
	'[::1]',
	'::1 ',
	'::1.',
	'::1\0',
	`${'0'.repeat(46)}::1`,
]) {
	test(`does not read ${JSON.stringify(text)} as an IPv6 address`, (t) => t.is(parseIp6(text), null));
}

test('what is an IPv6 address is what node:net says it is', (t) => {
	const texts = fc.oneof(
		fc.oneof(ip6, sparseIp6).map(formatIp6),
		addressLike,
		fc
			.tuple(fc.oneof(ip6, sparseIp6).map(formatIp6), fc.nat(40), fc.constantFrom('', ':', '::', '.', '0', '1.2.3.4'))
			.map(([text, at, instead]) => text.slice(0, at) + instead + text.slice(at + 1)),
	);
	const property = fc.property(texts, (text) => (parseIp6(text) !== null) === isIPv6(text));
	t.notThrows(() => fc.assert(property, { numRuns: 5000 }));
});

test('an IPv6 address is written as RFC 5952 says and reads back as the same bytes', (t) => {
	const property = fc.property(fc.oneof(ip6, sparseIp6), (bytes) => {
		const text = formatIp6(bytes);
		const reference = Address6.fromByteArray([...bytes]);
		const expected = isMapped(bytes) ? reference.to4in6() : reference.correctForm();
		return text === expected && Buffer.compare(parseIp6(text) as Uint8Array, bytes) === 0 && formatIp(bytes) === text;
	});
	t.notThrows(() => fc.assert(property, { numRuns: 2000 }));
});

test('every spelling of an IPv6 address gives its bytes', (t) => {
	const property = fc.property(fc.oneof(ip6, sparseIp6), (bytes) => {
		const reference = Address6.fromByteArray([...bytes]);
		const spellings = [reference.canonicalForm(), reference.correctForm(), reference.to4in6()];
		return [...spellings, ...spellings.map((text) => text.toUpperCase())].every(
			(text) => Buffer.compare(parseIp6(text) as Uint8Array, bytes) === 0,
		);
	});
	t.notThrows(() => fc.assert(property));
});

test('only ::ffff:0:0/96 is an IPv4 address in IPv6 clothes', (t) => {
	t.true(isMapped(parseIp6('::ffff:1.2.3.4') as Uint8Array));
	for (const text of [
		'::1.2.3.4',
		'::fffe:1.2.3.4',
		'::ffff:0:1.2.3.4',
		'1::ffff:1.2.3.4',
		'100::ffff:1.2.3.4',
		'::ff:1.2.3.4',
		'::ff00:1.2.3.4',
		'64:ff9b::1.2.3.4',
	]) {
		t.false(isMapped(parseIp6(text) as Uint8Array), text);
	}
});

test('four bytes at any place are an unsigned IPv4 address', (t) => {
	const bytes = Uint8Array.of(9, 255, 254, 253, 252, 9);
	t.is(ip4Within(bytes, 1), 0xfffefdfc);
	t.is(formatIp(ip4Within(bytes, 1)), '255.254.253.252');
});
