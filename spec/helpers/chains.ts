// Chains for specs: hops as text, and everything that a chain wants beside them.
import { readFileSync } from 'node:fs';
import type { DialContext, Outbound } from '../../lib/core/dialer.ts';
import type { Link } from '../../lib/core/link.ts';
import { Secret } from '../../lib/core/secret.ts';
import { targetOfHost } from '../../lib/core/target.ts';
import type { DialDeps } from '../../lib/io/connect.ts';
import { Resolver } from '../../lib/io/resolve.ts';
import { type ChainHop, chain } from '../../lib/outbound/chain.ts';
import { contextOf } from './dial.ts';
import type { Scope } from './scope.ts';
import { CERTIFICATE_FILE } from './web-origins.ts';

const URL = /^(socks4|socks4a|socks5|http|https):\/\/(?:([^:@]*)(?::([^@]*))?@)?([^:]+):(\d+)$/;

/** `socks5://user:password@host:port`. */
export function hopOf(url: string): ChainHop {
	const [, type, user, password, host, port] = URL.exec(url)!;
	return {
		type: type as ChainHop['type'],
		host: host!,
		port: Number(port),
		user: user ?? null,
		password: user === undefined || type!.startsWith('socks4') ? null : new Secret(password ?? ''),
		...(type === 'https' ? { tls: { ca: [readFileSync(CERTIFICATE_FILE, 'utf8')] } } : {}),
	};
}

/** A resolver that knows localhost and nothing else. */
export function localResolver(scope: Scope): Resolver {
	const resolver = new Resolver({ servers: ['127.0.0.1:1'], hostsFile: null });
	scope.teardown(() => resolver.close());
	return resolver;
}

/** A chain called `up` of hops by URL. */
export function chainOf(scope: Scope, urls: readonly string[], deps: Partial<DialDeps> = {}): Outbound {
	return chain({ tag: 'up', hops: urls.map(hopOf) }, { resolver: localResolver(scope), ...deps });
}

/** Dials host:port; the link goes with the scope. */
export async function dialThrough(
	scope: Scope,
	outbound: Outbound,
	port: number,
	context: Partial<DialContext> = {},
	host = '127.0.0.1',
): Promise<Link> {
	const link = await outbound.dial(targetOfHost(host, port)!, contextOf(context));
	scope.teardown(() => link.destroy());
	return link;
}
