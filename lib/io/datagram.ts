// UDP sockets. What comes is told in place, without a copy and without an object a datagram; what goes out is a header of
// ours and a payload that lies where it came in. By plain system calls in batches where this machine has them
// (io/datagram-batch.ts), by node:dgram (io/datagram-node.ts) everywhere else; nobody above can tell which.

import type { DatagramSink, DatagramSocket } from '../core/datagram.ts';
import type { Ip } from '../core/ip.ts';
import { DatagramBatch } from './datagram-batch.ts';
import { openNodeDatagrams } from './datagram-node.ts';
import type { PortTurns } from './port-choice.ts';
import { NO_CALLS, type Source } from './source-socket.ts';

/** Opens the UDP sockets of one gateway. */
export class Datagrams {
	readonly #batch: DatagramBatch | null;

	/** `native`: whether system calls are used where this machine has them. */
	constructor(options: { readonly native?: boolean } = {}) {
		this.#batch = options.native === false ? null : DatagramBatch.create();
	}

	get isNative(): boolean {
		return this.#batch !== null;
	}

	/**
	 * A socket bound to `ip`, which may be unspecified; an IPv6 one takes IPv6 alone. Rejects with GatewayError, phase
	 * `connect`: `connection_limit_reached` when no port or no descriptor is left, else the errno's code, with the errno as
	 * note. `source`: what else its near end is told; `ip` is what counts of addresses.
	 */
	open(ip: Ip, ports: PortTurns, sink: DatagramSink, source: Source | null = null): Promise<DatagramSocket> {
		const batch = this.#batch;
		if (batch) return ports.open((port) => batch.open(ip, port, sink, source));
		if (source !== null && (source.mark !== 0 || source.device !== ''))
			return ports.open<DatagramSocket>(() => NO_CALLS.errno);
		return ports.open((port) => openNodeDatagrams(ip, port, sink));
	}
}
