import test from 'ava';
import fc from 'fast-check';
import { formatIp, type Ip, parseIp, parseIp4 } from '../../lib/core/ip.ts';
import { clientKey, clientOf } from '../../lib/limits/client-key.ts';

function ip(text: string): Ip {
	const parsed = parseIp(text);
	if (parsed === null) throw new Error(text);
	return parsed;
}

for (const [address, key] of [
	['192.0.2.1', '192.0.2.1'],
	['255.255.255.255', '255.255.255.255'],
	['0.0.0.0', '0.0.0.0'],
	['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
	['2001:db8::1', '2001:db8:0:0::/64'],
	['::1', '0:0:0:0::/64'],
	['fe80::1', 'fe80:0:0:0::/64'],
	['::ffff:192.0.2.1', '192.0.2.1'],
	['64:ff9b::192.0.2.1', '192.0.2.1'],
	['2002:c000:201:5:6:7:8:9', '192.0.2.1'],
	['64:ff9b:1::192.0.2.1', '64:ff9b:1:0::/64'],
	['64:ff9b:0:0:0:1:c000:201', '64:ff9b:0:0::/64'],
	['::192.0.2.1', '0:0:0:0::/64'],
	['2001:db8::5efe:192.0.2.1', '2001:db8:0:0::/64'],
] as const) {
	test(`the client at ${address} is ${key}`, (t) => {
		t.is(clientKey(ip(address)), key);
		t.is(clientOf(ip(address)).key, key);
		t.is(clientOf(ip(address)).id, parseIp4(key) ?? undefined);
	});
}

test('a prefix of several addresses has no number: it would be that of its first address', (t) => {
	const wide = clientOf(ip('192.0.2.7'), { v4Bits: 24, v6Bits: 64, networkBits: 48 });
	t.is(wide.key, '192.0.2.0/24');
	t.is(wide.id, undefined);
});

test('prefixes may be of any length', (t) => {
	const address = ip('2001:db8:1234:5678:9abc:def0:1234:5678');
	const of = (v6Bits: number): string => clientKey(address, { v4Bits: 32, v6Bits });
	t.is(of(128), '2001:db8:1234:5678:9abc:def0:1234:5678/128');
	t.is(of(120), '2001:db8:1234:5678:9abc:def0:1234:5600/120');
	t.is(of(112), '2001:db8:1234:5678:9abc:def0:1234::/112');
	t.is(of(60), '2001:db8:1234:5670::/60');
	t.is(of(56), '2001:db8:1234:5600::/56');
	t.is(of(48), '2001:db8:1234::/48');
	t.is(of(16), '2001::/16');
	const of4 = (v4Bits: number): string => clientKey(0xc0a8ffff, { v4Bits, v6Bits: 64 });
	t.deepEqual([32, 31, 24, 8, 1, 0].map(of4), [
		'192.168.255.255',
		'192.168.255.254/31',
		'192.168.255.0/24',
		'192.0.0.0/8',
		'128.0.0.0/1',
		'0.0.0.0/0',
	]);
});

test('two addresses have one key exactly when they share the prefix', (t) => {
	const global = fc
		.uint8Array({ minLength: 16, maxLength: 16 })
		.map((bytes) => Uint8Array.of(0x2a, ...bytes.subarray(1)));
	const pair = fc.record({
		one: global,
		bits: fc.integer({ min: 16, max: 128 }),
		flipped: fc.integer({ min: 8, max: 127 }),
	});
	fc.assert(
		fc.property(pair, ({ one, bits, flipped }) => {
			const other = Uint8Array.from(one);
			other[flipped >>> 3]! ^= 0x80 >>> (flipped & 7);
			const keys = [one, other].map((each) => clientKey(each, { v4Bits: 32, v6Bits: bits }));
			t.is(keys[0] === keys[1], flipped >= bits, `${formatIp(one)}/${bits} with bit ${flipped}`);
		}),
		{ numRuns: 1_000 },
	);
});

test('keys of different lengths and families never meet', (t) => {
	const keys = [8, 16, 24, 32].map((v4Bits) => clientKey(0x2a000000, { v4Bits, v6Bits: 64 }));
	for (const v6Bits of [32, 48, 64, 128]) keys.push(clientKey(ip('2a00::'), { v4Bits: 32, v6Bits }));
	t.is(new Set(keys).size, keys.length);
});

test('no host makes itself many clients by what it writes into its own subnet', (t) => {
	const host = fc.uint8Array({ minLength: 8, maxLength: 8 });
	fc.assert(
		fc.property(host, fc.constantFrom('00005efe', '02005efe', '00000000', '0000ffff', ''), (bytes, head) => {
			const identifier = Buffer.concat([Buffer.from(head, 'hex'), bytes]).subarray(0, 8);
			const address = Buffer.concat([Buffer.from('20010db800010002', 'hex'), identifier]);
			t.is(clientKey(address), '2001:db8:1:2::/64');
		}),
	);
});

test('the address of a client is the one to judge: IPv4-mapped is IPv4', (t) => {
	t.is(clientOf(ip('::ffff:192.0.2.1')).ip, 0xc0000201);
	t.deepEqual(clientOf(ip('2001:db8::1')).ip, ip('2001:db8::1'));
});
