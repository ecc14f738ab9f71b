// One connection from accept to its report: all that is kept of it while its tunnel runs, which needs nothing of the
// conversation that opened it.
import type { Flow, Outcome } from '../core/flow.ts';
import type { Link } from '../core/link.ts';
import type { RelayEnd } from '../io/relay.ts';
import type { Admission } from '../limits/limiter.ts';
import type { CarriageOwner } from './tunnel.ts';

/** Who reports a visit when it is over. */
interface Host {
	over(visit: Visit, end: Outcome | RelayEnd['cause']): void;
}

export class Visit implements CarriageOwner {
	readonly link: Link;
	readonly flow: Flow;
	readonly admission: Admission;
	readonly #host: Host;

	constructor(link: Link, flow: Flow, admission: Admission, host: Host) {
		this.link = link;
		this.flow = flow;
		this.admission = admission;
		this.#host = host;
	}

	carriageOver(end: RelayEnd['cause']): void {
		this.#host.over(this, end);
	}
}
