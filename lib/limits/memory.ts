// Limits of one process, kept in its memory. A connection has a place among the handshakes from accept on; once it is
// admitted it has one among the flows instead. The two are counted apart: with every flow's place taken there are
// still places for handshakes, so that a refusal can be said in the client's own protocol.
import { type Clock, systemClock } from '../core/clock.ts';
import { GatewayError } from '../core/error.ts';
import { ConnectionRate } from './connection-rate.ts';
import type { Admission, Limiter } from './limiter.ts';

/** 0 switches a limit off. "A client" is what the client key says. */
export interface MemoryLimits {
	/** Flows of one client. */
	readonly connectionsOpen: number;
	/** New connections of one client in a second ... */
	readonly connectionsPerSecond: number;
	/** ... and how many more at times: once in ten seconds. Nothing without `connectionsPerSecond`. */
	readonly burst: number;
	/** Handshakes of one client. */
	readonly handshakes: number;
	/** Flows of all. Each has two descriptors. */
	readonly totalConnections: number;
	/** Handshakes of all, and connections that were refused and are not closed yet. */
	readonly totalHandshakes: number;
	/**
	 * Clients counted at once: those with a connection, and those that came within the current second. A new client beyond
	 * it is refused.
	 */
	readonly maxKeys: number;
}

/**
 * What a browser never meets and an abuser does.
 *
 * - 256 open: Chromium keeps at most 32 connections to a proxy, Firefox 6 to a site; a household is a few of them. Tor
 *   relays grant an address 100 (DoSConnectionMaxConcurrentCount), but those carry many streams each.
 * - 20 a second and 200 more: as much as a relay grants (DoSConnectionConnectRate 20, -Burst 40), and a burst as large
 *   as a session of tabs that is restored. Who scans wants thousands.
 * - 128 handshakes: they take a few round trips each, so it is a burst again; of slow ones a client gets no more.
 * - 10,000 flows and 2,500 handshakes in all: 22,500 descriptors, far below the hard limit of 524,288 that systemd sets and
 *   Node takes, and some 200 MB.
 * - 65,536 clients: six times what can have connections, about 10 MB when an IPv6 prefix is let loose on us.
 */
export const DEFAULT_LIMITS: MemoryLimits = {
	connectionsOpen: 256,
	connectionsPerSecond: 20,
	burst: 200,
	handshakes: 128,
	totalConnections: 10_000,
	totalHandshakes: 2_500,
	maxKeys: 65_536,
};

/** When a place may be free again nobody knows; a client that asks every second does no harm. */
const RETRY_MS = 1_000;

/** What one client has open. */
interface Holdings {
	readonly client: string;
	handshakes: number;
	flows: number;
}

export class MemoryLimiter implements Limiter {
	readonly #limits: MemoryLimits;
	readonly #rate: ConnectionRate | null;
	/** Clients with anything open. */
	readonly #clients: Map<string, Holdings> = new Map();
	#handshakes = 0;
	#flows = 0;

	constructor(limits: MemoryLimits = DEFAULT_LIMITS, clock: Clock = systemClock) {
		const { connectionsPerSecond: perSecond, burst, maxKeys } = limits;
		this.#limits = limits;
		this.#rate = perSecond > 0 ? new ConnectionRate({ perSecond, burst, maxKeys }, clock) : null;
	}

	/** What is kept in memory: clients with a connection, and clients whose rate is remembered. */
	get keyCounts(): { readonly open: number; readonly remembered: number } {
		return { open: this.#clients.size, remembered: this.#rate?.keyCount ?? 0 };
	}

	enter(client: string): Admission | null {
		if (isFull(this.#handshakes, this.#limits.totalHandshakes)) return null;
		const holdings = this.#clients.get(client) ?? this.#newcomer(client);
		if (holdings === null || isFull(holdings.handshakes, this.#limits.handshakes)) return null;
		holdings.handshakes++;
		this.#handshakes++;
		return new Place(this, holdings, this.#rate?.take(client) ?? null);
	}

	#newcomer(client: string): Holdings | null {
		if (isFull(this.#clients.size, this.#limits.maxKeys)) return null;
		const holdings: Holdings = { client, handshakes: 0, flows: 0 };
		this.#clients.set(client, holdings);
		return holdings;
	}

	/** Turns a handshake's place into a flow's. Returns why not, and leaves it as it is. */
	grow(holdings: Holdings): GatewayError | null {
		if (isFull(holdings.flows, this.#limits.connectionsOpen)) return clientFull();
		if (isFull(this.#flows, this.#limits.totalConnections)) return gatewayFull();
		holdings.handshakes--;
		this.#handshakes--;
		holdings.flows++;
		this.#flows++;
		return null;
	}

	giveBack(holdings: Holdings, kind: 'handshakes' | 'flows'): void {
		holdings[kind]--;
		if (kind === 'flows') this.#flows--;
		else this.#handshakes--;
		if (holdings.handshakes === 0 && holdings.flows === 0) this.#clients.delete(holdings.client);
	}
}

/** One connection's place. A refused connection keeps the place of its handshake until it is released. */
class Place implements Admission {
	readonly #limiter: MemoryLimiter;
	readonly #holdings: Holdings;
	/** Resolves to why the client comes too often, or to null; null itself when that is not limited. */
	readonly #rate: Promise<GatewayError | null> | null;
	#state: 'handshake' | 'flow' | 'released' = 'handshake';

	constructor(limiter: MemoryLimiter, holdings: Holdings, rate: Promise<GatewayError | null> | null) {
		this.#limiter = limiter;
		this.#holdings = holdings;
		this.#rate = rate;
	}

	async admit(): Promise<void> {
		const tooOften = await this.#rate;
		if (this.#state === 'released')
			throw new GatewayError('connection_terminated', { side: 'client', phase: 'admission' });
		if (this.#state === 'flow') throw new Error('a connection is admitted once');
		const refusal = tooOften ?? this.#limiter.grow(this.#holdings);
		if (refusal) throw refusal;
		this.#state = 'flow';
	}

	release(): void {
		const state = this.#state;
		this.#state = 'released';
		if (state !== 'released') this.#limiter.giveBack(this.#holdings, state === 'flow' ? 'flows' : 'handshakes');
	}
}

function isFull(count: number, limit: number): boolean {
	return limit > 0 && count >= limit;
}

function clientFull(): GatewayError {
	const note = 'open connections';
	return new GatewayError('client_limit_reached', { side: 'client', phase: 'admission', retryAfterMs: RETRY_MS, note });
}

function gatewayFull(): GatewayError {
	return new GatewayError('connection_limit_reached', {
		phase: 'admission',
		retryAfterMs: RETRY_MS,
		note: 'gateway full',
	});
}
