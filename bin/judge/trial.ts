// A proxy, tried by each of its ways: every probe once without it and once through it, and what differs.
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Canaries } from '../../lib/judge/canaries.ts';
import { type Context, compareReplies, compareRequests, compareStreams } from '../../lib/judge/compare.ts';
import { ambiguity } from '../../lib/judge/framing.ts';
import { type Finding, type Grade, gradeOf } from '../../lib/judge/grade.ts';
import { type Probe, probeOf } from '../../lib/judge/probe.ts';
import { httpProbes, tunnelProbes } from '../../lib/judge/probes.ts';
import { type Trick, tricks } from '../../lib/judge/tricks.ts';
import { BEHIND, exchange, Reader, tlsRun } from './exchange.ts';
import type { Arrival, Origin, Script } from './origin.ts';
import {
	authorityOf,
	dial,
	dialProxy,
	type Endpoint,
	loginOf,
	openTunnel,
	type ProxyUrl,
	type Way,
	WayError,
	waysOf,
} from './ways.ts';

/** Exchanges at a time: few enough for the limits of a careful proxy. */
const AT_ONCE = 6;

/** Of a stream in each direction: more than any buffer on the way. */
const STREAM_BYTES = 262_144;

const OK = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');

export interface Surroundings {
	readonly origin: Origin;
	readonly canaries: Canaries;
	/** The origin by its address, for plain HTTP and for tunnels. */
	readonly http: Endpoint;
	readonly tunnel: Endpoint;
	/** A name that leads there, a new one each time where there is a zone; null: none does. */
	readonly name: (() => string) | null;
	/** The address that the client's next connection shall have, one of several in turn; null leaves it to the system. */
	readonly from: (() => string) | null;
	/** For an answer, or for the end of one. */
	readonly answerMs: number;
	/** Whether the client's address can be told from the proxy's. */
	readonly judgesSource: boolean;
}

export interface Found extends Finding {
	readonly probe: string;
	readonly way: string;
}

export interface Refused {
	readonly probe: string;
	/** What the proxy said; not a word of the judge's. */
	readonly why: string;
}

export interface WayResult {
	readonly way: string;
	/** Null: it could not be judged. */
	readonly grade: Grade | null;
	/** Why not. */
	readonly reason: string | null;
	/** How many were compared. */
	readonly probes: number;
	/** What the proxy would not carry. */
	readonly refused: readonly Refused[];
	readonly findings: readonly Found[];
}

/** All ways of a proxy, one after the other. */
export async function tryProxy(proxy: ProxyUrl, around: Surroundings): Promise<WayResult[]> {
	const results: WayResult[] = [];
	for (const way of waysOf(proxy.type)) {
		const trial = new Trial(proxy, way, around);
		results.push(await trial.run());
	}
	return results;
}

/** What an exchange without the proxy, or through it, has shown. */
interface Seen {
	readonly arrivals: readonly Arrival[];
	readonly reply: Buffer;
	/** The address of the client's end. */
	readonly client: string;
}

class Trial {
	readonly #proxy: ProxyUrl;
	readonly #way: Way;
	readonly #around: Surroundings;
	readonly #findings: Found[] = [];
	readonly #refused: Refused[] = [];
	/** Whose exchange is whose, by its id. */
	readonly #clients: Map<string, string> = new Map();
	/** Of probes, in the order in which they begin. */
	readonly #names: string[] = [];
	#compared = 0;

	constructor(proxy: ProxyUrl, way: Way, around: Surroundings) {
		this.#proxy = proxy;
		this.#way = way;
		this.#around = around;
	}

	async run(): Promise<WayResult> {
		const reason = await this.#stops();
		if (reason === null) {
			if (this.#way.protocol === 'http') await this.#plain();
			else await this.#tunnels();
		}
		const judged = reason === null && this.#compared > 0;
		return {
			way: this.#way.label,
			grade: judged ? gradeOf(this.#findings) : null,
			reason: reason ?? (judged ? null : 'nothing came through'),
			probes: this.#compared,
			refused: this.#refused,
			findings: this.#findings.toSorted((a, b) => this.#names.indexOf(a.probe) - this.#names.indexOf(b.probe)),
		};
	}

	/** Why the way cannot be judged at all; null when it leads to the origin. */
	async #stops(): Promise<string | null> {
		if (this.#way.byName && this.#around.name === null) return 'no name leads to the origin there (--dns, --origin)';
		if (this.#way.protocol === 'socks4' && this.#around.tunnel.host.includes(':')) return 'SOCKS4 knows no IPv6';
		try {
			if (this.#way.protocol === 'http') return await this.#refusal();
			(await openTunnel(this.#proxy, this.#way, this.#to(), this.#from())).destroy();
			return null;
		} catch (error) {
			return error instanceof Error ? error.message : String(error);
		}
	}

	/** What an HTTP proxy says to the plainest request there is; null when it carries it. */
	async #refusal(): Promise<string | null> {
		const probe = probeOf('', this.#around.canaries.id(), {});
		const to = this.#to();
		const { arrivals, reply } = await this.#visit(probe, this.#written(probe, to), to, this.#proxy);
		return arrivals.length === 0 ? statusOf(reply) : null;
	}

	/** Where this way asks for. */
	#to(): Endpoint {
		const { http, tunnel, name } = this.#around;
		const place = this.#way.protocol === 'http' ? http : tunnel;
		return this.#way.byName && name !== null ? { host: name(), port: place.port } : place;
	}

	/** As clients write it: without the port that plain HTTP has anyway. */
	#authority(to: Endpoint): string {
		const authority = authorityOf(to);
		return this.#way.protocol === 'http' ? authority.replace(/:80$/, '') : authority;
	}

	async #plain(): Promise<void> {
		const { canaries } = this.#around;
		const login = this.#proxy.user !== null;
		await inTurns(httpProbes(canaries, login), (probe) => this.#tried(probe.name, () => this.#probe(probe)));
		if (!this.#way.byName)
			await inTurns(tricks(canaries), (trick) => this.#tried(trick.name, () => this.#trick(trick)));
	}

	async #tunnels(): Promise<void> {
		const { canaries } = this.#around;
		for (const probe of tunnelProbes(canaries)) await this.#tried(probe.name, () => this.#probe(probe));
		await this.#tried('a stream both ways', () => this.#stream('a stream both ways'));
		await this.#tried('TLS', () => this.#tls('TLS'));
	}

	/** A probe that fails is one that the proxy does not carry; the next one may do. */
	async #tried(probe: string, act: () => Promise<void>): Promise<void> {
		this.#names.push(probe);
		try {
			await act();
		} catch (error) {
			this.#refused.push({ probe, why: error instanceof Error ? error.message : String(error) });
		}
	}

	async #probe(probe: Probe): Promise<void> {
		const to = this.#to();
		const direct = await this.#visit(probe, probe.direct(this.#authority(to)), to, null);
		const through = await this.#visit(probe, this.#written(probe, to), to, this.#proxy);
		const [want] = direct.arrivals;
		const [got] = through.arrivals;
		if (want === undefined) throw new WayError('the origin is not reached without the proxy');
		if (got === undefined) throw new WayError(statusOf(through.reply));
		this.#compared++;
		this.#note(probe.name, compareRequests(want.bytes, got.bytes, this.#context(probe, through.client)));
		if (through.reply.length === 0) this.#refused.push({ probe: probe.name, why: 'its reply did not come back' });
		else this.#note(probe.name, compareReplies(direct.reply, through.reply));
		this.#source(probe.name, got, through.client);
	}

	/** What the client writes when it is told of the proxy. */
	#written(probe: Probe, to: Endpoint): Buffer {
		const authority = this.#authority(to);
		if (this.#way.protocol !== 'http') return probe.direct(authority);
		const login = Object.entries(loginOf(this.#proxy)).map(([name, value]) => `\r\n${name}: ${value}`);
		const text = probe.proxied(authority).toString('latin1');
		return Buffer.from(
			text.replace(/\r\nhost:[^\r]*/i, (host) => host + login.join('')),
			'latin1',
		);
	}

	async #visit(probe: Probe, request: Buffer, to: Endpoint, proxy: ProxyUrl | null): Promise<Seen> {
		const { origin, answerMs } = this.#around;
		origin.expect(probe.id, scriptOf(probe));
		const socket = proxy === null ? await this.#dialOrigin() : await this.#open(to);
		const client = socket.localAddress ?? '';
		if (proxy !== null) this.#clients.set(probe.id, client);
		const reply = await exchange(socket, {
			probe,
			request,
			limitMs: answerMs,
			there: (complete) => origin.arrived(probe.id, complete, answerMs),
		});
		return { arrivals: origin.take(probe.id), reply, client };
	}

	#dialOrigin(): Promise<Socket> {
		const { http, tunnel } = this.#around;
		return dial(this.#way.protocol === 'http' ? http : tunnel, this.#from());
	}

	#open(to: Endpoint): Promise<Socket> {
		const from = this.#from();
		return this.#way.protocol === 'http' ? dialProxy(this.#proxy, from) : openTunnel(this.#proxy, this.#way, to, from);
	}

	#from(): string | null {
		return this.#around.from?.() ?? null;
	}

	#context({ either }: Probe, client: string): Context {
		return { canaries: this.#around.canaries, addresses: this.#addressesOf(client), either };
	}

	/** A client behind a translator is known to the proxy by an address that leads to the origin, too. */
	#addressesOf(client: string): string[] {
		const { judgesSource, from, http } = this.#around;
		return judgesSource && from === null ? [client, http.host] : [client];
	}

	/** Who the origin has seen, and with whom on one connection. */
	#source(probe: string, { address, shared }: Arrival, client: string): void {
		const finding = { place: 'source', field: null, offset: null, direct: null, through: null } as const;
		const what = "connections come from the client's address";
		if (this.#around.judgesSource && this.#addressesOf(client).includes(address))
			this.#note(probe, [{ ...finding, what, allows: 'transparent', direct: client, through: address }]);
		const other = shared === null ? undefined : this.#clients.get(shared);
		if (other !== undefined && other !== client)
			this.#note(probe, [{ ...finding, what: 'one connection for several clients', allows: 'elite' }]);
	}

	async #trick(trick: Trick): Promise<void> {
		const { origin } = this.#around;
		origin.expect(trick.id, { keeps: 'all', reply: OK, ends: true, continues: false, behind: null });
		const socket = await dialProxy(this.#proxy, this.#from());
		const reader = new Reader(socket);
		socket.write(this.#withLogin(trick.bytes(this.#authority(this.#to()))));
		await reader.until((bytes) => bytes.length > 0, TRICK_MS);
		reader.close();
		this.#compared++;
		for (const { bytes } of origin.take(trick.id)) {
			const why = ambiguity(bytes);
			if (why !== null) this.#note(trick.name, [twoWays(why, bytes)]);
		}
	}

	#withLogin(bytes: Buffer): Buffer {
		const login = Object.entries(loginOf(this.#proxy)).map(([name, value]) => `${name}: ${value}\r\n`);
		const line = bytes.indexOf('\r\n') + 2;
		return Buffer.concat([bytes.subarray(0, line), Buffer.from(login.join('')), bytes.subarray(line)]);
	}

	async #stream(probe: string): Promise<void> {
		const { origin, canaries, answerMs } = this.#around;
		const id = canaries.id();
		const [up, down] = [randomBytes(STREAM_BYTES), randomBytes(STREAM_BYTES)];
		const last = randomBytes(16);
		origin.expect(id, { keeps: 'all', reply: last, ends: true, continues: false, behind: down });
		const sent = Buffer.concat([Buffer.from(`${id}\n`), up]);
		const socket = await this.#open(this.#to());
		const reader = new Reader(socket);
		socket.write(sent);
		await reader.until(({ length }) => length >= down.length, answerMs);
		await origin.arrived(id, ({ length }) => length >= sent.length, answerMs);
		const streamed = reader.bytes;
		// FIN of the client alone: a direct connection still brings what the origin has to say.
		socket.end();
		await reader.until(() => false, Math.min(answerMs, FIN_MS));
		reader.close();
		const [arrival] = origin.take(id);
		if (arrival === undefined) throw new WayError('nothing came through');
		this.#compared++;
		this.#note(probe, compareStreams(sent, arrival.bytes, 'other bytes to the origin'));
		this.#note(probe, compareStreams(down, streamed, 'other bytes to the client'));
		if (!reader.bytes.subarray(down.length).equals(last))
			this.#refused.push({ probe: 'what comes behind the FIN of the client', why: 'it was cut off' });
	}

	async #tls(probe: string): Promise<void> {
		const { origin, canaries, answerMs } = this.#around;
		const id = canaries.id();
		origin.expect(id, { keeps: 'all', reply: OK, ends: true, continues: false, behind: null });
		const { sent, received, failure } = await tlsRun(await this.#open(this.#to()), id, answerMs);
		const [arrival] = origin.take(id);
		if (failure !== null && arrival === undefined) throw new WayError(failure);
		this.#compared++;
		// What either end has sent behind the last answer may be on its way yet.
		const prefix = (one: Buffer, other: Buffer): Buffer => one.subarray(0, Math.min(one.length, other.length));
		const arrived = arrival?.bytes ?? Buffer.alloc(0);
		const answered = arrival?.sent ?? Buffer.alloc(0);
		const opened = [
			...compareStreams(prefix(sent, arrived), arrived, "other bytes to the origin than the client's TLS"),
			...compareStreams(prefix(answered, received), received, "other bytes to the client than the origin's TLS"),
		];
		// Whoever puts TLS of its own in between reads everything.
		this.#note(
			probe,
			opened.map((finding) => ({ ...finding, allows: 'anonymous' })),
		);
		if (failure !== null) this.#refused.push({ probe, why: failure });
	}

	#note(probe: string, findings: readonly Finding[]): void {
		for (const finding of findings) this.#findings.push({ ...finding, probe, way: this.#way.label });
	}
}

/** For what comes behind a FIN: hops that do not know half-closed connections keep silent until they give up. */
const FIN_MS = 2_000;

/** Refusals come at once; a proxy that waits for more of a broken request has had its chance. */
const TRICK_MS = 1_500;

function scriptOf({ reply, ends, waits, upgrade }: Probe): Script {
	return { keeps: 'message', reply: reply ?? OK, ends, continues: waits, behind: upgrade ? BEHIND : null };
}

function statusOf(reply: Buffer): string {
	const line = /^HTTP\/1\.\d [^\r\n]*/.exec(reply.toString('latin1', 0, 200))?.[0];
	return line ?? (reply.length === 0 ? 'closed, or no answer' : 'an answer that is no HTTP');
}

function twoWays(why: string, bytes: Buffer): Finding {
	return {
		place: 'request',
		what: `to be read in two ways, ${why}`,
		field: null,
		allows: 'anonymous',
		offset: 0,
		direct: null,
		through: bytes.toString('latin1', 0, 200),
	};
}

async function inTurns<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
	const rest = [...items];
	const turn = async (): Promise<void> => {
		for (let item = rest.shift(); item !== undefined; item = rest.shift()) await act(item);
	};
	await Promise.all(Array.from({ length: AT_ONCE }, turn));
}
