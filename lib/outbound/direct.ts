// Leaves from this machine, straight to the target.
import type { DatagramPath, PathSink } from '../core/datagram.ts';
import {
	type DialContext,
	type Outbound,
	type Question,
	unsupported,
	type Waiter,
	type WaitRequest,
} from '../core/dialer.ts';
import { GatewayError } from '../core/error.ts';
import { crowdOf, type Flow } from '../core/flow.ts';
import type { Ip } from '../core/ip.ts';
import type { Link } from '../core/link.ts';
import { type Target, targetOfIp } from '../core/target.ts';
import { localIpOutwards, localIpTowards, waitForPeer } from '../io/accept-one.ts';
import { type DialDeps, dialTarget, permitted } from '../io/connect.ts';
import { openDatagramPath } from '../io/datagram-path.ts';

export class Direct implements Outbound {
	readonly type = 'direct';
	readonly tag: string;
	readonly namesTravel = false;
	readonly #deps: DialDeps;

	constructor(options: { readonly tag?: string }, deps: DialDeps) {
		this.tag = options.tag ?? 'direct';
		this.#deps = deps;
	}

	dial(target: Target, context: DialContext): Promise<Link> {
		return dialTarget(target, context, this.#deps, { side: 'target' });
	}

	associate(sink: PathSink, context: DialContext): Promise<DatagramPath> {
		return openDatagramPath(sink, this.#deps, context);
	}

	/**
	 * At the address that it leaves from; else at the one that leads to the peer, and for anybody at the one that leads to
	 * the internet, else where the client is.
	 */
	async wait(request: WaitRequest, context: DialContext): Promise<Waiter> {
		const { peer, family, local } = request;
		const ports = this.#deps.waitPorts;
		if (!ports) throw unsupported('no BIND');
		const peers = peer === null ? null : await this.#addressesOf(peer, context);
		const judge = peers === null ? (ip: Ip): GatewayError | null => request.judge(ip) : (): null => null;
		const here = async (source: Ip | null): Promise<Waiter> => {
			const towards =
				source ?? (peers === null ? ((await localIpOutwards(family)) ?? local) : await localIpTowards(peers[0] as Ip));
			if (towards === null) throw new GatewayError('destination_ip_unroutable', { phase: 'connect' });
			return waitForPeer({ peers, judge }, towards, ports);
		};
		const like = peers?.[0] ?? (family === 'ip4' ? 0 : new Uint8Array(16));
		return this.#deps.egress?.leave(like, context.flow, ({ ip }) => here(ip)) ?? here(null);
	}

	async #addressesOf(target: Target, context: DialContext): Promise<readonly Ip[]> {
		if (target.ip !== null) return permitted([target.ip], context);
		const found = await this.#deps.resolver.resolve(target.host, context.signal, crowdOf(context.flow));
		return permitted(found, context);
	}

	/** Answers with the first address that policy permits. */
	async resolve({ target, reverse, ip4Only }: Question, context: DialContext): Promise<Target> {
		if (reverse) return this.#nameOf(target, context);
		const addresses = await this.#addressesOf(target, context);
		const answer = ip4Only ? addresses.find((ip) => typeof ip === 'number') : addresses[0];
		if (answer === undefined) throw new GatewayError('destination_not_found', { side: 'target', phase: 'resolve' });
		return targetOfIp(answer, 0);
	}

	async #nameOf({ ip }: Target, context: DialContext): Promise<Target> {
		const refusal = ip === null ? unsupported('a name has no name') : context.permits(ip);
		if (refusal) throw refusal;
		return await this.#deps.resolver.reverse(ip as Ip, context.signal, crowdOf(context.flow));
	}

	rotates({ session }: Flow): boolean {
		return this.#deps.egress?.rotates?.(session) ?? false;
	}

	close(): void {}
}
