// A DNS server that means harm: answers with loops, lies about lengths, wrong ids, floods, over UDP and TCP. A name leads to
// addresses that are some, or to one of three errors, in time; the resolver is as good for the next name.
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { decode, encode, RECURSION_AVAILABLE } from 'dns-packet';
import { GatewayError } from '../../../lib/core/error.ts';
import { formatIp, parseIp } from '../../../lib/core/ip.ts';
import { targetOfHost } from '../../../lib/core/target.ts';
import { Resolver } from '../../../lib/io/resolve.ts';
import { hex } from '../../helpers/dialogue.ts';
import type { Scope } from '../../helpers/scope.ts';
import { pick, type Roll } from '../dice.ts';
import type { Subject } from '../subject.ts';

const WIDTH = 32;

/** Two tries of half of it. */
const TIMEOUT_MS = 80;

/** As long as every name that is asked for, so that a question can be put in the place of another. */
const NAME = 'n0000000.fuzz.example';
const QUESTION_AT = 12;
const QUESTION_BYTES = NAME.length + 2 + 4;

const CODES = ['destination_not_found', 'dns_timeout', 'dns_error'];

function reply(type: 'A' | 'AAAA' | 'PTR', answers: readonly object[], flags = RECURSION_AVAILABLE): Buffer {
	return encode({ type: 'response', id: 0, flags, questions: [{ type, name: NAME }], answers: answers as never });
}

const SEEDS = [
	reply('A', [{ type: 'A', name: NAME, ttl: 60, data: '192.0.2.1' }]),
	reply('AAAA', [{ type: 'AAAA', name: NAME, ttl: 60, data: '2001:db8::1' }]),
	reply('A', [
		{ type: 'CNAME', name: NAME, ttl: 5, data: 'www.fuzz.example' },
		{ type: 'A', name: 'www.fuzz.example', ttl: 5, data: '192.0.2.2' },
	]),
	reply('PTR', [{ type: 'PTR', name: NAME, ttl: 60, data: 'host.example' }]),
	reply('A', [], RECURSION_AVAILABLE | 3),
	reply('A', [], RECURSION_AVAILABLE | 2),
	reply(
		'A',
		Array.from({ length: 100 }, (_, i) => ({ type: 'A', name: NAME, ttl: 60, data: `192.0.2.${i}` })),
	),
	// An answer whose name points at itself.
	Buffer.concat([
		reply('A', []).subarray(0, QUESTION_AT + QUESTION_BYTES),
		hex('c0 27 00 01 00 01 00000000 0004 c0000201'),
	]),
];

const WORDS = [
	'\xc0\x0c',
	'\xc0\x00',
	'\xc0\xff',
	'\xff\xff',
	'\0\x01',
	'\0\x1c',
	'\0\x05',
	'\0\x0c',
	'\0\x29',
	'\0\0\0\0',
	'\x3f',
	'\x40',
	'\x80',
	'\x04fuzz',
	'\xff\xff\xff\xff',
	'\0\x04\x7f\0\0\x01',
	'\0\x10',
];

interface Script {
	readonly bytes: Buffer;
	readonly roll: Roll;
}

/** Answers each name by its own script. */
class HostileDns {
	readonly scripts: Map<string, Script> = new Map();
	address = '';
	readonly #udp: UdpSocket = createSocket('udp4');
	readonly #tcp: Server;
	readonly #sockets: Set<Socket> = new Set();

	constructor() {
		this.#udp.on('message', (query, from) => this.#answer(query, from));
		this.#tcp = createServer((socket) => {
			this.#sockets.add(socket);
			socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
			socket.once('data', (query: Buffer) => this.#answerTcp(socket, query));
		});
	}

	async listen(scope: Scope): Promise<this> {
		this.#udp.bind(0, '127.0.0.1');
		await once(this.#udp, 'listening');
		const { port } = this.#udp.address();
		this.#tcp.listen(port, '127.0.0.1').on('error', () => {});
		this.address = `127.0.0.1:${port}`;
		scope.teardown(() => {
			this.#udp.close();
			this.#tcp.close();
			for (const socket of this.#sockets) socket.destroy();
		});
		return this;
	}

	#replyTo(query: Buffer): { bytes: Buffer; roll: Roll } | null {
		const name = (decode(query).questions?.[0]?.name ?? '').toLowerCase();
		const script = this.scripts.get(name) ?? this.scripts.get('reverse');
		if (!script) return null;
		const { roll } = script;
		const bytes = Buffer.from(script.bytes);
		if (roll(16) > 0) query.copy(bytes, 0, 0, 2);
		const question = query.subarray(QUESTION_AT, QUESTION_AT + QUESTION_BYTES);
		if (roll(8) > 0) question.copy(bytes, QUESTION_AT);
		return { bytes, roll };
	}

	#answer(query: Buffer, { port, address }: RemoteInfo): void {
		const reply = this.#replyTo(query);
		if (!reply || reply.roll(24) === 0) return;
		const times = reply.roll(16) === 0 ? 50 : 1;
		for (let i = 0; i < times; i++) this.#udp.send(reply.bytes, port, address, () => {});
	}

	/** RFC 1035 section 4.2.2: two bytes of length, which may lie. */
	#answerTcp(socket: Socket, query: Buffer): void {
		const reply = query.length > 14 ? this.#replyTo(query.subarray(2)) : null;
		if (!reply) return void socket.destroy();
		const { bytes, roll } = reply;
		const length = (bytes.length + pick(roll, [0, 0, 0, 1, -1, 300])) & 0xffff;
		socket.write(Buffer.concat([Buffer.of(length >> 8, length & 255), bytes]));
		if (roll(2) === 0) socket.end();
	}
}

export const DNS: Subject = {
	name: 'dns',
	seeds: SEEDS,
	words: WORDS,
	limitBytes: 4_000,
	width: WIDTH,
	async start(scope) {
		const server = await new HostileDns().listen(scope);
		const options = { servers: [server.address], timeoutMs: TIMEOUT_MS, hostsFile: null, cacheEntries: 100 };
		const resolver = new Resolver(options);
		scope.teardown(() => resolver.close());
		let asked = 0;
		const { signal } = new AbortController();
		return {
			async try(bytes, roll) {
				if (roll(16) === 0) {
					server.scripts.set('reverse', { bytes, roll });
					return outcome(resolver.reverse(0xc0000200 + roll(256), signal, 'fuzz').then(nameWord));
				}
				const name = `n${String(asked++ % 10_000_000).padStart(7, '0')}.fuzz.example`;
				server.scripts.set(name, { bytes, roll });
				try {
					return await outcome(resolver.resolve(name, signal, 'fuzz').then(addressesWord));
				} finally {
					server.scripts.delete(name);
				}
			},
			async settle() {
				server.scripts.set(NAME, { bytes: SEEDS[0] as Buffer, roll: (below) => below - 1 });
				const found = await new Resolver({ ...options, timeoutMs: 5_000 }).resolve(NAME, signal, 'fuzz');
				if (!found.some((ip) => formatIp(ip) === '192.0.2.1')) throw new Error('a good answer is not heard');
			},
		};
	},
};

function addressesWord(ips: readonly (number | Uint8Array)[]): string {
	if (ips.length === 0 || ips.length > 32) throw new Error(`${ips.length} addresses`);
	for (const ip of ips) if (parseIp(formatIp(ip)) === null) throw new Error('an address is none');
	return `${Math.min(ips.length, 3)} addresses`;
}

function nameWord({ kind, host }: { readonly kind: string; readonly host: string }): string {
	if (kind !== 'name' || targetOfHost(host, 0)?.host !== host) throw new Error('a name is none');
	return 'a name';
}

async function outcome(asked: Promise<string>): Promise<string> {
	try {
		return await asked;
	} catch (error) {
		if (!(error instanceof GatewayError)) throw error;
		if (!CODES.includes(error.code)) throw new Error(`an error of another kind: ${error.code}`);
		if (error.message.includes('fuzz')) throw new Error('the name is in the message');
		return error.code;
	}
}
