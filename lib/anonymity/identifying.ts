// Request fields that name the client, its network or a proxy on its way. No browser or HTTP library sends them to an
// origin by itself: proxies, gateways and operators between client and us write them, and proxy judges look for them. They
// come off at every level, from heads and from trailers. Authorization and Cookie are the user's own word to the origin
// and stay.
//
// A name is looked at with `_` for `-` too: CGI makes HTTP_X_FORWARDED_FOR of both.

export interface Group {
	/** Why they come off. */
	readonly why: string;
	/** Whole names, lower case. */
	readonly names?: readonly string[];
	/** Hyphenated parts of names: `via` is in `x-bluecoat-via` and not in `aviary`. */
	readonly words?: readonly string[];
	/** Beginnings of names. */
	readonly prefixes?: readonly string[];
}

export const IDENTIFYING: readonly Group[] = [
	{
		why: 'A proxy names itself or the hosts before it (RFC 9110 section 7.6.3, RFC 8586, and vendors of their own).',
		names: [
			['cdn-loop', 'cf-ray', 'cf-request-id', 'cf-visitor', 'cf-worker', 'x-htx-agent', 'x-tinyproxy', 'x-varnish'],
			['surrogate-capability', 'akamai-origin-hop', 'fastly-ff', 'fastly-ssl', 'x-azure-ref', 'x-azure-fdid'],
			['x-amz-cf-id', 'x-amzn-trace-id', 'x-amzn-request-id', 'x-cloud-trace-context', 'front-end-https'],
		].flat(),
		words: ['via'],
		prefixes: ['x-envoy-', 'x-akamai-', 'x-arr-'],
	},
	{
		why: 'A proxy says for whom it asks, whether by RFC 7239 or by the older X-Forwarded-For and its many variants.',
		names: [
			'coming-from',
			'x-coming-from',
			'x-from',
			'x-orig-client',
			'x-original-host',
			'sp-client',
			'sp-host',
			'x-ff',
		],
		words: ['forwarded', 'forward', 'forwarder', 'forwards', 'imforwards', 'fwd', 'xff', 'xorwarded', 'forwared'],
	},
	{
		why: 'The address of a client in a field of its own: X-Real-IP, Client-IP, True-Client-IP, CF-Connecting-IP and kin.',
		names: ['cuda-cliip', 'rlnclientipaddr', 'x-nx-clip', 'yahooremoteip', 'cf-ipcountry'],
		words: [
			['ip', 'ipv4', 'ipv6', 'ipaddr', 'ipaddress', 'addr', 'clientip', 'clientaddr', 'clientaddress', 'realip'],
			['remoteip', 'socketip', 'userip', 'nasip', 'wapipaddr', 'client-address', 'remote-address', 'remote-host'],
			['external-address', 'host-address'],
		].flat(),
		prefixes: ['cloudfront-', 'x-appengine-'],
	},
	{
		why: 'The user as a proxy or a company network knows it. From (RFC 9110 section 10.1.2) is the mail address of a person.',
		names: [
			'from',
			'remote-user',
			'x-remote-user',
			'x-authenticated-user',
			'x-authenticated-groups',
			'x-sina-proxyuser',
		],
		prefixes: ['cuda-', 'ssl-client-', 'x-ssl-client-'],
	},
	{
		why: 'Meant for a proxy, by name: Proxy-*, X-Proxy-ID, WL-Proxy-*, and misspellings that proxies make to blank a field.',
		names: ['cache-info', 'x-iwproxy-nesting', 'x-locking', 'x-serial-number', 'x-teamsite-preremap', 'xonnection'],
		words: ['proxy', 'proxyuser', 'xproxy', 'xroxy'],
	},
	{
		why: 'Meant for a Tor client as a proxy (Tor proposal 365).',
		names: ['tor-family-preference', 'tor-rpc-target', 'tor-stream-isolation', 'x-tor-stream-isolation'],
	},
	{
		why: 'A mobile operator says which subscriber and which device this is ("header enrichment", "supercookies").',
		names: [
			['tm-user-id', 'x-att-deviceid', 'x-jphone-uid', 'x-network-info', 'x-piper-id', 'rim-device-id'],
			['x-up-uplink', 'x-up-subscriber-coi', 'x-dcmguid', 'x-em-uid'],
		].flat(),
		words: ['msisdn', 'imisdn', 'imsi', 'imei', 'mdn', 'subno', 'clid', 'uidh', 'acr', 'calling-line-id'],
		// Not x-up-: Unpoly, a script library, speaks to its server in it.
		prefixes: ['x-wap-', 'x-nokia-', 'x-huawei-', 'x-vodafone-', 'x-orange-', 'x-amobee-', 'x-jinny-', 'wap-'],
	},
];

const NAMES: ReadonlySet<string> = new Set(IDENTIFYING.flatMap((group) => group.names ?? []));
const WORDS: string = IDENTIFYING.flatMap((group) => group.words ?? []).join('|');
const PREFIXES: string = IDENTIFYING.flatMap((group) => group.prefixes ?? []).join('|');
const PATTERN: RegExp = new RegExp(`(?:^|-)(?:${WORDS})(?:-|$)|^(?:${PREFIXES})`);

/** True for a field name (lower case) that must not reach the far side. */
export function identifies(name: string): boolean {
	const plain = name.includes('_') ? name.replaceAll('_', '-') : name;
	return NAMES.has(plain) || PATTERN.test(plain);
}
