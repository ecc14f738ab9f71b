// UDP ASSOCIATE (RFC 1928 section 7): a socket for the client's datagrams, the way out opened to its last hop, then the reply
// that names the socket. Everything ends with the control connection, or with what stands still for too long.
import { abortError, type DialContext, type Outbound } from '../core/dialer.ts';
import { GatewayError } from '../core/error.ts';
import type { Flow, Outcome } from '../core/flow.ts';
import type { Halt } from '../core/halt.ts';
import type { Link, Sink } from '../core/link.ts';
import { targetOfIp } from '../core/target.ts';
import type { ServerHandshake } from '../io/handshake.ts';
import { Association, type AssociationDeps } from './association.ts';
import { opening } from './opening.ts';
import type { Relays } from './relays.ts';
import { outcomeOf } from './tunnel.ts';

export interface AssociateDeps extends Omit<AssociationDeps, 'spender' | 'room' | 'filter' | 'isRelay'> {
	/** What the associations of one gateway share. */
	readonly udp: Relays;
	/** The way out unless a rule says otherwise for a target; throws GatewayError when there is none for this client. */
	route(): Outbound;
	readonly dialMs: number;
	/** Most an association may live; null for no limit. */
	readonly lifetimeMs: number | null;
	/** The way out is open; throws GatewayError when it shall not be used. */
	connected(): void;
}

/** Serves one association to its end. Throws GatewayError when it did not open; the client has been told by then. */
export async function associate(
	flow: Flow,
	link: Link,
	handshake: ServerHandshake,
	deps: AssociateDeps,
): Promise<Outcome> {
	const { udp } = deps;
	const spender = udp.packets.of(flow.client);
	const { filter, room } = udp;
	const association = new Association(flow, {
		...deps,
		spender,
		filter,
		room,
		isRelay: (ip, port) => udp.isRelay(ip, port),
	});
	let port: number | null = null;
	try {
		port = await opening(handshake, deps.dialMs, (signal) => open(flow, link, association, deps, signal));
		const advertised = udp.advertised(flow.inbound, link.localIp() as NonNullable<ReturnType<Link['localIp']>>);
		handshake.opened(targetOfIp(advertised, port));
		return await new Control(link, association, deps).run();
	} finally {
		association.close();
		spender.release();
		if (port !== null) udp.closed(port);
	}
}

/** The port of the client's socket, once everything is there. */
async function open(
	flow: Flow,
	link: Link,
	association: Association,
	deps: AssociateDeps,
	signal: Halt,
): Promise<number> {
	const outbound = deps.route();
	flow.route = outbound.tag;
	const local = link.localIp();
	if (local === null) throw abortError(signal);
	const context: DialContext = { signal, flow, permits: () => null };
	await association.open(outbound, context);
	const near = await deps.udp.datagrams.open(local, deps.udp.ports, association);
	association.begin(near);
	if (signal.aborted) throw abortError(signal);
	flow.openedMs = deps.nowMs();
	deps.connected();
	deps.udp.opened(near.port);
	return near.port;
}

/** Watches the control connection, on which nothing is said any more. */
class Control implements Sink {
	readonly #link: Link;
	readonly #association: Association;
	readonly #deps: AssociateDeps;
	#resolve: ((outcome: Outcome) => void) | null = null;

	constructor(link: Link, association: Association, deps: AssociateDeps) {
		this.#link = link;
		this.#association = association;
		this.#deps = deps;
	}

	/** Resolves when the association is over; the link then says goodbye, or is gone. */
	async run(): Promise<Outcome> {
		const { lifetimeMs } = this.#deps;
		const { sweep } = this.#deps.udp;
		const over = new Promise<Outcome>((resolve) => {
			this.#resolve = resolve;
		});
		const timer = lifetimeMs === null ? null : setTimeout(() => this.#over({ cause: 'lifetime' }), lifetimeMs);
		this.#association.onEnd = (cause) => this.#over(cause === 'idle' ? { cause } : outcomeOf(cause));
		sweep.add(this.#association);
		if (this.#link.closed) this.closed(null);
		else {
			this.#link.attach(this);
			if (this.#link.ended) this.end();
		}
		const outcome = await over;
		if (timer) clearTimeout(timer);
		sweep.delete(this.#association);
		this.#link.finish();
		return outcome;
	}

	data(): void {}

	drain(): void {}

	end(): void {
		this.#over({ cause: 'closed' });
	}

	closed(error: GatewayError | null): void {
		this.#over(outcomeOf(error ?? new GatewayError('connection_terminated', { side: 'client', phase: 'relay' })));
	}

	#over(outcome: Outcome): void {
		this.#resolve?.(outcome);
		this.#resolve = null;
	}
}
