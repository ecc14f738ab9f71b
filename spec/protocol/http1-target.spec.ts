import test from 'ava';
import { GatewayError } from '../../lib/core/error.ts';
import type { RequestHead } from '../../lib/protocol/http1-head.ts';
import { readRequestHead } from '../../lib/protocol/http1-head.ts';
import { METHOD_REFUSED, type RequestTarget, readRequestTarget } from '../../lib/protocol/http1-target.ts';

function read(requestLine: string, ...fieldLines: readonly string[]): RequestTarget | GatewayError {
	const text = [`${requestLine} HTTP/1.1`, ...fieldLines, '', ''].join('\r\n');
	return readRequestTarget(readRequestHead(Buffer.from(text, 'latin1')) as RequestHead);
}

/** Host, port, path and Host to send, of an absolute-form. */
function absolute(requestLine: string, host = 'h'): unknown {
	const asked = read(requestLine, `Host: ${host}`);
	if (asked instanceof GatewayError) return asked.note;
	if (asked.form !== 'absolute') return asked.form;
	return [asked.target.host, asked.target.port, asked.path, asked.authority];
}

const ABSOLUTE: readonly (readonly [line: string, host: string, read: unknown])[] = [
	// [request line, Host as sent, [host, port, path, Host to send]]
	['GET http://example.com/', 'example.com', ['example.com', 80, '/', 'example.com']],
	['GET http://example.com', 'example.com', ['example.com', 80, '/', 'example.com']],
	['GET http://example.com/a/b?c=d&e', 'example.com', ['example.com', 80, '/a/b?c=d&e', 'example.com']],
	['GET http://example.com?a=/b', 'example.com', ['example.com', 80, '/?a=/b', 'example.com']],
	['GET http://example.com//a//b', 'example.com', ['example.com', 80, '//a//b', 'example.com']],
	['GET http://example.com/?u=http://x/', 'example.com', ['example.com', 80, '/?u=http://x/', 'example.com']],
	['GET http://example.com:8080/', 'example.com:8080', ['example.com', 8080, '/', 'example.com:8080']],
	['GET HTTP://example.com/', 'example.com', ['example.com', 80, '/', 'example.com']],
	['OPTIONS http://example.com', 'example.com', ['example.com', 80, '*', 'example.com']],
	['OPTIONS http://example.com/', 'example.com', ['example.com', 80, '/', 'example.com']],
	['OPTIONS http://example.com?a', 'example.com', ['example.com', 80, '/?a', 'example.com']],
	// A default port is not what a client writes into Host; it stays when the client wrote it there.
	['GET http://example.com:80/', 'example.com', ['example.com', 80, '/', 'example.com']],
	['GET http://example.com/', 'example.com:80', ['example.com', 80, '/', 'example.com:80']],
	['GET http://example.com:80/', 'other.example', ['example.com', 80, '/', 'example.com']],
	['GET http://example.com:0080/', 'other.example', ['example.com', 80, '/', 'example.com']],
	// What agrees stays as the client wrote it.
	['GET http://EXAMPLE.com/', 'Example.com', ['example.com', 80, '/', 'Example.com']],
	['GET http://example.com./', 'example.com', ['example.com', 80, '/', 'example.com']],
	['GET http://example.com./', 'example.com.', ['example.com', 80, '/', 'example.com.']],
	// The target wins over Host (RFC 9112 section 3.2.2).
	['GET http://example.com/', 'evil.example', ['example.com', 80, '/', 'example.com']],
	['GET http://example.com:8080/', 'example.com', ['example.com', 8080, '/', 'example.com:8080']],
	['GET http://example.com/', 'example.com:8080', ['example.com', 80, '/', 'example.com']],
	['GET http://Example.COM/', 'evil.example', ['example.com', 80, '/', 'Example.COM']],
	['GET http://example.com/', '', ['example.com', 80, '/', 'example.com']],
	// Addresses, in every spelling.
	['GET http://127.0.0.1:81/', '127.0.0.1:81', ['127.0.0.1', 81, '/', '127.0.0.1:81']],
	['GET http://0x7f.1/', '0x7f.1', ['127.0.0.1', 80, '/', '0x7f.1']],
	['GET http://2130706433/', 'x', ['127.0.0.1', 80, '/', '2130706433']],
	['GET http://[::1]/', '[::1]', ['::1', 80, '/', '[::1]']],
	['GET http://[::1]:80/', '[::1]', ['::1', 80, '/', '[::1]']],
	['GET http://[::1]:8080/x', '[::1]:8080', ['::1', 8080, '/x', '[::1]:8080']],
	['GET http://[::ffff:10.0.0.1]/', 'x', ['10.0.0.1', 80, '/', '[::ffff:10.0.0.1]']],
	['GET http://a:65535/', 'x', ['a', 65535, '/', 'a:65535']],
];

for (const [line, host, expected] of ABSOLUTE) {
	test(`${line} with Host: ${host}`, (t) => t.deepEqual(absolute(line, host), expected));
}

const REFUSED: Readonly<Record<string, string>> = {
	userinfo: 'GET http://user@example.com/',
	'userinfo with a password': 'GET http://user:pass@example.com/',
	'userinfo before a port': 'GET http://a:80@example.com/',
	'a fragment': 'GET http://example.com/#a',
	'a fragment right behind the authority': 'GET http://example.com#@evil.example/',
	'a fragment in origin-form': 'GET /#a',
	https: 'GET https://example.com/',
	'another scheme': 'GET ftp://example.com/',
	ws: 'GET ws://example.com/',
	'no scheme': 'GET example.com/',
	'a host alone': 'GET example.com',
	'authority-form without CONNECT': 'GET example.com:80',
	'a scheme with one slash': 'GET http:/example.com/',
	'no authority': 'GET http:///',
	'nothing behind the scheme': 'GET http://',
	'a port alone': 'GET http://:80/',
	'an empty port': 'GET http://example.com:/',
	'port 0': 'GET http://example.com:0/',
	'a port over 65535': 'GET http://example.com:65536/',
	'a port of six digits': 'GET http://example.com:000080/',
	'a port with a sign': 'GET http://example.com:+80/',
	'a port in hex': 'GET http://example.com:0x50/',
	'two ports': 'GET http://example.com:80:81/',
	'IPv6 without brackets': 'GET http://::1/',
	'an open bracket': 'GET http://[::1/',
	'something behind a bracket': 'GET http://[::1]a/',
	'a zone': 'GET http://[fe80::1%eth0]/',
	'brackets around a name': 'GET http://[example.com]/',
	'a percent-encoded host': 'GET http://ex%61mple.com/',
	'a backslash in the authority': 'GET http://example.com\\@evil.example/',
	'an empty label': 'GET http://example..com/',
	'a name that ends in a number': 'GET http://example.1a.0x1g.7/',
	'an asterisk without OPTIONS': 'GET *',
	'an asterisk and more': 'OPTIONS */',
};

for (const [what, line] of Object.entries(REFUSED)) {
	test(`${what} is refused: ${line}`, (t) => {
		const asked = read(line, 'Host: example.com');
		t.true(asked instanceof GatewayError && asked.code === 'http_request_error' && asked.side === 'client');
	});
}

test('CONNECT wants host and port', (t) => {
	const targets: Readonly<Record<string, readonly [string, number] | null>> = {
		'example.com:443': ['example.com', 443],
		'EXAMPLE.com.:1': ['example.com', 1],
		'[2001:db8::1]:65535': ['2001:db8::1', 65535],
		'127.1:80': ['127.0.0.1', 80],
		'example.com': null,
		'example.com:': null,
		'example.com:0': null,
		'example.com:65536': null,
		'example.com:443/': null,
		'example.com:443#': null,
		'example.com:443?a': null,
		'user@example.com:443': null,
		'http://example.com:443': null,
		'http://example.com/': null,
		'2001:db8::1:443': null,
		'[2001:db8::1]': null,
		':443': null,
		'/': null,
		'*': null,
	};
	for (const [text, expected] of Object.entries(targets)) {
		const asked = read(`CONNECT ${text}`, 'Host: other.example');
		if (expected === null) t.true(asked instanceof GatewayError, text);
		else if (asked instanceof GatewayError || asked.form !== 'authority') t.fail(text);
		else t.deepEqual([asked.target.host, asked.target.port], [...expected]);
	}
});

test('origin-form and asterisk are told to the caller, who is no origin', (t) => {
	t.deepEqual(read('GET /a?b', 'Host: h'), { form: 'origin', path: '/a?b' });
	t.deepEqual(read('GET //evil.example/', 'Host: h'), { form: 'origin', path: '//evil.example/' });
	t.deepEqual(read('OPTIONS *', 'Host: h'), { form: 'asterisk' });
});

test('TRACE is refused in every form, with a note that makes it 405', (t) => {
	for (const target of ['http://example.com/', '/', '*', 'example.com:80']) {
		const asked = read(`TRACE ${target}`, 'Host: example.com');
		t.true(asked instanceof GatewayError && asked.code === 'http_request_denied' && asked.note === METHOD_REFUSED);
	}
});

test('more than one Host is refused, equal ones too, with CONNECT too', (t) => {
	t.true(read('GET http://a/', 'Host: a', 'Host: b') instanceof GatewayError);
	t.true(read('GET http://a/', 'Host: a', 'hOsT: a') instanceof GatewayError);
	t.true(read('CONNECT a:443', 'Host: a:443', 'Host: a:443') instanceof GatewayError);
});

test('HTTP/1.1 without Host is refused but for CONNECT; HTTP/1.0 gets one from its target', (t) => {
	t.true(read('GET http://a/') instanceof GatewayError);
	t.false(read('CONNECT a:443') instanceof GatewayError);
	const head = readRequestHead(Buffer.from('GET http://a:81/ HTTP/1.0\r\n\r\n')) as RequestHead;
	const asked = readRequestTarget(head);
	t.is(!(asked instanceof GatewayError) && asked.form === 'absolute' && asked.authority, 'a:81');
});

test('a Host that is no host is refused, whatever the target', (t) => {
	for (const host of ['a b', 'a/b', 'user@a', 'a:b', 'a:0', 'a:80, b:80', 'http://a', '[a]', 'a#b', 'a\xe9']) {
		t.true(read('GET http://a/', `Host: ${host}`) instanceof GatewayError, host);
	}
});
