// Origin connections between two requests. A link is kept for the one who opened it alone: same way out, same origin, same
// client, same user. Clients that shared links could reach each other by request smuggling, and an origin that authenticates
// connections (NTLM, Negotiate) would take one for the other; for the latter the key also names the flow.
//
// A link in the pool is clean: its last exchange ended by its own framing and nothing came behind it. Whatever an origin
// says while nobody asked it, FIN included, costs the link.
import type { GatewayError } from '../core/error.ts';
import type { Link, Sink } from '../core/link.ts';
import { type Moving, Sweep } from '../io/sweep.ts';

export interface OriginPoolOptions {
	/** Most idle links in all; the one idle longest makes room. Default 1,024: an eighth of a common limit on descriptors. */
	readonly limit?: number;
	/** Most idle links of one key; a browser opens 6 connections to a host. Default 8. */
	readonly limitPerKey?: number;
	/**
	 * Default 4,000: node and Apache close after 5 s, and a request that meets a FIN on its way cannot always be sent
	 * again. What a longer wait would save is one dial for a client that had paused anyway.
	 */
	readonly idleMs?: number;
	/** Told of a bug that shows when an idle link is closed. Default: the process hears of it. */
	readonly onBug?: (thrown: unknown) => void;
}

/** What a link is kept for. The user's name is free text, so its length comes first and no two keys can be read as one. */
export interface OriginOwner {
	readonly exit: string;
	readonly host: string;
	readonly port: number;
	readonly clientKey: string;
	readonly user: string | null;
	/** Key of the session whose exit the link leaves by, or null. */
	readonly session: string | null;
	/** The flow that alone may use it again, or null. */
	readonly flow: number | null;
}

export function originKeyOf(owner: OriginOwner): string {
	const { exit, host, port, clientKey, flow, user, session } = owner;
	const who = user === null ? '' : `${user.length}=${user}`;
	return `${exit}\n${host}\n${port}\n${clientKey}\n${flow ?? ''}\n${who}${session === null ? '' : `\n${session}`}`;
}

/** A link to an origin: used by one exchange, or idle in the pool, which then is its reader. */
export class OriginLink implements Sink, Moving {
	readonly link: Link;
	readonly key: string;
	/** From then on it is nobody's to take: the session whose exit it leaves by has another one. */
	readonly endsMs: number;
	/** It has carried an exchange before this one, so its end may have been under way when the request was sent. */
	reused = false;
	idling = false;
	/** Grows with each use, so that only standing idle looks like standing still. */
	uses = 0;
	readonly #pool: OriginPool;

	constructor(link: Link, key: string, endsMs: number, pool: OriginPool) {
		this.link = link;
		this.key = key;
		this.endsMs = endsMs;
		this.#pool = pool;
	}

	/** Closes it, wherever it is. */
	discard(): void {
		this.#pool.discard(this);
	}

	data(): void {
		this.discard();
	}

	end(): void {
		this.discard();
	}

	drain(): void {}

	closed(_error: GatewayError | null): void {
		this.discard();
	}

	/** How long an exchange may stand still is the exchange's own affair. */
	progress(): number {
		return this.idling ? this.uses : ++this.uses;
	}

	idle(): void {
		this.discard();
	}
}

/** The idle links of one gateway. */
export class OriginPool {
	readonly #limit: number;
	readonly #limitPerKey: number;
	readonly #sweep: Sweep;
	readonly #byKey: Map<string, OriginLink[]> = new Map();
	/** In the order in which they became idle. */
	readonly #idle: Set<OriginLink> = new Set();
	#open = true;

	constructor(options: OriginPoolOptions = {}) {
		this.#limit = options.limit ?? 1_024;
		this.#limitPerKey = options.limitPerKey ?? 8;
		this.#sweep = new Sweep(options.idleMs ?? 4_000, options.onBug);
	}

	get idleCount(): number {
		return this.#idle.size;
	}

	/** A link fresh from a dial, in use. Whoever uses it gives it back by `put` or `discard`. `endsMs`: not to be used again then. */
	adopt(link: Link, key: string, endsMs: number = Number.POSITIVE_INFINITY): OriginLink {
		const origin = new OriginLink(link, key, endsMs, this);
		this.#sweep.add(origin);
		return origin;
	}

	/** The link that idled last, since it is the least likely to be stale; null when there is none. The caller attaches. */
	take(key: string, nowMs: number): OriginLink | null {
		const origin = this.#byKey.get(key)?.at(-1);
		if (!origin) return null;
		if (origin.endsMs <= nowMs) {
			this.discard(origin);
			return this.take(key, nowMs);
		}
		this.#remove(origin);
		origin.idling = false;
		origin.reused = true;
		origin.uses++;
		return origin;
	}

	/** Keeps a link whose exchange is over on both sides, with no byte left in either direction; else closes it. */
	put(origin: OriginLink): void {
		const { link } = origin;
		if (!this.#open || link.closed || link.ended || link.pendingBytes > 0) return origin.discard();
		const idle = this.#byKey.get(origin.key);
		if (!idle) this.#byKey.set(origin.key, [origin]);
		else if (idle.push(origin) > this.#limitPerKey) this.discard(idle[0] as OriginLink);
		this.#idle.add(origin);
		origin.idling = true;
		link.attach(origin);
		if (this.#idle.size > this.#limit) this.discard(this.#idle.values().next().value as OriginLink);
	}

	/** Forgets a link that is in use: it is no origin link any more, and the caller's. */
	release(origin: OriginLink): void {
		this.#sweep.delete(origin);
	}

	/** Closes a link and forgets it. Again: does nothing. */
	discard(origin: OriginLink): void {
		this.#sweep.delete(origin);
		if (origin.idling) this.#remove(origin);
		origin.idling = false;
		if (origin.link.closed) return;
		// Its last reader hears nothing more: what it would hear is about an exchange that is over.
		origin.link.attach(origin);
		origin.link.destroy();
	}

	#remove(origin: OriginLink): void {
		this.#idle.delete(origin);
		const idle = this.#byKey.get(origin.key) as OriginLink[];
		idle.splice(idle.indexOf(origin), 1);
		if (idle.length === 0) this.#byKey.delete(origin.key);
	}

	/** Closes the idle links, and those in use when they come back. */
	close(): void {
		this.#open = false;
		for (const origin of this.#idle) this.discard(origin);
		this.#sweep.close();
	}
}
