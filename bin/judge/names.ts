// The judge's own DNS server: it answers for every name under its zone with the address of the origin, and keeps who asked
// for what. Who resolves a name, and whether the client's network is passed on in the question (RFC 7871), is seen here.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { resolve4, resolve6 } from 'node:dns/promises';
import { once } from 'node:events';
import { createServer, isIP, type Server, type Socket } from 'node:net';
import { type Answer, AUTHORITATIVE_ANSWER, decode, encode, type Packet, type Question } from 'dns-packet';

export interface Asked {
	/** Lower case. */
	readonly name: string;
	readonly type: string;
	/** Who asked. */
	readonly by: string;
	/** A client's network stood in the question. */
	readonly subnet: string | null;
}

export class NameServer {
	readonly asked: Asked[] = [];
	readonly #udp: UdpSocket;
	readonly #tcp: Server;
	readonly #sockets: Set<Socket> = new Set();
	readonly #zone: string;
	readonly #address: string;

	private constructor(udp: UdpSocket, zone: string, address: string) {
		this.#udp = udp;
		this.#zone = zone.toLowerCase();
		this.#address = address;
		this.#tcp = createServer((socket) => this.#serve(socket));
		udp.on('message', (message, peer) => {
			void this.#answer(message, peer.address).then((reply) => {
				if (reply) udp.send(reply, peer.port, peer.address, () => {});
			});
		});
	}

	/** `address`: the origin's, which every name under `zone` has. Port 0 is any that is free for UDP and TCP. */
	static async listen(host: string, port: number, zone: string, address: string): Promise<NameServer> {
		for (;;) {
			const udp = createSocket(isIP(host) === 6 ? 'udp6' : 'udp4');
			udp.bind(port, host);
			await once(udp, 'listening');
			const server = new NameServer(udp, zone, address);
			try {
				server.#tcp.listen(udp.address().port, host);
				await once(server.#tcp, 'listening');
				return server;
			} catch (error) {
				udp.close();
				if (port !== 0) throw error;
			}
		}
	}

	/** As a resolver is told it. */
	get address(): string {
		const { address, port } = this.#udp.address();
		return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
	}

	close(): void {
		this.#udp.close();
		this.#tcp.close();
		for (const socket of this.#sockets) socket.destroy();
	}

	async #answer(message: Buffer, by: string): Promise<Buffer | null> {
		let query: Packet;
		try {
			query = decode(message);
		} catch {
			return null;
		}
		const [question] = query.questions ?? [];
		if (question === undefined) return null;
		const name = question.name.toLowerCase();
		const own = name === this.#zone || name.endsWith(`.${this.#zone}`);
		this.asked.push({ name, type: question.type, by: by.replace(/^::ffff:/, ''), subnet: subnetOf(query) });
		const answers = own ? this.#ownAnswers(question) : await foreignAnswers(question);
		const flags = AUTHORITATIVE_ANSWER | (own || answers.length > 0 ? 0 : NXDOMAIN);
		const id = query.id === undefined ? {} : { id: query.id };
		return encode({ type: 'response', ...id, flags, questions: [question], answers });
	}

	#ownAnswers({ name, type }: Question): Answer[] {
		const own = isIP(this.#address) === 6 ? 'AAAA' : 'A';
		return type === own ? [{ type, name, ttl: 0, data: this.#address }] : [];
	}

	/** RFC 1035 section 4.2.2: two bytes of length before each message. */
	#serve(socket: Socket): void {
		let unread: Buffer = Buffer.alloc(0);
		this.#sockets.add(socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {}));
		socket.on('data', (chunk: Buffer) => {
			unread = Buffer.concat([unread, chunk]);
			while (unread.length >= 2 && unread.length >= 2 + unread.readUInt16BE(0)) {
				const end = 2 + unread.readUInt16BE(0);
				void this.#answer(unread.subarray(2, end), socket.remoteAddress ?? '').then((reply) => {
					if (reply) socket.write(Buffer.concat([Buffer.of(reply.length >> 8, reply.length & 255), reply]));
				});
				unread = unread.subarray(end);
			}
		});
	}
}

/** RFC 1035 section 4.1.1. */
const NXDOMAIN = 3;

/** Of names that are not the judge's, such as those of hops: as this machine resolves them. */
async function foreignAnswers({ name, type }: Question): Promise<Answer[]> {
	if (type !== 'A' && type !== 'AAAA') return [];
	const addresses = await (type === 'A' ? resolve4(name) : resolve6(name)).catch((): string[] => []);
	return addresses.map((data) => ({ type, name, ttl: 0, data }));
}

function subnetOf({ additionals = [] }: Packet): string | null {
	for (const record of additionals) {
		if (record.type !== 'OPT') continue;
		for (const option of record.options) if (option.code === 8) return 'ip' in option ? String(option.ip) : 'some';
	}
	return null;
}
