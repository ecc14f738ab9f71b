// The way of datagrams from this machine straight to their targets: a socket of each family, opened when it is wanted. As in
// io/connect.ts a name is resolved, its addresses are judged, and exactly a judged one is sent to.
import type { Aim, DatagramPath, DatagramSocket, PathSink } from '../core/datagram.ts';
import { type DialContext, unsupported } from '../core/dialer.ts';
import { asGatewayError, GatewayError } from '../core/error.ts';
import { crowdOf, type Flow } from '../core/flow.ts';
import type { Ip } from '../core/ip.ts';
import type { Target } from '../core/target.ts';
import { type DialDeps, permitted, reached, SourceFault } from './connect.ts';
import type { Datagrams } from './datagram.ts';
import { PortTurns } from './port-choice.ts';
import type { Source } from './source-socket.ts';

const ANY_IP4: Ip = 0;
const ANY_IP6: Ip = new Uint8Array(16);
const ANY_PORT: PortTurns = new PortTurns(null);

type Family = 'ip4' | 'ip6';

/** A path with its first socket open. Rejects with GatewayError: `command_unsupported` without `deps.datagrams`. */
export async function openDatagramPath(sink: PathSink, deps: DialDeps, context: DialContext): Promise<DatagramPath> {
	const path = new DirectPath(sink, deps, context.flow);
	await path.open(deps.egress?.reaches(ANY_IP4) === false ? 'ip6' : 'ip4');
	if (!context.signal.aborted) return path;
	path.close();
	throw context.signal.reason;
}

/** From that address; what is wrong with it is a `SourceFault`. */
async function openFrom(source: Source, any: Ip, datagrams: Datagrams, sink: PathSink): Promise<DatagramSocket> {
	try {
		return await datagrams.open(source.ip ?? any, ANY_PORT, sink, source);
	} catch (thrown) {
		const error = asGatewayError(thrown);
		const isSource = source.ip !== null && (error.note === 'EADDRNOTAVAIL' || error.note === 'EADDRINUSE');
		throw isSource ? new SourceFault({ errno: error.note as string, bind: true }) : error;
	}
}

class DirectPath implements DatagramPath {
	readonly #sink: PathSink;
	readonly #deps: DialDeps;
	readonly #flow: Flow;
	readonly #sockets: Record<Family, DatagramSocket | null> = { ip4: null, ip6: null };
	readonly #opening: Record<Family, Promise<DatagramSocket> | null> = { ip4: null, ip6: null };
	#closed = false;

	constructor(sink: PathSink, deps: DialDeps, flow: Flow) {
		this.#sink = sink;
		this.#deps = deps;
		this.#flow = flow;
	}

	aim(target: Target, context: Pick<DialContext, 'signal' | 'permits'>): Aim | Promise<Aim> {
		if (target.ip === null) return this.#aimAtName(target, context);
		const refusal = context.permits(target.ip);
		if (refusal) throw refusal;
		return this.#aimAt(target.ip, target.port);
	}

	async #aimAtName(target: Target, context: Pick<DialContext, 'signal' | 'permits'>): Promise<Aim> {
		const found = await this.#deps.resolver.resolve(target.host, context.signal, crowdOf(this.#flow));
		const addresses = permitted(reached(found, this.#deps), context);
		return this.#aimAt(addresses[0] as Ip, target.port);
	}

	#aimAt(ip: Ip, port: number): Aim | Promise<Aim> {
		const family = typeof ip === 'number' ? 'ip4' : 'ip6';
		const socket = this.#sockets[family];
		if (socket) return { socket, head: null, ip, port, from: ip };
		return this.open(family).then((opened) => ({ socket: opened, head: null, ip, port, from: ip }));
	}

	open(family: Family): Promise<DatagramSocket> {
		this.#opening[family] ??= this.#open(family);
		return this.#opening[family];
	}

	async #open(family: Family): Promise<DatagramSocket> {
		const { datagrams, egress } = this.#deps;
		if (!datagrams) throw unsupported('no datagrams');
		const any = family === 'ip4' ? ANY_IP4 : ANY_IP6;
		const socket = await (egress
			? egress.leave(any, this.#flow, (source) => openFrom(source, any, datagrams, this.#sink))
			: datagrams.open(any, ANY_PORT, this.#sink));
		if (this.#closed) {
			socket.close();
			throw new GatewayError('connection_terminated', { side: 'client', phase: 'connect' });
		}
		this.#sockets[family] = socket;
		return socket;
	}

	close(): void {
		this.#closed = true;
		this.#sockets.ip4?.close();
		this.#sockets.ip6?.close();
	}
}
