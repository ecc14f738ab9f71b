// The table of addresses that are not ordinary: every row of the IANA IPv4 and IPv6 Special-Purpose Address Registries
// (RFC 6890, as of 2025-10-09), multicast, what the IPv6 address space registry keeps reserved (all outside 2000::/3), and
// the addresses at which clouds hand credentials to their machines. The most specific row speaks for an address.

/**
 * Whom an exit may carry there. `yes`: everybody. `private`: only with `--allow-private`: the operator's own networks, and
 * blocks that a laboratory uses as such. `no`: nobody, unless a rule allows this very range.
 */
export type Reach = 'yes' | 'private' | 'no';

export interface SpecialRange {
	/** Canonical text. */
	readonly prefix: string;
	readonly name: string;
	/** Where it is defined. */
	readonly source: string;
	readonly reach: Reach;
}

type Row = readonly [prefix: string, name: string, source: string, reach: Reach];

// The registries call some anycast blocks globally reachable that are `no` here: PCP, TURN, DNS-SD and AMT find the server
// nearest to the sender, which behind an exit is the one of the operator's own network. ORCHIDs and DRIP tags are
// identifiers: no route leads to them. AS112 is a public sink for stray DNS queries and stays open.
const IP4: readonly Row[] = [
	['0.0.0.0/8', 'this network', 'RFC 791', 'no'], // 0.0.0.0 is loopback to connect(2) on Linux
	['0.0.0.0/32', 'this host', 'RFC 1122', 'no'],
	['10.0.0.0/8', 'private-use', 'RFC 1918', 'private'],
	['100.64.0.0/10', 'shared address space', 'RFC 6598', 'private'],
	['100.100.100.200/32', 'cloud metadata', 'Alibaba Cloud', 'no'],
	['127.0.0.0/8', 'loopback', 'RFC 1122', 'private'],
	['168.63.129.16/32', 'cloud metadata', 'Azure WireServer', 'no'], // a public address by its looks
	// Cloud metadata lives here (169.254.169.254), a LAN hardly ever does: not part of `private`.
	['169.254.0.0/16', 'link-local', 'RFC 3927', 'no'],
	['172.16.0.0/12', 'private-use', 'RFC 1918', 'private'],
	['192.0.0.0/24', 'IETF protocol assignments', 'RFC 6890', 'no'],
	['192.0.0.0/29', 'IPv4 service continuity', 'RFC 7335', 'no'],
	['192.0.0.8/32', 'IPv4 dummy address', 'RFC 7600', 'no'],
	['192.0.0.9/32', 'PCP anycast', 'RFC 7723', 'no'],
	['192.0.0.10/32', 'TURN anycast', 'RFC 8155', 'no'],
	['192.0.0.170/32', 'NAT64 discovery', 'RFC 8880', 'no'],
	['192.0.0.171/32', 'NAT64 discovery', 'RFC 8880', 'no'],
	['192.0.0.192/32', 'cloud metadata', 'Oracle Cloud', 'no'],
	['192.0.2.0/24', 'documentation', 'RFC 5737', 'private'],
	['192.31.196.0/24', 'AS112', 'RFC 7535', 'yes'],
	['192.52.193.0/24', 'AMT', 'RFC 7450', 'no'],
	['192.88.99.0/24', '6to4 relay anycast', 'RFC 7526', 'no'],
	['192.88.99.2/32', '6a44 relay anycast', 'RFC 6751', 'no'],
	['192.168.0.0/16', 'private-use', 'RFC 1918', 'private'],
	['192.175.48.0/24', 'AS112', 'RFC 7534', 'yes'],
	['198.18.0.0/15', 'benchmarking', 'RFC 2544', 'private'],
	['198.51.100.0/24', 'documentation', 'RFC 5737', 'private'],
	['203.0.113.0/24', 'documentation', 'RFC 5737', 'private'],
	['224.0.0.0/4', 'multicast', 'RFC 5771', 'no'],
	['240.0.0.0/4', 'reserved', 'RFC 1112', 'no'],
	['255.255.255.255/32', 'limited broadcast', 'RFC 919', 'no'],
];

// Where IPv4 is wrapped the address inside has a word as well, see special-addresses.ts: NAT64 leaves it the last one,
// because behind DNS64 most of the world looks like that. 6to4 and Teredo are `no` whatever is inside: the registry
// promises their reachability nowhere, and their relays are gone (RFC 7526). IPv4-mapped (::ffff:0:0/96) is not IPv6 at
// all and has no row.
const IP6: readonly Row[] = [
	['::/128', 'unspecified', 'RFC 4291', 'no'],
	['::1/128', 'loopback', 'RFC 4291', 'private'],
	['::/96', 'IPv4-compatible', 'RFC 4291 section 2.5.5.1', 'no'],
	['::ffff:0:0:0/96', 'IPv4-translated', 'RFC 2765', 'no'],
	['64:ff9b::/96', 'NAT64', 'RFC 6052', 'yes'],
	['64:ff9b:1::/48', 'local-use NAT64', 'RFC 8215', 'no'],
	['100::/64', 'discard-only', 'RFC 6666', 'no'],
	['100:0:0:1::/64', 'dummy prefix', 'RFC 9780', 'no'],
	['2001::/23', 'IETF protocol assignments', 'RFC 2928', 'no'],
	['2001::/32', 'Teredo', 'RFC 4380', 'no'],
	['2001:1::1/128', 'PCP anycast', 'RFC 7723', 'no'],
	['2001:1::2/128', 'TURN anycast', 'RFC 8155', 'no'],
	['2001:1::3/128', 'DNS-SD SRP anycast', 'RFC 9665', 'no'],
	['2001:2::/48', 'benchmarking', 'RFC 5180', 'private'],
	['2001:3::/32', 'AMT', 'RFC 7450', 'no'],
	['2001:4:112::/48', 'AS112', 'RFC 7535', 'yes'],
	['2001:10::/28', 'ORCHID', 'RFC 4843', 'no'],
	['2001:20::/28', 'ORCHIDv2', 'RFC 7343', 'no'],
	['2001:30::/28', 'DRIP entity tags', 'RFC 9374', 'no'],
	['2001:db8::/32', 'documentation', 'RFC 3849', 'private'],
	['2002::/16', '6to4', 'RFC 3056', 'no'],
	['2620:4f:8000::/48', 'AS112', 'RFC 7534', 'yes'],
	['3fff::/20', 'documentation', 'RFC 9637', 'private'],
	['5f00::/16', 'SRv6 segments', 'RFC 9602', 'no'],
	['fc00::/7', 'unique-local', 'RFC 4193', 'private'],
	['fd00:42::42/128', 'cloud metadata', 'Scaleway', 'no'],
	['fd00:ec2::/32', 'cloud metadata', 'AWS', 'no'],
	['fd20:ce::/32', 'cloud metadata', 'Google Cloud', 'no'],
	['fe80::/10', 'link-local', 'RFC 4291', 'no'],
	['fec0::/10', 'site-local', 'RFC 3879', 'private'],
	['ff00::/8', 'multicast', 'RFC 4291', 'no'],
];

// Together with 2000::/3, fc00::/7, fe80::/10, fec0::/10 and ff00::/8 these are the whole space. Overlay networks squat on
// some of it (200::/7); whoever runs one allows it by a rule.
const UNALLOCATED: readonly string[] = [
	'::/8',
	'100::/8',
	'200::/7',
	'400::/6',
	'800::/5',
	'1000::/4',
	'4000::/3',
	'6000::/3',
	'8000::/3',
	'a000::/3',
	'c000::/3',
	'e000::/4',
	'f000::/5',
	'f800::/6',
	'fe00::/9',
];

/** Every row, in no order that matters. */
export const SPECIAL_RANGES: readonly SpecialRange[] = [
	...IP4,
	...IP6,
	...UNALLOCATED.map((prefix): Row => [prefix, 'unallocated', 'RFC 4291 section 2.4', 'no']),
].map(([prefix, name, source, reach]) => ({ prefix, name, source, reach }));
