// Turns at something that costs a lot: few at once, a bounded queue behind them, and only a few places in it for any one
// client, so that who floods waits behind himself.
import { GatewayError } from '../core/error.ts';

export interface TurnsOptions {
	/** Under way at once. */
	readonly atOnce: number;
	/** Waiting, all clients together. */
	readonly waiting: number;
	/** Under way and waiting, of one client. */
	readonly perClient: number;
}

export class Turns {
	readonly #options: TurnsOptions;
	readonly #queue: (() => void)[] = [];
	readonly #byClient: Map<string, number> = new Map();
	#running = 0;

	constructor(options: TurnsOptions) {
		this.#options = options;
	}

	/**
	 * Does the work when its turn comes, first come, first served. Rejects at once with GatewayError, phase `handshake`:
	 * `client_limit_reached` when this client has its places taken, `connection_limit_reached` when all are. Who is `known`
	 * goes before the others and finds a place although all are taken.
	 */
	async take<T>(client: string, known: boolean, work: () => Promise<T>): Promise<T> {
		const own = this.#byClient.get(client) ?? 0;
		if (own >= this.#options.perClient) throw full('client_limit_reached');
		if (!known && this.#running >= this.#options.atOnce && this.#queue.length >= this.#options.waiting)
			throw full('connection_limit_reached');
		this.#byClient.set(client, own + 1);
		try {
			await this.#turn(known);
			return await work();
		} finally {
			this.#leave(client);
		}
	}

	#turn(known: boolean): Promise<void> | void {
		if (this.#running < this.#options.atOnce) {
			this.#running++;
			return;
		}
		return new Promise((resolve) => void (known ? this.#queue.unshift(resolve) : this.#queue.push(resolve)));
	}

	/** The place goes to the next in the queue, or is free. */
	#leave(client: string): void {
		const left = (this.#byClient.get(client) as number) - 1;
		if (left > 0) this.#byClient.set(client, left);
		else this.#byClient.delete(client);
		const next = this.#queue.shift();
		if (next) next();
		else this.#running--;
	}
}

function full(code: 'client_limit_reached' | 'connection_limit_reached'): GatewayError {
	return new GatewayError(code, { phase: 'handshake', note: 'password checks', retryAfterMs: 1_000 });
}
