// One dial under its deadline, to be called off when nobody waits for it any more.
import { GatewayError } from '../core/error.ts';
import { Halter } from '../core/halt.ts';

export class Dialling {
	/** For the dialer, which closes what it opened when it aborts. */
	readonly signal: Halter = new Halter();
	readonly #timer: NodeJS.Timeout;

	/** The deadline runs from now; past it the dial ends with `connection_timeout`. */
	constructor(dialMs: number) {
		this.#timer = setTimeout(onDeadline, dialMs, this);
	}

	/** Calls the dial off for this reason; only the first one counts. */
	cancel(reason: GatewayError): void {
		this.signal.abort(reason);
	}

	/** The dial has ended: there is no deadline any more. */
	over(): void {
		clearTimeout(this.#timer);
	}
}

function onDeadline(dialling: Dialling): void {
	dialling.cancel(new GatewayError('connection_timeout', { side: 'target', phase: 'connect', retry: 'next' }));
}
