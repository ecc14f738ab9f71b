// A real gateway in a process of its own, on real sockets: what its port, its admin listener and its UDP relays are sent. A good
// client goes beside it all the time, the log has no bug, and memory and descriptors come back.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { answerOf } from '../../helpers/admin.ts';
import { type GatewayProcess, startGateway } from '../../helpers/gateway-process.ts';
import { handshakeOf, PROTOCOLS, readReply } from '../../helpers/handshakes.ts';
import { descriptors, residentBytes, until } from '../../helpers/process.ts';
import { connectRaw } from '../../helpers/raw-client.ts';
import type { Scope } from '../../helpers/scope.ts';
import { echo, startTcpOrigin } from '../../helpers/tcp-origins.ts';
import { associate, udpEnd, wrapped } from '../../helpers/udp.ts';
import { cuts } from '../campaign.ts';
import type { Roll } from '../dice.ts';
import type { Subject } from '../subject.ts';
import { HTTP_WORDS, SOCKS_WORDS } from '../words.ts';
import { handshakes } from './codecs.ts';

/** The gateway is killed by a heap of this size: what leaks shows. */
const HEAP_MB = 64;

/** Over what it had when the fuzzing began. */
const SLACK_BYTES = 60_000_000;

/** What is opened once and kept: sockets of the resolver, of an association. */
const SPARE = 16;

const WIDTH = 24;

/** Longer than every deadline of CONFIG. */
const PATIENCE_MS = 3_000;

const TOKEN = 'a-token-that-nobody-guesses';

/** Garbage may turn out to be a request, which must not leave this machine. */
const CONFIG = `[exit]
allow_private = true
ports = "all"
[limits]
connections_per_second = 0
connections_open = 0
handshakes = 0
[limits.failures]
destinations = 0
[timeouts]
handshake = "1s"
dial = "1s"
[bind]
wait = "1s"
[udp]
packets_per_second = 0
[resolver]
servers = ["127.0.0.1:9"]
timeout = "1s"
[[rule]]
name = "here"
action = "allow"
address = ["127.0.0.0/8"]
[[rule]]
name = "nowhere else"
action = "deny"
address = ["0.0.0.0/0", "::/0"]
[admin]
token = "${TOKEN}"
`;

interface World {
	readonly gateway: GatewayProcess;
	readonly admin: string;
	/** A good round by every protocol, and what the process has to say for itself. */
	readonly settle: () => Promise<void>;
}

async function startWorld(scope: Scope): Promise<World> {
	const gateway = await startGateway(scope, ['--admin', '127.0.0.1:0'], { config: CONFIG, heapMb: HEAP_MB });
	const admin = String((await gateway.record(({ msg }) => msg === 'admin listening')).address);
	const origin = await startTcpOrigin(scope, echo);
	const round = async (): Promise<void> => {
		for (const protocol of PROTOCOLS.filter((name) => name !== 'http')) {
			const client = await connectRaw(scope, gateway.port);
			client.write(handshakeOf(protocol, '127.0.0.1', origin.port));
			const reply = await readReply(client, protocol);
			if (!reply.granted) throw new Error(`a good client is refused by ${protocol} with ${reply.code}`);
			client.write('ping');
			if ((await client.read(4)).toString() !== 'ping') throw new Error('a good client hears something else');
			client.end();
			await client.readToEnd();
		}
	};
	await round();
	const before = { descriptors: descriptors(gateway.pid), bytes: residentBytes(gateway.pid) };
	const settle = async (): Promise<void> => {
		await round();
		const bug = gateway.records.find(({ msg }) => msg === 'bug');
		if (bug) throw new Error(`the gateway has a bug: ${JSON.stringify(bug)}`);
		await until(
			'descriptors come back',
			() => descriptors(gateway.pid),
			(count) => count <= before.descriptors + SPARE,
		);
		const grown = residentBytes(gateway.pid) - before.bytes;
		if (grown > SLACK_BYTES) throw new Error(`the gateway grows by ${grown} bytes`);
	};
	return { gateway, admin, settle };
}

/** Sends the chunks and leaves in one of three ways; gives the first bytes of the answer. */
async function talk(port: number, chunks: readonly Buffer[], roll: Roll): Promise<Buffer> {
	const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
	const said: Buffer[] = [];
	socket.on('error', () => {}).on('data', (chunk: Buffer) => said.length < 64 && said.push(chunk));
	const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
	socket.on('end', () => socket.end());
	await Promise.race([once(socket, 'connect').catch(() => null), gone]);
	for (const chunk of chunks) {
		if (!socket.writable) break;
		socket.write(chunk);
		if (roll(2) === 0) await new Promise((resolve) => setImmediate(resolve));
	}
	leave(socket, roll(4));
	// What was opened by chance, a BIND say, may stay open for as long as its client wants.
	const bored = setTimeout(() => socket.destroy(), PATIENCE_MS);
	await gone;
	clearTimeout(bored);
	return Buffer.concat(said);
}

/** At the latest when the gateway has had enough of half a handshake. */
function leave(socket: Socket, manner: number): void {
	if (manner === 0) socket.resetAndDestroy();
	else if (manner === 1) setTimeout(() => socket.destroy(), 20);
	else socket.end();
}

/** What bytes look like, in as many words as a campaign can do with. */
function shapeOf(said: Buffer): string {
	const text = said.toString('latin1', 0, 12);
	if (text.startsWith('HTTP/1.1 ')) return text;
	return said.toString('hex', 0, 4);
}

const PORT: Subject = {
	name: 'port',
	// Every port of loopback that is asked for answers or refuses at once.
	seeds: handshakes().map((bytes) =>
		Buffer.from(bytes.toString('latin1').replaceAll('example.com', '127.0.0.1'), 'latin1'),
	),
	words: [...SOCKS_WORDS, ...HTTP_WORDS],
	width: WIDTH,
	async start(scope) {
		const { gateway, settle } = await startWorld(scope);
		return {
			try: async (bytes, roll) => shapeOf(await talk(gateway.port, cuts(bytes, roll, 3), roll)),
			settle,
		};
	},
};

const json = (body: string, path = '/v1/route', token = TOKEN): string =>
	`POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n` +
	`Content-Length: ${body.length}\r\n\r\n${body}`;

const ADMIN_SEEDS = [
	'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
	'GET / HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: none\r\n\r\n',
	`GET /v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${'x'.repeat(TOKEN.length)}\r\n\r\n`,
	`GET /metrics HTTP/1.1\r\nHost: [::1]:9090\r\nAuthorization: Bearer ${TOKEN}\r\nOrigin: http://[::1]:9090\r\n\r\n`,
	`GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`,
	json('{"target":"example.com:443","user":"alice","client":"192.0.2.7"}'),
	json('{"target":"[::1]:1"}'),
	json('{"target":["a"],"client":{"a":null}}'),
	json('{}', '/v1/reload', 'wrong'),
].map((text) => Buffer.from(text));

/** Without the token nothing but these is ever told. */
const OPEN_PATHS = /^(GET|HEAD) +\/(healthz|readyz|dashboard\/[\w.-]+)?(\?\S*)?\s/;

const ADMIN: Subject = {
	name: 'admin',
	seeds: ADMIN_SEEDS,
	words: [
		...HTTP_WORDS,
		'Bearer ',
		'/v1/history',
		'{"',
		'"}',
		'[[[[',
		'null',
		'\\u0000',
		'__proto__',
		'/../',
		'/%2e%2e/',
		'?',
	],
	width: WIDTH,
	async start(scope) {
		const { admin, settle } = await startWorld(scope);
		const port = Number(admin.split(':').at(-1));
		return {
			async try(bytes, roll) {
				const text = bytes.toString('latin1');
				// Who has the token may end the process, and that is no finding.
				if (/\/v1\/(drain|upgrade|reload)/i.test(text) && text.includes(TOKEN)) return 'left out';
				const said = (await talk(port, cuts(bytes, roll, 3), roll)).toString('latin1');
				if (said.includes(TOKEN)) throw new Error('the token is told');
				if (!text.includes(TOKEN) && said.startsWith('HTTP/1.1 200') && !OPEN_PATHS.test(text.trimStart()))
					throw new Error('something is told without the token');
				return said.slice(0, 12);
			},
			async settle() {
				if ((await answerOf(admin, '/healthz')).status !== 200) throw new Error('the admin listener is not well');
				await settle();
			},
		};
	},
};

const DATAGRAMS: Subject = {
	name: 'udp-relay',
	seeds: [wrapped('127.0.0.1', 9, 'payload'), wrapped('localhost', 9, 'payload'), Buffer.from('000000047f00', 'hex')],
	words: ['\0\0\0', '\x03', '\x01', '\x04', '\xff', 'localhost', '127.0.0.1', '\0\0\0\x01\x7f\0\0\x01'],
	limitBytes: 2_048,
	async start(scope) {
		const { gateway, settle } = await startWorld(scope);
		const origin = (await udpEnd(scope)).echo();
		const client = await associate(scope, gateway.port);
		let sent = 0;
		return {
			async try(bytes) {
				await client.sendRaw(bytes);
				// The association lives on: a good datagram comes back, whatever came between.
				if (++sent % 16 !== 0) return '';
				const back = async (): Promise<string> => {
					await client.send('127.0.0.1', origin.port, 'good');
					return client.end.waiting > 0 ? (await client.answer()).payload.toString() : '';
				};
				await until('a good datagram comes back', back, (payload) => payload === 'good');
				return '';
			},
			async settle() {
				if (client.control.socket.destroyed) throw new Error('the association is over');
				await settle();
			},
		};
	},
};

export const PROCESSES: readonly Subject[] = [PORT, ADMIN, DATAGRAMS];
