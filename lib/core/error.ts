// The one error type of the gateway. A code says what happened (RFC 9209 section 2.3 where it has a word for it), a side
// says where, a phase says when, retry says whether another way out could do better. Message text decides nothing and
// never holds received bytes, credentials or addresses.

/** Error types of RFC 9209 section 2.3 that the gateway can meet, then the few it has no word for. */
export const CODES = [
	'dns_timeout',
	'dns_error',
	'destination_not_found',
	'destination_unavailable',
	'destination_ip_prohibited',
	'destination_ip_unroutable',
	'connection_refused',
	'connection_terminated',
	'connection_timeout',
	'connection_read_timeout',
	'connection_write_timeout',
	'connection_limit_reached',
	'tls_protocol_error',
	'tls_certificate_error',
	'tls_alert_received',
	'http_request_error',
	'http_request_denied',
	'http_response_incomplete',
	'http_response_header_section_size',
	'http_response_transfer_coding',
	'http_response_timeout',
	'http_upgrade_failed',
	'http_protocol_error',
	'proxy_internal_error',
	'proxy_configuration_error',
	'proxy_loop_detected',
	// Not in RFC 9209, which speaks of HTTP alone:
	'authentication_required', // the client showed no credentials, or wrong ones
	'client_limit_reached', // this client is over one of its limits; `retryAfterMs` says for how long
	'command_unsupported', // a SOCKS command that is not served here
	'address_type_unsupported', // a SOCKS ATYP that does not exist
	'handshake_timeout', // the client did not finish its handshake in time
	'handshake_malformed', // bytes that are no handshake of any protocol served
	'hop_unavailable', // an upstream proxy cannot be reached, wants other credentials, or does not speak its protocol
] as const;

export type Code = (typeof CODES)[number];

/** Where it went wrong: the client's end, an upstream proxy, the target, or the gateway itself. */
export type Side = 'client' | 'hop' | 'target' | 'gateway';

/** When it went wrong, in the order of a flow's life. */
export type Phase = 'handshake' | 'admission' | 'policy' | 'resolve' | 'connect' | 'hop' | 'relay' | 'exchange';

/** `no`: the answer is final. `next`: another member of a group may do better. `same`: this very way may work again. */
export type Retry = 'no' | 'next' | 'same';

export interface ErrorDetails {
	readonly side?: Side;
	readonly phase?: Phase;
	readonly retry?: Retry;
	readonly cause?: unknown;
	/** The upstream at fault, by its tag: for logs and metrics, never for the client. */
	readonly hop?: string;
	/** The hop may have failed for what it was asked to do: no proof against it. */
	readonly unclear?: boolean;
	/** With `client_limit_reached`: when it is worth asking again. */
	readonly retryAfterMs?: number;
	/** A word or two for the log: constant text of ours, never input. */
	readonly note?: string;
	/** REP F0 to F7 by which a Tor hop told of an onion service: for clients that have asked for these words. */
	readonly onionReply?: number;
}

/** What every failure of a flow is, from the first byte to the last. */
export class GatewayError extends Error {
	readonly code: Code;
	readonly side: Side;
	readonly phase: Phase;
	readonly retry: Retry;
	readonly hop: string | undefined;
	readonly unclear: boolean;
	readonly retryAfterMs: number | undefined;
	readonly note: string | undefined;
	readonly onionReply: number | undefined;

	constructor(code: Code, details: ErrorDetails = {}) {
		// A stack costs six times the error (measured), and hostile clients cause errors at will: only bugs carry one.
		const limit = Error.stackTraceLimit;
		Error.stackTraceLimit = 0;
		super(code, details.cause === undefined ? undefined : { cause: details.cause });
		Error.stackTraceLimit = limit;
		this.name = 'GatewayError';
		this.code = code;
		this.side = details.side ?? 'gateway';
		this.phase = details.phase ?? 'handshake';
		this.retry = details.retry ?? 'no';
		this.hop = details.hop;
		this.unclear = details.unclear ?? false;
		this.retryAfterMs = details.retryAfterMs;
		this.note = details.note;
		this.onionReply = details.onionReply;
	}
}

const CUT_OFF: Partial<Record<Side, GatewayError>> = {};

/**
 * `connection_terminated` of a peer that relayed: how most links end that do not end well. One for each side, for all: to
 * make an error costs more than all else that an end takes.
 */
export function cutOff(side: Side): GatewayError {
	CUT_OFF[side] ??= new GatewayError('connection_terminated', { side, phase: 'relay' });
	return CUT_OFF[side];
}

/** Any thrown value as a GatewayError: itself when it is one, else `proxy_internal_error` with it as cause. */
export function asGatewayError(thrown: unknown, details: ErrorDetails = {}): GatewayError {
	if (thrown instanceof GatewayError) return thrown;
	return new GatewayError('proxy_internal_error', { ...details, cause: thrown });
}

/** The code for a failed system call on a connection to the next hop or target (errno names of connect(2)). */
export function codeOfErrno(errno: string | undefined): Code {
	switch (errno) {
		case 'ECONNREFUSED':
			return 'connection_refused';
		case 'ECONNRESET':
		case 'EPIPE':
		case 'ECONNABORTED':
			return 'connection_terminated';
		case 'ETIMEDOUT':
			return 'connection_timeout';
		case 'ENETUNREACH':
		case 'ENETDOWN':
		case 'EADDRNOTAVAIL':
		case 'EAFNOSUPPORT': // no IPv6 here
			return 'destination_ip_unroutable';
		case 'EACCES': // a broadcast address
		case 'EPERM': // this machine's own packet filter
			return 'destination_ip_prohibited';
		case 'EHOSTUNREACH':
		case 'EHOSTDOWN':
			return 'destination_unavailable';
		case 'EMFILE':
		case 'ENFILE':
		case 'ENOBUFS':
		case 'ENOMEM':
			return 'connection_limit_reached';
		default:
			return 'proxy_internal_error';
	}
}
