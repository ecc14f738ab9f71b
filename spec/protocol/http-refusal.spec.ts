import test from 'ava';
import { CODES, type Code, type ErrorDetails, GatewayError } from '../../lib/core/error.ts';
import { httpStatusOf } from '../../lib/protocol/causes.ts';
import { proxyErrorOf, type RefusalOptions, refusal } from '../../lib/protocol/http-refusal.ts';
import { framingOfResponse } from '../../lib/protocol/http1-body.ts';
import {
	firstValue,
	HEAD_TOO_LARGE,
	LINE_TOO_LONG,
	type ResponseHead,
	readResponseHead,
} from '../../lib/protocol/http1-head.ts';
import { METHOD_REFUSED } from '../../lib/protocol/http1-target.ts';

const GET: RefusalOptions = { method: 'GET' };
const CONNECT: RefusalOptions = { method: 'CONNECT' };

function text(code: Code, options: RefusalOptions, details: ErrorDetails = {}): string {
	return refusal(new GatewayError(code, details), options).toString('latin1');
}

function head(code: Code, options: RefusalOptions, details: ErrorDetails = {}): ResponseHead {
	return readResponseHead(Buffer.from(text(code, options, details), 'latin1')) as ResponseHead;
}

/** RFC 9209 section 2.3, as far as the gateway has the word. */
const RFC_9209: ReadonlySet<string> = new Set([
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
]);

test('a refused CONNECT gets a head and nothing behind it', (t) => {
	t.is(
		text('connection_refused', CONNECT),
		'HTTP/1.1 502 Bad Gateway\r\nProxy-Status: gateway; error=connection_refused\r\n' +
			'Connection: close\r\nContent-Length: 0\r\n\r\n',
	);
});

test('a refused request gets a line for people', (t) => {
	t.is(
		text('connection_refused', GET),
		'HTTP/1.1 502 Bad Gateway\r\nProxy-Status: gateway; error=connection_refused\r\nConnection: close\r\n' +
			'Content-Type: text/plain\r\nContent-Length: 36\r\n\r\n502 Bad Gateway: connection_refused\n',
	);
});

test('407 asks for Basic and keeps the connection when told so', (t) => {
	t.is(
		text('authentication_required', { method: 'GET', keepAlive: true }),
		'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="proxy", charset="UTF-8"\r\n' +
			'Connection: keep-alive\r\nContent-Length: 0\r\n\r\n',
	);
});

for (const code of CODES) {
	test(`${code} is a whole response with its status and a word of RFC 9209 or none`, (t) => {
		for (const method of ['GET', 'HEAD', 'CONNECT', null]) {
			const bytes = refusal(new GatewayError(code), { method });
			const read = readResponseHead(bytes) as ResponseHead;
			t.is(read.status, httpStatusOf(code));
			t.not(read.reason, '');
			t.not(read.reason, 'Error');
			t.deepEqual(framingOfResponse(read, 'GET'), { kind: 'length', bytes: bytes.length - read.length });
			t.is(bytes.length > read.length, method === 'GET' && code !== 'authentication_required');
		}
		const status = firstValue(head(code, GET).fields, 'proxy-status');
		const word = proxyErrorOf(code);
		t.is(status, word === null ? null : `gateway; error=${word}`);
		t.true(word === null || RFC_9209.has(word));
		t.true(!RFC_9209.has(code) || word === code);
	});
}

test('names no software and tells no time', (t) => {
	for (const code of CODES) {
		for (const name of ['server', 'date', 'via', 'x-powered-by']) t.is(firstValue(head(code, GET).fields, name), null);
		t.notRegex(text(code, GET), /bauta|node/i);
	}
});

test('Retry-After is in whole seconds, rounded up, never 0', (t) => {
	const after = (retryAfterMs: number) =>
		firstValue(head('client_limit_reached', CONNECT, { retryAfterMs }).fields, 'retry-after');
	t.deepEqual([0, 1, 1000, 1001, 90_000].map(after), ['1', '1', '1', '2', '90']);
	t.is(firstValue(head('client_limit_reached', CONNECT).fields, 'retry-after'), null);
});

test('a refusal of the request itself has the status that its note stands for', (t) => {
	t.is(head('http_request_error', GET, { note: HEAD_TOO_LARGE }).status, 431);
	t.is(head('http_request_error', GET, { note: LINE_TOO_LONG }).status, 414);
	const trace = head('http_request_denied', GET, { note: METHOD_REFUSED });
	t.is(trace.status, 405);
	t.regex(firstValue(trace.fields, 'allow') ?? '', /\bGET\b/);
	t.is(head('http_request_error', GET, { note: 'toString' }).status, 400);
	t.is(head('http_response_header_section_size', GET, { note: HEAD_TOO_LARGE }).status, 502);
});

test('a note, a hop and a cause stay inside', (t) => {
	const said = text('hop_unavailable', GET, { note: 'a note', hop: 'a-hop', cause: new Error('a cause') });
	t.notRegex(said, /a note|a-hop|a cause/);
});
