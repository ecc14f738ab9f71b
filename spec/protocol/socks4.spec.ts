import { deepStrictEqual } from 'node:assert/strict';
import { inspect } from 'node:util';
import test from 'ava';
import fc from 'fast-check';
import { CODES, GatewayError } from '../../lib/core/error.ts';
import { type Target, targetOfHost, targetOfIp } from '../../lib/core/target.ts';
import { socks4ReplyOf } from '../../lib/protocol/causes.ts';
import { Socks4Client, type Socks4ClientOptions, Socks4Server } from '../../lib/protocol/socks4.ts';
import {
	assertAnyCut,
	assertBearsGarbage,
	bytewise,
	converse,
	hex,
	type Make,
	type Owner,
	play,
	playAllWays,
} from '../helpers/dialogue.ts';

const open: Make = () => new Socks4Server({ authRequired: false });
const guarded: Make = () => new Socks4Server({ authRequired: true });

/** Header, two strings of the longest size with their NULs, and a byte that is one too many. */
const HANDSHAKE_BYTES = 8 + 255 + 1 + 255 + 1 + 1;

// The SOCKS4 memo, section 1, CONNECT
const TO_IP4 = hex(`
	04              # VN
	01              # CD: CONNECT
	00 50           # DSTPORT 80
	c0 00 02 07     # DSTIP 192.0.2.7
	'fred'          # USERID
	00              # NUL
`);
// The SOCKS 4A memo
const TO_NAME = hex(`
	04              # VN
	01              # CD: CONNECT
	01 bb           # DSTPORT 443
	00 00 00 01     # DSTIP 0.0.0.x with nonzero x
	'fred'          # USERID
	00              # NUL
	'example.com'   # the host's name
	00              # NUL
`);
const NO_USER = hex('04 01 0050 c0000207 00');
const GRANTED = hex(`
	00              # VN of the reply
	5a              # CD 90: request granted
	00 00           # DSTPORT, to be ignored
	00 00 00 00     # DSTIP, to be ignored
`);

function reply(cd: number): string {
	return `00${cd.toString(16)}000000000000`;
}

function target(host: string, port: number): Target {
	return targetOfHost(host, port) as Target;
}

function named(name: string, port: string = '01bb'): Buffer {
	return Buffer.concat([hex(`04 01 ${port} 000000ff 00`), Buffer.from(name, 'latin1'), Buffer.of(0)]);
}

const CORPUS = [
	TO_IP4,
	TO_NAME,
	NO_USER,
	Buffer.concat([TO_NAME, hex("16 03 01 'ClientHello' 00")]),
	hex('04 02 0050 c0000207 00'),
];

test('server: connects to an address', (t) => {
	const { events, protocol } = playAllWays(t, open, TO_IP4);
	t.deepEqual(events, [
		{ authenticate: { user: 'fred', password: null } },
		{ open: { kind: 'tunnel', target: target('192.0.2.7', 80) } },
		{ send: GRANTED.toString('hex') },
		{ established: '' },
	]);
	t.is(protocol, 'socks4');
});

test('server: connects to a name by 4A', (t) => {
	const { events, protocol } = playAllWays(t, open, TO_NAME);
	t.deepEqual(events, [
		{ authenticate: { user: 'fred', password: null } },
		{ open: { kind: 'tunnel', target: target('example.com', 443) } },
		{ send: GRANTED.toString('hex') },
		{ established: '' },
	]);
	t.is(protocol, 'socks4a');
});

test('server: an empty user id is nobody to ask about', (t) => {
	const { events } = playAllWays(t, open, NO_USER);
	t.deepEqual(events, [
		{ open: { kind: 'tunnel', target: target('192.0.2.7', 80) } },
		{ send: GRANTED.toString('hex') },
		{ established: '' },
	]);
});

test('server: bytes that follow the request belong to the target, NULs included', (t) => {
	const payload = Buffer.concat([hex('16 03 01 00 00'), Buffer.alloc(60_000)]);
	for (const request of [TO_IP4, TO_NAME]) {
		const whole = play(open(), [Buffer.concat([request, payload])], { late: true });
		t.is(whole.end, 'established');
		t.true(whole.early.equals(payload));
	}
});

for (const [address, is4a] of [
	['00000001', true],
	['000000ff', true],
	['00000000', false],
	['00000100', false],
	['00010001', false],
	['01000001', false],
	['ff000001', false],
] as const) {
	test(`server: address ${address} ${is4a ? 'announces a name' : 'is an address'}`, (t) => {
		const { protocol, intent } = playAllWays(
			t,
			open,
			hex(`04 01 0050 ${address} 00 ${is4a ? "'example.com' 00" : ''}`),
		);
		t.is(protocol, is4a ? 'socks4a' : 'socks4');
		const expected = is4a ? target('example.com', 80) : targetOfIp(Number.parseInt(address, 16), 80);
		t.deepEqual(intent, { kind: 'tunnel', target: expected });
	});
}

for (const [name, host] of [
	['EXAMPLE.com.', 'example.com'],
	['192.0.2.1', '192.0.2.1'],
	['0x7f.1', '127.0.0.1'],
	['2130706433', '127.0.0.1'],
	['::1', '::1'],
	['[2001:db8::1]', '2001:db8::1'],
	['::ffff:10.0.0.1', '10.0.0.1'],
	[`${'a.'.repeat(126)}a`, `${'a.'.repeat(126)}a`],
] as const) {
	test(`server: name ${name.slice(0, 20)} is judged as ${host.slice(0, 20)}`, (t) => {
		t.deepEqual(playAllWays(t, open, named(name)).intent, { kind: 'tunnel', target: target(host, 443) });
	});
}

for (const [what, name] of [
	['nothing', ''],
	['a line break', 'example.com\r\n'],
	['white space', 'example .com'],
	['a bracket', '[example.com]'],
	['bytes outside ASCII', 'b\u00fccher.example'],
	['a number that is no address', '4294967296'],
	['255 bytes', 'a'.repeat(255)],
] as const) {
	test(`server: a name of or with ${what} leads nowhere`, (t) => {
		const { events } = playAllWays(t, open, named(name));
		t.deepEqual(events, [{ send: reply(91) }, { fail: 'destination_not_found', note: 'no host name' }]);
	});
}

test('server: nobody listens at port 0', (t) => {
	for (const input of [hex('04 01 0000 c0000207 00'), named('example.com', '0000')]) {
		t.deepEqual(playAllWays(t, open, input).events, [
			{ send: reply(91) },
			{ fail: 'connection_refused', note: 'port 0' },
		]);
	}
});

test('server: both strings may have 255 bytes and not one more', (t) => {
	const long = Buffer.alloc(255, 'u');
	const header = hex('04 01 0050 00000001');
	const name = Buffer.from('example.com\0');
	const good = Buffer.concat([header, long, Buffer.of(0), name]);
	t.is(playAllWays(t, open, good).credentials?.user.length, 255);
	for (const bad of [
		Buffer.concat([header, long, Buffer.from('u\0'), name]),
		Buffer.concat([header, long, Buffer.from('u')]),
		Buffer.concat([header, Buffer.of(0), Buffer.alloc(256, 'a'), Buffer.of(0)]),
		Buffer.concat([header, long, Buffer.of(0), Buffer.alloc(256, 'a')]),
	]) {
		const { events } = playAllWays(t, open, bad);
		t.deepEqual(events, [{ send: reply(91) }, { fail: 'handshake_malformed', note: 'string too long' }]);
	}
});

test('server: a user id is its exact bytes', (t) => {
	const bytes = Buffer.from(Array.from({ length: 255 }, (_, i) => i + 1));
	const { credentials } = playAllWays(t, open, Buffer.concat([hex('04 01 0050 c0000207'), bytes, Buffer.of(0)]));
	t.deepEqual(Buffer.from(credentials!.user, 'latin1'), bytes);
	t.is(credentials!.password, null);
});

test('server: a user id that is rejected gets 93', (t) => {
	const { events } = playAllWays(t, open, TO_NAME, { authenticate: () => ({ kind: 'rejected' }) });
	t.deepEqual(events, [
		{ authenticate: { user: 'fred', password: null } },
		{ send: reply(93) },
		{ fail: 'authentication_required', note: undefined },
	]);
});

test('server: where authentication is required nothing helps a SOCKS4 client', (t) => {
	for (const input of [TO_IP4, TO_NAME, NO_USER, hex('04 02 0050 c0000207 00')]) {
		const { events, error } = playAllWays(t, guarded, input);
		t.deepEqual(events, [{ send: reply(93) }, { fail: 'authentication_required', note: undefined }]);
		t.like(error, { side: 'client', phase: 'handshake', retry: 'no' });
	}
});

for (const command of ['00', '03', 'f1', 'ff']) {
	test(`server: command ${command} is not served`, (t) => {
		const { events } = playAllWays(t, open, hex(`04 ${command} 0050 c0000207 00`));
		t.deepEqual(events, [{ send: reply(91) }, { fail: 'command_unsupported', note: undefined }]);
	});
}

test('server: needs no more than the bytes that decide', (t) => {
	t.is(play(open(), [hex('04 03 0050 c0000207')]).error?.code, 'command_unsupported');
	t.is(play(guarded(), [hex('04 01 0050 c0000207')]).error?.code, 'authentication_required');
	t.is(play(open(), [hex('04 02 0050 c00002')]).end, 'read');
});

test('server: another version is not answered', (t) => {
	t.deepEqual(play(open(), [hex('05')]).events, [{ fail: 'handshake_malformed', note: 'not SOCKS4' }]);
});

for (const code of CODES) {
	test(`server: ${code} is told and fails as it is`, (t) => {
		const error = new GatewayError(code, { side: 'target', phase: 'connect' });
		const transcript = playAllWays(t, open, NO_USER, { open: () => ({ kind: 'failed', error }) });
		t.is(transcript.sent.toString('hex'), reply(socks4ReplyOf(code)));
		t.is(transcript.error, error);
	});
}

test('server: BIND has two replies, the address to connect to and the peer that came', (t) => {
	const codec = new Socks4Server({ authRequired: false });
	codec.receive(hex('04 02 0015 c0000207 00'));
	t.deepEqual(codec.next(), { kind: 'open', intent: { kind: 'bind', target: targetOfHost('192.0.2.7', 21)! } });
	codec.answer({ kind: 'listening', bound: targetOfHost('203.0.113.1', 40_000)! });
	t.deepEqual(codec.next(), { kind: 'send', bytes: hex('00 5a 9c40 cb007101') });
	t.is(codec.next().kind, 'read');
	codec.answer({ kind: 'opened', bound: targetOfHost('192.0.2.7', 20)! });
	t.deepEqual(codec.next(), { kind: 'send', bytes: hex('00 5a 0014 c0000207') });
	t.is(codec.next().kind, 'established');
});

test('server: a BIND that nobody came to has a second reply that says no', (t) => {
	const codec = new Socks4Server({ authRequired: false });
	codec.receive(hex('04 02 0000 00000000 00'));
	t.is(codec.next().kind, 'open');
	codec.answer({ kind: 'listening', bound: targetOfHost('2001:db8::1', 40_000)! });
	t.deepEqual(codec.next(), { kind: 'send', bytes: hex('00 5a 9c40 00000000') }, 'no room for IPv6: zeros');
	codec.answer({ kind: 'failed', error: new GatewayError('connection_timeout') });
	t.deepEqual(codec.next(), { kind: 'send', bytes: hex('00 5b 0000 00000000') });
	t.is(codec.next().kind, 'fail');
});

test('server: RESOLVE is answered with the address in the reply', (t) => {
	const { events } = playAllWays(t, open, hex("04 f0 0000 00000001 00 'example.com' 00"), {
		open: () => ({ kind: 'opened', bound: targetOfHost('93.184.216.34', 0)! }),
	});
	t.deepEqual(events, [
		{ open: { kind: 'resolve', target: targetOfHost('example.com', 0)!, reverse: false, ip4Only: true } },
		{ send: '005a00005db8d822' },
		{ established: '' },
	]);
});

test('server: input cut anywhere is the same input', (t) => {
	assertAnyCut(t, open, CORPUS);
	assertAnyCut(t, open, CORPUS, { open: () => ({ kind: 'failed', error: new GatewayError('dns_error') }) });
});

test('server: garbage neither throws nor goes on for ever', (t) => {
	assertBearsGarbage(t, open, CORPUS, HANDSHAKE_BYTES);
});

function client(host: string, more: Partial<Socks4ClientOptions> = {}): Make {
	return () => new Socks4Client({ target: target(host, 443), variant: 'socks4a', ...more });
}

for (const [what, make, asked, protocol] of [
	['an address by 4', client('192.0.2.7', { variant: 'socks4' }), '04 01 01bb c0000207 00', 'socks4'],
	['an address by 4A', client('192.0.2.7'), '04 01 01bb c0000207 00', 'socks4a'],
	['a name by 4A', client('example.com'), "04 01 01bb 00000001 00 'example.com' 00", 'socks4a'],
	['an IPv6 address by 4A, as text', client('2001:db8::1'), "04 01 01bb 00000001 00 '2001:db8::1' 00", 'socks4a'],
	[
		'a name as a user',
		client('example.com', { user: 'fred' }),
		"04 01 01bb 00000001 'fred' 00 'example.com' 00",
		'socks4a',
	],
] as const) {
	test(`client: asks for ${what}`, (t) => {
		const { events, protocol: spoken } = playAllWays(t, make, GRANTED);
		t.deepEqual(events, [{ send: hex(asked).toString('hex') }, { established: '' }]);
		t.is(spoken, protocol);
	});
}

for (const host of ['example.com', '2001:db8::1', '0.0.0.7']) {
	test(`client: ${host} does not go by 4`, (t) => {
		const { events, error } = play(client(host, { variant: 'socks4' })(), []);
		t.deepEqual(events, [{ fail: 'address_type_unsupported', note: 'SOCKS4 carries IPv4 alone' }]);
		t.like(error, { side: 'hop', phase: 'hop', retry: 'next' });
	});
}

test('client: keeps what the target says behind the reply, and does not mind where the hop is bound', (t) => {
	const banner = Buffer.from('\0SSH-2.0-banner\r\n');
	const { early } = play(client('example.com')(), [Buffer.concat([hex('00 5a 0400 c0000201'), banner])]);
	t.deepEqual(early, banner);
});

for (const [input, code, note] of [
	['00 5b', 'destination_unavailable', undefined],
	['00 5c', 'hop_unavailable', 'credentials refused'],
	['00 5d', 'hop_unavailable', 'credentials refused'],
	['00 00', 'hop_unavailable', 'not a SOCKS4 reply'],
	['00 5e', 'hop_unavailable', 'not a SOCKS4 reply'],
	['04 5a', 'hop_unavailable', 'not a SOCKS4 reply'],
	['05 00', 'hop_unavailable', 'not a SOCKS4 reply'],
	["'HTTP'", 'hop_unavailable', 'not a SOCKS4 reply'],
] as const) {
	test(`client: ${input} is ${code}, and another hop may do better`, (t) => {
		const expected = { code, note, side: 'hop', phase: 'hop', retry: 'next' };
		t.like(playAllWays(t, client('example.com'), hex(`${input} 0000 00000000`)).error, expected);
		t.like(play(client('example.com')(), [hex(input)]).error, expected);
	});
}

test('client: needs no more than the bytes that decide', (t) => {
	t.is(play(client('example.com')(), [hex('04')]).error?.code, 'hop_unavailable');
	t.is(play(client('example.com')(), [hex('00 5a 0000 000000')]).end, 'read');
});

test('client: a user id that does not fit is a fault of the configuration, not of the hop', (t) => {
	for (const user of ['u'.repeat(256), 'a\0b', '\u20ac']) {
		const { sent, error } = play(client('example.com', { user })(), []);
		t.is(sent.length, 0);
		t.like(error, { code: 'proxy_configuration_error', side: 'gateway', phase: 'hop' });
	}
});

test('client: neither an error nor the codec itself shows user or target', (t) => {
	for (const input of ['00 5b', '00 5d', '05']) {
		const codec = client('example.com', { user: 'fred' })();
		const { error } = play(codec, [hex(input)]);
		const shown = inspect([error, codec], { depth: null, showHidden: true, customInspect: false });
		for (const word of ['fred', 'example']) t.false(shown.includes(word), `${word} after ${input}`);
	}
});

const REPLIES = [
	GRANTED,
	Buffer.concat([GRANTED, hex("'220 banner'")]),
	hex('00 5a 0400 c0000201'),
	hex('00 5b 0000 00000000'),
];

test('client: replies cut anywhere are the same replies', (t) => assertAnyCut(t, client('example.com'), REPLIES));

test('client: garbage neither throws nor goes on for ever', (t) => {
	assertBearsGarbage(t, client('example.com'), REPLIES, HANDSHAKE_BYTES);
});

const hosts = fc.oneof(
	fc.integer({ min: 0, max: 0xffffffff }),
	fc.integer({ min: 0, max: 512 }),
	fc.uint8Array({ minLength: 16, maxLength: 16 }),
	fc
		.string({ unit: fc.constantFrom(...'abcxyz0129-_'.split('')), minLength: 1, maxLength: 60 })
		.map((label) => `${label}.example`),
);
const users = fc.uint8Array({ min: 1, maxLength: 255 }).map((bytes) => Buffer.from(bytes).toString('latin1'));

test('a server understands every target and user of a 4A client', (t) => {
	const cases = fc.tuple(hosts, fc.integer({ min: 1, max: 65_535 }), users, fc.boolean());
	const property = fc.property(cases, ([host, port, user, whole]) => {
		const wanted = typeof host === 'string' ? target(host, port) : targetOfIp(host, port);
		const left = new Socks4Client({ target: wanted, user, variant: 'socks4a' });
		const pair = converse(open(), left, {}, whole ? undefined : bytewise);
		deepStrictEqual([pair.client.end, pair.server.end], ['established', 'established']);
		deepStrictEqual(pair.server.intent, { kind: 'tunnel', target: wanted });
		deepStrictEqual(pair.server.credentials, user === '' ? undefined : { user, password: null });
	});
	t.notThrows(() => fc.assert(property, { numRuns: 300 }));
});

test('a refusal passes from server to client', (t) => {
	for (const code of CODES) {
		const owner: Owner = { open: () => ({ kind: 'failed', error: new GatewayError(code) }) };
		const { client: heard } = converse(open(), client('example.com')(), owner);
		t.is(heard.error?.code, code === 'authentication_required' ? 'hop_unavailable' : 'destination_unavailable');
	}
});
