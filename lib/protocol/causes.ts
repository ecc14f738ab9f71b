// What each cause looks like on the wire, one table a protocol, and what a hop's reply means, read back. A cause that a
// hop reports comes out of us as the same cause, so it travels down a chain unchanged.
import { CODES, type Code, type ErrorDetails } from '../core/error.ts';

/** RFC 1928 section 6. 06 for a time-out is Tor's choice; 02 for limits is ours: to the client it is a rule that says no. */
const SOCKS5: Readonly<Record<Code, number>> = {
	dns_timeout: 4,
	dns_error: 4,
	destination_not_found: 4,
	destination_unavailable: 4,
	destination_ip_prohibited: 2,
	destination_ip_unroutable: 3,
	connection_refused: 5,
	connection_terminated: 5,
	connection_timeout: 6,
	connection_read_timeout: 6,
	connection_write_timeout: 6,
	connection_limit_reached: 1,
	tls_protocol_error: 1,
	tls_certificate_error: 1,
	tls_alert_received: 1,
	http_request_error: 1,
	http_request_denied: 2,
	http_response_incomplete: 1,
	http_response_header_section_size: 1,
	http_response_transfer_coding: 1,
	http_response_timeout: 6,
	http_upgrade_failed: 1,
	http_protocol_error: 1,
	proxy_internal_error: 1,
	proxy_configuration_error: 1,
	proxy_loop_detected: 2,
	authentication_required: 2,
	client_limit_reached: 2,
	command_unsupported: 7,
	address_type_unsupported: 8,
	handshake_timeout: 1,
	handshake_malformed: 1,
	hop_unavailable: 1,
};

/** RFC 9209 recommends most of these; 403 for policy, 429 for limits and 407 are what HTTP clients act upon. */
const HTTP: Readonly<Record<Code, number>> = {
	dns_timeout: 504,
	dns_error: 502,
	destination_not_found: 502,
	destination_unavailable: 503,
	destination_ip_prohibited: 403,
	destination_ip_unroutable: 502,
	connection_refused: 502,
	connection_terminated: 502,
	connection_timeout: 504,
	connection_read_timeout: 504,
	connection_write_timeout: 504,
	connection_limit_reached: 503,
	tls_protocol_error: 502,
	tls_certificate_error: 502,
	tls_alert_received: 502,
	http_request_error: 400,
	http_request_denied: 403,
	http_response_incomplete: 502,
	http_response_header_section_size: 502,
	http_response_transfer_coding: 502,
	http_response_timeout: 504,
	http_upgrade_failed: 502,
	http_protocol_error: 502,
	proxy_internal_error: 500,
	proxy_configuration_error: 500,
	proxy_loop_detected: 403,
	authentication_required: 407,
	client_limit_reached: 429,
	command_unsupported: 501,
	address_type_unsupported: 400,
	handshake_timeout: 408,
	handshake_malformed: 400,
	hop_unavailable: 503,
};

export function socks5ReplyOf(code: Code): number {
	return SOCKS5[code];
}

/** SOCKS4 has two words for no: 93 where the user is at issue, 91 for all else (the SOCKS4 memo, "CONNECT"). */
export function socks4ReplyOf(code: Code): number {
	return code === 'authentication_required' ? 93 : 91;
}

export function httpStatusOf(code: Code): number {
	return HTTP[code];
}

/** What a hop can say of the target; whatever else it says is about itself. */
const OF_TARGET: ReadonlySet<Code> = new Set<Code>([
	'dns_error',
	'destination_not_found',
	'destination_unavailable',
	'destination_ip_unroutable',
	'connection_refused',
	'connection_terminated',
	'connection_timeout',
]);

/**
 * Where a refusal of a hop belongs and whether another hop may do better: the target is as closed to the next one, a hop
 * that will not or cannot is not the only one.
 */
export function hopRefusal(code: Code): ErrorDetails {
	if (OF_TARGET.has(code)) return { side: 'target', phase: 'hop', retry: 'no' };
	return { side: 'hop', phase: 'hop', retry: 'next', unclear: true };
}

/** The cause behind a hop's SOCKS5 REP; `socks5ReplyOf` of it is the same REP for 1 to 8. */
export function codeOfSocks5Reply(rep: number): Code {
	const codes: readonly Code[] = [
		'hop_unavailable',
		'hop_unavailable',
		'http_request_denied',
		'destination_ip_unroutable',
		'destination_unavailable',
		'connection_refused',
		'connection_timeout',
		'command_unsupported',
		'address_type_unsupported',
	];
	return codes[rep] ?? ONION[rep] ?? 'hop_unavailable';
}

/** REP of Tor's extended replies, all about an onion service: its descriptor, its keys, its address, its being there. */
export function isOnionReply(rep: number): boolean {
	return rep >= 0xf0 && rep <= 0xf7;
}

/** What Tor says of onion services to a port with ExtendedErrors (socks-extensions.txt section 4). */
const ONION: Readonly<Record<number, Code>> = {
	240: 'destination_not_found', // no descriptor
	241: 'destination_unavailable', // one that cannot be read
	242: 'destination_unavailable', // introduction failed
	243: 'destination_unavailable', // rendezvous failed
	244: 'http_request_denied', // the service wants a client key
	245: 'http_request_denied', // and another one than Tor has
	246: 'destination_not_found', // no such address can be
	247: 'connection_timeout', // introduction took too long
};

/** The cause behind a hop's SOCKS4 CD: 91 says no and not why; 92 and 93 are about identd, which is the hop's affair. */
export function codeOfSocks4Reply(cd: number): Code {
	return cd === 91 ? 'destination_unavailable' : 'hop_unavailable';
}

/**
 * The cause behind a hop's answer to CONNECT. `proxyStatus` is its Proxy-Status field, whose `error` says it in our own
 * words when the hop is one of us; a bare status is read as most proxies mean it.
 */
export function codeOfHttpStatus(status: number, proxyStatus: string | null): Code {
	const token = proxyStatus === null ? null : /;\s*error=([a-z_]+)/.exec(proxyStatus)?.[1];
	// A hop that wants credentials wants the gateway's: the client has none to show it.
	if (status === 407 || token === 'authentication_required') return 'hop_unavailable';
	if (token && (CODES as readonly string[]).includes(token)) return token as Code;
	switch (status) {
		case 403:
			return 'http_request_denied';
		case 404:
			return 'destination_not_found';
		case 408:
		case 504:
			return 'connection_timeout';
		case 429:
			return 'connection_limit_reached';
		case 502:
			return 'connection_refused';
		case 503:
			return 'destination_unavailable';
		default:
			return 'hop_unavailable';
	}
}
