// Lists that others write, and their expressions: what a list is said to hold is what its lines say, read one by one into plain
// sets; an expression says of any text what V8's own says, and neither is ever long about it.
import { deepStrictEqual } from 'node:assert/strict';
import { parseIp } from '../../../lib/core/ip.ts';
import { targetOfHost } from '../../../lib/core/target.ts';
import { atOnce, compileList, linesOf } from '../../../lib/policy/list.ts';
import { type EntrySink, readLine } from '../../../lib/policy/list-line.ts';
import { type Pattern, parsePattern } from '../../../lib/policy/pattern.ts';
import { PatternSet } from '../../../lib/policy/pattern-set.ts';
import { contains, type Prefix, prefixOf } from '../../../lib/policy/prefix.ts';
import { pick, type Roll } from '../dice.ts';
import type { Subject } from '../subject.ts';

const LISTS = [
	'# hosts\n0.0.0.0 ads.example.com trk.example.com # both\n::1 localhost ip6.example\n127.0.0.1\tx.y.example\r\n',
	'! AdGuard\n||example.com^\n||a.example^$important\n@@||good.example.com^\n|exact.example^\n##.banner\n/^ads?\\d+\\./\n',
	'example.com\n.example.org\n*.example.net\n=www.example.net\nB\u00fccher.example.\n@@a.example.org\n',
	'\ufeff192.0.2.0/24\n2001:db8::/32\n||192.0.2.1^\n@@192.0.2.128/25\n::ffff:0:0/96\n',
].map((text) => Buffer.from(text));

const LIST_WORDS = [
	'\n',
	'\r\n',
	'\r',
	' ',
	'\t',
	'#',
	'!',
	';',
	'@@',
	'||',
	'|',
	'^',
	'$all',
	'$important',
	'=',
	'*.',
	'.',
	'..',
	'/',
	'\0',
	'\xff',
	'0.0.0.0 ',
	'::1 ',
	'a',
	'com',
	'xn--',
	'example.com',
	'/a/',
	'/(a|b)+$/',
	'\xc3\xbc',
	'0x7f.1',
	'255.255.255.255/0',
];

/** The halves of a list as sets that nobody can get wrong. */
class PlainList implements EntrySink {
	readonly names: [name: string, exact: boolean, except: boolean][] = [];
	readonly prefixes: [prefix: Prefix, except: boolean][] = [];
	readonly patterns: [pattern: PatternSet, except: boolean][] = [];

	name(...entry: [string, boolean, boolean]): void {
		this.names.push(entry);
	}

	prefix(...entry: [Prefix, boolean]): void {
		this.prefixes.push(entry);
	}

	pattern(pattern: Pattern, except: boolean): null {
		this.patterns.push([new PatternSet([pattern]), except]);
		return null;
	}

	hasName(name: string, except: boolean): boolean {
		const isListed = ([listed, exact, excepts]: [string, boolean, boolean]): boolean =>
			excepts === except && (listed === name || (!exact && name.endsWith(`.${listed}`)));
		return (
			this.names.some(isListed) || this.patterns.some(([pattern, excepts]) => excepts === except && pattern.test(name))
		);
	}

	hasAddress(text: string, except: boolean): boolean {
		const one = prefixOf(parseIp(text)!);
		return this.prefixes.some(([prefix, excepts]) => excepts === except && contains(prefix, one));
	}
}

const ADDRESSES = ['192.0.2.1', '192.0.2.200', '10.0.0.1', '2001:db8::1', '::1', 'fe80::1'];

const LIST: Subject = {
	name: 'filter-list',
	seeds: LISTS,
	words: LIST_WORDS,
	limitBytes: 12_000,
	start: () => ({
		try(bytes) {
			const list = atOnce(compileList(bytes));
			const plain = new PlainList();
			for (const [, text] of linesOf(bytes)) if (text !== null) readLine(text, plain);
			const some = plain.names.slice(0, 40).map(([name]) => name);
			for (const name of [...some, ...some.flatMap(around), 'www.example.com', 'com']) {
				if (targetOfHost(name, 1)?.kind !== 'name') continue;
				deepStrictEqual(list.hasName(name), plain.hasName(name, false), `of ${name}`);
				deepStrictEqual(list.exceptsName(name), plain.hasName(name, true), `of an exception of ${name}`);
			}
			for (const text of ADDRESSES) {
				deepStrictEqual(list.hasAddress(parseIp(text)!), plain.hasAddress(text, false), `of ${text}`);
				deepStrictEqual(
					list.exceptsAddress(parseIp(text)!),
					plain.hasAddress(text, true),
					`of an exception of ${text}`,
				);
			}
			return Object.values(list.counts)
				.map((count) => Math.min(count, 3))
				.join();
		},
	}),
};

/** Names above, below and beside. */
function around(name: string): string[] {
	return [`x.${name}`, `x${name}`, name.slice(name.indexOf('.') + 1), `${name}x`];
}

const PATTERNS = [
	'^ads?\\d+\\.',
	'(a|b)*c{2,3}$',
	'[^a-z0-9_-]+',
	'(?:x|y.z){1,4}?',
	'\\x41[\\]\\\\-]\\S',
	'a||b',
	'^$',
].map((text) => Buffer.from(text));

const PATTERN_WORDS = [
	'(',
	')',
	'(?:',
	'(?=',
	'(?<a>',
	'|',
	'*',
	'+',
	'?',
	'{2}',
	'{2,}',
	'{0,64}',
	'{,3}',
	'[',
	']',
	'[^',
	'-',
	'^',
	'$',
	'.',
	'\\',
	'\\d',
	'\\W',
	'\\b',
	'\\1',
	'\\x4',
	'\\-',
	'a',
	'Z',
	'0',
	'/',
	'\xe9',
];

/** V8 may go back and try again as often as two to this. */
const TEXT_CHARACTERS = 12;

const PATTERN: Subject = {
	name: 'filter-pattern',
	seeds: PATTERNS,
	words: PATTERN_WORDS,
	limitBytes: 80,
	start: () => ({
		try(bytes, roll) {
			const source = bytes.toString('latin1');
			const fold = roll(2) === 0;
			const pattern = parsePattern(source, { fold });
			if (typeof pattern === 'string') return pattern;
			// Without the flag V8 reads as Annex B of ECMA-262 says, which ours is a part of.
			const theirs = new RegExp(source, fold ? 'i' : '');
			const ours = new PatternSet([pattern]);
			let found = 0;
			for (let i = 0; i < 12; i++) {
				const text = textOf(roll, source);
				if (ours.test(text) !== theirs.test(text))
					throw new Error(`ours says ${ours.test(text)} of ${JSON.stringify(text)}`);
				found += Number(ours.test(text));
			}
			return `${pattern.steps
				.map(({ kind }) => kind[0])
				.join('')
				.slice(0, 12)} ${found > 0}`;
		},
	}),
};

/** Characters of the expression itself, and some others. */
function textOf(roll: Roll, source: string): string {
	const letters = `${source.replace(/[^\x20-\x7e]/g, '')}aZ0.-_`;
	return Array.from({ length: roll(TEXT_CHARACTERS) }, () => pick(roll, letters.split(''))).join('');
}

export const FILTER: readonly Subject[] = [LIST, PATTERN];
