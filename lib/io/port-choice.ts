// A port out of a configured range, for what clients or peers have to be able to reach through a firewall or a container.
import { codeOfErrno, GatewayError } from '../core/error.ts';

/** Ports to choose from, both included; null lets the kernel choose. */
export type PortChoice = readonly [first: number, last: number] | null;

/** Ports of a range that one opening tries: a full range must not cost a system call for each of its ports every time. */
const TRIES = 1_024;

/** Errno names that another port may not meet with. */
const TAKEN: ReadonlySet<string> = new Set(['EADDRINUSE', 'EACCES']);

/** Hands out the ports of one range in turn, so that one that was given back rests for as long as possible. */
export class PortTurns {
	readonly #choice: PortChoice;
	#next: number;

	constructor(choice: PortChoice) {
		this.#choice = choice;
		this.#next = choice === null ? 0 : choice[0] + Math.floor(Math.random() * (choice[1] - choice[0] + 1));
	}

	/**
	 * Calls `open` with ports until one can be had. It gives what it opened, or the errno name of its failure. Rejects with
	 * GatewayError, phase `connect`: `connection_limit_reached` when no port or no descriptor is left.
	 */
	async open<T extends object>(open: (port: number) => T | string | Promise<T | string>): Promise<T> {
		if (this.#choice === null) return orThrow(await open(0));
		const tries = Math.min(TRIES, this.#choice[1] - this.#choice[0] + 1);
		for (let i = 0; i < tries; i++) {
			const opened = await open(this.#take(this.#choice));
			if (typeof opened !== 'string' || !TAKEN.has(opened)) return orThrow(opened);
		}
		throw failure('EADDRINUSE');
	}

	#take([first, last]: readonly [number, number]): number {
		const port = this.#next;
		this.#next = port === last ? first : port + 1;
		return port;
	}
}

function orThrow<T extends object>(opened: T | string): T {
	if (typeof opened === 'string') throw failure(opened);
	return opened;
}

function failure(errno: string): GatewayError {
	const code = errno === 'EADDRINUSE' ? 'connection_limit_reached' : codeOfErrno(errno);
	return new GatewayError(code, { side: 'gateway', phase: 'connect', note: errno });
}
