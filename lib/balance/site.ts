// The site a target belongs to: the name that somebody registered, by the list of public suffixes (publicsuffix.org), so
// that www. and api. of one owner are one site and two customers of a host of web pages are two.
import { createRequire } from 'node:module';
import type { Target } from '../core/target.ts';

/** Loaded when it is asked for first: the list takes 10 ms, and most gateways have no use for it. */
let library: typeof import('tldts') | null = null;

/** A registered name, or the host itself where there is none: an address, a suffix, a name nobody can register. */
export function siteOf({ kind, host }: Target): string {
	if (kind !== 'name') return host;
	library ??= createRequire(import.meta.url)('tldts') as typeof import('tldts');
	return library.getDomain(host, { allowPrivateDomains: true, validateHostname: false }) ?? host;
}
