import test from 'ava';
import { ambiguity, messageEnd } from '../../lib/judge/framing.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

const REQUESTS: readonly (readonly [what: string, text: string])[] = [
	['no body', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
	['a length', 'POST / HTTP/1.1\r\ncontent-length:  3\r\n\r\nabc'],
	['chunks', 'POST / HTTP/1.1\r\nTransfer-Encoding:chunked\r\n\r\n00A;x="y"\r\n0123456789\r\n0\r\n\r\n'],
	['chunks and trailers', 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0;e\r\nX: 1\r\nY: 2\r\n\r\n'],
];

const REPLIES: readonly (readonly [what: string, text: string, toHead?: boolean])[] = [
	['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'],
	['no content', 'HTTP/1.1 204 No Content\r\n\r\n'],
	['not modified', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n'],
	['a reply to HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n', true],
	['a switch', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
	['a hint before it', 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'],
];

test('a message ends where it says, and not one byte before', (t) => {
	for (const [what, text] of REQUESTS) ends(what, text, { reply: false });
	for (const [what, text, toHead = false] of REPLIES) ends(what, text, { reply: true, toHead });

	function ends(what: string, text: string, kind: Parameters<typeof messageEnd>[1]): void {
		for (let cut = 0; cut < text.length; cut++)
			t.is(messageEnd(bytes(text.slice(0, cut)), kind), null, `${what}, ${cut} bytes`);
		t.is(messageEnd(bytes(`${text}GET`), kind), text.length, what);
	}
});

test('a reply without a length goes on until the close', (t) =>
	t.is(messageEnd(bytes('HTTP/1.1 200 OK\r\n\r\nabc'), { reply: true, toHead: false }), 'close'));

test('what can be read in one way is not ambiguous, cut short or several on a connection', (t) => {
	const all = REQUESTS.map(([, text]) => text.replace('HTTP/1.1\r\n', 'HTTP/1.1\r\nX-A: b c\r\n')).join('');
	for (let cut = 0; cut <= all.length; cut++) t.is(ambiguity(bytes(all.slice(0, cut))), null, `${cut} bytes`);
});

const HEAD = 'POST / HTTP/1.1\r\nHost: a\r\n';
const CHUNKED = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`;

const AMBIGUOUS: readonly (readonly [text: string, why: RegExp])[] = [
	[`${HEAD}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`, /beside/],
	[`${HEAD}Content-Length: 1\r\ncontent-length: 2\r\n\r\n`, /Content-Length/],
	[`${HEAD}Content-Length: +1\r\n\r\n`, /Content-Length/],
	[`${HEAD}Content-Length: \r\n\r\n`, /Content-Length/],
	[`${HEAD}Content-Length: 1, 1\r\n\r\n`, /Content-Length/],
	[`${HEAD}Transfer-Encoding: chunked, identity\r\n\r\n`, /other than chunked/],
	[`${HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`, /other than chunked/],
	['POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n', /HTTP\/1.0/],
	[`${HEAD}X : 1\r\n\r\n`, /name/],
	[`${HEAD}X\r\n\r\n`, /name/],
	[`${HEAD}X: 1\r\n Y: 2\r\n\r\n`, /folded/],
	[`${HEAD}X: 1\nY: 2\r\n\r\n`, /bare/],
	[`${HEAD}X: 1\rY: 2\r\n\r\n`, /bare/],
	[`${HEAD}X: \0\r\n\r\n`, /bare/],
	[`${HEAD}host: b\r\n\r\n`, /Host/],
	['GET / HTTP/1.1\r\nHost: a, b\r\n\r\n', /Host/],
	['GET / x HTTP/1.1\r\n\r\n', /request line/],
	['GET / HTTP/1.2\r\n\r\n', /request line/],
	[`${CHUNKED}+1\r\na\r\n0\r\n\r\n`, /chunk size/],
	[`${CHUNKED}0x1\r\na\r\n0\r\n\r\n`, /chunk size/],
	[`${CHUNKED}1\na\r\n0\r\n\r\n`, /chunk size/],
	[`${CHUNKED}10000000000000001\r\na`, /chunk size/],
	[`${CHUNKED}2;\nxx\r\n`, /chunk size/],
	[`${CHUNKED}1\r\nabc\r\n0\r\n\r\n`, /longer/],
	[`${CHUNKED}1\r\na\r\n0\r\n\r\nGET  / HTTP/1.1\r\n\r\n`, /request line/],
];

for (const [text, why] of AMBIGUOUS) {
	test(`${JSON.stringify(text)} can be read in two ways`, (t) => t.regex(ambiguity(bytes(text)) ?? 'in one', why));
}
