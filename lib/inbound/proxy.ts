// Every proxy handshake on one port: accepts, looks at who it is, and hands the link to the server of flows with a codec
// that finds out by the first byte what is spoken.
import type { Client } from '../core/client.ts';
import type { Ip } from '../core/ip.ts';
import type { Link } from '../core/link.ts';
import { type HandedSocket, ListenError, type Listener, listen } from '../io/listen.ts';
import type { Reactor } from '../io/reactor.ts';
import type { Codec, ServerOptions } from '../protocol/codec.ts';
import { SniffServer } from '../protocol/sniff.ts';

export interface ProxyOptions extends ServerOptions {
	/** Names the listener in rules and logs. */
	readonly tag: string;
	/** Null: every address of the machine, IPv6 where it has any. */
	readonly host: string | null;
	/** 0: any free port. */
	readonly port: number;
	/** Listens at a socket of this name that another process hands over; then host and port say nothing. */
	readonly descriptor?: string;
}

/** Errno names that say: this machine has no IPv6. */
const NO_IP6 = ['EAFNOSUPPORT', 'EADDRNOTAVAIL'];

export interface ProxyDeps {
	readonly clientOf: (ip: Ip) => Client;
	/** Serves a link to its end and owns it. */
	readonly serve: (link: Link, client: Client, entrance: ProxyInbound) => void;
	/** Null: connections are node's streams. */
	readonly reactor: Reactor | null;
	/** After so long of silence a client is asked whether it is still there; 0: never. */
	readonly keepAliveMs: number;
	/** accept(2) failed with this errno name; the listener goes on. */
	readonly onError: (code: string) => void;
	/** A socket that another process has handed over under that name, or null. */
	readonly handed: (name: string) => HandedSocket | null;
}

/** What a listener listens at, as configured. */
export function placeOf({ host, port, descriptor }: Pick<ProxyOptions, 'host' | 'port' | 'descriptor'>): string {
	return descriptor ?? `${host ?? ''}:${port}`;
}

/** What the socket number `i` of a place is called when it is handed over. */
export function socketName(place: string, i: number): string {
	return i === 0 ? place : `${place} ${i + 1}`;
}

/** Opens at `host`; for null at every address of the machine, IPv6 where it has any. `open` rejects with ListenError. */
export async function anyAddress<T>(host: string | null, open: (host: string) => T | Promise<T>): Promise<T> {
	try {
		return await open(host ?? '::');
	} catch (error) {
		if (host !== null || !(error instanceof ListenError) || !NO_IP6.includes(error.code)) throw error;
		return open('0.0.0.0');
	}
}

/** Who takes what a listener accepts. */
interface Door {
	owner: ProxyInbound;
}

/** A listener for proxy clients. */
export class ProxyInbound {
	readonly tag: string;
	/** What it listens at, as configured: two of the same place are the same listener. */
	readonly place: string;
	readonly #options: ProxyOptions;
	readonly #deps: ProxyDeps;
	#door: Door = { owner: this };
	/** More than one where several sockets of one address were handed over. */
	#listeners: readonly Listener[] = [];

	constructor(options: ProxyOptions, deps: ProxyDeps) {
		const { tag } = options;
		this.tag = tag;
		this.place = placeOf(options);
		this.#options = options;
		this.#deps = deps;
	}

	/** Null when it does not listen. */
	get listener(): Listener | null {
		return this.#listeners[0] ?? null;
	}

	/** Its sockets as they are handed over; none where this Node.js tells of none. */
	get sockets(): readonly HandedSocket[] {
		return this.#listeners.flatMap(({ fd }, i) =>
			typeof fd === 'number' ? [{ name: socketName(this.place, i), fd }] : [],
		);
	}

	/** The port that is asked for; 0 for any, or when somebody else has bound it. */
	get port(): number {
		return this.#options.descriptor === undefined ? this.#options.port : 0;
	}

	/** A codec for one handshake. */
	codec(): Codec {
		return new SniffServer(this.#options);
	}

	/** Listens. Rejects with ListenError when the address cannot be had. */
	async start(): Promise<void> {
		const { host, port, descriptor } = this.#options;
		const handed = this.#handed();
		for (const socket of handed) this.#listeners = [...this.#listeners, await this.#listen(socket)];
		if (handed.length > 0) return;
		if (descriptor !== undefined) throw new ListenError('ENOENT', `socket ${descriptor}, which nobody handed over`);
		this.#listeners = [await anyAddress(host, (at) => this.#listen({ host: at, port }))];
	}

	#handed(): HandedSocket[] {
		const found: HandedSocket[] = [];
		for (;;) {
			const socket = this.#deps.handed(socketName(this.place, found.length));
			if (socket === null) return found;
			found.push(socket);
		}
	}

	#listen(where: Parameters<typeof listen>[0]): Promise<Listener> {
		const door = this.#door;
		return listen(where, {
			onLink: (link, remote) => door.owner.#accept(link, remote),
			onError: (code) => door.owner.#deps.onError(code),
			reactor: this.#deps.reactor,
			keepAliveMs: this.#deps.keepAliveMs,
		});
	}

	#accept(link: Link, remote: Ip): void {
		const { clientOf, serve } = this.#deps;
		serve(link, clientOf(remote), this);
	}

	/** Takes over the listener of another one: what it accepts from now on comes in here. */
	takeOver(other: ProxyInbound): void {
		this.#listeners = other.#listeners;
		this.#door = other.#door;
		this.#door.owner = this;
		other.#listeners = [];
		other.#door = { owner: other };
	}

	/** Accepts nothing more. Resolves when the port is free again; what was accepted goes on. */
	async stop(): Promise<void> {
		await Promise.all(this.#listeners.map((listener) => listener.stop()));
		this.#listeners = [];
	}
}
