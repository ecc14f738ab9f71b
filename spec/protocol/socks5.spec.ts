import { deepStrictEqual } from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { inspect } from 'node:util';
import test from 'ava';
import fc from 'fast-check';
import { SocksClient } from 'socks';
import { CODES, GatewayError } from '../../lib/core/error.ts';
import { parseIp } from '../../lib/core/ip.ts';
import { type Target, targetOfHost, targetOfIp } from '../../lib/core/target.ts';
import { socks5ReplyOf } from '../../lib/protocol/causes.ts';
import type { Codec } from '../../lib/protocol/codec.ts';
import { Socks5Client, Socks5Server } from '../../lib/protocol/socks5.ts';
import {
	assertAnyCut,
	assertBearsGarbage,
	bytewise,
	converse,
	hex,
	type Make,
	type Owner,
	Player,
	play,
	playAllWays,
} from '../helpers/dialogue.ts';

const open: Make = () => new Socks5Server({ authRequired: false });
const guarded: Make = () => new Socks5Server({ authRequired: true });

/** Greeting, RFC 1929 and request with the longest strings they can carry, and a byte that is one too many. */
const HANDSHAKE_BYTES = 2 + 255 + 2 + 255 + 1 + 255 + 4 + 1 + 255 + 2 + 1;

// RFC 1928 section 3
const GREETING = hex(`
	05        # VER
	01        # NMETHODS
	00        # METHODS: no authentication required
`);
const GREETING_BOTH = hex(`
	05        # VER
	02        # NMETHODS
	00 02     # METHODS: none, username/password
`);
const GREETING_PASSWORD = hex(`
	05        # VER
	01        # NMETHODS
	02        # METHODS: username/password
`);
// RFC 1929 section 2
const PASSWORD = hex(`
	01        # VER of the sub-negotiation
	05        # ULEN
	'alice'   # UNAME
	06        # PLEN
	'secret'  # PASSWD
`);
// RFC 1928 sections 4 and 5
const TO_IP4 = hex(`
	05              # VER
	01              # CMD: CONNECT
	00              # RSV
	01              # ATYP: IP V4
	c0 00 02 07     # DST.ADDR 192.0.2.7
	00 50           # DST.PORT 80
`);
const TO_IP6 = hex(`
	05              # VER
	01              # CMD: CONNECT
	00              # RSV
	04              # ATYP: IP V6
	20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01
	01 bb           # DST.PORT 443
`);
const TO_NAME = hex(`
	05              # VER
	01              # CMD: CONNECT
	00              # RSV
	03              # ATYP: DOMAINNAME
	0b              # length of the name
	'example.com'
	01 bb           # DST.PORT 443
`);
// RFC 1928 section 6
const SUCCEEDED = hex(`
	05              # VER
	00              # REP: succeeded
	00              # RSV
	01              # ATYP: IP V4
	00 00 00 00     # BND.ADDR
	00 00           # BND.PORT
`);

function reply(rep: number): string {
	return `05${rep.toString(16).padStart(2, '0')}0001000000000000`;
}

function request(atyp: string, address: string, port: string = '01bb'): Buffer {
	return Buffer.concat([GREETING, hex(`05 01 00 ${atyp} ${address} ${port}`)]);
}

function named(name: string): Buffer {
	return request('03', `${name.length.toString(16).padStart(2, '0')} ${Buffer.from(name, 'latin1').toString('hex')}`);
}

function target(host: string, port: number): Target {
	return targetOfHost(host, port) as Target;
}

const CORPUS = [
	Buffer.concat([GREETING, TO_IP4]),
	Buffer.concat([GREETING, TO_IP6]),
	Buffer.concat([GREETING_BOTH, TO_NAME]),
	Buffer.concat([GREETING, TO_NAME, hex("16 03 01 'ClientHello'")]),
	Buffer.concat([GREETING_PASSWORD, PASSWORD, TO_NAME]),
];
const GUARDED_CORPUS = [
	Buffer.concat([GREETING_BOTH, PASSWORD, TO_IP4]),
	Buffer.concat([GREETING_PASSWORD, PASSWORD, TO_NAME]),
];

test('where names mean something, a client that offers one is asked for it, and no other', (t) => {
	const chosen = (methods: string, asksName: boolean) =>
		play(new Socks5Server({ authRequired: false, asksName }), [hex(methods)]).sent.toString('hex');
	t.is(chosen('05 02 00 02', true), '0502');
	t.is(chosen('05 02 00 02', false), '0500');
	t.is(chosen('05 01 00', true), '0500');
	t.is(chosen('05 01 02', true), '0502');
	t.is(chosen('05 01 01', true), '05ff');
});

for (const [what, bytes, host, port] of [
	['an IPv4 address', TO_IP4, '192.0.2.7', 80],
	['an IPv6 address', TO_IP6, '2001:db8::1', 443],
	['a name', TO_NAME, 'example.com', 443],
] as const) {
	test(`server: connects to ${what} without authentication`, (t) => {
		const { events, protocol } = playAllWays(t, open, Buffer.concat([GREETING, bytes]));
		t.deepEqual(events, [
			{ send: '0500' },
			{ open: { kind: 'tunnel', target: target(host, port) } },
			{ send: SUCCEEDED.toString('hex') },
			{ established: '' },
		]);
		t.is(protocol, 'socks5');
	});
}

test('server: connects a client with user and password', (t) => {
	const { events } = playAllWays(t, guarded, Buffer.concat([GREETING_BOTH, PASSWORD, TO_NAME]));
	t.deepEqual(events, [
		{ send: '0502' },
		{ authenticate: { user: 'alice', password: 'secret' } },
		{ send: '0100' },
		{ open: { kind: 'tunnel', target: target('example.com', 443) } },
		{ send: SUCCEEDED.toString('hex') },
		{ established: '' },
	]);
});

test('server: bytes that follow the request belong to the target', (t) => {
	const payload = Buffer.concat([hex('16 03 01 02 00'), Buffer.alloc(60_000, 7)]);
	const whole = play(open(), [Buffer.concat([GREETING, TO_NAME, payload])], { late: true });
	t.is(whole.end, 'established');
	t.true(whole.early.equals(payload));
});

test('server: needs no more than the first bytes that decide', (t) => {
	t.is(play(open(), [hex('04')]).error?.note, 'not SOCKS5');
	t.is(play(open(), [GREETING, hex('04')]).sent.toString('hex'), `0500${reply(1)}`);
	t.is(play(open(), [GREETING, hex('05 04')]).sent.toString('hex'), `0500${reply(7)}`);
	t.is(play(open(), [GREETING, hex('05 01 00 05')]).sent.toString('hex'), `0500${reply(8)}`);
});

for (const [methods, required, chosen] of [
	['00', false, '00'],
	['02', false, '02'],
	['00 02', false, '00'],
	['02 00', false, '00'],
	['01 80 00', false, '00'],
	['01 02', false, '02'],
	['02', true, '02'],
	['00 02', true, '02'],
	['02 00', true, '02'],
	['01 02 03', true, '02'],
] as const) {
	test(`server: of methods ${methods} chooses ${chosen} when authentication is ${required ? '' : 'not '}required`, (t) => {
		const list = hex(methods);
		const input = Buffer.concat([Buffer.of(5, list.length), list]);
		t.is(play(new Socks5Server({ authRequired: required }), [input]).sent.toString('hex'), `05${chosen}`);
	});
}

for (const [greeting, required, code] of [
	['05 00', false, 'handshake_malformed'],
	['05 01 01', false, 'handshake_malformed'],
	['05 03 01 80 ff', false, 'handshake_malformed'],
	['05 00', true, 'authentication_required'],
	['05 01 00', true, 'authentication_required'],
	['05 02 00 01', true, 'authentication_required'],
	['05 01 ff', true, 'authentication_required'],
] as const) {
	test(`server: answers greeting ${greeting} with 05 FF when authentication is ${required ? '' : 'not '}required`, (t) => {
		const make: Make = () => new Socks5Server({ authRequired: required });
		const { sent, error } = playAllWays(t, make, hex(greeting));
		t.is(sent.toString('hex'), '05ff');
		t.like(error, { code, side: 'client', phase: 'handshake', retry: 'no' });
	});
}

test('server: takes a greeting of 255 methods', (t) => {
	const methods = Buffer.from(Array.from({ length: 255 }, (_, i) => i));
	t.is(playAllWays(t, open, Buffer.concat([hex('05 ff'), methods, TO_IP4])).end, 'established');
});

test('server: wrong credentials get 01 01 and the end', (t) => {
	const rejecting: Owner = { authenticate: () => ({ kind: 'rejected' }) };
	const input = Buffer.concat([GREETING_PASSWORD, PASSWORD, TO_NAME]);
	for (const make of [open, guarded]) {
		const { events } = playAllWays(t, make, input, rejecting);
		t.deepEqual(events, [
			{ send: '0502' },
			{ authenticate: { user: 'alice', password: 'secret' } },
			{ send: '0101' },
			{ fail: 'authentication_required', note: undefined },
		]);
	}
});

for (const [what, ulen, plen] of [
	['an empty password', 5, 0],
	['an empty user', 0, 5],
	['neither user nor password', 0, 0],
	['the longest of both', 255, 255],
] as const) {
	test(`server: takes ${what}`, (t) => {
		const [user, password] = ['u'.repeat(ulen), 'p'.repeat(plen)];
		const message = Buffer.from(
			`\u0001${String.fromCharCode(ulen)}${user}${String.fromCharCode(plen)}${password}`,
			'latin1',
		);
		const { credentials } = playAllWays(t, guarded, Buffer.concat([GREETING_PASSWORD, message, TO_IP4]));
		t.deepEqual(credentials, { user, password });
	});
}

test('server: users and passwords are their exact bytes', (t) => {
	const bytes = Buffer.from(Array.from({ length: 255 }, (_, i) => i));
	const message = Buffer.concat([hex('01 ff'), bytes, hex('02 c3 a9')]);
	const { credentials } = play(guarded(), [GREETING_PASSWORD, message]);
	t.deepEqual(Buffer.from(credentials!.user, 'latin1'), bytes);
	t.is(credentials!.password, '\u00c3\u00a9');
});

test('server: the sub-negotiation has version 01, not 05', (t) => {
	for (const version of ['05', '00', '02']) {
		const { sent, error } = play(guarded(), [GREETING_PASSWORD, hex(version)]);
		t.is(sent.toString('hex'), '05020101');
		t.is(error?.code, 'handshake_malformed');
	}
});

for (const [what, command] of [
	['command 00', '00'],
	['command 04', '04'],
	['command F2', 'f2'],
	['command FF', 'ff'],
] as const) {
	test(`server: ${what} is not served and told so in a reply of full shape`, (t) => {
		const { events } = playAllWays(t, open, Buffer.concat([GREETING, hex(`05 ${command} 00 01 00 00 00 00 00 00`)]));
		t.deepEqual(events, [{ send: `0500${reply(7)}` }, { fail: 'command_unsupported', note: undefined }]);
	});
}

for (const [what, command, address, intent] of [
	['UDP ASSOCIATE from nowhere', '03', '01 00000000 0000', { kind: 'associate' }],
	['UDP ASSOCIATE from a port', '03', '01 c0000207 1234', { kind: 'associate' }],
	['UDP ASSOCIATE from a name that cannot be one', '03', '03 00 0000', { kind: 'associate' }],
	['BIND', '02', '01 c0000207 0015', { kind: 'bind', target: target('192.0.2.7', 21) }],
	['BIND for anybody', '02', '01 00000000 0000', { kind: 'bind', target: target('0.0.0.0', 0) }],
	[
		'RESOLVE',
		'f0',
		"03 0b 'example.com' 0000",
		{ kind: 'resolve', target: target('example.com', 0), reverse: false, ip4Only: false },
	],
	[
		'RESOLVE_PTR',
		'f1',
		'01 c0000207 0000',
		{ kind: 'resolve', target: target('192.0.2.7', 0), reverse: true, ip4Only: false },
	],
] as const) {
	test(`server: ${what} is understood, and its reply carries the address`, (t) => {
		const bound = target('2001:db8::7', 1234);
		const input = Buffer.concat([GREETING, hex(`05 ${command} 00 ${address}`)]);
		const { events } = playAllWays(t, open, input, { open: () => ({ kind: 'opened', bound }) });
		t.deepEqual(events, [
			{ send: '0500' },
			{ open: intent },
			{ send: '0500000420010db800000000000000000000000704d2' },
			{ established: '' },
		]);
	});
}

test('server: the name that RESOLVE_PTR found goes as a name', (t) => {
	const input = Buffer.concat([GREETING, hex('05 f1 00 01 c0000207 0000')]);
	const { sent } = play(open(), [input], { open: () => ({ kind: 'opened', bound: target('dns.example', 0) }) });
	t.is(sent.toString('hex'), hex("05 00  05 00 00 03 0b 'dns.example' 0000").toString('hex'));
});

test('server: RESOLVE_PTR of a name is refused', (t) => {
	const { events } = playAllWays(t, open, Buffer.concat([GREETING, hex("05 f1 00 03 0b 'example.com' 0000")]));
	t.deepEqual(events, [{ send: `0500${reply(8)}` }, { fail: 'address_type_unsupported', note: 'a name has no name' }]);
});

test('server: BIND has two replies', (t) => {
	const codec = new Socks5Server({ authRequired: false });
	codec.receive(Buffer.concat([GREETING, hex('05 02 00 01 c0000207 0015')]));
	t.is(codec.next().kind, 'send');
	t.is(codec.next().kind, 'open');
	codec.answer({ kind: 'listening', bound: target('203.0.113.1', 40_000) });
	t.deepEqual(codec.next(), { kind: 'send', bytes: hex('05 00 00 01 cb007101 9c40') });
	t.is(codec.next().kind, 'read');
	codec.answer({ kind: 'opened', bound: target('192.0.2.7', 20) });
	t.deepEqual(codec.next(), { kind: 'send', bytes: hex('05 00 00 01 c0000207 0014') });
	t.is(codec.next().kind, 'established');
});

const onion: Owner = {
	open: () => ({ kind: 'failed', error: new GatewayError('destination_unavailable', { onionReply: 0xf6 }) }),
};

function torUser(user: string): Buffer {
	const name = Buffer.from(user);
	return Buffer.concat([GREETING_PASSWORD, Buffer.of(1, name.length), name, hex("03 'iso'"), TO_NAME]);
}

test('server: who logs in as <torS0X>0 hears the extended replies, others the plain ones', (t) => {
	t.is(playAllWays(t, open, torUser('<torS0X>0'), onion).sent.toString('hex'), `05020100${reply(0xf6)}`);
	t.is(playAllWays(t, open, torUser('alice'), onion).sent.toString('hex'), `05020100${reply(4)}`);
});

for (const user of ['<torS0X>', '<torS0X>1', '<torS0X>00', '<torS0X>0x', '<torS0X>?']) {
	test(`server: the user ${user} is of a format that is not known here, and refused`, (t) => {
		const { sent, error } = playAllWays(t, open, torUser(user));
		t.is(sent.toString('hex'), '05020101');
		t.is(error?.code, 'handshake_malformed');
	});
}

for (const [command, code] of [
	['associate', '03'],
	['resolve', 'f0'],
	['resolveReverse', 'f1'],
] as const) {
	test(`client: asks for ${command} and learns what the hop answers`, (t) => {
		const codec = new Socks5Client({ target: target('192.0.2.7', 0), command });
		const { sent } = play(codec, [hex('05 00  05 00 00 01 cb007101 9c40')]);
		t.is(sent.toString('hex'), `05010005${code}0001c00002070000`);
		t.deepEqual(codec.bound, target('203.0.113.1', 40_000));
	});
}

for (const atyp of ['00', '02', '05', 'ff']) {
	test(`server: ATYP ${atyp} does not exist`, (t) => {
		const { events } = playAllWays(t, open, request(atyp, '00 00 00 00'));
		t.deepEqual(events, [{ send: `0500${reply(8)}` }, { fail: 'address_type_unsupported', note: undefined }]);
	});
}

for (const [what, name] of [
	['an empty name', ''],
	['an embedded NUL', 'example.com\0.evil'],
	['a NUL at the end', 'example.com\0'],
	['a line break', 'example.com\r\n'],
	['white space', 'example .com'],
	['a bracket', '[example.com]'],
	['a control byte', 'example\u0007.com'],
	['bytes outside ASCII', 'b\u00fccher.example'],
	['a port', 'example.com:80'],
	['a zone', 'fe80::1%eth0'],
	['two dots at the end', 'example.com..'],
	['255 bytes', 'a'.repeat(255)],
	['a number that is no address', '4294967296'],
] as const) {
	test(`server: a name with ${what} leads nowhere`, (t) => {
		const { events } = playAllWays(t, open, named(name));
		t.deepEqual(events, [{ send: `0500${reply(4)}` }, { fail: 'destination_not_found', note: 'no host name' }]);
	});
}

for (const [name, host] of [
	['EXAMPLE.com.', 'example.com'],
	['127.0.0.1', '127.0.0.1'],
	['0x7f.1', '127.0.0.1'],
	['2130706433', '127.0.0.1'],
	['017700000001', '127.0.0.1'],
	['::1', '::1'],
	['[::1]', '::1'],
	['::ffff:10.0.0.1', '10.0.0.1'],
	[`${'a.'.repeat(126)}a`, `${'a.'.repeat(126)}a`],
] as const) {
	test(`server: name ${name.slice(0, 20)} is judged as ${host.slice(0, 20)}`, (t) => {
		const { intent } = playAllWays(t, open, named(name));
		t.deepEqual(intent, { kind: 'tunnel', target: target(host, 443) });
	});
}

test('server: an IPv4-mapped address is the IPv4 address', (t) => {
	const { intent } = play(open(), [request('04', '00000000000000000000ffff 0a000001')]);
	t.deepEqual(intent, { kind: 'tunnel', target: target('10.0.0.1', 443) });
});

test('server: nobody listens at port 0', (t) => {
	for (const input of [request('01', 'c0000207', '0000'), request('03', "0b 'example.com'", '0000')]) {
		const { events } = playAllWays(t, open, input);
		t.deepEqual(events, [{ send: `0500${reply(5)}` }, { fail: 'connection_refused', note: 'port 0' }]);
	}
});

test('server: does not mind what is in RSV', (t) => {
	t.is(play(open(), [GREETING, hex('05 01 7f 01 c0000207 0050')]).end, 'established');
});

for (const code of CODES) {
	test(`server: ${code} is told in a reply of full shape and fails as it is`, (t) => {
		const error = new GatewayError(code, { side: 'target', phase: 'connect' });
		const owner: Owner = { open: () => ({ kind: 'failed', error }) };
		const transcript = playAllWays(t, open, Buffer.concat([GREETING, TO_NAME]), owner);
		t.is(transcript.sent.toString('hex'), `0500${reply(socks5ReplyOf(code))}`);
		t.is(transcript.error, error);
	});
}

test('server: input cut anywhere is the same input', (t) => {
	assertAnyCut(t, open, CORPUS);
	assertAnyCut(t, guarded, GUARDED_CORPUS);
	assertAnyCut(t, open, CORPUS, { open: () => ({ kind: 'failed', error: new GatewayError('dns_error') }) });
});

test('server: garbage neither throws nor goes on for ever', (t) => {
	assertBearsGarbage(t, open, CORPUS, HANDSHAKE_BYTES);
	assertBearsGarbage(t, guarded, GUARDED_CORPUS, HANDSHAKE_BYTES);
});

function client(host: string, credentials?: { user: string; password: string }): Make {
	const options = { target: target(host, 443) };
	return () => new Socks5Client(credentials ? { ...options, credentials } : options);
}
const alice = { user: 'alice', password: 'secret' };

for (const [what, bytes, host] of [
	['an IPv4 address', '01 c0000207', '192.0.2.7'],
	['an IPv6 address', '04 20010db8000000000000000000000001', '2001:db8::1'],
	['a name', "03 0b 'example.com'", 'example.com'],
] as const) {
	test(`client: asks for ${what}`, (t) => {
		const input = Buffer.concat([hex('05 00'), SUCCEEDED]);
		const { events } = playAllWays(t, client(host), input);
		const asked = hex(`05 01 00  05 01 00 ${bytes} 01bb`);
		t.deepEqual(events, [{ send: asked.toString('hex') }, { established: '' }]);
	});
}

test('client: shows its credentials, and offers nothing that would do without them', (t) => {
	const player = new Player(client('example.com', alice)());
	t.deepEqual(player.takeSent(), GREETING_PASSWORD);
	player.feed(hex('05 02'));
	t.deepEqual(player.takeSent(), PASSWORD);
	player.feed(hex('01 00'));
	t.deepEqual(player.takeSent(), TO_NAME);
	player.feed(SUCCEEDED);
	t.is(player.end, 'established');
	playAllWays(t, client('example.com', alice), Buffer.concat([hex('05 02 01 00'), SUCCEEDED]));
});

for (const [what, bound] of [
	['an IPv4 address', '01 c0000201 0400'],
	['an IPv6 address', '04 20010db8000000000000000000000001 0400'],
	['a name', "03 0b 'example.com' 0400"],
	['an empty name', '03 00 0400'],
	['the longest name', `03 ff ${'61'.repeat(255)} 0400`],
] as const) {
	test(`client: reads a reply bound to ${what}, and keeps what the target says behind it`, (t) => {
		const input = Buffer.concat([hex('05 00'), hex(`05 00 00 ${bound}`)]);
		t.is(playAllWays(t, client('example.com'), input).end, 'established');
		const banner = Buffer.from('SSH-2.0-banner\r\n');
		t.deepEqual(play(client('example.com')(), [Buffer.concat([input, banner])]).early, banner);
	});
}

for (const [rep, code, side, retry] of [
	['01', 'hop_unavailable', 'hop', 'next'],
	['02', 'http_request_denied', 'hop', 'next'],
	['03', 'destination_ip_unroutable', 'target', 'no'],
	['04', 'destination_unavailable', 'target', 'no'],
	['05', 'connection_refused', 'target', 'no'],
	['06', 'connection_timeout', 'target', 'no'],
	['07', 'command_unsupported', 'hop', 'next'],
	['08', 'address_type_unsupported', 'hop', 'next'],
	['09', 'hop_unavailable', 'hop', 'next'],
	['f0', 'destination_not_found', 'target', 'no'],
	['f7', 'connection_timeout', 'target', 'no'],
	['f8', 'hop_unavailable', 'hop', 'next'],
	['ff', 'hop_unavailable', 'hop', 'next'],
] as const) {
	test(`client: a hop's REP ${rep} is ${code} of the ${side}`, (t) => {
		const whole = playAllWays(t, client('example.com'), hex(`05 00  05 ${rep} 00 01 00000000 0000`));
		t.like(whole.error, { code, side, retry, phase: 'hop' });
		t.is(play(client('example.com')(), [hex(`05 00 05 ${rep}`)]).error?.code, code, 'the code alone is enough');
	});
}

for (const [what, input, note, credentials] of [
	['another version', '04 00', 'not SOCKS5', undefined],
	['an HTTP answer', "'HTTP/1.1 400'", 'not SOCKS5', undefined],
	['no acceptable method', '05 ff', 'no method in common', undefined],
	['no acceptable method', '05 ff', 'no method in common', alice],
	['a method that was not offered', '05 02', 'chose a method not offered', undefined],
	['no authentication where credentials were to be shown', '05 00', 'chose a method not offered', alice],
	['wrong credentials', '05 02 01 01', 'credentials refused', alice],
	['wrong credentials, said otherwise', '05 02 01 ff', 'credentials refused', alice],
	['version 05 in the sub-negotiation', '05 02 05 00', 'not RFC 1929', alice],
	['another version in the reply', '05 00 00', 'not a SOCKS5 reply', undefined],
	['an ATYP that does not exist', '05 00 05 00 00 02', 'not a SOCKS5 reply', undefined],
] as const) {
	test(`client: ${what} makes the hop useless${credentials ? ', with credentials' : ''}`, (t) => {
		const { error } = playAllWays(t, client('example.com', credentials), hex(input));
		t.like(error, { code: 'hop_unavailable', side: 'hop', phase: 'hop', retry: 'next', note });
	});
}

test('client: needs no more than the first bytes that decide', (t) => {
	t.is(play(client('example.com')(), [hex('04')]).error?.note, 'not SOCKS5');
	t.is(play(client('example.com', alice)(), [hex('05 02 05')]).error?.note, 'not RFC 1929');
	t.is(play(client('example.com')(), [hex('05 00 04')]).error?.note, 'not a SOCKS5 reply');
	t.is(play(client('example.com')(), [hex('05 00 05 00 00 05')]).error?.note, 'not a SOCKS5 reply');
});

test('client: credentials that do not fit are a fault of the configuration, not of the hop', (t) => {
	for (const credentials of [
		{ user: 'u'.repeat(256), password: '' },
		{ user: '', password: 'p'.repeat(256) },
		{ user: '\u20ac', password: '' },
		{ user: '', password: '\u0100' },
	]) {
		const { sent, error } = play(client('example.com', credentials)(), []);
		t.is(sent.length, 0);
		t.like(error, { code: 'proxy_configuration_error', side: 'gateway', phase: 'hop' });
	}
});

test('client: neither an error nor the codec itself shows credentials or target', (t) => {
	for (const input of ['05 ff', '05 02 01 01', '05 02 01 00 05 05', '04']) {
		const codec = client('example.com', alice)();
		const { error } = play(codec, [hex(input)]);
		const shown = inspect([error, codec], { depth: null, showHidden: true, customInspect: false });
		for (const word of ['alice', 'secret', 'example']) t.false(shown.includes(word), `${word} after ${input}`);
	}
});

const REPLIES = [
	Buffer.concat([hex('05 00'), SUCCEEDED]),
	Buffer.concat([hex('05 00'), SUCCEEDED, hex("'220 banner'")]),
	hex("05 00 05 00 00 03 0b 'example.com' 0400"),
	hex('05 00 05 00 00 04 20010db8000000000000000000000001 0400'),
	hex('05 00 05 05 00 01 00000000 0000'),
];
const PASSWORD_REPLIES = [Buffer.concat([hex('05 02 01 00'), SUCCEEDED])];

test('client: replies cut anywhere are the same replies', (t) => {
	assertAnyCut(t, client('example.com'), REPLIES);
	assertAnyCut(t, client('2001:db8::1', alice), PASSWORD_REPLIES);
});

test('client: garbage neither throws nor goes on for ever', (t) => {
	assertBearsGarbage(t, client('example.com'), REPLIES, HANDSHAKE_BYTES);
	assertBearsGarbage(t, client('example.com', alice), PASSWORD_REPLIES, HANDSHAKE_BYTES);
});

const label = fc.string({ unit: fc.constantFrom(...'abcxyz0129-_'.split('')), minLength: 1, maxLength: 20 });
const targets = fc
	.oneof(
		fc.integer({ min: 0, max: 0xffffffff }),
		fc.uint8Array({ minLength: 16, maxLength: 16 }),
		fc.array(label, { minLength: 1, maxLength: 8 }).map((labels) => `${labels.join('.')}.example`),
	)
	.chain((host) => fc.integer({ min: 1, max: 65_535 }).map((port) => ({ host, port })))
	.map(({ host, port }) => (typeof host === 'string' ? target(host, port) : targetOfIp(host, port)));
const words = fc.uint8Array({ maxLength: 255 }).map((bytes) => Buffer.from(bytes).toString('latin1'));

test('a server understands every target and all credentials of a client', (t) => {
	const cases = fc.tuple(targets, fc.option(fc.record({ user: words, password: words })), fc.boolean());
	const property = fc.property(cases, ([wanted, credentials, whole]) => {
		const left = new Socks5Client(credentials ? { target: wanted, credentials } : { target: wanted });
		const right = new Socks5Server({ authRequired: credentials !== null });
		const pair = converse(right, left, {}, whole ? undefined : bytewise);
		deepStrictEqual([pair.client.end, pair.server.end], ['established', 'established']);
		deepStrictEqual(pair.server.intent, { kind: 'tunnel', target: wanted });
		deepStrictEqual(pair.server.credentials, credentials ? { ...credentials } : undefined);
	});
	t.notThrows(() => fc.assert(property, { numRuns: 300 }));
});

test('a cause for which SOCKS5 has a word passes from server to client unchanged', (t) => {
	for (const code of CODES) {
		const owner: Owner = { open: () => ({ kind: 'failed', error: new GatewayError(code) }) };
		const { client: heard } = converse(open(), client('example.com')(), owner);
		t.is(socks5ReplyOf(heard.error!.code), socks5ReplyOf(code));
	}
});

test('a server that rejects credentials makes the hop useless to the client', (t) => {
	const pair = converse(guarded(), client('example.com', alice)(), { authenticate: () => ({ kind: 'rejected' }) });
	t.is(pair.client.error?.note, 'credentials refused');
	t.is(pair.server.error?.code, 'authentication_required');
	t.is(converse(guarded(), client('example.com')()).client.error?.note, 'no method in common');
});

/** A loopback listener that plays `make` to each connection and answers the tunnel with a banner. */
async function listen(make: () => Codec, seen: Player[], owner: Owner = {}): Promise<Server> {
	const server = createServer((socket: Duplex) => {
		const player = new Player(make(), owner);
		seen.push(player);
		socket.on('error', () => socket.destroy());
		socket.on('data', (chunk: Buffer) => {
			player.feed(chunk);
			socket.write(player.takeSent());
			if (player.end === 'fail') socket.end();
		});
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return server;
}

function portOf(server: Server): number {
	return (server.address() as { port: number }).port;
}

for (const [what, host, userId] of [
	['a name', 'example.com', undefined],
	['an IPv4 address', '192.0.2.7', undefined],
	['an IPv6 address', '2001:db8::1', undefined],
	['a name with credentials', 'example.com', 'alice'],
] as const) {
	test(`server: the client of the socks package reaches ${what}`, async (t) => {
		const seen: Player[] = [];
		const server = await listen(userId ? guarded : open, seen);
		const { socket } = await SocksClient.createConnection({
			proxy: { host: '127.0.0.1', port: portOf(server), type: 5, ...(userId && { userId, password: 'secret' }) },
			command: 'connect',
			destination: { host, port: 443 },
		});
		socket.destroy();
		server.close();
		const { end, intent, credentials } = seen[0]!.finish();
		t.is(end, 'established');
		t.deepEqual(intent, { kind: 'tunnel', target: target(host, 443) });
		t.deepEqual(credentials, userId ? { user: userId, password: 'secret' } : undefined);
	});
}

test('server: the client of the socks package hears why it was refused', async (t) => {
	const error = new GatewayError('connection_refused');
	const server = await listen(open, [], { open: () => ({ kind: 'failed', error }) });
	const asked = SocksClient.createConnection({
		proxy: { host: '127.0.0.1', port: portOf(server), type: 5 },
		command: 'connect',
		destination: { host: 'example.com', port: 443 },
	});
	await t.throwsAsync(asked, { message: /ConnectionRefused/ });
	server.close();
});

test('an address that a client asked for is the address that was meant', (t) => {
	for (const text of ['0.0.0.0', '255.255.255.255', '::', 'ffff::']) {
		const { server } = converse(open(), new Socks5Client({ target: targetOfIp(parseIp(text)!, 1) }));
		t.deepEqual(server.intent, { kind: 'tunnel', target: target(text, 1) });
	}
});
