// Hops that mean harm: before they are asked, cut anywhere, for ever, or not at all, bare and inside TLS. A dial ends in a link
// or in a GatewayError before its deadline, holds little, and leaves no connection behind.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createSecureServer } from 'node:tls';
import type { Outbound } from '../../../lib/core/dialer.ts';
import { GatewayError } from '../../../lib/core/error.ts';
import { type Target, targetOfHost } from '../../../lib/core/target.ts';
import { chainOf } from '../../helpers/chains.ts';
import { contextOf } from '../../helpers/dial.ts';
import { hex } from '../../helpers/dialogue.ts';
import { closed } from '../../helpers/link-pair.ts';
import type { Scope } from '../../helpers/scope.ts';
import { cuts } from '../campaign.ts';
import { pick, type Roll } from '../dice.ts';
import type { Subject } from '../subject.ts';
import { HTTP_WORDS, SOCKS_WORDS } from '../words.ts';
import { HOP_REPLIES } from './codecs.ts';

/** Two passes through the event loop take a millisecond; a silent hop costs all of it. */
const DIAL_MS = 60;

/** All that a dial may have read that nobody wanted: what BEHIND_BYTES of protocol/machine.ts says, and one chunk. */
const MOST_EARLY_BYTES = 131_072 + 65_536;

const WIDTH = 16;

const TARGET = targetOfHost('www.example', 443) as Target;

/** The first bytes of a ServerHello, an alert, a record too long. */
const TLS_REPLIES = [
	hex('16 03 03 00 31  02 00 00 2d 03 03'),
	hex('15 03 03 00 02 02 28'),
	hex('16 03 03 ff ff'),
	Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
];

interface Script {
	readonly bytes: Buffer;
	readonly roll: Roll;
	/** Connections of this dial. */
	readonly sockets: Set<Socket>;
}

/** One hop of each transport, which does as it is told. */
class Hop {
	script: Script | null = null;
	port = 0;
	readonly #server: Server;

	constructor(secure: boolean) {
		const folder = join(import.meta.dirname, '../../helpers/certificate');
		const [key, cert] = ['key.pem', 'cert.pem'].map((name) => readFileSync(join(folder, name))) as [Buffer, Buffer];
		const serve = (socket: Socket): void => this.#serve(socket);
		this.#server = secure ? createSecureServer({ key, cert }, serve) : createServer({ allowHalfOpen: true }, serve);
		this.#server.on('tlsClientError', () => {});
	}

	async listen(scope: Scope): Promise<this> {
		this.#server.listen(0, '127.0.0.1');
		await once(this.#server, 'listening');
		this.port = (this.#server.address() as { port: number }).port;
		scope.teardown(() => void this.#server.close());
		return this;
	}

	#serve(socket: Socket): void {
		socket.on('error', () => {});
		const { script } = this;
		if (script === null) return void socket.destroy();
		script.sockets.add(socket);
		socket.on('end', () => socket.destroy());
		if (script.roll(4) === 0) this.#say(socket, script);
		else socket.once('data', () => this.#say(socket, script));
		socket.resume();
	}

	#say(socket: Socket, { bytes, roll }: Script): void {
		const chunks = cuts(bytes, roll, 4);
		const manner = roll(6);
		const last = chunks.at(-1) ?? Buffer.alloc(0);
		const next = (): void => {
			const chunk = chunks.shift();
			if (socket.destroyed) return;
			if (chunk) socket.write(chunk, () => (roll(2) === 0 ? setImmediate(next) : next()));
			else if (manner < 2) socket.end();
			else if (manner === 2) socket.destroy();
			else if (manner === 3 && last.length > 0) endless(socket, Buffer.alloc(16_384, last));
		};
		next();
	}
}

/** Until the other end has had enough. */
function endless(socket: Socket, block: Buffer): void {
	const more = (): void => {
		while (!socket.destroyed && socket.write(block)) {}
	};
	socket.on('drain', more);
	more();
}

interface Place {
	readonly hops: readonly Hop[];
	readonly ways: Readonly<Record<string, Outbound>>;
}

/** Hops of this slot alone, so that dials side by side do not meet. */
async function placeOf(scope: Scope): Promise<Place> {
	const [bare, secure] = [await new Hop(false).listen(scope), await new Hop(true).listen(scope)];
	const at = (scheme: string, { port }: Hop): string => `${scheme}://127.0.0.1:${port}`;
	const one = (scheme: string, hop: Hop = bare): Outbound => chainOf(scope, [at(scheme, hop)]);
	const two = (scheme: string, next: string): Outbound =>
		chainOf(scope, [at(scheme, bare), `${next}://next.example:1`]);
	return {
		hops: [bare, secure],
		ways: {
			socks4a: one('socks4a'),
			socks5: one('socks5'),
			login: chainOf(scope, [`socks5://joe:secret@127.0.0.1:${bare.port}`]),
			http: one('http'),
			'bare https': one('https'),
			https: one('https', secure),
			'socks5, http': two('socks5', 'http'),
			'http, socks5': two('http', 'socks5'),
			'socks4a, https': two('socks4a', 'https'),
		},
	};
}

const SEEDS = [
	...Object.values(HOP_REPLIES).flat(),
	...TLS_REPLIES,
	Buffer.concat([HOP_REPLIES.socks5[0] as Buffer, HOP_REPLIES.http[0] as Buffer]),
	Buffer.concat([HOP_REPLIES.http[0] as Buffer, HOP_REPLIES.socks5[0] as Buffer]),
	Buffer.concat([HOP_REPLIES.socks4a[0] as Buffer, ...TLS_REPLIES]),
];

export const CHAIN: Subject = {
	name: 'chain',
	seeds: SEEDS,
	words: [...SOCKS_WORDS, ...HTTP_WORDS, ...TLS_REPLIES],
	width: WIDTH,
	async start(scope) {
		const free = await Promise.all(Array.from({ length: WIDTH }, () => placeOf(scope)));
		return {
			async try(bytes, roll) {
				const place = free.pop() as Place;
				try {
					return await dialled(place, bytes, roll);
				} finally {
					free.push(place);
				}
			},
		};
	},
};

async function dialled({ hops, ways }: Place, bytes: Buffer, roll: Roll): Promise<string> {
	const sockets = new Set<Socket>();
	for (const hop of hops) hop.script = { bytes, roll, sockets };
	const name = pick(roll, Object.keys(ways));
	const abort = new AbortController();
	const late = new GatewayError('connection_timeout', { side: 'gateway', phase: 'connect' });
	const timer = setTimeout(() => abort.abort(late), DIAL_MS);
	try {
		const link = await (ways[name] as Outbound).dial(TARGET, contextOf({ signal: abort.signal }));
		const { length } = link.early;
		link.destroy();
		if (length > MOST_EARLY_BYTES) throw new Error(`a dial holds ${length} bytes`);
		return `${name}: a link, ${length > 0}`;
	} catch (error) {
		if (!(error instanceof GatewayError)) throw error;
		if (error.code === 'proxy_internal_error') throw error.cause ?? error;
		return `${name}: ${error.code} ${error.note} ${error.retry} ${error.hop}`;
	} finally {
		clearTimeout(timer);
		// A hop that is still connected would wait for us for ever.
		await Promise.all([...sockets].map((socket) => closed(socket)));
	}
}
