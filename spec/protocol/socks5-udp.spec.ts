import test from 'ava';
import fc from 'fast-check';
import { type Target, targetOfHost } from '../../lib/core/target.ts';
import {
	headerLength,
	headerOf,
	headerOfIp,
	keyOfHeader,
	keyOfIp4,
	targetOfHeader,
} from '../../lib/protocol/socks5-udp.ts';
import { hex } from '../helpers/dialogue.ts';

// RFC 1928 section 7
const TO_IP4 = hex(`
	00 00           # RSV
	00              # FRAG
	01              # ATYP: IP V4
	c0 00 02 07     # DST.ADDR 192.0.2.7
	00 35           # DST.PORT 53
`);
const TO_IP6 = hex(`
	00 00 00
	04              # ATYP: IP V6
	20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01
	01 bb           # DST.PORT 443
`);
const TO_NAME = hex(`
	00 00 00
	03              # ATYP: DOMAINNAME
	0b 'example.com'
	01 bb
`);

function target(host: string, port: number): Target {
	return targetOfHost(host, port) as Target;
}

for (const [what, header, host, port] of [
	['an IPv4 address', TO_IP4, '192.0.2.7', 53],
	['an IPv6 address', TO_IP6, '2001:db8::1', 443],
	['a name', TO_NAME, 'example.com', 443],
] as const) {
	test(`a header with ${what} is read and written`, (t) => {
		const bytes = Buffer.concat([hex('ff ff'), header, hex("'payload'")]);
		t.is(headerLength(bytes, 2, bytes.length), header.length);
		t.deepEqual(targetOfHeader(bytes, 2, header.length), target(host, port));
		t.deepEqual(headerOf(target(host, port)), header);
	});

	test(`a datagram without payload to ${what} is one, and one byte less is none`, (t) => {
		t.is(headerLength(header, 0, header.length), header.length);
		for (let end = 0; end < header.length; end++) t.is(headerLength(header, 0, end), 0);
	});
}

for (const [what, bytes] of [
	['RSV that is not zero', '00 01 00 01 c0000207 0035'],
	['another RSV', '80 00 00 01 c0000207 0035'],
	['a fragment', '00 00 01 01 c0000207 0035'],
	['the last fragment', '00 00 81 01 c0000207 0035'],
	['ATYP 0', '00 00 00 00 c0000207 0035'],
	['ATYP 2', '00 00 00 02 c0000207 0035'],
	['ATYP 255', '00 00 00 ff c0000207 0035'],
	['port 0', '00 00 00 01 c0000207 0000'],
	['an empty name', '00 00 00 03 00 0035'],
	['a name that is cut short', "00 00 00 03 ff 'example' 0035"],
	['nothing', ''],
] as const) {
	test(`a datagram with ${what} is dropped`, (t) => {
		const datagram = hex(bytes);
		t.is(headerLength(datagram, 0, datagram.length), 0);
	});
}

test('a name that cannot be one has no target, and an address in the place of a name is the address', (t) => {
	const named = (name: string): Buffer =>
		Buffer.concat([hex('00 00 00 03'), Buffer.of(name.length), Buffer.from(name), hex('0035')]);
	const read = (name: string): Target | null => targetOfHeader(named(name), 0, named(name).length);
	t.is(read('exa mple'), null);
	t.is(read('a\0b'), null);
	t.deepEqual(read('127.1'), target('127.0.0.1', 53));
	t.deepEqual(read('::ffff:127.0.0.1'), target('127.0.0.1', 53));
});

test('headers with one key go to one target', (t) => {
	const header = fc.oneof(
		fc.tuple(fc.ipV4(), fc.integer({ min: 1, max: 65_535 })),
		fc.tuple(fc.ipV6(), fc.integer({ min: 1, max: 65_535 })),
		fc.tuple(fc.domain(), fc.integer({ min: 1, max: 65_535 })),
	);
	fc.assert(
		fc.property(header, header, (one, other) => {
			const [a, b] = [headerOf(target(...one)), headerOf(target(...other))];
			t.is(keyOfHeader(a, 0, a.length) === keyOfHeader(b, 0, b.length), a.equals(b));
			t.is(headerLength(a, 0, a.length), a.length);
			t.deepEqual(targetOfHeader(a, 0, a.length), target(...one));
		}),
	);
	t.is(keyOfHeader(TO_IP4, 0, TO_IP4.length), keyOfIp4(0xc0000207, 53));
	t.deepEqual(headerOfIp(0xc0000207, 53), TO_IP4);
});

test('garbage never throws and never claims more than there is', (t) => {
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(20), (garbage, start) => {
			const bytes = Buffer.concat([
				Buffer.alloc(start, 7),
				garbage.length % 3 === 0 ? Buffer.alloc(3) : Buffer.alloc(0),
				garbage,
			]);
			const length = headerLength(bytes, start, bytes.length);
			t.true(length >= 0 && start + length <= bytes.length);
			if (length > 0) targetOfHeader(bytes, start, length);
		}),
	);
});
