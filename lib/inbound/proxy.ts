// Every proxy handshake on one port: accepts, looks at who it is, and hands the link to the server of flows with a codec
// that finds out by the first byte what is spoken.
import type { Client } from '../core/client.ts';
import type { Ip } from '../core/ip.ts';
import type { Link } from '../core/link.ts';
import { ListenError, type Listener, listen } from '../io/listen.ts';
import type { Codec, ServerOptions } from '../protocol/codec.ts';
import { SniffServer } from '../protocol/sniff.ts';

export interface ProxyOptions extends ServerOptions {
	/** Names the listener in rules and logs. */
	readonly tag: string;
	/** Null: every address of the machine, IPv6 where it has any. */
	readonly host: string | null;
	/** 0: any free port. */
	readonly port: number;
}

/** Errno names that say: this machine has no IPv6. */
const NO_IP6 = ['EAFNOSUPPORT', 'EADDRNOTAVAIL'];

export interface ProxyDeps {
	readonly clientOf: (ip: Ip) => Client;
	/** Serves a link to its end and owns it. */
	readonly serve: (link: Link, client: Client, entrance: ProxyInbound) => void;
	/** accept(2) failed with this errno name; the listener goes on. */
	readonly onError: (code: string) => void;
}

/** A listener for proxy clients. */
export class ProxyInbound {
	readonly tag: string;
	readonly #options: ProxyOptions;
	readonly #deps: ProxyDeps;
	#listener: Listener | null = null;

	constructor(options: ProxyOptions, deps: ProxyDeps) {
		this.tag = options.tag;
		this.#options = options;
		this.#deps = deps;
	}

	/** A codec for one handshake. */
	codec(): Codec {
		return new SniffServer(this.#options);
	}

	/** Listens. Rejects with ListenError when the address cannot be had. */
	async start(): Promise<Listener> {
		const { host, port } = this.#options;
		try {
			this.#listener = await this.#listen(host ?? '::', port);
		} catch (error) {
			if (host !== null || !(error instanceof ListenError) || !NO_IP6.includes(error.code)) throw error;
			this.#listener = await this.#listen('0.0.0.0', port);
		}
		return this.#listener;
	}

	#listen(host: string, port: number): Promise<Listener> {
		const { clientOf, serve, onError } = this.#deps;
		return listen({ host, port }, { onLink: (link, remote) => serve(link, clientOf(remote), this), onError });
	}

	/** Accepts nothing more. Resolves when the port is free again; what was accepted goes on. */
	async stop(): Promise<void> {
		await this.#listener?.stop();
		this.#listener = null;
	}
}
