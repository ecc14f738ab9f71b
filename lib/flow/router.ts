// From a verdict to a way out: the tag a rule named, else the default. An unknown tag cannot occur: configuration refuses it.
import type { Outbound } from '../core/dialer.ts';
import { GatewayError } from '../core/error.ts';

/** The ways out of one gateway, by tag; owns them. */
export class Router {
	readonly #byTag: ReadonlyMap<string, Outbound>;
	readonly #default: Outbound;

	/** The first outbound is the default route. Throws plain Error when two share a tag or there is none. */
	constructor(outbounds: readonly Outbound[]) {
		const first = outbounds[0];
		if (!first) throw new Error('a router needs a way out');
		this.#default = first;
		this.#byTag = new Map(outbounds.map((outbound) => [outbound.tag, outbound]));
		if (this.#byTag.size !== outbounds.length) throw new Error('two ways out share a tag');
	}

	/** The way out called `tag`, or the default for null. Throws GatewayError `proxy_configuration_error` for no such tag. */
	outbound(tag: string | null): Outbound {
		const found = tag === null ? this.#default : this.#byTag.get(tag);
		if (!found) throw new GatewayError('proxy_configuration_error', { phase: 'policy', note: 'no such route' });
		return found;
	}

	/** Each, the default first. */
	get all(): readonly Outbound[] {
		return [...this.#byTag.values()];
	}

	close(): void {
		for (const outbound of this.#byTag.values()) outbound.close();
	}
}
