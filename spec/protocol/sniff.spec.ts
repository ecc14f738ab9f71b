import test from 'ava';
import fc from 'fast-check';
import type { Codec } from '../../lib/protocol/codec.ts';
import { SniffServer } from '../../lib/protocol/sniff.ts';
import { Socks4Server } from '../../lib/protocol/socks4.ts';
import { Socks5Server } from '../../lib/protocol/socks5.ts';
import { assertAnyCut, assertBearsGarbage, hex, type Make, Player, play, playAllWays } from '../helpers/dialogue.ts';

const sniff: Make = () => new SniffServer({ authRequired: false });

const SOCKS5 = hex("05 01 00  05 01 00 03 0b 'example.com' 01bb");
const SOCKS4 = hex("04 01 0050 c0000207 'fred' 00");
const SOCKS4A = hex("04 01 0050 00000001 'fred' 00 'example.com' 00");
const CONNECT = Buffer.from('CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n');
const GET = Buffer.from('GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n');
const CORPUS = [SOCKS5, SOCKS4, SOCKS4A, CONNECT, GET];

for (const [protocol, input, kind] of [
	['socks5', SOCKS5, 'tunnel'],
	['socks4', SOCKS4, 'tunnel'],
	['socks4a', SOCKS4A, 'tunnel'],
	['connect', CONNECT, 'tunnel'],
] as const) {
	test(`${protocol} is known by its first byte and served to its end`, (t) => {
		const transcript = playAllWays(t, sniff, input);
		t.is(transcript.protocol, protocol);
		t.is(transcript.intent?.kind, kind);
		t.is(transcript.end, 'established');
	});
}

test('a plain HTTP request is known by its first byte and stays unread', (t) => {
	const transcript = play(sniff(), [GET]);
	t.is(transcript.protocol, 'http');
	t.deepEqual(transcript.intent, { kind: 'exchange' });
	t.deepEqual(transcript.early, GET);
});

test('a codec behind the sniffer does what it does alone', (t) => {
	for (const authRequired of [false, true]) {
		const alone = [
			[SOCKS5, () => new Socks5Server({ authRequired })],
			[SOCKS4A, () => new Socks4Server({ authRequired })],
		] as const;
		for (const [input, make] of alone) {
			t.deepEqual(play(new SniffServer({ authRequired }), [input]), play(make(), [input]));
		}
	}
});

const spoken = new Set([4, 5, ...Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz')]);
for (let byte = 0; byte < 256; byte++) {
	if (spoken.has(byte)) continue;
	test(`nothing here begins with ${byte.toString(16).padStart(2, '0')}: refused at once and without a word`, (t) => {
		const { events, protocol, error } = play(sniff(), [Buffer.of(byte)]);
		t.deepEqual(events, [{ fail: 'handshake_malformed', note: 'no protocol begins so' }]);
		t.like(error, { side: 'client', phase: 'handshake', retry: 'no' });
		t.is(protocol, 'unknown');
	});
}

test('a TLS ClientHello is refused, however it is cut and whatever follows', (t) => {
	const hello = hex('16 03 01 02 00 01 00 01 fc 03 03');
	const { events } = playAllWays(t, sniff, hello);
	t.deepEqual(events, [{ fail: 'handshake_malformed', note: 'no protocol begins so' }]);
});

test('only the first byte counts', (t) => {
	const property = fc.property(fc.constantFrom(...spoken), fc.uint8Array({ maxLength: 20 }), (first, rest) => {
		const { error } = play(sniff(), [Buffer.of(first), rest]);
		return error?.note !== 'no protocol begins so';
	});
	t.notThrows(() => fc.assert(property));
});

test('before the first byte nothing is known, held or asked', (t) => {
	const codec = new SniffServer({ authRequired: false });
	codec.receive(Buffer.alloc(0));
	t.is(codec.next().kind, 'read');
	t.is(codec.protocol, 'unknown');
	t.is(codec.heldBytes, 0);
	t.throws(() => codec.answer({ kind: 'opened' }), { message: 'answer without a question' });
});

test('what is held is what the codec behind it holds', (t) => {
	const player = new Player(sniff(), { late: true });
	player.feed(SOCKS5.subarray(0, 5));
	t.is(player.codec.heldBytes, 2);
	player.feed(SOCKS5.subarray(5));
	player.feed(Buffer.from('early'));
	t.is(player.codec.heldBytes, 5);
});

test('another table serves other protocols', (t) => {
	const asked: [number, boolean][] = [];
	const table = (firstByte: number, options: { authRequired: boolean }): Codec | null => {
		asked.push([firstByte, options.authRequired]);
		return firstByte === 5 ? new Socks5Server(options) : null;
	};
	t.is(play(new SniffServer({ authRequired: false }, table), [SOCKS5]).end, 'established');
	t.is(play(new SniffServer({ authRequired: true }, table), [GET]).error?.code, 'handshake_malformed');
	t.deepEqual(asked, [
		[5, false],
		[0x47, true],
	]);
});

test('input cut anywhere is the same input', (t) => assertAnyCut(t, sniff, CORPUS));

test('garbage neither throws nor goes on for ever', (t) => {
	assertBearsGarbage(t, sniff, CORPUS, 70_000);
});
