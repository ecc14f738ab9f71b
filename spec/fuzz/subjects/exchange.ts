// Plain HTTP from end to end in memory: a client that sends anything to an origin that is node's own server, and an origin
// that answers anything to a good client. What the origin reads, by llhttp, is what our parser has read of the client, and
// nothing else; a client never gets what is left over of somebody else's answer.
import { deepStrictEqual } from 'node:assert/strict';
import { type IncomingMessage, Server } from 'node:http';
import { type Duplex, duplexPair } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { KIND_NAMES, Removal } from '../../../lib/anonymity/removal.ts';
import type { Outbound } from '../../../lib/core/dialer.ts';
import { newFlow } from '../../../lib/core/flow.ts';
import { type ExchangeEnd, exchange } from '../../../lib/flow/exchange.ts';
import { OriginPool } from '../../../lib/flow/origin-pool.ts';
import { StreamLink } from '../../../lib/io/link.ts';
import { Sweep } from '../../../lib/io/sweep.ts';
import { ourRequests, ourResponse, RESPONSES } from '../../helpers/http-agreement.ts';
import { llhttpResponse, type Message } from '../../helpers/llhttp.ts';
import type { Scope } from '../../helpers/scope.ts';
import { cuts } from '../campaign.ts';
import { pick, type Roll } from '../dice.ts';
import type { Subject } from '../subject.ts';
import { HTTP_WORDS } from '../words.ts';

const LEVELS = ['elite', 'anonymous', 'transparent'] as const;

/** Nothing that stands still this long moves again: all is in memory. */
const STILL_MS = 40;

/** Half an input is waited for until it is late. */
const WIDTH = 32;

/** Everything that can be taken off a message by choice. */
const ALL = new Removal(KIND_NAMES);

type Exchange = (client: Duplex, dial: () => Duplex, roll: Roll) => Promise<ExchangeEnd>;

/** The gateway around exchanges: one pool and one sweep for all of them, as there. */
function startExchanges(scope: Scope): Exchange {
	const [sweep, pool] = [new Sweep(STILL_MS), new OriginPool()];
	scope.teardown(() => {
		pool.close();
		sweep.close();
	});
	let flows = 0;
	return (client, dial, roll) => {
		const flow = { ...newFlow(flows, 'fuzz', 'client', 0), protocol: 'http' } as const;
		const outbound: Outbound = {
			type: 'direct',
			tag: 'direct',
			namesTravel: false,
			dial: () => Promise.resolve(new StreamLink(dial(), { side: 'target', phase: 'exchange' })),
			close() {},
		};
		const [removal, slowed] = [pick(roll, [null, ALL]), roll(8) === 0];
		return exchange(new StreamLink(client, { side: 'client' }), flow, {
			route: () => ({ outbound, permits: () => null }),
			permission: () => null,
			page: null,
			pool,
			sweep,
			level: pick(roll, LEVELS),
			removal: () => removal,
			clientIp: '192.0.2.7',
			clientKey: `client ${flows++}`,
			authRequired: roll(4) === 0,
			dialMs: 1_000,
			headMs: STILL_MS,
			idleMs: STILL_MS,
			nowMs: () => performance.now(),
			draining: () => false,
			slowed: () => slowed,
			connected() {},
			upgraded(near, far) {
				near.destroy();
				far.destroy();
				return Promise.resolve({ cause: 'closed' });
			},
		});
	};
}

/** Names of fields that are the gateway's to take off, of requests at any level but what the level itself puts there. */
const TAKEN_OFF = /^(proxy-|keep-alive$|x-real-ip$|client-ip$)/i;

interface Seen extends Pick<Message, 'line' | 'fields' | 'body' | 'trailers'> {}

async function seenOf(request: IncomingMessage): Promise<Seen> {
	const { method = '', url = '', rawHeaders } = request;
	const body = (await buffer(request)).toString('latin1');
	return { line: [method, url], fields: rawHeaders, body, trailers: request.rawTrailers };
}

/** Method, path and body: what must not change. OPTIONS of no path is about the server (RFC 9112 section 3.2.4). */
function essence({ line: [method, target], body }: Pick<Message, 'line' | 'body'>): string[] {
	const path = target.replace(/^[a-z]+:\/\/[^/?]*/i, '');
	if (method === 'OPTIONS' && path === '') return [method, '*', body];
	return [method, path.startsWith('/') || path === '*' ? path : `/${path}`, body];
}

const CLIENTS = [
	'GET http://a.example/1 HTTP/1.1\r\nHost: a.example\r\n\r\nGET http://a.example/2?q HTTP/1.1\r\nHost: a.example\r\n\r\n',
	'POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\nProxy-Connection: keep-alive\r\n\r\nhello' +
		'HEAD http://b.example HTTP/1.1\r\nHost: b.example\r\nConnection: close, X-Y\r\nX-Y: z\r\nForwarded: for=192.0.2.1\r\n\r\n',
	'PUT http://a.example:81/ HTTP/1.1\r\nHost: a.example:81\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\nTE: trailers\r\n\r\n' +
		'3;a=b\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\nGET http://a.example/3 HTTP/1.0\r\n\r\n',
	'GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nframes',
	'OPTIONS http://a.example HTTP/1.1\r\nHost: a.example\r\nMax-Forwards: 1\r\nVia: 1.0 x\r\n\r\n',
].map((lines) => Buffer.from(lines, 'latin1'));

const REQUEST: Subject = {
	name: 'exchange-request',
	seeds: CLIENTS,
	words: HTTP_WORDS,
	limitBytes: 66_000,
	width: WIDTH,
	start(scope) {
		const run = startExchanges(scope);
		return {
			async try(bytes, roll) {
				const origin = new StrictOrigin();
				const [near, client] = duplexPair();
				const answers = buffer(client).catch(() => Buffer.alloc(0));
				const ended = run(near, () => origin.connect(), roll);
				for (const chunk of cuts(bytes, roll, 4)) client.write(chunk);
				client.end();
				const end = await ended;
				near.destroy();
				client.destroy();
				const requests = await origin.close();
				isSubsequence(requests, ourRequests(bytes, { passed: true }));
				for (const { fields } of requests) {
					const bad = fields.find((name, i) => i % 2 === 0 && TAKEN_OFF.test(name));
					if (bad !== undefined) throw new Error(`the origin hears of ${bad.toLowerCase()}`);
				}
				const statuses = (await answers).toString('latin1').match(/^HTTP\/1\.1 \d{3}/gm) ?? [];
				return `${end.kind} ${requests.map(({ line }) => line[0]).join()} ${statuses.slice(0, 6).join()}`;
			},
		};
	},
};

/** Each of `inner` is in `outer`, in this order. */
function isSubsequence(inner: readonly Seen[], outer: readonly Message[]): void {
	let from = 0;
	for (const seen of inner) {
		const wanted = JSON.stringify(essence(seen));
		const at = outer.findIndex((message, i) => i >= from && JSON.stringify(essence(message)) === wanted);
		if (at < 0) deepStrictEqual(essence(seen), outer.map(essence), 'the origin reads a request that nobody sent');
		deepStrictEqual(seen.trailers.length <= 2 * (outer[at] as Message).trailers.length, true);
		from = at + 1;
	}
}

/** An origin that is llhttp, in memory; what it cannot read the gateway must not have sent. */
class StrictOrigin {
	readonly #server: Server = new Server({ maxHeaderSize: 1 << 20, requireHostHeader: true });
	readonly #seen: Promise<Seen | null>[] = [];
	readonly #sockets: Duplex[] = [];
	#error: string | null = null;

	constructor() {
		this.#server.maxHeadersCount = 0;
		this.#server.on('request', (request, response) => {
			// Of a body that the gateway cut off nothing was promised.
			this.#seen.push(seenOf(request).catch(() => null));
			request.on('end', () => response.end('ok'));
			response.on('error', () => {});
		});
		this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
			// A method that llhttp does not know, and an end in the middle, which is how a request is called off.
			if (
				!['HPE_INVALID_METHOD', 'HPE_INVALID_EOF_STATE', 'ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE'].includes(
					`${error.code}`,
				)
			)
				this.#error ??= `${error.code}`;
			socket.destroy();
		});
	}

	connect(): Duplex {
		const [near, far] = duplexPair();
		near.on('close', () => setImmediate(() => far.destroy()));
		far.on('close', () => near.destroy());
		far.on('error', () => {});
		this.#sockets.push(near);
		this.#server.emit('connection', far);
		return near;
	}

	/** The whole requests that were read. */
	async close(): Promise<Seen[]> {
		for (const socket of this.#sockets) socket.destroy();
		const seen = (await Promise.all(this.#seen)).filter((request) => request !== null);
		if (this.#error !== null) throw new Error(`the origin cannot read what the gateway sends: ${this.#error}`);
		return seen;
	}
}

/** In every answer that is no mutation. */
const GOOD = 'HTTP/1.1 200 OK\r\nX-Good: 7f3a\r\nContent-Length: 4\r\n\r\ngood';

const RESPONSE: Subject = {
	name: 'exchange-response',
	seeds: RESPONSES,
	words: HTTP_WORDS,
	limitBytes: 66_000,
	width: WIDTH,
	start(scope) {
		const run = startExchanges(scope);
		return {
			async try(bytes, roll) {
				const method = pick(roll, ['GET', 'HEAD', 'POST']);
				const [near, client] = duplexPair();
				const answers = buffer(client).catch(() => Buffer.alloc(0));
				let dials = 0;
				const dial = (): Duplex => (dials++ === 0 ? hostile(bytes, roll) : hostile(Buffer.from(GOOD), () => 0));
				const ended = run(near, dial, roll);
				client.write(`${method} http://a.example/1 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n`);
				client.end('GET http://a.example/2 HTTP/1.1\r\nHost: a.example\r\n\r\n');
				await ended;
				near.destroy();
				client.destroy();
				return await judged(await answers, bytes, method);
			},
		};
	},
};

/** An origin that says this to the first request, whatever it was, and goes. */
function hostile(bytes: Buffer, roll: Roll): Duplex {
	const [near, far] = duplexPair();
	const chunks = cuts(bytes, roll, 3);
	const ends = roll(3) > 0;
	far.once('data', () => {
		for (const chunk of chunks) if (!far.destroyed) far.write(chunk);
		if (ends) far.end();
	});
	far.on('error', () => {});
	near.on('close', () => far.destroy());
	return near;
}

/** What the client makes of it: the answer to its first request is what was sent or the gateway's own, and so is the second. */
async function judged(answers: Buffer, sent: Buffer, method: string): Promise<string> {
	if (answers.length === 0) return 'cut';
	const first = ourResponse(answers, method);
	if (first === null) return 'cut inside';
	const { line, body } = first.message;
	const theirs = (await llhttpResponse(answers.subarray(0, first.length), method)).messages[0];
	deepStrictEqual(theirs?.body, body, 'llhttp reads another answer');
	const said = ourResponse(sent, method)?.message;
	const isOurs = answers.includes('Proxy-Status') || /^(4|5)/.test(line[0]);
	if (said && !isOurs) deepStrictEqual([line[0], body], [said.line[0], said.body], 'the client reads another answer');
	const rest = answers.subarray(first.length).toString('latin1');
	const second = rest === '' || rest.includes('X-Good: 7f3a\r\n') || /^HTTP\/1\.1 [45]\d\d /.test(rest);
	if (!second) throw new Error('the second answer is a part of the first');
	return `${line[0]} ${body.length > 0} ${rest.slice(0, 12)} ${isOurs}`;
}

export const EXCHANGE: readonly Subject[] = [REQUEST, RESPONSE];
