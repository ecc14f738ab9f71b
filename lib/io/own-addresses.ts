// The addresses of this machine, for the exit policy: a client must not reach through us what listens here. Looked up
// again every few seconds at most, because addresses come and go (DHCP, failover) and a look costs a system call an interface.
import { networkInterfaces } from 'node:os';
import { type Ip, parseIp } from '../core/ip.ts';

/** A new address is judged as ours this much later at most. */
const REFRESH_MS = 5_000;

type ReadInterfaces = typeof networkInterfaces;

/** Remembers the interface addresses for a while. */
export class InterfaceAddresses {
	readonly #read: ReadInterfaces;
	#addresses: readonly Ip[];
	#readMs = Number.NEGATIVE_INFINITY;

	/** Reads them, and throws what `read` throws: who knows none must not say that none is ours. */
	constructor(read: ReadInterfaces = networkInterfaces) {
		this.#read = read;
		this.#addresses = addressesOf(read());
	}

	/**
	 * The same array as long as nothing was read anew; the last one when nothing can be read, which is so when the process
	 * is out of descriptors. Zones of link-local addresses are taken off.
	 */
	list(nowMs: number): readonly Ip[] {
		if (nowMs - this.#readMs < REFRESH_MS) return this.#addresses;
		this.#readMs = nowMs;
		try {
			this.#addresses = addressesOf(this.#read());
		} catch {} // getifaddrs(3) needs a descriptor
		return this.#addresses;
	}
}

function addressesOf(interfaces: ReturnType<ReadInterfaces>): readonly Ip[] {
	return Object.values(interfaces)
		.flatMap((entries) => entries ?? [])
		.map((entry) => parseIp(entry.address.split('%')[0] as string))
		.filter((ip) => ip !== null);
}
