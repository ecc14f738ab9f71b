import test from 'ava';
import fc from 'fast-check';
import { parseIp } from '../../lib/core/ip.ts';
import { ipOfSockaddr, portOfSockaddr, sockaddrOf } from '../../lib/io/sockaddr.ts';

test('addresses and ports come back as they went in', (t) => {
	const ip4 = fc.nat(0xffffffff);
	const ip6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).filter((bytes) => bytes[0] !== 0);
	fc.assert(
		fc.property(fc.oneof(ip4, ip6), fc.nat(65_535), (ip, port) => {
			const bytes = sockaddrOf(ip, port);
			t.deepEqual(ipOfSockaddr(bytes), ip);
			t.is(portOfSockaddr(bytes), port);
		}),
	);
});

test('an IPv4-mapped address is its IPv4 address', (t) => {
	const mapped = parseIp('::ffff:192.0.2.7');
	if (mapped === null) return t.fail();
	t.is(ipOfSockaddr(sockaddrOf(mapped, 1)), 0xc0000207);
});
