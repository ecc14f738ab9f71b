import { BlockList } from 'node:net';
import test from 'ava';
import fc from 'fast-check';
import { Address4, Address6 } from 'ip-address';
import { formatIp, type Ip, parseIp, parseIp6, parseStrictIp4 } from '../../lib/core/ip.ts';
import {
	contains,
	firstOf,
	lastAtMost,
	lastOf,
	type Prefix,
	PrefixSet,
	parsePrefix,
	prefixOf,
} from '../../lib/policy/prefix.ts';

const ip4: fc.Arbitrary<number> = fc.integer({ min: 0, max: 0xffffffff });
const ip6: fc.Arbitrary<Uint8Array> = fc.uint8Array({ minLength: 16, maxLength: 16 });

/** Few distinct high bits, so that prefixes nest and addresses hit them. */
const near4: fc.Arbitrary<number> = fc
	.tuple(fc.constantFrom(0x0a000000, 0x0a010000, 0xc0a80000, 0), fc.integer({ min: 0, max: 0xffff }))
	.map(([high, low]) => (high | low) >>> 0);
const near6: fc.Arbitrary<Uint8Array> = fc
	.tuple(fc.constantFrom(0x20, 0x2a, 0), fc.uint8Array({ minLength: 3, maxLength: 3, max: 3 }))
	.map(([first, rest]) => Uint8Array.of(first, ...rest, 0, 0, 0, 0, 0, 0, 0, 0, ...rest, 1));

const prefix4: fc.Arbitrary<Prefix> = fc
	.tuple(near4, fc.integer({ min: 0, max: 32 }))
	.map(([ip, bits]) => ({ ip: firstOf(ip, bits), bits }));
const prefix6: fc.Arbitrary<Prefix> = fc
	.tuple(near6, fc.integer({ min: 0, max: 128 }))
	.map(([ip, bits]) => ({ ip: firstOf(ip, bits), bits }));

function textOf({ ip, bits }: Prefix): string {
	return `${formatIp(ip)}/${bits}`;
}

function read(text: string): Prefix {
	const prefix = parsePrefix(text);
	if (typeof prefix === 'string') throw new Error(prefix);
	return prefix;
}

test('reads addresses and prefixes of both families', (t) => {
	t.deepEqual(parsePrefix('192.0.2.0/24'), { ip: 0xc0000200, bits: 24 });
	t.deepEqual(parsePrefix('192.0.2.1'), { ip: 0xc0000201, bits: 32 });
	t.deepEqual(parsePrefix('0.0.0.0/0'), { ip: 0, bits: 0 });
	t.deepEqual(parsePrefix('2001:DB8::/32'), { ip: parseIp6('2001:db8::')!, bits: 32 });
	t.deepEqual(parsePrefix('::/0'), { ip: new Uint8Array(16), bits: 0 });
	t.deepEqual(parsePrefix('::1'), prefixOf(parseIp6('::1')!));
});

for (const text of [
	'',
	'/',
	'/8',
	'10.0.0.0/',
	'10.0.0.0/33',
	'10.0.0.0/-1',
	'10.0.0.0/8/8',
	'10.0.0.0/08x',
	'10.0.0.0/1e1',
	'10/8',
	'010.0.0.0/8',
	'0x7f.1',
	'2130706433',
	'10.0.0.0-10.0.0.9',
	'::/129',
	'fe80::1%eth0',
	'[::1]',
	'localhost',
	' 10.0.0.0/8',
]) {
	test(`refuses "${text}" as a prefix`, (t) => {
		const problem = parsePrefix(text);
		if (typeof problem !== 'string') return t.fail();
		t.regex(problem, /^expected an address or prefix/);
	});
}

test('says how a prefix with host bits, or IPv4 written as IPv6, is to be written', (t) => {
	t.is(parsePrefix('10.1.2.3/8'), 'host bits are set: write "10.0.0.0/8"');
	t.is(parsePrefix('2001:db8::1/64'), 'host bits are set: write "2001:db8::/64"');
	t.is(parsePrefix('::ffff:10.0.0.1'), 'write IPv4 as IPv4: "10.0.0.1"');
	t.is(parsePrefix('::ffff:10.0.0.0/104'), 'write IPv4 as IPv4: "10.0.0.0"');
});

test('first and last address are those that ip-address finds', (t) => {
	const bits4 = fc.integer({ min: 0, max: 32 });
	const bits6 = fc.integer({ min: 0, max: 128 });
	fc.assert(
		fc.property(ip4, bits4, (ip, bits) => {
			const oracle = new Address4(`${formatIp(ip)}/${bits}`);
			const first = firstOf(ip, bits);
			t.is(first, parseStrictIp4(oracle.startAddress().correctForm()) as Ip);
			t.is(lastOf({ ip: first, bits }), parseStrictIp4(oracle.endAddress().correctForm()) as Ip);
		}),
	);
	fc.assert(
		fc.property(ip6, bits6, (ip, bits) => {
			const oracle = new Address6(`${formatIp(ip)}/${bits}`);
			const first = firstOf(ip, bits);
			t.deepEqual(first, parseIp6(oracle.startAddress().correctForm()));
			t.deepEqual(lastOf({ ip: first, bits }), parseIp6(oracle.endAddress().correctForm()));
		}),
	);
});

test('one prefix contains another when it contains its first and last address', (t) => {
	const pair = fc.oneof(fc.tuple(prefix4, prefix4), fc.tuple(prefix6, prefix6));
	fc.assert(
		fc.property(pair, ([outer, inner]) => {
			const set = new PrefixSet([outer]);
			t.is(contains(outer, inner), set.has(inner.ip) && set.has(lastOf(inner)));
		}),
	);
	t.false(contains(read('0.0.0.0/0'), read('::/0')));
});

test('a set holds what BlockList of node:net holds', (t) => {
	const sets = fc.tuple(fc.array(fc.oneof(prefix4, prefix6), { maxLength: 12 }), fc.oneof(near4, near6, ip4, ip6));
	let hits = 0;
	fc.assert(
		fc.property(sets, ([prefixes, ip]) => {
			const family = typeof ip === 'number' ? 'ipv4' : 'ipv6';
			const oracle = new BlockList();
			// Of one family only: there an IPv6 prefix as wide as ::/8 covers IPv4, as mapped addresses.
			for (const prefix of prefixes.filter((each) => typeof each.ip === typeof ip))
				oracle.addSubnet(formatIp(prefix.ip), prefix.bits, family);
			const set = new PrefixSet(prefixes);
			const held = set.has(ip);
			hits += Number(held);
			t.is(held, oracle.check(formatIp(ip), family), prefixes.map(textOf).join());
		}),
		{ numRuns: 2_000 },
	);
	t.true(hits > 100, `${hits} addresses were in a set`);
});

test('a set knows the edges of its prefixes, however they nest', (t) => {
	const set = new PrefixSet(['10.0.0.0/8', '10.1.0.0/16', '192.0.2.1', '2001:db8::/32', 'ff00::/8'].map(read));
	const has = (text: string): boolean => set.has(parseIp(text) as Ip);
	t.deepEqual(['9.255.255.255', '10.0.0.0', '10.255.255.255', '11.0.0.0'].map(has), [false, true, true, false]);
	t.deepEqual(['192.0.2.0', '192.0.2.1', '192.0.2.2'].map(has), [false, true, false]);
	t.deepEqual(['2001:db7:ffff:ffff:ffff:ffff:ffff:ffff', '2001:db8::'].map(has), [false, true]);
	t.deepEqual(['2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', '2001:db9::'].map(has), [true, false]);
	t.deepEqual(['feff:ffff::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '::'].map(has), [false, true, false]);
});

test('a prefix of no bits is its whole family and not the other one', (t) => {
	t.true(new PrefixSet([read('0.0.0.0/0')]).has(0xffffffff));
	t.false(new PrefixSet([read('0.0.0.0/0')]).has(new Uint8Array(16)));
	t.true(new PrefixSet([read('::/0')]).has(new Uint8Array(16)));
	t.false(new PrefixSet([read('::/0')]).has(0));
	t.false(new PrefixSet([]).has(0));
	t.false(new PrefixSet([]).has(new Uint8Array(16)));
});

test('an IPv4 address that came out of signed arithmetic is the same address', (t) => {
	t.true(new PrefixSet([read('192.168.0.0/16')]).has(0xc0a80001 | 0));
});

test('finds the last number that is not above another', (t) => {
	const sorted = Uint32Array.of(0, 5, 5, 9);
	t.deepEqual(
		[0, 4, 5, 8, 9, 4_000_000_000].map((value) => lastAtMost(sorted, value)),
		[0, 0, 2, 2, 3, 3],
	);
	t.is(lastAtMost(Uint32Array.of(1), 0), -1);
	t.is(lastAtMost(new Uint32Array(), 7), -1);
});
