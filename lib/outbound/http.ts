// Upstream proxies that speak HTTP CONNECT, in the clear or inside TLS. Names go to the hop as names.
import type { Outbound } from '../core/dialer.ts';
import type { Target } from '../core/target.ts';
import { SecureClient, type SecureOptions } from '../io/secure.ts';
import { HttpConnectClient } from '../protocol/http-connect.ts';
import { Hop, type HopDeps, type HopOptions } from './hop.ts';

export interface HttpHopOptions extends HopOptions {
	readonly type: 'http' | 'https';
	/** Basic: bytes as latin1 text, no colon in the user (RFC 7617); none: null. */
	readonly credentials: { readonly user: string; readonly password: string } | null;
	/** For `https`. */
	readonly tls?: SecureOptions;
}

export function httpHop(options: HttpHopOptions, deps: HopDeps): Outbound {
	const credentials = options.credentials === null ? {} : { credentials: options.credentials };
	const codecOf = (target: Target): HttpConnectClient => new HttpConnectClient({ target, ...credentials });
	const secure = options.type === 'https' ? new SecureClient(options.address, options.tls) : null;
	return new Hop({ type: options.type, namesTravel: true, secure, codecOf }, options, deps);
}
