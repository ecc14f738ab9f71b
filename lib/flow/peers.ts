// Whom an association sends to and may hear from: one table of bounded size, by the header that the client writes. An entry
// holds for a few seconds, then its target is judged, and its name resolved, anew; the ones unused for longest make room.
import type { Aim } from '../core/datagram.ts';
import type { Drop } from '../core/flow.ts';
import type { Ip } from '../core/ip.ts';
import { headerOfIp, keyOfIp4 } from '../protocol/socks5-udp.ts';

/** A judgement holds as long: rules and addresses of this machine change, a name moves, and a flood must not cost a verdict each. */
const FRESH_MS = 10_000;

/** Of one association: more than a swarm of peers that one program talks to. Some 400 bytes each. */
const PEERS = 256;

/** What an association may have, however many there are in all. */
const PEERS_GUARANTEED = 8;

/** Of all associations of a gateway: 26 MB. Beyond it each has its guaranteed ones. */
const PEERS_IN_ALL = 65_536;

/** Who may answer: where something was sent to, by address, or by address and port; or anybody who knows the port. */
export type Filter = 'address' | 'endpoint' | 'none';

/** What the associations of one gateway share. */
export class PeerRoom {
	count = 0;
}

/** Where datagrams with one header go. */
export interface Peer {
	readonly key: number | string;
	/** Until then it is as it is; for one that is being prepared for good. */
	freshUntilMs: number;
	aim: Aim | null;
	/** Why nothing is sent there. */
	drop: Drop | null;
	/** Wait until it is known; null when nothing is being found out. */
	waiting: Buffer[] | null;
	heardAs: number | string | null;
	/** What its answers begin with. */
	head: Buffer | null;
}

export class Peers {
	readonly #filter: Filter;
	readonly #room: PeerRoom;
	/** In order of preparation. */
	readonly #byHeader: Map<number | string, Peer> = new Map();
	readonly #byAddress: Map<number | string, Peer> = new Map();

	constructor(filter: Filter, room: PeerRoom) {
		this.#filter = filter;
		this.#room = room;
	}

	get size(): number {
		return this.#byHeader.size;
	}

	/** The entry for a header, if it still holds. */
	get(key: number | string, nowMs: number): Peer | null {
		const peer = this.#byHeader.get(key);
		return peer !== undefined && (peer.waiting !== null || peer.freshUntilMs > nowMs) ? peer : null;
	}

	/** A new entry for a header, in the place of the old one, which still hears its answers until this one is ready. */
	begin(key: number | string): Peer {
		const old = this.#byHeader.get(key);
		if (old) this.#byHeader.delete(key);
		else this.#makeRoom();
		const peer: Peer = { key, freshUntilMs: 0, aim: null, drop: null, waiting: null, heardAs: null, head: null };
		if (old) this.#inherit(old, peer);
		this.#byHeader.set(key, peer);
		return peer;
	}

	#inherit(old: Peer, peer: Peer): void {
		peer.heardAs = old.heardAs;
		peer.head = old.head;
		if (old.heardAs !== null && this.#byAddress.get(old.heardAs) === old) this.#byAddress.set(old.heardAs, peer);
	}

	#makeRoom(): void {
		const isFull = this.size >= PEERS || (this.#room.count >= PEERS_IN_ALL && this.size >= PEERS_GUARANTEED);
		const oldest = isFull ? this.#byHeader.values().next().value : undefined;
		if (oldest) this.#remove(oldest);
		this.#room.count++;
	}

	#remove(peer: Peer): void {
		this.#byHeader.delete(peer.key);
		this.#silence(peer);
		this.#room.count--;
	}

	#silence(peer: Peer): void {
		if (peer.heardAs !== null && this.#byAddress.get(peer.heardAs) === peer) this.#byAddress.delete(peer.heardAs);
		peer.heardAs = null;
	}

	/** Datagrams may go there, and answers come from there. */
	ready(peer: Peer, aim: Aim, nowMs: number): void {
		peer.aim = aim;
		peer.freshUntilMs = nowMs + FRESH_MS;
		if (this.#byHeader.get(peer.key) !== peer || aim.from === null) return;
		this.#silence(peer);
		peer.heardAs = this.#keyOf(aim.from, aim.port);
		peer.head = headerOfIp(aim.from, aim.port);
		this.#byAddress.set(peer.heardAs, peer);
	}

	/** Nothing goes there for now, and nothing is heard. */
	refuse(peer: Peer, drop: Drop, nowMs: number): void {
		peer.drop = drop;
		peer.freshUntilMs = nowMs + FRESH_MS;
		this.#silence(peer);
	}

	/** The entry that lets this address answer; null: none does. */
	heard(ip: Ip, port: number): Peer | null {
		return this.#byAddress.get(this.#keyOf(ip, port)) ?? null;
	}

	#keyOf(ip: Ip, port: number): number | string {
		const byPort = this.#filter === 'endpoint';
		if (typeof ip === 'number') return byPort ? keyOfIp4(ip, port) : ip;
		const text = Buffer.from(ip.buffer, ip.byteOffset, 16).toString('latin1');
		return byPort ? `${text}${port}` : text;
	}

	/** Gives the room back. */
	clear(): void {
		this.#room.count -= this.size;
		this.#byHeader.clear();
		this.#byAddress.clear();
	}
}
