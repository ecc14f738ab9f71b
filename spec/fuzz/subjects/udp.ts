// Datagrams of SOCKS5: the header is read where it lies, against a second reading that is written down from RFC 1928 section 7
// alone; a frame carries exactly what was put into it.
import { deepStrictEqual } from 'node:assert/strict';
import { targetOfHost } from '../../../lib/core/target.ts';
import { headerLength, headerOf, keyOfHeader, targetOfHeader } from '../../../lib/protocol/socks5-udp.ts';
import { hex } from '../../helpers/dialogue.ts';
import type { Subject } from '../subject.ts';

const SEEDS = [
	hex("00 00 00 01 c0000207 0035 'payload'"),
	hex("00 00 00 04 20010db8000000000000000000000001 01bb 'payload'"),
	hex("00 00 00 03 0b 'example.com' 0035 'payload'"),
	hex('00 00 00 01 7f000001 0050'),
];

/** Length of the header by the letter of the RFC; 0 for a datagram that has to be dropped. */
function lengthByRfc(datagram: Buffer): number {
	const [high, low, fragment, type, size] = datagram;
	if (high !== 0 || low !== 0 || fragment !== 0) return 0;
	const address = type === 1 ? 4 : type === 4 ? 16 : type === 3 && size !== undefined && size > 0 ? 1 + size : 0;
	const length = address === 0 ? 0 : 4 + address + 2;
	if (length === 0 || length > datagram.length) return 0;
	return datagram.readUInt16BE(length - 2) === 0 ? 0 : length;
}

export const UDP: Subject = {
	name: 'udp-header',
	seeds: SEEDS,
	words: ['\0\0\0', '\x03', '\x01', '\x04', '\xff', 'example.com', '\0\x35', '[::1]', '127.0.0.1'],
	limitBytes: 2_048,
	start: () => ({
		try(bytes, roll) {
			// Datagrams lie in a batch, one behind the other.
			const start = roll(64);
			const batch = Buffer.concat([Buffer.alloc(start, 0xaa), bytes, Buffer.alloc(300, roll(2) * 5)]);
			const length = headerLength(batch, start, start + bytes.length);
			if (length !== lengthByRfc(bytes)) throw new Error(`a header of ${lengthByRfc(bytes)} bytes has ${length}`);
			if (length === 0) return 'dropped';
			const target = targetOfHeader(batch, start, length);
			const key = keyOfHeader(batch, start, length);
			if (target === null) return 'no name';
			const again = headerOf(target);
			deepStrictEqual(targetOfHeader(again, 0, headerLength(again, 0, again.length + 1) || again.length), target);
			if (target.kind === 'name') deepStrictEqual(targetOfHost(target.host, target.port), target);
			return `${target.kind} ${typeof key} ${bytes[3]}`;
		},
	}),
};
