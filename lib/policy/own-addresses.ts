// What of the world is this machine. Two questions with two answers: what leads into a listener of ours is a loop and
// always refused; what is an address of ours leads to services that may trust whoever is local, and needs a yes.
import { type Ip, ip4Within } from '../core/ip.ts';
import { type Prefix, PrefixSet, parsePrefix, prefixOf } from './prefix.ts';

/** An address and port we listen at; an unspecified address is every address of the machine. */
export interface ListenAddress {
	readonly ip: Ip;
	readonly port: number;
}

/** Arrays are compared by identity: hand in the same one as long as nothing changed, a new one when something did. */
export interface OwnAddresses {
	/** Every port of the gateway's own: proxy, admin, metrics. */
	readonly listeners: readonly ListenAddress[];
	/** Addresses of the interfaces, and those that a translator in front of the machine maps to it. */
	readonly interfaces: readonly Ip[];
	/** Prefixes that are routed to this machine as a whole (AnyIP): each of their addresses is local. */
	readonly prefixes: readonly Prefix[];
}

/** All of 127.0.0.0/8 is local on Linux; the unspecified addresses are what connect(2) takes for loopback. */
const ALWAYS: readonly Prefix[] = ['127.0.0.0/8', '::1', '0.0.0.0', '::'].map((text) => parsePrefix(text) as Prefix);

/** Answers from what `read` last gave. */
export class OwnMachine {
	readonly #read: () => OwnAddresses;
	#interfaces: readonly Ip[] = [];
	#prefixes: readonly Prefix[] = [];
	#local: PrefixSet = new PrefixSet(ALWAYS);

	constructor(read: () => OwnAddresses) {
		this.#read = read;
	}

	/** Whether a connection to there would come out of one of our own listeners. `ip` is not IPv4-mapped. */
	listens(ip: Ip, port: number): boolean {
		for (const listener of this.#read().listeners)
			if (listener.port === port && this.#reaches(ip, listener.ip)) return true;
		return false;
	}

	/** Whether the address is one of this machine's. `ip` is not IPv4-mapped. */
	isLocal(ip: Ip): boolean {
		return this.#refreshed().has(ip);
	}

	#reaches(ip: Ip, listening: Ip): boolean {
		if (isUnspecified(listening)) return this.#refreshed().has(ip);
		return isUnspecified(ip) || isSame(ip, listening);
	}

	#refreshed(): PrefixSet {
		const { interfaces, prefixes } = this.#read();
		if (interfaces !== this.#interfaces || prefixes !== this.#prefixes) {
			this.#interfaces = interfaces;
			this.#prefixes = prefixes;
			this.#local = new PrefixSet([...ALWAYS, ...prefixes, ...interfaces.map(prefixOf)]);
		}
		return this.#local;
	}
}

function isUnspecified(ip: Ip): boolean {
	return typeof ip === 'number' ? ip === 0 : isSame(ip, UNSPECIFIED);
}

const UNSPECIFIED: Ip = new Uint8Array(16);

function isSame(a: Ip, b: Ip): boolean {
	if (typeof a === 'number' || typeof b === 'number') return a === b;
	for (let i = 0; i < 16; i += 4) if (ip4Within(a, i) !== ip4Within(b, i)) return false;
	return true;
}
