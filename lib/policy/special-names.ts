// Names that mean something else than a host on the public internet: the IANA Special-Use Domain Names registry (RFC
// 6761, as of 2026-05-22) and the top-level names that local networks use for themselves. A resolver of the operator's
// could answer them with something inside; others must never be asked for at all, because asking tells who wants what.
// example.com, .net and .org are in the registry too and stay open: they are real hosts.

/**
 * Who may ask. `private`: with `--allow-private`. `no`: nobody, unless a rule allows this very name. `elsewhere`: the
 * name lives in another network than DNS: only a rule that also names a route may let it pass, not even report mode does.
 */
export type NameReach = 'private' | 'no' | 'elsewhere';

export interface SpecialName {
	/** Stands for itself and every name under it; empty for names of a single label. */
	readonly suffix: string;
	readonly source: string;
	readonly reach: NameReach;
}

const TABLE: readonly (readonly [suffix: string, source: string, reach: NameReach])[] = [
	['onion', 'RFC 7686', 'elsewhere'], // Tor: resolving it here would show the DNS what was meant to be hidden
	['alt', 'RFC 9476', 'elsewhere'], // name systems that are not DNS
	['localhost', 'RFC 6761 section 6.3', 'private'],
	['test', 'RFC 6761 section 6.2', 'private'],
	['example', 'RFC 6761 section 6.5', 'private'],
	['invalid', 'RFC 6761 section 6.4', 'no'],
	['local', 'RFC 6762', 'private'], // multicast DNS
	['internal', 'ICANN board, 2024-07-29', 'private'], // also metadata.google.internal
	['intranet', 'RFC 6762 appendix G', 'private'],
	['private', 'RFC 6762 appendix G', 'private'],
	['corp', 'RFC 6762 appendix G', 'private'],
	['home', 'RFC 6762 appendix G', 'private'],
	['lan', 'RFC 6762 appendix G', 'private'],
	['localdomain', 'hosts(5)', 'private'],
	['home.arpa', 'RFC 8375', 'private'],
	['service.arpa', 'RFC 9665', 'private'],
	// The rest of .arpa is infrastructure (RFC 3172): no hosts, but reverse zones of private networks, resolver.arpa (RFC
	// 9462), ipv4only.arpa (RFC 8880), 6tisch.arpa (RFC 9031), eap.arpa and eap-noob.arpa (RFC 9140).
	['arpa', 'RFC 3172', 'no'],
];

const BY_SUFFIX: ReadonlyMap<string, SpecialName> = new Map(
	TABLE.map(([suffix, source, reach]) => [suffix, { suffix, source, reach }]),
);

/** A name without a dot is nobody's on the internet (RFC 7085); a resolver would look for it in its search domains. */
const SINGLE_LABEL: SpecialName = { suffix: '', source: 'RFC 7085', reach: 'private' };

/** What makes a canonical name special, or null for an ordinary one. */
export function specialNameOf(name: string): SpecialName | null {
	const dot = name.lastIndexOf('.');
	if (dot < 0) return BY_SUFFIX.get(name) ?? SINGLE_LABEL;
	const last = BY_SUFFIX.get(name.slice(dot + 1));
	if (last === undefined) return null;
	// Only under arpa are there names of two labels.
	if (last.suffix !== 'arpa') return last;
	return BY_SUFFIX.get(name.slice(name.lastIndexOf('.', dot - 1) + 1)) ?? last;
}
