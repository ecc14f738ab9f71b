// A way out that leads nowhere: what is routed here is refused.
import type { Outbound } from '../core/dialer.ts';
import { GatewayError } from '../core/error.ts';
import type { Link } from '../core/link.ts';

export class Block implements Outbound {
	readonly type = 'block';
	readonly tag: string;
	readonly namesTravel = false;

	constructor(options: { readonly tag?: string } = {}) {
		this.tag = options.tag ?? 'block';
	}

	/** Rejects with `http_request_denied`. */
	dial(): Promise<Link> {
		return Promise.reject(new GatewayError('http_request_denied', { phase: 'policy', note: 'blocked route' }));
	}

	close(): void {}
}
