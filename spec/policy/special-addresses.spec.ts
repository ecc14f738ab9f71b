// The registries are typed in here a second time, with what an exit may do, and asked by plain arithmetic: two tables and
// two ways to look something up that have to agree.
import { BlockList } from 'node:net';
import test from 'ava';
import fc from 'fast-check';
import { formatIp, formatIp4, type Ip, type Ip6, parseIp, parseIp6 } from '../../lib/core/ip.ts';
import { firstOf, lastOf, type Prefix, parsePrefix } from '../../lib/policy/prefix.ts';
import { embeddedIp4s, rangeAround, rangeOf, specialRangeOf } from '../../lib/policy/special-addresses.ts';
import { SPECIAL_RANGES, type SpecialRange } from '../../lib/policy/special-ranges.ts';

type Expected = 'yes' | 'private' | 'no';

/** IANA IPv4 Special-Purpose Address Registry, multicast, clouds. */
const IP4: Readonly<Record<string, Expected>> = {
	'0.0.0.0/8': 'no',
	'0.0.0.0/32': 'no',
	'10.0.0.0/8': 'private',
	'100.64.0.0/10': 'private',
	'100.100.100.200/32': 'no',
	'127.0.0.0/8': 'private',
	'168.63.129.16/32': 'no',
	'169.254.0.0/16': 'no',
	'172.16.0.0/12': 'private',
	'192.0.0.0/24': 'no',
	'192.0.0.0/29': 'no',
	'192.0.0.8/32': 'no',
	'192.0.0.9/32': 'no',
	'192.0.0.10/32': 'no',
	'192.0.0.170/32': 'no',
	'192.0.0.171/32': 'no',
	'192.0.0.192/32': 'no',
	'192.0.2.0/24': 'private',
	'192.31.196.0/24': 'yes',
	'192.52.193.0/24': 'no',
	'192.88.99.0/24': 'no',
	'192.88.99.2/32': 'no',
	'192.168.0.0/16': 'private',
	'192.175.48.0/24': 'yes',
	'198.18.0.0/15': 'private',
	'198.51.100.0/24': 'private',
	'203.0.113.0/24': 'private',
	'224.0.0.0/4': 'no',
	'240.0.0.0/4': 'no',
	'255.255.255.255/32': 'no',
};

/** IANA IPv6 Special-Purpose Address Registry, deprecated forms, multicast, clouds. */
const IP6: Readonly<Record<string, Expected>> = {
	'::1/128': 'private',
	'::/128': 'no',
	'::/96': 'no',
	'::ffff:0:0:0/96': 'no',
	'64:ff9b::/96': 'yes',
	'64:ff9b:1::/48': 'no',
	'100::/64': 'no',
	'100:0:0:1::/64': 'no',
	'2001::/23': 'no',
	'2001::/32': 'no',
	'2001:1::1/128': 'no',
	'2001:1::2/128': 'no',
	'2001:1::3/128': 'no',
	'2001:2::/48': 'private',
	'2001:3::/32': 'no',
	'2001:4:112::/48': 'yes',
	'2001:10::/28': 'no',
	'2001:20::/28': 'no',
	'2001:30::/28': 'no',
	'2001:db8::/32': 'private',
	'2002::/16': 'no',
	'2620:4f:8000::/48': 'yes',
	'3fff::/20': 'private',
	'5f00::/16': 'no',
	'fc00::/7': 'private',
	'fd00:42::42/128': 'no',
	'fd00:ec2::/32': 'no',
	'fd20:ce::/32': 'no',
	'fe80::/10': 'no',
	'fec0::/10': 'private',
	'ff00::/8': 'no',
};

const WIDTH = { 4: 32n, 6: 128n } as const;

interface Row {
	readonly family: 4 | 6;
	readonly first: bigint;
	readonly last: bigint;
	readonly bits: number;
	readonly expected: Expected;
	readonly text: string;
}

const ROWS: readonly Row[] = [...rowsOf(IP4, 4), ...rowsOf(IP6, 6)];

function rowsOf(table: Readonly<Record<string, Expected>>, family: 4 | 6): Row[] {
	return Object.entries(table).map(([text, expected]) => {
		const [address, length] = text.split('/') as [string, string];
		const bits = Number(length);
		const first = numberOf(parseIp(address)!);
		return { family, first, last: first + 2n ** (WIDTH[family] - BigInt(bits)) - 1n, bits, expected, text };
	});
}

function numberOf(ip: Ip): bigint {
	return typeof ip === 'number' ? BigInt(ip) : BigInt(`0x${Buffer.from(ip).toString('hex')}`);
}

function ipOf(value: bigint, family: 4 | 6): Ip {
	return family === 4 ? Number(value) : Uint8Array.from(Buffer.from(value.toString(16).padStart(32, '0'), 'hex'));
}

/** What the table says of an address, with nothing unwrapped: the smallest row around it. */
function expectedOf(value: bigint, family: 4 | 6): Expected | 'ordinary' {
	const around = ROWS.filter((row) => row.family === family && row.first <= value && value <= row.last);
	const row = around.toSorted((a, b) => b.bits - a.bits)[0];
	if (row) return row.expected;
	if (family === 6 && value >> 125n !== 1n) return 'no';
	return 'ordinary';
}

function ip(text: string): Ip {
	const parsed = parseIp(text);
	if (parsed === null) throw new Error(text);
	return parsed;
}

for (const row of ROWS) {
	test(`${row.text}: its first and last address and their neighbours are what the registry says`, (t) => {
		const end = 2n ** WIDTH[row.family] - 1n;
		for (const value of [row.first - 1n, row.first, row.last, row.last + 1n]) {
			if (value < 0n || value > end) continue;
			const address = ipOf(value, row.family);
			t.is(rangeOf(address)?.reach ?? 'ordinary', expectedOf(value, row.family), formatIp(address));
		}
	});
}

test('the table has no other rows than the registries and what is unallocated', (t) => {
	const unallocated = SPECIAL_RANGES.filter((range) => range.name === 'unallocated');
	const texts = SPECIAL_RANGES.filter((range) => !unallocated.includes(range)).map((range) => range.prefix);
	const registered = ROWS.map((row) => row.text);
	t.deepEqual(texts.toSorted(), registered.toSorted());
	t.true(unallocated.every((range) => range.reach === 'no'));
});

test('every IPv6 address outside 2000::/3 is special, and what is in no row is unallocated', (t) => {
	const address = fc.uint8Array({ minLength: 16, maxLength: 16 });
	fc.assert(
		fc.property(address, (bytes) => {
			const outside = (bytes[0]! & 0xe0) !== 0x20;
			t.is(rangeOf(bytes)?.reach ?? 'ordinary', expectedOf(numberOf(bytes), 6), formatIp(bytes));
			if (outside) t.not(specialRangeOf(bytes), null);
		}),
		{ numRuns: 2_000 },
	);
	for (const text of [
		'::2:0:0:0:0',
		'200::1',
		'400::',
		'1fff::',
		'4000::',
		'9fff::1',
		'e000::',
		'f800::',
		'fbff::',
		'fe00::',
		'fe7f::',
	])
		t.is(specialRangeOf(ip(text))?.name, 'unallocated', text);
});

test('of IPv4 exactly the registered ranges are special', (t) => {
	const refused = new BlockList();
	for (const row of ROWS.filter(({ family, expected }) => family === 4 && expected !== 'yes'))
		refused.addSubnet(row.text.split('/')[0]!, row.bits, 'ipv4');
	fc.assert(
		fc.property(fc.integer({ min: 0, max: 0xffffffff }), (address) => {
			t.is(specialRangeOf(address) !== null, refused.check(formatIp4(address)), formatIp4(address));
		}),
		{ numRuns: 5_000 },
	);
});

for (const text of [
	'1.1.1.1',
	'8.8.8.8',
	'100.63.255.255',
	'128.0.0.1',
	'169.253.255.255',
	'172.32.0.0',
	'192.0.1.0',
	'223.255.255.255',
	'192.31.196.1',
	'192.175.48.6',
	'2001:200::1',
	'2001:4860:4860::8888',
	'2003::1',
	'2606:4700:4700::1111',
	'2a00:1450:4001:80b::200e',
	'3ffe::1',
	'3fff:1000::1',
	'2001:4:112::1',
	'64:ff9b::8.8.8.8',
	'::ffff:8.8.8.8',
	'2a00:1450::5efe:8.8.8.8',
]) {
	test(`${text} is ordinary`, (t) => {
		t.is(specialRangeOf(ip(text)), null);
	});
}

/** Each form in which IPv6 carries IPv4, by the bytes around it. `global` are eight bytes of somebody's global prefix. */
const WRAPPINGS: Readonly<Record<string, (ip4: Buffer, global: Buffer) => Buffer>> = {
	mapped: (ip4) => Buffer.concat([Buffer.alloc(10), Buffer.from('ffff', 'hex'), ip4]),
	compatible: (ip4) => Buffer.concat([Buffer.alloc(12), ip4]),
	translated: (ip4) => Buffer.concat([Buffer.alloc(8), Buffer.from('ffff0000', 'hex'), ip4]),
	NAT64: (ip4) => Buffer.concat([Buffer.from('0064ff9b0000000000000000', 'hex'), ip4]),
	'local-use NAT64': (ip4) => Buffer.concat([Buffer.from('0064ff9b0001', 'hex'), Buffer.alloc(6), ip4]),
	'6to4': (ip4, global) => Buffer.concat([Buffer.from('2002', 'hex'), ip4, global, Buffer.alloc(2)]),
	'Teredo server': (ip4, global) => Buffer.concat([Buffer.from('20010000', 'hex'), ip4, global]),
	'Teredo client': (ip4, global) =>
		Buffer.concat([Buffer.from('20010000', 'hex'), global, Buffer.from(ip4.map((byte) => 255 - byte))]),
	ISATAP: (ip4, global) => Buffer.concat([global, Buffer.from('00005efe', 'hex'), ip4]),
	'ISATAP, universal': (ip4, global) => Buffer.concat([global, Buffer.from('02005efe', 'hex'), ip4]),
};

const special4: fc.Arbitrary<number> = fc
	.constantFrom(...ROWS.filter((row) => row.family === 4 && row.expected !== 'yes'))
	.chain((row) => fc.bigInt({ min: row.first, max: row.last }))
	.map(Number);
const global64: fc.Arbitrary<Buffer> = fc
	.uint8Array({ minLength: 8, maxLength: 8 })
	.map((bytes) => Buffer.from([0x2a, ...bytes.subarray(1)]));

function bytesOf(ip4: number): Buffer {
	const bytes = Buffer.alloc(4);
	bytes.writeUInt32BE(ip4);
	return bytes;
}

for (const [form, wrap] of Object.entries(WRAPPINGS)) {
	test(`no special IPv4 address passes as ${form}`, (t) => {
		fc.assert(
			fc.property(special4, global64, (ip4, global) => {
				const wrapped = wrap(bytesOf(ip4), global);
				t.not(specialRangeOf(wrapped), null, formatIp(wrapped));
				// :: and ::1 are addresses of their own.
				if (form !== 'compatible' || ip4 > 1) t.true(embeddedIp4s(wrapped).includes(ip4), formatIp(wrapped));
			}),
		);
	});
}

test('what tunnels and translators carry is judged even where the wrapping itself is permitted', (t) => {
	const wrappings = Object.entries(WRAPPINGS).filter(([form]) => form !== 'mapped');
	for (const [form, wrap] of wrappings) {
		const wrapped = wrap(bytesOf(0xa9fea9fe), Buffer.from('2a00145040010000', 'hex'));
		const outer = rangeOf(wrapped);
		const inner = specialRangeOf(wrapped, (range) => range === outer || range.reach === 'yes');
		// The Teredo server's field is one, the client's another: the rest of the address is random here.
		if (form.startsWith('Teredo')) t.not(inner, null, form);
		else t.is(inner?.name, 'link-local', form);
	}
});

test("a wrapped special address is named by what is inside where the wrapping is nobody's reason", (t) => {
	const names = ['::ffff:127.0.0.1', '64:ff9b::127.0.0.1', '2a00::5efe:10.0.0.1', '2a00::200:5efe:169.254.169.254'];
	t.deepEqual(
		names.map((text) => specialRangeOf(ip(text))?.name),
		['loopback', 'loopback', 'private-use', 'link-local'],
	);
	t.is(specialRangeOf(ip('2002:808:808::1'))?.name, '6to4', 'a public address inside does not make it reachable');
	t.is(specialRangeOf(ip('2001:0:808:808::f7f7:f7f7'))?.name, 'Teredo');
	t.is(specialRangeOf(ip('64:ff9b:1::8.8.8.8'))?.name, 'local-use NAT64');
});

test('loopback in IPv6 carries no IPv4 address, so that it can be permitted', (t) => {
	t.deepEqual([...embeddedIp4s(parseIp6('::1') as Ip6)], []);
	t.is(
		specialRangeOf(ip('::1'), (range) => range.reach === 'private'),
		null,
	);
});

test('ordinary addresses carry nothing', (t) => {
	for (const text of ['2a00:1450::1', '2001:4860:4860::8888', '2001:1::5', '64:ff9b:2::1', 'fe80::1'])
		t.deepEqual([...embeddedIp4s(parseIp6(text) as Ip6)], [], text);
});

test('metadata services of clouds stay closed inside ranges that are private', (t) => {
	for (const text of [
		'169.254.169.254',
		'100.100.100.200',
		'168.63.129.16',
		'fd00:ec2::254',
		'fd00:ec2::23',
		'fd20:ce::254',
		'fd00:42::42',
	])
		t.not(
			specialRangeOf(ip(text), (range) => range.reach !== 'no'),
			null,
			text,
		);
	t.is(
		specialRangeOf(ip('fd00::1'), (range) => range.reach !== 'no'),
		null,
	);
});

test('an IPv4 address that came out of signed arithmetic is judged the same', (t) => {
	t.is(specialRangeOf(0xa9fea9fe | 0)?.name, 'link-local');
	t.is(specialRangeOf(0xc0a80001 | 0)?.name, 'private-use');
});

test('the range around a prefix is the smallest that holds all of it', (t) => {
	const around = (text: string): string | null => rangeAround(parsePrefix(text) as Prefix)?.prefix ?? null;
	t.is(around('10.1.2.3/32'), '10.0.0.0/8');
	t.is(around('10.0.0.0/8'), '10.0.0.0/8');
	t.is(around('10.0.0.0/7'), null);
	t.is(around('0.0.0.0/0'), null);
	t.is(around('192.0.0.0/24'), '192.0.0.0/24');
	t.is(around('192.0.0.0/30'), '192.0.0.0/29');
	t.is(around('fd00::/8'), 'fc00::/7');
	t.is(around('fd00:ec2::254/128'), 'fd00:ec2::/32');
	t.is(around('200::/7'), '200::/7');
	t.is(around('::/0'), null);
	t.is(around('8.8.8.8/32'), null);
});

test('rows are prefixes, each with a name and a source, none twice', (t) => {
	for (const range of SPECIAL_RANGES) {
		const prefix = parsePrefix(range.prefix);
		if (typeof prefix === 'string') return t.fail(`${range.prefix}: ${prefix}`);
		t.deepEqual(firstOf(lastOf(prefix), prefix.bits), prefix.ip);
		t.true(range.name.length > 0 && range.source.length > 0);
	}
	t.is(new Set(SPECIAL_RANGES.map((range: SpecialRange) => range.prefix)).size, SPECIAL_RANGES.length);
});
