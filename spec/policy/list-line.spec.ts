import test from 'ava';
import fc from 'fast-check';
import { formatIp } from '../../lib/core/ip.ts';
import { type EntrySink, type LineKind, readLine } from '../../lib/policy/list-line.ts';

/** What a line says, in words: `=` for a name alone, `@@` for an exception. */
function said(line: string): string {
	const entries: string[] = [];
	const mark = (except: boolean): string => (except ? '@@' : '');
	const sink: EntrySink = {
		name: (name, exact, except) => entries.push(`${mark(except)}${exact ? '=' : ''}${name}`),
		prefix: ({ ip, bits }, except) => entries.push(`${mark(except)}${formatIp(ip)}/${bits}`),
		pattern: ({ source }, except) => {
			entries.push(`${mark(except)}/${source}/`);
			return null;
		},
	};
	const kind: LineKind = readLine(line, sink);
	return kind === 'entry' ? entries.join(' ') : kind;
}

const LINES: readonly (readonly [line: string, says: string])[] = [
	// plain
	['example.com', 'example.com'],
	['Ads.EXAMPLE.com.', 'ads.example.com'],
	['  example.com\t', 'example.com'],
	['example.com # why', 'example.com'],
	['example.com ; why', 'example.com'],
	['.example.com', 'example.com'],
	['*.example.com', 'example.com'],
	['*.zip', 'zip'],
	['=example.com', '=example.com'],
	['_dmarc.a-b.example.com', '_dmarc.a-b.example.com'],
	['bücher.example', 'xn--bcher-kva.example'],
	['xn--bcher-kva.example', 'xn--bcher-kva.example'],
	['пример.рф', 'xn--e1afmkfd.xn--p1ai'],
	['1.example.com', '1.example.com'],
	['example.co1', 'example.co1'],
	// addresses
	['192.0.2.1', '192.0.2.1/32'],
	['192.0.2.0/24', '192.0.2.0/24'],
	['192.0.2.0/24 ; SBL1', '192.0.2.0/24'],
	['2001:db8::/32', '2001:db8::/32'],
	['@@192.0.2.7', '@@192.0.2.7/32'],
	['||192.0.2.1^', '192.0.2.1/32'],
	['192.0.2.1/24', 'bad'],
	['192.0.2', 'bad'],
	['1.2.3.4.5', 'bad'],
	// hosts(5)
	['0.0.0.0 ads.example.com', '=ads.example.com'],
	['127.0.0.1\tads.example.com  Trk.example.com # two', '=ads.example.com =trk.example.com'],
	['::1 ads.example.com', '=ads.example.com'],
	['fe80::1%lo0 localhost', 'none'],
	['127.0.0.1 localhost localhost.localdomain', 'none'],
	['255.255.255.255 broadcasthost', 'none'],
	['0.0.0.0 0.0.0.0', 'none'],
	['0.0.0.0 a..b', 'bad'],
	['0.0.0.0 ads.example.com <b>', 'bad'],
	// AdGuard and Adblock Plus
	['||ads.example.com^', 'ads.example.com'],
	['||ads.example.com^|', 'ads.example.com'],
	['||ads.example.com^$important', 'ads.example.com'],
	['||ads.example.com^$all', 'ads.example.com'],
	['||zip^', 'zip'],
	['|ads.example.com^', '=ads.example.com'],
	['@@||good.example.com^', '@@good.example.com'],
	['@@|good.example.com^', '@@=good.example.com'],
	['@@good.example.com', '@@good.example.com'],
	['@@=good.example.com', '@@=good.example.com'],
	['/^ads?[0-9]+\\./', '/^ads?[0-9]+\\./'],
	['@@/^good/', '@@/^good/'],
	['||ads.example.com^$third-party', 'other'],
	['||ads.example.com^$dnsrewrite=192.0.2.1', 'other'],
	['||ads.example.com', 'other'],
	['||ads.*.com^', 'other'],
	['||example.com/ads/', 'other'],
	['example.com##.ad', 'other'],
	['example.com#@#.ad', 'other'],
	['-ad-banner.', 'other'],
	['/banner/*/img^', 'other'],
	['&ad_type=', 'other'],
	['example.com$image', 'other'],
	['http://example.com/x', 'other'],
	['/ads/$script', 'other'],
	// nothing
	['', 'none'],
	['   ', 'none'],
	['# comment', 'none'],
	['! Title: list', 'none'],
	['; comment', 'none'],
	['[Adblock Plus 2.0]', 'none'],
	['word', 'bad'],
	['two words', 'bad'],
	['<html>', 'bad'],
	['<a href="example.com">', 'bad'],
	['example..com', 'bad'],
	[`${'a'.repeat(64)}.com`, 'bad'],
	['a.b.0x7f', 'bad'],
	['\0\x01\x02', 'bad'],
	['/(/', 'bad'],
	['/(?=a)/', 'bad'],
	[`${'a.'.repeat(130)}com`, 'bad'],
];

for (const [line, says] of LINES) {
	test(`${JSON.stringify(line.slice(0, 60))} is ${says}`, (t) => {
		t.is(said(line), says);
	});
}

test('any text is one thing, and what it names is a name', (t) => {
	fc.assert(
		fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (line) => {
			for (const name of said(line).split(' ')) t.true(name.length <= 520);
		}),
	);
	fc.assert(
		fc.property(fc.stringMatching(/^[-a-z0-9.*|^@/=# $_]{0,30}$/), (line) => {
			const words = said(line);
			if (!/^(none|other|bad)$/.test(words) && !words.includes('/')) t.regex(words, /^((@@)?=?[-a-z0-9._]+ ?)+$/, line);
		}),
	);
});
