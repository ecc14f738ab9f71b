import test from 'ava';
import fc from 'fast-check';
import { basicOf, readProxyCredentials } from '../../lib/protocol/http-credentials.ts';
import { type RequestHead, readRequestHead } from '../../lib/protocol/http1-head.ts';

function read(...values: readonly string[]): unknown {
	const lines = values.map((value) => `Proxy-Authorization: ${value}\r\n`).join('');
	const head = readRequestHead(Buffer.from(`GET / HTTP/1.1\r\n${lines}\r\n`, 'latin1')) as RequestHead;
	return readProxyCredentials(head.fields);
}

function base64(text: string): string {
	return Buffer.from(text, 'latin1').toString('base64');
}

test('no field, and another scheme, show nothing', (t) => {
	t.is(read(), null);
	for (const value of ['Bearer abc', 'Digest username="a"', 'Negotiate abc=', 'Basic', 'Basicdata', '']) {
		t.is(read(value), null, value);
	}
});

test('the example of RFC 7617 section 2 is read', (t) => {
	t.deepEqual(read('Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=='), { user: 'Aladdin', password: 'open sesame' });
});

test('the scheme is read in any letters, with any number of spaces behind it', (t) => {
	for (const scheme of ['basic ', 'BASIC ', 'bAsIc   ']) {
		t.deepEqual(read(scheme + base64('a:b')), { user: 'a', password: 'b' });
	}
});

test('the first colon separates; both sides may be empty', (t) => {
	t.deepEqual(read(`Basic ${base64('a:b:c')}`), { user: 'a', password: 'b:c' });
	t.deepEqual(read(`Basic ${base64(':')}`), { user: '', password: '' });
	t.deepEqual(read(`Basic ${base64('a:')}`), { user: 'a', password: '' });
});

test('UTF-8 is given as the bytes it is', (t) => {
	t.deepEqual(read('Basic dGVzdDoxMjPCow=='), { user: 'test', password: '123\xc2\xa3' });
});

/** What means to be Basic and is not. */
const UNREADABLE: Readonly<Record<string, string>> = {
	'no colon': `Basic ${base64('abc')}`,
	nothing: 'Basic  =',
	'characters that are not base64': 'Basic YTpi!',
	'the alphabet for URLs': 'Basic YTr_-w==',
	'missing padding': 'Basic YTpiYw',
	'too much padding': 'Basic YTpi====',
	'bits behind the end': 'Basic YTpiYx==',
	'a space within': 'Basic YTp iYw==',
	'something behind': 'Basic YTpi, Basic YTpi',
	'a control byte': `Basic ${base64('a:b\n')}`,
	NUL: `Basic ${base64('a\0:b')}`,
	DEL: `Basic ${base64('a:\x7f')}`,
	'514 bytes': `Basic ${base64(`${'a'.repeat(257)}:${'b'.repeat(256)}`)}`,
};

for (const [what, value] of Object.entries(UNREADABLE)) {
	test(`Basic with ${what} is unreadable`, (t) => t.is(read(value), 'unreadable'));
}

test('two fields are unreadable, equal ones too', (t) => {
	t.is(read('Basic YTpi', 'Basic YTpi'), 'unreadable');
	t.is(read('Bearer x', 'Basic YTpi'), 'unreadable');
});

test('what basicOf writes is read as it was', (t) => {
	const text = fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)) });
	const clean = text.map((value) => value.replaceAll('\x7f', '').slice(0, 255));
	const property = fc.property(clean, clean, (name, password) => {
		const user = name.replaceAll(':', '');
		const credentials = read(basicOf(user, password) as string);
		return JSON.stringify(credentials) === JSON.stringify({ user, password });
	});
	t.notThrows(() => fc.assert(property));
});

test('what Basic cannot say is not written', (t) => {
	t.is(basicOf('a:b', 'c'), null);
	t.is(basicOf('\u0100', 'c'), null);
	t.is(basicOf('a', '\u20ac'), null);
	t.is(basicOf('a', 'b:c'), `Basic ${base64('a:b:c')}`);
});
