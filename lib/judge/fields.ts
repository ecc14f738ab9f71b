// Request fields by which judges, logs and scripts on servers find out about proxies and the clients behind them: what they
// grep for, as they spell it. The judge's own list, made without an eye on what the gateway takes off, and longer.

/** What such a field holds, so that a proxy that checks values passes on what it would pass on of a real one. */
export type Content = 'address' | 'forwarded' | 'via' | 'word' | 'mail' | 'number' | 'credentials';

/** Each a line: the content, then names. */
const LISTS: readonly (readonly [content: Content, names: string])[] = [
	['address', 'X-Forwarded-For X-Forwarded X-Forwarded-For-Original X-Forward-For X-Forwarder-For X-Forwared-For X-FF'],
	['address', 'Forwarded-For Forwarded-For-IP X-Original-Forwarded-For X-Originally-Forwarded-For Z-Forwarded-For'],
	['address', 'X-Vercel-Forwarded-For X-Envoy-External-Address X-ProxyUser-IP X-Forwarded-Client-IP X-Forwarded-By'],
	[
		'address',
		'X-Real-IP X-RealIP Real-IP X-Real-Client-IP Client-IP Client_IP X-Client-IP X-ClientIP X-Client-Address',
	],
	[
		'address',
		'X-Cluster-Client-IP Cluster-Client-IP True-Client-IP X-True-Client-IP X-True-IP X-Peer-IP X-User-IP User-IP',
	],
	[
		'address',
		'CF-Connecting-IP CF-Connecting-IPv6 CF-Pseudo-IPv4 DO-Connecting-IP X-NF-Client-Connection-IP Fly-Client-IP',
	],
	[
		'address',
		'Fastly-Client-IP Fastly-Temp-XFF Akamai-Client-IP X-Akamai-Client-IP Ali-CDN-Real-IP CDN-Src-IP CDN-Real-IP',
	],
	['address', 'CloudFront-Viewer-Address Incap-Client-IP X-Sucuri-ClientIP X-Azure-ClientIP X-Azure-SocketIP'],
	['address', 'X-AppEngine-User-IP X-AppEngine-Remote-Addr WL-Proxy-Client-IP Proxy-Client-IP X-Proxy-Client-IP'],
	[
		'address',
		'Remote-Addr X-Remote-Addr X-Remote-IP X-Remote-Address X-Originating-IP X-Original-Remote-Addr X-Orig-IP',
	],
	[
		'address',
		'X-Origin-IP X-Source-IP X-Src-IP X-Gateway-IP X-NAS-IP X-Caller-IP X-Custom-IP-Authorization X-ORIG-CLIENT',
	],
	['address', 'HTTP_X_FORWARDED_FOR HTTP_CLIENT_IP HTTP_FORWARDED X_FORWARDED_FOR x_real_ip Coming-From X-Coming-From'],
	['address', 'YahooRemoteIP X-Yahoo-Client-IP RLNClientIPAddr Cuda-CliIP X-Nx-CLIP X-Host-Address X-External-Address'],
	['forwarded', 'Forwarded X-Forwarded-Full'],
	['via', 'Via X-Via HTTP_VIA X-Bluecoat-Via CF-EW-Via X-Cisco-Via X-Via-Proxy'],
	[
		'word',
		'X-Forwarded-Host X-Forwarded-Server X-Forwarded-Proto X-Forwarded-Port X-Forwarded-Scheme X-Forwarded-Prefix',
	],
	[
		'word',
		'X-Forwarded-SSL X-Forwarded-User X-Forwarded-Groups X-Forwarded-Preferred-Username X-Forwarded-Client-Cert',
	],
	[
		'word',
		'Proxy-Connection Proxy-Features Proxy-Instruction Proxy-Agent Proxy-Status Proxy X-Proxy-ID X-Proxy-Connection',
	],
	[
		'word',
		'Mt-Proxy-ID Xproxy-Connection Xroxy-Connection Xonnection X-IMForwards X-IWProxy-Nesting X-TinyProxy X-Locking',
	],
	['word', 'Cache-Info CDN-Loop CF-Ray CF-Visitor CF-Worker CF-IPCountry CF-Request-ID Surrogate-Capability X-Varnish'],
	[
		'word',
		'X-Amz-Cf-Id X-Amzn-Trace-Id X-Amzn-Request-Id Akamai-Origin-Hop X-Akamai-Edgescape X-Akamai-Config-Log-Detail',
	],
	[
		'word',
		'Fastly-FF Fastly-SSL X-Azure-Ref X-Azure-FDID X-ARR-LOG-ID X-ARR-SSL X-Cloud-Trace-Context X-Envoy-Internal',
	],
	[
		'word',
		'X-Envoy-Peer-Metadata X-Envoy-Peer-Metadata-Id X-Original-Host Front-End-Https X-SSL-Client-Cert SSL-Client-Cert',
	],
	[
		'word',
		'CloudFront-Viewer-Country CloudFront-Viewer-ASN CloudFront-Forwarded-Proto X-AppEngine-Country X-Vercel-IP-City',
	],
	[
		'word',
		'Remote-User X-Remote-User X-Authenticated-User X-Authenticated-Groups X-Proxy-User X-Proxy-Username Cuda-User',
	],
	['word', 'Tor-Stream-Isolation X-Tor-Stream-Isolation Tor-Family-Preference Tor-RPC-Target'],
	['mail', 'From X-Forwarded-Email'],
	[
		'number',
		'X-MSISDN MSISDN X-UP-Calling-Line-ID X-Calling-Line-ID X-Nokia-MSISDN X-Fh-MSISDN X-H3G-MSISDN X-Drutt-MSISDN',
	],
	[
		'number',
		'X-WAP-Network-Client-MSISDN X-Up-Subno X-MDN X-IMSI X-Nokia-IMSI X-IMEI X-Network-Info X-WAP-MSISDN X-HTS-CLID',
	],
	[
		'word',
		'X-UIDH X-ACR X-VF-ACR X-Piper-ID X-JPhone-UID X-DCMGUID X-EM-UID X-ATT-DeviceId X-Vodafone-3GPDPContext TM_user-id',
	],
	[
		'word',
		'X-Nokia-Gateway-ID X-Huawei-UserID X-Orange-ID X-Amobee-1 X-Jinny-CID X-Up-Uplink X-Wap-Profile RIM-Device-ID',
	],
	['credentials', 'Proxy-Authorization'],
];

/** Names with what each holds. */
export const IDENTIFYING_FIELDS: readonly (readonly [name: string, content: Content])[] = LISTS.flatMap(
	([content, names]) => names.split(' ').map((name): [string, Content] => [name, content]),
);

const KNOWN: ReadonlySet<string> = new Set(IDENTIFYING_FIELDS.map(([name]) => plain(name)));

/** Parts of names that speak of proxies, for fields that nobody has listed. */
const SUSPECT: RegExp = /proxy|forward|\bvia\b|client-?ip|real-?ip|remote-?addr|x-cache|squid|msisdn/;

/** True for a field that tells of a proxy or of the client behind it, should a proxy add it. Any case. */
export function tells(name: string): boolean {
	return KNOWN.has(plain(name)) || SUSPECT.test(plain(name));
}

/** CGI makes the same variable of `-` and `_`. */
function plain(name: string): string {
	return name.toLowerCase().replaceAll('_', '-');
}

/** Fields of responses that an origin can plant to know a client again. */
export const PLANTED_FIELDS: readonly (readonly [name: string, value: string])[] = [
	['ETag', '"{}"'],
	['Last-Modified', 'Tue, 01 Jan 2019 00:00:07 GMT'],
	['Set-Cookie', 'id={}; Max-Age=31536000'],
	['Alt-Svc', 'h3="{}.example.com:443"; ma=31536000'],
	['Refresh', '3600; url=/{}'],
	['Strict-Transport-Security', 'max-age=31536000'],
	['Report-To', '{"group":"{}","max_age":1,"endpoints":[{"url":"https://example.com/{}"}]}'],
	['NEL', '{"report_to":"{}","max_age":1}'],
	['Accept-CH', 'Sec-CH-UA-Model'],
	['Link', '<https://{}.example.com>; rel=preconnect'],
	['Via', '1.1 {}'],
	['X-Cache', 'HIT from {}'],
	['Server-Timing', 'id;desc="{}"'],
	['Cache-Control', 'private, max-age=31536000'],
];
