// What the UDP associations of one gateway share: which ports are theirs, where clients are told to send, how much they may.
import type { Ip } from '../core/ip.ts';
import type { Datagrams } from '../io/datagram.ts';
import type { PortTurns } from '../io/port-choice.ts';
import type { Sweep } from '../io/sweep.ts';
import type { PacketLimit } from '../limits/packets.ts';
import { type Filter, PeerRoom } from './peers.ts';

export interface RelaysOptions {
	readonly ports: PortTurns;
	readonly filter: Filter;
	readonly packets: PacketLimit;
	readonly datagrams: Datagrams;
	/** Ends associations that stand still. */
	readonly sweep: Sweep;
	/** The address that clients of a listener reach `local` by: itself, unless something stands in front of the machine. */
	advertised(inbound: string, local: Ip): Ip;
	/** Whether an address is one of this machine's. */
	isLocal(ip: Ip): boolean;
}

export class Relays {
	readonly room: PeerRoom = new PeerRoom();
	readonly ports: PortTurns;
	readonly filter: Filter;
	readonly packets: PacketLimit;
	readonly datagrams: Datagrams;
	readonly sweep: Sweep;
	readonly advertised: RelaysOptions['advertised'];
	readonly #isLocal: RelaysOptions['isLocal'];
	/** By port: how many sockets have it, each on another address of this machine. */
	readonly #open: Map<number, number> = new Map();

	constructor(options: RelaysOptions) {
		this.ports = options.ports;
		this.filter = options.filter;
		this.packets = options.packets;
		this.datagrams = options.datagrams;
		this.sweep = options.sweep;
		this.advertised = (inbound, local) => options.advertised(inbound, local);
		this.#isLocal = (ip) => options.isLocal(ip);
	}

	opened(port: number): void {
		this.#open.set(port, (this.#open.get(port) ?? 0) + 1);
	}

	closed(port: number): void {
		const left = (this.#open.get(port) ?? 1) - 1;
		if (left > 0) this.#open.set(port, left);
		else this.#open.delete(port);
	}

	/** Whether a datagram to there would come out of a relay of this gateway. */
	isRelay(ip: Ip, port: number): boolean {
		return this.#open.has(port) && this.#isLocal(ip);
	}
}
