// Upstream proxies that speak SOCKS 4, 4a and 5. Names go to the hop as names, but for SOCKS4, which has no room for them:
// there they are resolved here and judged as for a direct way out.
import type { DialContext, Outbound, Question } from '../core/dialer.ts';
import { GatewayError } from '../core/error.ts';
import { crowdOf } from '../core/flow.ts';
import { type Target, targetOfIp } from '../core/target.ts';
import { permitted } from '../io/connect.ts';
import type { NameResolver } from '../io/resolve.ts';
import { Socks4Client } from '../protocol/socks4.ts';
import { Socks5Client } from '../protocol/socks5.ts';
import { Hop, type HopDeps, type HopOptions } from './hop.ts';

export interface Socks4Options extends HopOptions {
	readonly type: 'socks4' | 'socks4a';
	/** Bytes as latin1 text, without NUL, at most 255; none: null. */
	readonly user: string | null;
}

export interface Socks4Deps extends HopDeps {
	readonly resolver: NameResolver;
}

/** Without a password, which the protocol has no room for. A name is asked for at its first IPv4 address that policy permits. */
export function socks4Hop(options: Socks4Options, deps: Socks4Deps): Outbound {
	const { type: variant } = options;
	const user = options.user === null ? {} : { user: options.user };
	const namesTravel = variant === 'socks4a';
	const codecOf = async (target: Target, context: DialContext): Promise<Socks4Client> => {
		const resolved = namesTravel || target.ip !== null ? target : await resolveIp4(target, context, deps.resolver);
		return new Socks4Client({ target: resolved, variant, ...user });
	};
	return new Hop({ type: variant, namesTravel, secure: null, codecOf }, options, deps);
}

async function resolveIp4(target: Target, context: DialContext, resolver: NameResolver): Promise<Target> {
	const addresses = permitted(await resolver.resolve(target.host, context.signal, crowdOf(context.flow)), context);
	const ip4 = addresses.find((ip) => typeof ip === 'number');
	if (ip4 !== undefined) return targetOfIp(ip4, target.port);
	const note = 'SOCKS4 carries IPv4 alone';
	throw new GatewayError('address_type_unsupported', { side: 'hop', phase: 'hop', retry: 'next', note });
}

export interface Socks5Options extends HopOptions {
	/** Bytes as latin1 text, at most 255 each; none: null. */
	readonly credentials: { readonly user: string; readonly password: string } | null;
}

/** RFC 1928 section 4: who does not know yet what its datagrams will come from "MUST" say zeros. */
const FROM_ANYWHERE: Target = targetOfIp(0, 0);

/** With credentials it offers RFC 1929 alone, without them no authentication alone. */
export function socks5Hop(options: Socks5Options, deps: HopDeps): Outbound {
	const credentials = options.credentials === null ? {} : { credentials: options.credentials };
	const codecOf = (target: Target): Socks5Client => new Socks5Client({ target, ...credentials });
	const more = {
		associate: () => new Socks5Client({ target: FROM_ANYWHERE, command: 'associate', ...credentials }),
		resolve: ({ target, reverse }: Question) =>
			new Socks5Client({ target, command: reverse ? 'resolveReverse' : 'resolve', ...credentials }),
	};
	return new Hop({ type: 'socks5', namesTravel: true, secure: null, codecOf, more }, options, deps);
}
