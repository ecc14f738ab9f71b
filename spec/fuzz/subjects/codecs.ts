// Every handshake codec, both sides: whatever comes and however it is cut, the steps are the same, nothing throws, nothing
// goes on after the end, and no more is held than the longest handshake.
import { deepStrictEqual } from 'node:assert/strict';
import { CODES, GatewayError } from '../../../lib/core/error.ts';
import { type Target, targetOfHost } from '../../../lib/core/target.ts';
import type { Answer, Codec } from '../../../lib/protocol/codec.ts';
import { HttpConnectClient, HttpServer } from '../../../lib/protocol/http-connect.ts';
import { SniffServer } from '../../../lib/protocol/sniff.ts';
import { Socks4Client, Socks4Server } from '../../../lib/protocol/socks4.ts';
import { Socks5Client, Socks5Server } from '../../../lib/protocol/socks5.ts';
import { hex, type Owner, Player, type Transcript } from '../../helpers/dialogue.ts';
import { handshakeOf, PROTOCOLS, type WireProtocol } from '../../helpers/handshakes.ts';
import { cuts } from '../campaign.ts';
import { dice, pick, type Roll } from '../dice.ts';
import type { Subject } from '../subject.ts';
import { HTTP_WORDS, SOCKS_WORDS } from '../words.ts';

const LOGIN = { user: 'alice', password: 'secret' };

/** What clients say, as the standards write it. */
export function handshakes(of: (protocol: WireProtocol) => boolean = () => true): Buffer[] {
	const hosts = { socks4: '192.0.2.7', socks5: '2001:db8::7' } as const;
	return PROTOCOLS.filter(of).flatMap((protocol) =>
		[undefined, LOGIN].map((login) =>
			handshakeOf(protocol, protocol in hosts ? hosts[protocol as 'socks4'] : 'example.com', 443, login),
		),
	);
}

const SOCKS5_MORE = [
	hex('05 02 00 02  05 01 00 01 c0000207 0050'),
	hex("05 01 02  01 09 '<torS0X>0' 03 'iso'  05 01 00 03 0b 'example.com' 01bb"),
	hex('05 01 00  05 02 00 01 c0000207 0015'),
	hex('05 01 00  05 03 00 01 00000000 0000'),
	hex("05 01 00  05 f0 00 03 0b 'example.com' 0000"),
	hex("05 01 00  05 f1 00 01 c0000207 0000  16 03 01 'ClientHello'"),
];
const SOCKS4_MORE = [hex('04 02 0050 c0000207 00'), hex("04 f0 0000 00000001 'fred' 00 'example.com' 00")];

const HTTP_MORE = [
	'GET /proxy.pac HTTP/1.1\r\nHost: example.com:1080\r\n\r\n',
	'CONNECT [2001:db8::1]:22 HTTP/1.0\r\n\r\n',
	'POST http://example.com/ HTTP/1.1\r\nHost: example.com\r\nContent-Length: 3\r\n\r\nabc',
	'GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\nProxy-Authorization: Digest x\r\n\r\n' +
		'GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n',
].map((text) => Buffer.from(text));

const SOCKS5_REPLIES = [
	hex('05 00  05 00 00 01 00000000 0000'),
	hex('05 02  01 00  05 00 00 04 20010db8000000000000000000000001 04d2'),
	hex("05 00  05 00 00 03 0b 'example.com' 01bb 'early'"),
	hex('05 02  01 01'),
	hex('05 ff'),
	hex('05 00  05 05 00 01 00000000 0000'),
	hex('05 00  05 f6 00 01 00000000 0000'),
];
const SOCKS4_REPLIES = [hex('00 5a 0000 00000000'), hex('00 5b 0000 00000000'), hex("00 5a 0000 00000000 'early'")];
const HTTP_REPLIES = [
	'HTTP/1.1 200 Connection established\r\n\r\n',
	'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nearly',
	'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="x"\r\n\r\n',
	'HTTP/1.1 502 Bad Gateway\r\nProxy-Status: hop; error=connection_refused\r\nContent-Length: 0\r\n\r\n',
].map((text) => Buffer.from(text));

const SOCKS4_BYTES = 8 + 256 + 256;
const SOCKS5_BYTES = 257 + 513 + 262;
const SOCKS_LIMIT = 3_000;
const HTTP_LIMIT = 70_000;

const NAME = targetOfHost('example.com', 443) as Target;
const IP4 = targetOfHost('192.0.2.7', 80) as Target;
const IP6 = targetOfHost('2001:db8::7', 1_234) as Target;

/** How the owner decides, for one input the same in every cut. */
function ownerOf(roll: Roll): Owner {
	const failed: Answer = { kind: 'failed', error: new GatewayError(pick(roll, CODES)) };
	const authenticated = pick<Answer>(roll, [{ kind: 'authenticated' }, { kind: 'rejected' }, failed]);
	const bound = pick(roll, [NAME, IP4, IP6]);
	const opened = pick<Answer>(roll, [{ kind: 'opened' }, { kind: 'opened', bound }, failed]);
	const isGentle = roll(4) > 0;
	return {
		authenticate: () => (isGentle ? { kind: 'authenticated' } : authenticated),
		open: () => (isGentle ? { kind: 'opened' } : opened),
	};
}

/** Plays these chunks; throws when the codec holds more than `mostBytes` of a handshake that goes on. */
function played(codec: Codec, chunks: readonly Buffer[], owner: Owner, mostBytes: number): Transcript {
	const player = new Player(codec, owner);
	for (const chunk of chunks) {
		player.feed(chunk);
		if (player.end !== 'read') continue;
		if (codec.heldBytes > mostBytes) throw new Error(`the codec holds ${codec.heldBytes} of ${mostBytes} bytes`);
	}
	return player.finish();
}

/** What happened, without what was in it. */
function reachedBy({ events, protocol }: Transcript): string {
	const words = events.map((event) => {
		if ('fail' in event) return `fail ${event.fail} ${event.note}`;
		if ('open' in event) return `open ${event.open.kind} ${'target' in event.open ? event.open.target.kind : ''}`;
		if ('send' in event) return `send ${event.send.length > 60 ? event.send.slice(0, 60) : event.send}`;
		if ('authenticate' in event) return `authenticate ${event.authenticate === null}`;
		return `established ${event.established !== ''}`;
	});
	return `${protocol}: ${words.join(', ')}`;
}

interface CodecCase {
	readonly name: string;
	readonly make: (roll: Roll) => Codec;
	readonly seeds: readonly Buffer[];
	readonly words: Subject['words'];
	/** Held of a handshake that goes on. */
	readonly mostBytes: number;
	readonly limitBytes: number;
}

function subjectOf({ name, make, mostBytes, ...parts }: CodecCase): Subject {
	return {
		name: `codec-${name}`,
		...parts,
		start: () => ({
			try(bytes, roll) {
				const settings = roll(2 ** 32);
				const fresh = (): Codec => make(dice(settings));
				const owner = ownerOf(roll);
				const whole = played(fresh(), [bytes], owner, mostBytes);
				for (const late of [false, true]) {
					const cut = played(fresh(), cuts(bytes, roll), { ...owner, late }, mostBytes + (late ? parts.limitBytes : 0));
					deepStrictEqual(cut.events, whole.events, `cut ${late ? 'and answered late ' : ''}it is something else`);
				}
				return reachedBy(whole);
			},
		}),
	};
}

const server = (roll: Roll) => ({
	authRequired: roll(2) === 0,
	asksName: roll(2) === 0,
	...(roll(2) === 0 ? { pacHosts: ['example.com'] } : {}),
});
const login = (roll: Roll) => (roll(2) === 0 ? { credentials: LOGIN } : {});
const httpSeeds = [...handshakes((protocol) => !protocol.startsWith('socks')), ...HTTP_MORE];
const socks4Seeds = [...handshakes((protocol) => protocol.startsWith('socks4')), ...SOCKS4_MORE];
const socks5Seeds = [...handshakes((protocol) => protocol.startsWith('socks5')), ...SOCKS5_MORE];

const CASES: readonly CodecCase[] = [
	{
		name: 'socks4-server',
		make: (roll) => new Socks4Server(server(roll)),
		seeds: socks4Seeds,
		words: SOCKS_WORDS,
		mostBytes: SOCKS4_BYTES,
		limitBytes: SOCKS_LIMIT,
	},
	{
		name: 'socks5-server',
		make: (roll) => new Socks5Server(server(roll)),
		seeds: socks5Seeds,
		words: SOCKS_WORDS,
		mostBytes: SOCKS5_BYTES,
		limitBytes: SOCKS_LIMIT,
	},
	{
		name: 'http-server',
		make: (roll) => new HttpServer(server(roll)),
		seeds: httpSeeds,
		words: HTTP_WORDS,
		mostBytes: 65_536,
		limitBytes: HTTP_LIMIT,
	},
	{
		name: 'sniff',
		make: (roll) => new SniffServer(server(roll)),
		seeds: [...socks4Seeds, ...socks5Seeds, ...httpSeeds],
		words: [...SOCKS_WORDS, ...HTTP_WORDS],
		mostBytes: 65_536,
		limitBytes: SOCKS_LIMIT,
	},
	{
		name: 'socks4-client',
		make: (roll) => new Socks4Client({ target: pick(roll, [NAME, IP4]), variant: 'socks4a' }),
		seeds: SOCKS4_REPLIES,
		words: SOCKS_WORDS,
		mostBytes: 8,
		limitBytes: SOCKS_LIMIT,
	},
	{
		name: 'socks5-client',
		make: (roll) =>
			new Socks5Client({
				target: pick(roll, [NAME, IP4, IP6]),
				command: pick(roll, ['connect', 'associate', 'resolve', 'resolveReverse']),
				...login(roll),
			}),
		seeds: SOCKS5_REPLIES,
		words: SOCKS_WORDS,
		mostBytes: 2 + 2 + 262,
		limitBytes: SOCKS_LIMIT,
	},
	{
		name: 'http-client',
		make: (roll) => new HttpConnectClient({ target: NAME, ...login(roll) }),
		seeds: HTTP_REPLIES,
		words: HTTP_WORDS,
		mostBytes: 16_384,
		limitBytes: HTTP_LIMIT,
	},
];

export const CODECS: readonly Subject[] = CASES.map(subjectOf);

/** What hops say, by the type of the hop. */
export const HOP_REPLIES: Readonly<Record<'socks4a' | 'socks5' | 'http', readonly Buffer[]>> = {
	socks4a: SOCKS4_REPLIES,
	socks5: SOCKS5_REPLIES,
	http: HTTP_REPLIES,
};
