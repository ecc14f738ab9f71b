// Leaves from this machine, straight to the target.
import type { DialContext, Outbound } from '../core/dialer.ts';
import type { Link } from '../core/link.ts';
import type { Target } from '../core/target.ts';
import { type DialDeps, dialTarget } from '../io/connect.ts';

export class Direct implements Outbound {
	readonly type = 'direct';
	readonly tag: string;
	readonly namesTravel = false;
	readonly #deps: DialDeps;

	constructor(options: { readonly tag?: string }, deps: DialDeps) {
		this.tag = options.tag ?? 'direct';
		this.#deps = deps;
	}

	dial(target: Target, context: DialContext): Promise<Link> {
		return dialTarget(target, context, this.#deps, { side: 'target' });
	}

	close(): void {}
}
