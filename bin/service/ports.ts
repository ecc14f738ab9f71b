// The sockets of all listeners of one configuration, which workers inherit. Nobody accepts from them here.
import type { Config } from '../../lib/config/config.ts';
import { anyAddress, placeOf, socketName } from '../../lib/inbound/proxy.ts';
import { type HandedSocket, ListenError } from '../../lib/io/bind.ts';
import type { HandedSockets } from '../../lib/io/handed-sockets.ts';
import { addPorts, bindPorts, type PortSocket } from '../../lib/io/port-sockets.ts';

interface Port {
	readonly place: string;
	readonly sockets: readonly PortSocket[];
}

export class Ports {
	readonly #ports: readonly Port[];

	private constructor(ports: readonly Port[]) {
		this.#ports = ports;
	}

	/** Those of a configuration: what is there `before` stays the same, others are opened. Rejects with ListenError. */
	static async open({ listen, workers }: Config, before: Ports | null, handed: HandedSockets): Promise<Ports> {
		const left = before === null ? [] : [...before.#ports];
		const opened: Port[] = [];
		const ports: Port[] = [];
		try {
			for (const listener of listen) {
				const place = placeOf(listener);
				const same = left.findIndex((port) => port.place === place);
				const port =
					same < 0 ? { place, sockets: await socketsOf(listener, workers, handed) } : left.splice(same, 1)[0];
				if (same < 0) opened.push(port as Port);
				ports.push(port as Port);
			}
		} catch (error) {
			for (const port of opened) closeAll(port);
			throw error;
		}
		return new Ports(ports);
	}

	/** All of them, to hand over to another process. */
	get sockets(): readonly HandedSocket[] {
		return this.#ports.flatMap(({ place, sockets }) => named(place, sockets));
	}

	/** Those of one of `count` workers, the first of which is 0. */
	partOf(worker: number, count: number): readonly HandedSocket[] {
		return this.#ports.flatMap(({ place, sockets }) => named(place, partOf(sockets, worker, count)));
	}

	/** There is one that `before` has not. */
	addsTo(before: Ports): boolean {
		return this.#ports.some(({ sockets }) => !before.#has(sockets));
	}

	#has(sockets: Port['sockets']): boolean {
		return this.#ports.some((port) => port.sockets === sockets);
	}

	/** Closes those that others have not. */
	closeBut(others: Ports): void {
		for (const port of this.#ports) if (!others.#has(port.sockets)) closeAll(port);
	}

	/** Closes all of them. */
	close(): void {
		for (const port of this.#ports) closeAll(port);
	}
}

function closeAll({ sockets }: Port): void {
	for (const socket of sockets) socket.close();
}

async function socketsOf(
	listener: Config['listen'][number],
	count: number,
	handed: HandedSockets,
): Promise<readonly PortSocket[]> {
	const place = placeOf(listener);
	const found: HandedSocket[] = [];
	for (let next = handed.take(place); next; next = handed.take(socketName(place, found.length))) found.push(next);
	if (found.length > 0) return addPorts(found, count);
	const { host, port, descriptor } = listener;
	if (descriptor !== undefined) throw new ListenError('ENOENT', `socket ${descriptor}, which nobody handed over`);
	return anyAddress(host, (at) => bindPorts({ host: at, port }, count));
}

function named(place: string, sockets: readonly PortSocket[]): HandedSocket[] {
	return sockets.map(({ fd }, i) => ({ name: socketName(place, i), fd }));
}

/** Each worker has a socket of its own; where there are fewer they share, where there are more one has several. */
function partOf(sockets: readonly PortSocket[], worker: number, count: number): readonly PortSocket[] {
	if (sockets.length < count) return [sockets[worker % sockets.length] as PortSocket];
	return sockets.filter((_, i) => i % count === worker);
}
