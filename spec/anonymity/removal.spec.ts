import test from 'ava';
import { KIND_NAMES, KINDS, type KindName, Removal } from '../../lib/anonymity/removal.ts';
import { trailersToClient } from '../../lib/anonymity/trailers.ts';
import { linesToClient, passed, passedBack, requestHead, responseHead } from '../helpers/heads.ts';

/** What an origin and two hops plant, with a line of each kind in odd case and between lines that nobody takes off. */
const PLANTED: readonly (readonly [kind: KindName | null, line: string])[] = [
	[null, 'Date: Mon, 23 Nov 2026 12:00:00 GMT'],
	['hops', 'via: 1.1 cache.example'],
	['hops', 'X-Cache: HIT from cache.example'],
	['hops', 'X-Forwarded-For:192.0.2.1'],
	['hops', 'Proxy-Status: cdn; error=dns_timeout'],
	[null, 'Server:  x '],
	['alternatives', 'ALT-SVC: h3="alt.example:443"; ma=31536000'],
	['validators', 'ETag: "client-7"'],
	['validators', 'last-modified: Tue, 01 Jan 2019 00:00:07 GMT'],
	['cookies', 'Set-Cookie: id=7'],
	['cookies', 'set-cookie: again=7; Max-Age=31536000'],
	['refresh', 'Refresh: 5; url=/?id=7'],
	['pins', 'Strict-Transport-Security: max-age=31536000'],
	['reports', 'Report-To: {"endpoints":[{"url":"https://r.example/7"}]}'],
	['reports', 'NEL: {"report_to":"x"}'],
	['hints', 'Accept-CH: Sec-CH-UA-Model'],
	['hints', 'Link: <https://p.example>; rel=preconnect'],
	[null, 'Link: </next>; rel="next", </a,b.css>; rel="stylesheet"'],
	[null, 'Cache-Control: max-age=60'],
	[null, 'content-length: 0'],
];

const lines = (without: readonly KindName[]): string[] =>
	PLANTED.filter(([kind]) => kind === null || !without.includes(kind)).map(([, line]) => line);

for (const kind of KIND_NAMES) {
	test(`${kind} go, and every other byte stays where it was`, (t) => {
		t.not(lines([kind]).length, lines([]).length);
		t.deepEqual(passedBack(lines([]), { removal: new Removal([kind]) }), lines([kind]));
	});
}

test('all kinds together leave what belongs to none, and no kind leaves everything', (t) => {
	t.deepEqual(passedBack(lines([]), { removal: new Removal(KIND_NAMES) }), lines(KIND_NAMES));
	t.deepEqual(passedBack(lines([]), { removal: new Removal([]) }), lines([]));
});

test('every name of a kind is in lower case and named once', (t) => {
	const names = KIND_NAMES.flatMap((kind) => KINDS[kind].response);
	t.is(new Set(names).size, names.length);
	for (const name of names) t.is(name, name.toLowerCase());
});

test('interim heads and trailers are no way around it', (t) => {
	const removal = new Removal(['hints', 'validators', 'hops']);
	const early = responseHead('HTTP/1.1 103 Early Hints', 'Link: </a>; rel=preload', 'Link: </b>; rel=next');
	t.deepEqual(linesToClient(early, { removal }), ['HTTP/1.1 103 Early Hints', 'Link: </b>; rel=next']);
	const trailers = requestHead('POST / HTTP/1.1', 'ETag: "7"', 'X-Sum: 1', 'Via: 1.1 x');
	t.deepEqual(trailersToClient(trailers.fields, responseHead('HTTP/1.1 200 OK'), removal), ['X-Sum: 1']);
});

test('framing and the word about the connection are as without it', (t) => {
	const removal = new Removal(KIND_NAMES);
	const own = ['Transfer-Encoding: chunked', 'connection:CLOSE'];
	t.deepEqual(passedBack([...own, 'ETag: "1"'], { removal, keepAlive: false }), own);
	const upgrade = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: upgrade'];
	t.deepEqual(linesToClient(responseHead(...upgrade, 'Set-Cookie: a=1'), { removal, upgrade: true }), upgrade);
});

const LINKS: readonly (readonly [value: string, left: string | null])[] = [
	['<https://a.example/>; rel="dns-prefetch"', null],
	['<a>; rel="PreConnect stylesheet"', null],
	['<a;rel=next>; rel=prefetch', null],
	['<a>;rel=prerender,<b>;rel=modulepreload', null],
	['<a,b>; rel=next', '<a,b>; rel=next'],
	['<a>; title="x, y; rel=preload"; rel=next', '<a>; title="x, y; rel=preload"; rel=next'],
	['<a>;  rel=next,<b>; rel=preload , <c,d>; rel=prev', '<a>;  rel=next, <c,d>; rel=prev'],
	['<a>', '<a>'],
	['', ''],
	['"<', '"<'],
];

for (const [value, left] of LINKS) {
	test(`of Link: ${value} is left ${left ?? 'nothing'}`, (t) => {
		const expected = left === null ? [] : [`link:${left}`];
		t.deepEqual(passedBack([`link:${value}`], { removal: new Removal(['hints']) }), expected);
	});
}

// A million of either took minutes when each was looked for to the end again.
for (const opened of ['<', '"\\', '"']) {
	test(`a Link of nothing but ${opened} costs its length and not the square of it`, (t) => {
		const value = opened.repeat(1_000_001);
		const field = { name: 'link', value, line: `Link: ${value}` };
		t.is(new Removal(['hints']).lineToClient(field), field.line);
	});
}

test('a title before the relation does not hide it', (t) => {
	const line = 'Link: <a>; title="x"; rel="preload"';
	t.deepEqual(passedBack([line], { removal: new Removal(['hints']) }), []);
});

test('validators do not come back, and a part is never asked for without the condition it was asked under', (t) => {
	const removal = new Removal(['validators']);
	const conditions = ['If-None-Match: "7"', 'if-modified-since: Tue, 01 Jan 2019 00:00:07 GMT'];
	t.deepEqual(passed(['A: 1', ...conditions, 'B: 2'], { removal }), ['A: 1', 'B: 2']);
	t.deepEqual(passed(['Range: bytes=5-', 'A: 1', 'If-Range: "7"'], { removal }), ['A: 1']);
	t.deepEqual(passed(['Range: bytes=5-', 'A: 1'], { removal }), ['Range: bytes=5-', 'A: 1']);
	const guards = ['If-Match: "7"', 'If-Unmodified-Since: Tue, 01 Jan 2019 00:00:07 GMT'];
	t.deepEqual(passed(guards, { removal }), guards);
	t.deepEqual(passed([...conditions, 'Range: bytes=5-', 'If-Range: "7"'], { removal: new Removal(['cookies']) }), [
		...conditions,
		'Range: bytes=5-',
		'If-Range: "7"',
	]);
});

test('cookies go neither way, credentials stay', (t) => {
	const own = ['Authorization: Basic eDp5', 'A: 1'];
	t.deepEqual(passed([...own, 'cookie: id=7'], { removal: new Removal(['cookies']) }), own);
});
