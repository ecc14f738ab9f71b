import test from 'ava';
import { CODES } from '../../lib/core/error.ts';
import {
	codeOfHttpStatus,
	codeOfSocks4Reply,
	codeOfSocks5Reply,
	hopRefusal,
	httpStatusOf,
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

test('a REP that RFC 1928 does not assign is trouble of the hop', (t) => {
	for (let rep = 9; rep < 256; rep++) t.is(codeOfSocks5Reply(rep), 'hop_unavailable');
});

test('SOCKS5 tells the causes apart that RFC 1928 has words for', (t) => {
	t.is(socks5ReplyOf('http_request_denied'), 2);
	t.is(socks5ReplyOf('destination_ip_prohibited'), 2);
	t.is(socks5ReplyOf('client_limit_reached'), 2);
	t.is(socks5ReplyOf('destination_ip_unroutable'), 3);
	t.is(socks5ReplyOf('dns_error'), 4);
	t.is(socks5ReplyOf('destination_unavailable'), 4);
	t.is(socks5ReplyOf('connection_refused'), 5);
	t.is(socks5ReplyOf('connection_terminated'), 5);
	t.is(socks5ReplyOf('connection_timeout'), 6);
	t.is(socks5ReplyOf('command_unsupported'), 7);
	t.is(socks5ReplyOf('address_type_unsupported'), 8);
});

test('HTTP tells the causes apart that clients act upon', (t) => {
	t.is(httpStatusOf('authentication_required'), 407);
	t.is(httpStatusOf('http_request_denied'), 403);
	t.is(httpStatusOf('destination_ip_prohibited'), 403);
	t.is(httpStatusOf('client_limit_reached'), 429);
	t.is(httpStatusOf('connection_refused'), 502);
	t.is(httpStatusOf('connection_terminated'), 502);
	t.is(httpStatusOf('connection_timeout'), 504);
	t.is(httpStatusOf('connection_limit_reached'), 503);
	t.is(httpStatusOf('handshake_malformed'), 400);
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
	for (const rep of [3, 4, 5, 6]) {
		t.deepEqual(hopRefusal(codeOfSocks5Reply(rep)), { side: 'target', phase: 'hop', retry: 'no' });
	}
	for (const rep of [1, 2, 7, 8, 9, 0xf0]) {
		t.deepEqual(hopRefusal(codeOfSocks5Reply(rep)), { side: 'hop', phase: 'hop', retry: 'next' });
	}
});
