// The dial of one request: under a deadline, cancelled at once when its client goes. Only here does an exchange need a
// deadline and a promise; a request on a kept link has none of them.
import type { Use } from '../core/dialer.ts';
import { asGatewayError, GatewayError } from '../core/error.ts';
import type { Flow } from '../core/flow.ts';
import type { Link } from '../core/link.ts';
import type { Target } from '../core/target.ts';
import { Dialling } from './dialling.ts';
import { dialBy, type Way } from './tunnel.ts';

/** Hears of one dial: `dialled` or `undialled`, once, later; neither after `cancel`. */
export interface DialOwner {
	/** The owner closes the link. */
	dialled(link: Link): void;
	undialled(error: GatewayError): void;
	/** One of the two threw: a bug of ours. */
	broken(bug: unknown): void;
}

export class OriginDial {
	readonly #owner: DialOwner;
	readonly #dialling: Dialling;
	#over = false;

	/** By `use`, where the way has exits to choose from. */
	constructor(owner: DialOwner, use: Use | null, way: Way, target: Target, flow: Flow, dialMs: number) {
		this.#owner = owner;
		this.#dialling = new Dialling(dialMs);
		const heard = dialBy(use, way, target, flow, this.#dialling.signal).then(
			(link) => this.#opened(link),
			(thrown) => this.#failed(thrown),
		);
		heard.catch((bug) => this.#owner.broken(bug));
	}

	/** The client has gone: every socket of the dial closes. */
	cancel(): void {
		if (this.#over) return;
		this.#finish();
		this.#dialling.cancel(new GatewayError('connection_terminated', { side: 'client', phase: 'connect' }));
	}

	#finish(): void {
		this.#over = true;
		this.#dialling.over();
	}

	#opened(link: Link): void {
		// A dialer that was through before it heard of the abort.
		if (this.#over) return link.destroy();
		this.#finish();
		this.#owner.dialled(link);
	}

	#failed(thrown: unknown): void {
		if (this.#over) return;
		this.#finish();
		this.#owner.undialled(asGatewayError(thrown, { phase: 'connect' }));
	}
}
