import test from 'ava';
import { CODES, type Code } from '../../lib/core/error.ts';
import {
	codeOfHttpStatus,
	codeOfSocks4Reply,
	codeOfSocks5Reply,
	hopRefusal,
	httpStatusOf,
	isOnionReply,
	socks4ReplyOf,
	socks5ReplyOf,
} from '../../lib/protocol/causes.ts';

for (const code of CODES) {
	test(`${code} has a word in every protocol, and none of them says yes`, (t) => {
		t.true(socks5ReplyOf(code) >= 1 && socks5ReplyOf(code) <= 8);
		t.true(socks4ReplyOf(code) === 91 || socks4ReplyOf(code) === 93);
		t.true(httpStatusOf(code) >= 400 && httpStatusOf(code) <= 504);
	});
}

for (let rep = 1; rep <= 8; rep++) {
	test(`a hop's REP ${rep} comes out as REP ${rep}`, (t) => t.is(socks5ReplyOf(codeOfSocks5Reply(rep)), rep));
}

test('each REP has a cause of its own', (t) => {
	t.is(new Set([1, 2, 3, 4, 5, 6, 7, 8].map(codeOfSocks5Reply)).size, 8);
});

test('a REP that neither RFC 1928 nor Tor assigns is trouble of the hop', (t) => {
	for (let rep = 9; rep < 256; rep++) if (!isOnionReply(rep)) t.is(codeOfSocks5Reply(rep), 'hop_unavailable');
});

test('what Tor says of an onion service has a cause of its own kind', (t) => {
	t.deepEqual([0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7].map(codeOfSocks5Reply), [
		'destination_not_found',
		'destination_unavailable',
		'destination_unavailable',
		'destination_unavailable',
		'http_request_denied',
		'http_request_denied',
		'destination_not_found',
		'connection_timeout',
	]);
	t.deepEqual([0, 8, 0xef, 0xf8, 0xff].filter(isOnionReply), []);
});

/** RFC 1928 section 6; which cause is which reply is the gateway's own choice where that has no word for it. */
const SOCKS5: Readonly<Record<number, readonly Code[]>> = {
	1: [
		'connection_limit_reached',
		'tls_protocol_error',
		'tls_certificate_error',
		'tls_alert_received',
		'http_request_error',
		'http_response_incomplete',
		'http_response_header_section_size',
		'http_response_transfer_coding',
		'http_upgrade_failed',
		'http_protocol_error',
		'proxy_internal_error',
		'proxy_configuration_error',
		'handshake_timeout',
		'handshake_malformed',
		'hop_unavailable',
	],
	2: [
		'destination_ip_prohibited',
		'http_request_denied',
		'proxy_loop_detected',
		'authentication_required',
		'client_limit_reached',
	],
	3: ['destination_ip_unroutable'],
	4: ['dns_timeout', 'dns_error', 'destination_not_found', 'destination_unavailable'],
	5: ['connection_refused', 'connection_terminated'],
	6: ['connection_timeout', 'connection_read_timeout', 'connection_write_timeout', 'http_response_timeout'],
	7: ['command_unsupported'],
	8: ['address_type_unsupported'],
};

/** What RFC 9209 section 2.3 recommends for its error types. */
const RFC_9209: Readonly<Record<number, readonly Code[]>> = {
	403: ['http_request_denied'],
	500: ['destination_not_found', 'proxy_internal_error', 'proxy_configuration_error'],
	502: [
		'dns_error',
		'destination_ip_prohibited',
		'destination_ip_unroutable',
		'connection_refused',
		'connection_terminated',
		'tls_protocol_error',
		'tls_certificate_error',
		'tls_alert_received',
		'http_response_incomplete',
		'http_response_header_section_size',
		'http_response_transfer_coding',
		'http_upgrade_failed',
		'http_protocol_error',
		'proxy_loop_detected',
	],
	503: ['destination_unavailable', 'connection_limit_reached'],
	504: [
		'dns_timeout',
		'connection_timeout',
		'connection_read_timeout',
		'connection_write_timeout',
		'http_response_timeout',
	],
};

/** Where the gateway says something else, or something that RFC 9209 leaves open. */
const OWN_STATUS: Readonly<Partial<Record<Code, number>>> = {
	destination_not_found: 502, // nothing is wrong with the gateway
	destination_ip_prohibited: 403, // a rule says no
	proxy_loop_detected: 403,
	http_request_error: 400,
	authentication_required: 407,
	client_limit_reached: 429,
	command_unsupported: 501,
	address_type_unsupported: 400,
	handshake_timeout: 408,
	handshake_malformed: 400,
	hop_unavailable: 503,
};

test('each cause has its SOCKS5 reply', (t) => {
	t.is(Object.values(SOCKS5).flat().length, CODES.length);
	for (const [rep, codes] of Object.entries(SOCKS5)) {
		for (const code of codes) t.is(socks5ReplyOf(code), Number(rep), code);
	}
});

test('each cause has the HTTP status that RFC 9209 recommends, or one that clients act upon', (t) => {
	const recommended = new Map(
		Object.entries(RFC_9209).flatMap(([status, codes]) => codes.map((code) => [code, Number(status)] as const)),
	);
	for (const code of CODES) t.is(httpStatusOf(code), OWN_STATUS[code] ?? recommended.get(code) ?? 0, code);
});

test('SOCKS4 says 93 where the user is at issue and 91 for all else', (t) => {
	for (const code of CODES) t.is(socks4ReplyOf(code), code === 'authentication_required' ? 93 : 91);
});

test('a hop\u2019s SOCKS4 refusal is about the target only when it does not name identd', (t) => {
	t.is(codeOfSocks4Reply(91), 'destination_unavailable');
	for (const cd of [0, 1, 89, 92, 93, 94, 255]) t.is(codeOfSocks4Reply(cd), 'hop_unavailable');
});

test('a cause survives a chain of gateways by Proxy-Status', (t) => {
	for (const code of CODES) {
		if (code === 'authentication_required') continue;
		t.is(codeOfHttpStatus(httpStatusOf(code), `bauta; error=${code}`), code);
		t.is(codeOfHttpStatus(httpStatusOf(code), `other;received-status=1;  error=${code}; details="x"`), code);
	}
});

test('a hop that wants credentials is not a client that lacks them', (t) => {
	t.is(codeOfHttpStatus(407, null), 'hop_unavailable');
	t.is(codeOfHttpStatus(407, 'bauta; error=authentication_required'), 'hop_unavailable');
	t.is(codeOfHttpStatus(502, 'bauta; error=authentication_required'), 'hop_unavailable');
});

test('a status without a known cause is read by itself', (t) => {
	const causes = [
		[403, 'http_request_denied'],
		[404, 'destination_not_found'],
		[408, 'connection_timeout'],
		[429, 'connection_limit_reached'],
		[502, 'connection_refused'],
		[503, 'destination_unavailable'],
		[504, 'connection_timeout'],
	] as const;
	for (const [status, code] of causes) {
		for (const field of [
			null,
			'',
			'bauta',
			'bauta; error=no_such_word',
			'bauta; xerror=dns_error',
			'error=dns_error',
		]) {
			t.is(codeOfHttpStatus(status, field), code, `${status} ${field}`);
		}
	}
	for (const status of [100, 199, 204, 301, 400, 401, 405, 407, 418, 500, 501, 999]) {
		t.is(codeOfHttpStatus(status, null), 'hop_unavailable', `${status}`);
	}
});

test('an endless Proxy-Status is read in one pass', (t) => {
	const fields = [
		'; '.repeat(30_000),
		`;${' '.repeat(60_000)}`,
		'; error='.repeat(8_000),
		`; error=${'a'.repeat(60_000)}`,
	];
	for (const field of fields) t.is(codeOfHttpStatus(502, field), 'connection_refused');
});

test('the target\u2019s trouble is final and the hop\u2019s own is not', (t) => {
	for (const rep of [3, 4, 5, 6, 0xf0, 0xf1, 0xf2, 0xf3, 0xf6, 0xf7]) {
		t.deepEqual(hopRefusal(codeOfSocks5Reply(rep)), { side: 'target', phase: 'hop', retry: 'no' });
	}
	for (const rep of [1, 2, 7, 8, 9, 0xf4, 0xf5, 0xf8]) {
		t.deepEqual(hopRefusal(codeOfSocks5Reply(rep)), { side: 'hop', phase: 'hop', retry: 'next', unclear: true });
	}
});
