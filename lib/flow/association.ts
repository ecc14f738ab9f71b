// The datagrams of one UDP association, both ways. The client is the peer of the control connection and the first port that a
// datagram of its came from; nothing goes to it before that, and nothing from anybody else goes anywhere. Every target is
// judged, names inside datagrams are resolved with a bounded number waiting, and answers come from where something was sent.
import type { Aim, DatagramPath, DatagramSocket, PathSink } from '../core/datagram.ts';
import { type DialContext, type Outbound, unsupported } from '../core/dialer.ts';
import { asGatewayError, GatewayError } from '../core/error.ts';
import type { Drop, Flow } from '../core/flow.ts';
import { type Ip, isSameIp } from '../core/ip.ts';
import type { Target } from '../core/target.ts';
import type { Moving } from '../io/sweep.ts';
import type { Budget } from '../limits/budget.ts';
import type { Spender } from '../limits/packets.ts';
import { headerLength, headerOfIp, keyOfHeader, targetOfHeader } from '../protocol/socks5-udp.ts';
import { type Filter, type Peer, type PeerRoom, Peers } from './peers.ts';
import type { Way } from './tunnel.ts';

/** Datagrams of one association that wait for a name, or for a way out: a client asks again anyway. */
const WAITING = 16;

/** The same in bytes: as many of the size that networks carry. */
const WAITING_BYTES = 24_576;

export interface AssociationDeps {
	readonly client: Ip;
	readonly filter: Filter;
	readonly room: PeerRoom;
	readonly spender: Spender;
	/** What bytes are taken from; null when nobody counts them. */
	budget(): Budget | null;
	/** For a way out that only a rule for some target leads to. */
	readonly dialMs: number;
	/** Judges and routes one target; throws GatewayError. */
	judge(target: Target): Way;
	/** Whether a relay of this gateway has this address. */
	isRelay(ip: Ip, port: number): boolean;
	nowMs(): number;
}

export class Association implements Moving {
	/** Set it before the first datagram can come; called once when the association is of no use any more. */
	onEnd: ((cause: 'idle' | GatewayError) => void) | null = null;
	readonly #flow: Flow;
	readonly #deps: AssociationDeps;
	readonly #peers: Peers;
	readonly #ways: Map<string, PathEnd> = new Map();
	readonly #abort: AbortController = new AbortController();
	#near: DatagramSocket | null = null;
	#budget: Budget | null = null;
	/** A pace does not grant more for now: what comes is dropped, which is how datagrams hear of it. */
	readonly #dry = { up: false, down: false };
	/** 0: the client has sent nothing yet. */
	#port = 0;
	#moved = 0;
	#waiting = 0;
	#waitingBytes = 0;
	/** The entry used last: most associations talk to one target for long. */
	#last: Peer | null = null;

	constructor(flow: Flow, deps: AssociationDeps) {
		this.#flow = flow;
		this.#deps = deps;
		this.#peers = new Peers(deps.filter, deps.room);
	}

	/** Opens the way that datagrams take unless a rule says otherwise. Rejects with GatewayError. */
	async open(outbound: Outbound, context: DialContext): Promise<void> {
		await this.#way(outbound).open(outbound, context);
	}

	/** From now on the client may send to this socket, whose sink this is. */
	begin(near: DatagramSocket): void {
		this.#near = near;
		this.#budget = this.#deps.budget();
		if (this.#budget === null) return;
		this.#budget.onReady = (direction) => {
			this.#dry[direction] = false;
		};
		this.#budget.onSpent = (error) => this.#end(error);
	}

	/** Of the client's socket. */
	datagram(bytes: Buffer, start: number, end: number, ip: Ip, port: number): void {
		try {
			this.#up(bytes, start, end, ip, port);
		} catch (thrown) {
			this.#end(asGatewayError(thrown, { phase: 'relay' }));
		}
	}

	#up(bytes: Buffer, start: number, end: number, ip: Ip, port: number): void {
		if ((port !== this.#port && this.#port !== 0) || !isSameIp(ip, this.#deps.client)) return this.drop('sender');
		const length = headerLength(bytes, start, end);
		if (length === 0) return this.drop('malformed');
		const nowMs = this.#deps.nowMs();
		if (this.#dry.up || !this.#deps.spender.spend(nowMs)) return this.drop('limit');
		if (this.#port === 0) this.#pin(ip, port);
		this.#moved++;
		const key = keyOfHeader(bytes, start, length);
		let peer = this.#last;
		if (peer === null || peer.key !== key || peer.freshUntilMs <= nowMs) {
			peer = this.#peers.get(key, nowMs) ?? this.#begin(key, targetOfHeader(bytes, start, length), nowMs);
			this.#last = peer;
		}
		this.#send(peer, bytes, start + length, end);
	}

	#pin(ip: Ip, port: number): void {
		this.#port = port;
		this.#near?.connect(ip, port);
	}

	#send(peer: Peer, bytes: Buffer, start: number, end: number): void {
		if (peer.waiting !== null) return this.#wait(peer.waiting, bytes.subarray(start, end));
		if (peer.aim === null) return this.drop(peer.drop ?? 'refused');
		this.#flow.upBytes += end - start;
		if (this.#budget?.spend('up', end - start) === false) this.#dry.up = true;
		const { socket, head, ip, port } = peer.aim;
		socket.send(head, bytes, start, end, ip, port);
	}

	#wait(waiting: Buffer[], payload: Buffer): void {
		if (this.#waiting >= WAITING || this.#waitingBytes + payload.length > WAITING_BYTES) return this.drop('limit');
		this.#waiting++;
		this.#waitingBytes += payload.length;
		waiting.push(Buffer.from(payload));
	}

	#begin(key: number | string, target: Target | null, nowMs: number): Peer {
		const peer = this.#peers.begin(key);
		try {
			if (target === null) this.#peers.refuse(peer, 'malformed', nowMs);
			else this.#prepare(peer, target, nowMs);
		} catch (thrown) {
			this.#refuse(peer, thrown);
		}
		return peer;
	}

	/** At once for an address by a way that is open, else with those that come waiting. */
	#prepare(peer: Peer, target: Target, nowMs: number): void {
		const { outbound, permits } = this.#deps.judge(target);
		const judged = {
			signal: this.#abort.signal,
			permits: (ip: Ip) => permits(ip) ?? (this.#deps.isRelay(ip, target.port) ? loop() : null),
		};
		const way = this.#way(outbound);
		const aim =
			way.path === null
				? way.openLater(outbound, this.#flow, judged, target, this.#deps.dialMs)
				: way.path.aim(target, judged);
		if (aim instanceof Promise) this.#await(peer, way, aim);
		else this.#ready(peer, way, aim, nowMs);
	}

	#ready(peer: Peer, way: PathEnd, aim: Aim, nowMs: number): void {
		this.#peers.ready(peer, aim, nowMs);
		if (aim.from === null) way.hearsAll = true;
	}

	#await(peer: Peer, way: PathEnd, aim: Promise<Aim>): void {
		peer.waiting = [];
		aim
			.then(
				(found) => this.#ready(peer, way, found, this.#deps.nowMs()),
				(thrown: unknown) => this.#refuse(peer, thrown),
			)
			.then(() => this.#release(peer))
			.catch((bug: unknown) => this.#end(asGatewayError(bug, { phase: 'relay' })));
	}

	#refuse(peer: Peer, thrown: unknown): void {
		const error = asGatewayError(thrown, { phase: 'relay' });
		if (error.code === 'proxy_internal_error') this.#end(error);
		this.#peers.refuse(peer, error.phase === 'policy' ? 'refused' : 'unresolved', this.#deps.nowMs());
	}

	#release(peer: Peer): void {
		const waiting = peer.waiting ?? [];
		peer.waiting = null;
		for (const payload of waiting) {
			this.#waiting--;
			this.#waitingBytes -= payload.length;
			this.#send(peer, payload, 0, payload.length);
		}
	}

	#way(outbound: Outbound): PathEnd {
		const known = this.#ways.get(outbound.tag);
		if (known) return known;
		const way = new PathEnd(this);
		this.#ways.set(outbound.tag, way);
		return way;
	}

	/** An answer that came by one of the ways. */
	answer(way: PathEnd, bytes: Buffer, start: number, end: number, ip: Ip, port: number): void {
		try {
			this.#down(way, bytes, start, end, ip, port);
		} catch (thrown) {
			this.#end(asGatewayError(thrown, { phase: 'relay' }));
		}
	}

	#down(way: PathEnd, bytes: Buffer, start: number, end: number, ip: Ip, port: number): void {
		if (this.#port === 0) return this.drop('stranger');
		const head = this.#headFor(way, ip, port);
		if (head === null) return this.drop('stranger');
		if (this.#dry.down || !this.#deps.spender.spend(this.#deps.nowMs())) return this.drop('limit');
		this.#moved++;
		this.#flow.downBytes += end - start;
		if (this.#budget?.spend('down', end - start) === false) this.#dry.down = true;
		this.#near?.send(head, bytes, start, end, null, 0);
	}

	/** What an answer from there begins with, or null when it may not come in. */
	#headFor(way: PathEnd, ip: Ip, port: number): Buffer | null {
		const peer = this.#peers.heard(ip, port);
		if (peer === null) return way.hearsAll || this.#deps.filter === 'none' ? headerOfIp(ip, port) : null;
		return peer.aim?.port === port && peer.head !== null ? peer.head : headerOfIp(ip, port);
	}

	drop(why: Drop): void {
		const { drops } = this.#flow;
		if (drops === null) this.#flow.drops = { [why]: 1 };
		else drops[why] = (drops[why] ?? 0) + 1;
	}

	unsent(): void {
		this.drop('unsent');
	}

	lost(error: GatewayError): void {
		this.#end(error);
	}

	progress(): number {
		return this.#moved;
	}

	idle(): void {
		this.#end('idle');
	}

	#end(cause: 'idle' | GatewayError): void {
		const { onEnd } = this;
		this.onEnd = null;
		onEnd?.(cause);
	}

	/** Frees everything. Again does nothing. */
	close(): void {
		this.onEnd = null;
		this.#abort.abort(gone());
		this.#near?.close();
		for (const way of this.#ways.values()) way.close();
		this.#peers.clear();
	}
}

/** One of the ways out of an association, and the sink of what comes by it. */
class PathEnd implements PathSink {
	path: DatagramPath | null = null;
	/** Something went to a name that is resolved elsewhere, so its answers come from nobody knows where. */
	hearsAll = false;
	readonly #association: Association;
	#opening: Promise<DatagramPath> | null = null;
	#closed = false;

	constructor(association: Association) {
		this.#association = association;
	}

	/** Opens it once; again waits for it, or tries again when it had failed. */
	open(outbound: Outbound, context: DialContext): Promise<DatagramPath> {
		this.#opening ??= this.#open(outbound, context).catch((error: unknown) => {
			this.#opening = null;
			throw error;
		});
		return this.#opening;
	}

	async #open(outbound: Outbound, context: DialContext): Promise<DatagramPath> {
		if (!outbound.associate) throw unsupported('no datagrams');
		const path = await outbound.associate(this, context);
		if (this.#closed) {
			path.close();
			throw gone();
		}
		this.path = path;
		return path;
	}

	async openLater(
		outbound: Outbound,
		flow: Flow,
		context: Pick<DialContext, 'permits'> & { readonly signal: AbortSignal },
		target: Target,
		dialMs: number,
	): Promise<Aim> {
		const signal = AbortSignal.any([context.signal, AbortSignal.timeout(dialMs)]);
		const path = await this.open(outbound, { ...context, signal, flow });
		return path.aim(target, context);
	}

	datagram(bytes: Buffer, start: number, end: number, ip: Ip, port: number): void {
		this.#association.answer(this, bytes, start, end, ip, port);
	}

	unsent(): void {
		this.#association.drop('unsent');
	}

	malformed(): void {
		this.#association.drop('malformed');
	}

	lost(error: GatewayError): void {
		this.#association.lost(error);
	}

	close(): void {
		this.#closed = true;
		this.path?.close();
	}
}

function loop(): GatewayError {
	return new GatewayError('proxy_loop_detected', { phase: 'policy', note: 'own relay' });
}

function gone(): GatewayError {
	return new GatewayError('connection_terminated', { side: 'client', phase: 'relay' });
}
