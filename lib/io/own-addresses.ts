// The addresses of this machine, for the exit policy: a client must not reach through us what listens here. Looked up
// again every few seconds at most, because addresses come and go (DHCP, failover) and a look costs a system call an interface.
import { networkInterfaces } from 'node:os';
import { type Ip, parseIp } from '../core/ip.ts';

/** A new address is judged as ours this much later at most. */
const REFRESH_MS = 5_000;

/** Remembers the interface addresses for a while. */
export class InterfaceAddresses {
	#addresses: readonly Ip[] = [];
	#readMs = Number.NEGATIVE_INFINITY;

	/** The same array as long as nothing was read anew. Zones of link-local addresses are taken off. */
	list(nowMs: number): readonly Ip[] {
		if (nowMs - this.#readMs < REFRESH_MS) return this.#addresses;
		this.#readMs = nowMs;
		this.#addresses = Object.values(networkInterfaces())
			.flatMap((entries) => entries ?? [])
			.map((entry) => parseIp(entry.address.split('%')[0] as string))
			.filter((ip) => ip !== null);
		return this.#addresses;
	}
}
