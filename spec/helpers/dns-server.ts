// A small DNS server on loopback, UDP and TCP on one port, that answers as it is told: late, wrongly, or not at all.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { type Answer, decode, encode, type Question, RECURSION_AVAILABLE, TRUNCATED_RESPONSE } from 'dns-packet';
import type { Scope } from './scope.ts';

export interface DnsQuestion {
	readonly name: string;
	readonly type: string;
	readonly over: 'udp' | 'tcp';
}

export interface DnsReply {
	/** Addresses of the type that was asked for. */
	readonly addresses?: readonly string[];
	/** The name that the asked one is an alias of; it owns the addresses. */
	readonly alias?: string;
	readonly ttl?: number;
	/** RFC 1035 section 4.1.1: 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED. */
	readonly rcode?: number;
	/** Sets TC and leaves the answers out. */
	readonly truncated?: boolean;
}

/** Undefined: silence. */
export type DnsScript = (question: DnsQuestion) => DnsReply | undefined | Promise<DnsReply | undefined>;

export interface DnsServer {
	/** As a resolver is told it. */
	readonly address: string;
	/** Every question so far. */
	readonly questions: readonly DnsQuestion[];
}

/** Serves until the scope ends. */
export async function startDns(scope: Scope, script: DnsScript): Promise<DnsServer> {
	const questions: DnsQuestion[] = [];
	const answer = async (message: Buffer, over: 'udp' | 'tcp'): Promise<Buffer | null> => {
		const query = decode(message);
		const asked = query.questions![0]!;
		const question = { name: asked.name, type: asked.type, over };
		questions.push(question);
		const reply = await script(question);
		return reply ? encodeReply(query.id!, asked, reply) : null;
	};
	const { udp, tcp, port } = await listenBoth();
	const sockets = new Set<Socket>();
	udp.on('message', (message, peer) => {
		void answer(message, 'udp').then((reply) => reply && udp.send(reply, peer.port, peer.address, () => {}));
	});
	tcp.on('connection', (socket) => {
		sockets.add(socket);
		serveTcp(socket, answer);
	});
	scope.teardown(() => {
		udp.close();
		tcp.close();
		for (const socket of sockets) socket.destroy();
	});
	return { address: `127.0.0.1:${port}`, questions };
}

/** A zone of fixed answers by `name` for both families, `name A` or `name AAAA` for one; every other name is NXDOMAIN. */
export function zone(records: Readonly<Record<string, DnsReply>>): DnsScript {
	return ({ name, type }) => records[`${name} ${type}`] ?? records[name] ?? { rcode: 3 };
}

function encodeReply(id: number, question: Question, reply: DnsReply): Buffer {
	const { addresses = [], alias, ttl = 60, rcode = 0, truncated = false } = reply;
	const owner = alias ?? question.name;
	const answers = addresses.map((data) => ({ type: question.type, name: owner, ttl, data }) as Answer);
	if (alias !== undefined) answers.unshift({ type: 'CNAME', name: question.name, ttl, data: alias });
	const flags = RECURSION_AVAILABLE | rcode | (truncated ? TRUNCATED_RESPONSE : 0);
	return encode({ type: 'response', id, flags, questions: [question], answers: truncated ? [] : answers });
}

/** RFC 1035 section 4.2.2: two bytes of length before each message. */
function serveTcp(socket: Socket, answer: (message: Buffer, over: 'tcp') => Promise<Buffer | null>): void {
	let unread: Buffer = Buffer.alloc(0);
	socket.on('error', () => {});
	socket.on('data', (chunk: Buffer) => {
		unread = Buffer.concat([unread, chunk]);
		while (unread.length >= 2 && unread.length >= 2 + unread.readUInt16BE(0)) {
			const message = unread.subarray(2, 2 + unread.readUInt16BE(0));
			unread = unread.subarray(2 + message.length);
			void answer(message, 'tcp').then((reply) => {
				if (reply) socket.write(Buffer.concat([Buffer.of(reply.length >> 8, reply.length & 255), reply]));
			});
		}
	});
}

/** A free UDP port may be taken for TCP: tries until both are had. */
async function listenBoth(): Promise<{ udp: UdpSocket; tcp: Server; port: number }> {
	for (;;) {
		const udp = createSocket('udp4');
		udp.bind(0, '127.0.0.1');
		await once(udp, 'listening');
		const { port } = udp.address();
		const tcp = createServer().listen(port, '127.0.0.1');
		try {
			await once(tcp, 'listening');
			return { udp, tcp, port };
		} catch {
			udp.close();
		}
	}
}
