// The judge's own origin: HTTP, WebSocket, TLS and raw TCP on each of its ports, told apart by the first bytes. It keeps
// every byte of every exchange, by the id that the judge has put into it, and answers what it was told to. `node:net` and
// `node:tls` alone: none of the gateway's code reads or writes here.
import { EventEmitter, once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { headEnd, messageEnd } from '../../lib/judge/framing.ts';
import { CERTIFICATE, KEY } from './certificate.ts';
import { Tap } from './tap.ts';

/** What the origin shall do at an exchange. */
export interface Script {
	/** `message`: keeps one request and answers it. `all`: keeps what comes until nothing more does, and answers then. */
	readonly keeps: 'message' | 'all';
	readonly reply: Buffer;
	/** FIN behind the reply. */
	readonly ends: boolean;
	/** Sends 100 (Continue) when it has the head. */
	readonly continues: boolean;
	/** What it sends at once behind a 101, or with the first bytes of raw TCP, which is answered by `reply` at its end. */
	readonly behind: Buffer | null;
}

export interface Arrival {
	/** What came of the exchange on that connection. Behind a 101 and in raw TCP all of it. */
	bytes: Buffer;
	/** What the origin has sent in TLS, below it. */
	sent: Buffer;
	/** Of the other end of the connection. */
	readonly address: string;
	readonly connection: number;
	/** The connection has brought another exchange before. */
	readonly shared: string | null;
}

/** No exchange is as long; who sends more is cut off. */
const MOST_BYTES = 1_048_576;

/** So long nothing comes before `all` is answered: proxies that think about a body send their head first. */
const QUIET_MS = 150;

export class Origin {
	readonly #servers: readonly Server[];
	readonly #pattern: RegExp;
	readonly #scripts: Map<string, Script> = new Map();
	readonly #arrivals: Map<string, Arrival[]> = new Map();
	readonly #sockets: Set<Socket> = new Set();
	readonly #progress: EventEmitter = new EventEmitter().setMaxListeners(0);
	#connections = 0;

	private constructor(pattern: RegExp, count: number) {
		this.#pattern = pattern;
		this.#servers = Array.from({ length: count }, () =>
			createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket)),
		);
	}

	/** Listens on `ports` of `host`. Rejects with the error of listen(2). */
	static async listen(host: string, ports: readonly number[], pattern: RegExp): Promise<Origin> {
		const origin = new Origin(pattern, ports.length);
		for (const [i, server] of origin.#servers.entries()) {
			server.listen(ports[i], host);
			await once(server, 'listening');
		}
		return origin;
	}

	/** Those listened on, in order. */
	get ports(): number[] {
		return this.#servers.map((server) => (server.address() as AddressInfo).port);
	}

	expect(id: string, script: Script): void {
		this.#scripts.set(id, script);
	}

	/** Resolves when what has come with an id is `complete`, or `limitMs` later. */
	async arrived(id: string, complete: (bytes: Buffer) => boolean, limitMs: number): Promise<void> {
		const late = AbortSignal.timeout(limitMs);
		const isThere = (): boolean => (this.#arrivals.get(id) ?? []).some(({ bytes }) => complete(bytes));
		while (!isThere() && !late.aborted) await once(this.#progress, 'bytes', { signal: late }).catch(() => {});
	}

	/** What has come with an id so far, taken away. */
	take(id: string): Arrival[] {
		const arrivals = this.#arrivals.get(id) ?? [];
		this.#arrivals.delete(id);
		return arrivals;
	}

	close(): void {
		for (const server of this.#servers) server.close();
		for (const socket of this.#sockets) socket.destroy();
	}

	#accept(socket: Socket): void {
		this.#sockets.add(socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {}));
		new Visit(socket, this.#connections++, {
			find: (bytes) => this.#pattern.exec(bytes.toString('latin1'))?.[0] ?? null,
			script: (id) => this.#scripts.get(id) ?? null,
			arrived: (id, arrival) => void this.#arrivals.set(id, [...(this.#arrivals.get(id) ?? []), arrival]),
			progress: () => void this.#progress.emit('bytes'),
		});
	}
}

interface Book {
	find(bytes: Buffer): string | null;
	script(id: string): Script | null;
	arrived(id: string, arrival: Arrival): void;
	progress(): void;
}

interface Exchange {
	readonly script: Script;
	readonly arrival: Arrival;
	continued: boolean;
}

/** One connection to the origin. */
class Visit {
	readonly #socket: Socket;
	readonly #connection: number;
	readonly #book: Book;
	#unread: Buffer = Buffer.alloc(0);
	#current: Exchange | null = null;
	#last: string | null = null;
	#mode: 'unknown' | 'http' | 'all' | 'tls' = 'unknown';
	#quiet: NodeJS.Timeout | undefined;

	constructor(socket: Socket, connection: number, book: Book) {
		this.#socket = socket;
		this.#connection = connection;
		this.#book = book;
		socket.on('data', (chunk: Buffer) => this.#data(chunk));
		socket.on('end', () => this.#end());
		socket.on('close', () => clearTimeout(this.#quiet));
	}

	#data(chunk: Buffer): void {
		if (this.#mode === 'tls') return;
		const kept = this.#unread.length + (this.#current?.arrival.bytes.length ?? 0);
		if (kept > MOST_BYTES) return void this.#socket.destroy();
		if (this.#mode === 'all') return this.#more(chunk);
		this.#unread = Buffer.concat([this.#unread, chunk]);
		this.#read();
	}

	#read(): void {
		const id = this.#current ? null : this.#book.find(this.#unread);
		if (id !== null) this.#begin(id);
		if (this.#current && this.#mode === 'http') this.#message(this.#current);
	}

	#begin(id: string): void {
		const script = this.#book.script(id);
		if (script === null) return;
		const address = this.#socket.remoteAddress?.replace(/^::ffff:/, '') ?? '';
		const arrival = {
			bytes: Buffer.alloc(0),
			sent: Buffer.alloc(0),
			address,
			connection: this.#connection,
			shared: this.#last,
		};
		this.#last = id;
		this.#book.arrived(id, arrival);
		this.#current = { script, arrival, continued: false };
		if (this.#unread[0] === 0x16) return this.#serveTls(arrival);
		this.#mode = script.keeps === 'message' ? 'http' : 'all';
		if (this.#mode === 'all') this.#more(this.#unread);
	}

	/** The rest is a matter between the two TLS ends; the bytes are kept on their way. */
	#serveTls(arrival: Arrival): void {
		this.#mode = 'tls';
		this.#socket.removeAllListeners('data').removeAllListeners('end').pause();
		this.#socket.unshift(this.#unread);
		const tap = new Tap(this.#socket, {
			read: (bytes) => {
				arrival.bytes = Buffer.concat([arrival.bytes, bytes]);
			},
			written: (bytes) => {
				arrival.sent = Buffer.concat([arrival.sent, bytes]);
			},
		});
		const secure = new TLSSocket(tap, { isServer: true, cert: CERTIFICATE, key: KEY });
		secure.on('error', () => this.#socket.destroy());
		secure.on('data', (bytes: Buffer) => secure.end(bytes));
	}

	#message(current: Exchange): void {
		const { script, arrival } = current;
		if (script.continues && !current.continued && headEnd(this.#unread) !== null) {
			current.continued = true;
			this.#socket.write('HTTP/1.1 100 Continue\r\n\r\n');
		}
		const end = messageEnd(this.#unread, { reply: false });
		arrival.bytes = Buffer.from(this.#unread.subarray(0, end === 'close' ? undefined : (end ?? undefined)));
		if (typeof end !== 'number') return;
		this.#unread = this.#unread.subarray(end);
		this.#socket.write(script.reply);
		if (script.behind !== null) {
			this.#mode = 'all';
			this.#socket.write(script.behind);
			return this.#more(this.#unread);
		}
		this.#current = null;
		if (script.ends) this.#socket.end();
		else if (this.#unread.length > 0) this.#read();
	}

	/** Of what has no end of its own. */
	#more(chunk: Buffer): void {
		const { script, arrival } = this.#current as Exchange;
		const before = arrival.bytes.length;
		arrival.bytes = Buffer.concat([arrival.bytes, chunk]);
		clearTimeout(this.#quiet);
		if (script.keeps === 'all' && script.behind === null)
			this.#quiet = setTimeout(() => this.#answer(script), QUIET_MS);
		if (script.behind !== null && before === 0) this.#socket.write(script.behind);
		this.#book.progress();
	}

	#answer({ reply }: Script): void {
		this.#socket.end(reply);
	}

	/** A half-closed client still gets what is left to say: its other direction must not have ended with it. */
	#end(): void {
		clearTimeout(this.#quiet);
		if (this.#socket.destroyed) return;
		const script = this.#mode === 'all' ? this.#current?.script : undefined;
		if (script?.keeps === 'all') this.#socket.end(script.reply);
		else this.#socket.end();
	}
}
