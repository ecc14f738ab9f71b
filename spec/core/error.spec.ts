import test from 'ava';
import { asGatewayError, CODES, codeOfErrno, GatewayError } from '../../lib/core/error.ts';

test('an error says its code and nothing else', (t) => {
	for (const code of CODES) t.is(new GatewayError(code, { note: 'a note', hop: 'tag' }).message, code);
});

test('codes are told apart', (t) => t.is(new Set(CODES).size, CODES.length));

test('an error is the gateway\u2019s own, of the handshake and final unless said otherwise', (t) => {
	const error = new GatewayError('dns_error');
	t.is(error.side, 'gateway');
	t.is(error.phase, 'handshake');
	t.is(error.retry, 'no');
	t.is(error.name, 'GatewayError');
	t.is(error.hop, undefined);
	t.is(error.retryAfterMs, undefined);
	t.is(error.note, undefined);
	t.false('cause' in error);
});

test('an error keeps what it was told', (t) => {
	const cause = new Error('below');
	const details = { side: 'hop', phase: 'hop', retry: 'next', hop: 'h', retryAfterMs: 5, note: 'n', cause } as const;
	t.like(new GatewayError('client_limit_reached', details), details);
});

test('an error has no stack frames, and errors made after it do', (t) => {
	t.notRegex(new GatewayError('dns_error').stack ?? '', /\n\s+at /);
	t.regex(new Error('a bug').stack ?? '', /\n\s+at /);
});

test('a thrown GatewayError stays itself and everything else becomes a bug with its cause', (t) => {
	const own = new GatewayError('dns_error', { side: 'target' });
	t.is(asGatewayError(own, { side: 'hop' }), own);
	for (const thrown of [new TypeError('secret'), 'text', undefined, null, { code: 'dns_error' }]) {
		const error = asGatewayError(thrown, { side: 'hop', phase: 'connect' });
		t.is(error.code, 'proxy_internal_error');
		t.is(error.side, 'hop');
		t.is(error.message, 'proxy_internal_error');
		t.is(error.cause, thrown);
	}
});

test('what connect(2) can say of the other end has a code of its own', (t) => {
	const codes = {
		ECONNREFUSED: 'connection_refused',
		ECONNRESET: 'connection_terminated',
		EPIPE: 'connection_terminated',
		ECONNABORTED: 'connection_terminated',
		ETIMEDOUT: 'connection_timeout',
		ENETUNREACH: 'destination_ip_unroutable',
		ENETDOWN: 'destination_ip_unroutable',
		EADDRNOTAVAIL: 'destination_ip_unroutable',
		EAFNOSUPPORT: 'destination_ip_unroutable',
		EHOSTUNREACH: 'destination_unavailable',
		EHOSTDOWN: 'destination_unavailable',
		EMFILE: 'connection_limit_reached',
		ENFILE: 'connection_limit_reached',
		ENOBUFS: 'connection_limit_reached',
		ENOMEM: 'connection_limit_reached',
		EACCES: 'destination_ip_prohibited',
		EPERM: 'destination_ip_prohibited',
	} as const;
	for (const [errno, code] of Object.entries(codes)) t.is(codeOfErrno(errno), code, errno);
	for (const errno of [undefined, '', 'ENOENT', 'toString']) t.is(codeOfErrno(errno), 'proxy_internal_error');
});
