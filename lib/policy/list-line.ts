// One line of a list, in any of the forms that lists on the web have; each line is read by itself, so forms may be mixed.
//
//   example.com   .example.com   *.example.com     the name and all below it
//   =example.com   |example.com^                   the name alone
//   0.0.0.0 ads.example.com trk.example.com        hosts(5): each name alone; the address means nothing
//   ||example.com^                                 AdGuard and Adblock Plus: the name and all below it
//   ||example.com^$important   $all                the same
//   192.0.2.0/24   2001:db8::1   ||192.0.2.1^      an address, or a prefix
//   /^ads?\d+\./                                   an expression that is looked for in names (pattern.ts)
//   @@                                             before any of these but hosts(5): an exception
//   # ! ;                                          a comment: the whole line, or behind white space
//
// Names may be in Unicode, in upper case, and end in a dot. Other filters of Adblock Plus (`##`, options, parts of URLs) are
// about what a page shows, which a proxy of names does not see: such lines are told apart from those that are nothing.
import { domainToASCII } from 'node:url';
import { targetOfHost } from '../core/target.ts';
import { isPackable } from './name-packing.ts';
import { type Pattern, parsePattern } from './pattern.ts';
import { type Prefix, parsePrefix } from './prefix.ts';

/** What takes the entries of lines. `except`: what is meant is not in the list, whatever else says so. */
export interface EntrySink {
	/** `name` is canonical and packable; `exact`: not the names under it. */
	name(name: string, exact: boolean, except: boolean): void;
	prefix(prefix: Prefix, except: boolean): void;
	/** Returns what is wrong with it as text, or null. */
	pattern(pattern: Pattern, except: boolean): string | null;
}

/** `none`: empty or a comment. `other`: a filter, of a kind that names have no part in. `bad`: nothing at all. */
export type LineKind = 'entry' | 'none' | 'other' | 'bad';

const PLAIN = /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})+$/;

/** `hosts` files have these of the machine itself; no list means them. */
const OF_THE_MACHINE: ReadonlySet<string> = new Set(['localhost.localdomain', '0.0.0.0']);

/** Reads a line, its end taken off. */
export function readLine(text: string, sink: EntrySink): LineKind {
	// Nearly every line of nearly every list is one of two.
	if (PLAIN.test(text) && isNoNumber(text)) return entryOf(text, false, false, sink);
	const line = withoutComment(text);
	if (line === '' || line.startsWith('[Adblock')) return 'none';
	if (line.startsWith('@@')) return readEntry(line.slice(2), true, sink);
	return /\s/.test(line) ? readHosts(line, sink) : readEntry(line, false, sink);
}

function withoutComment(text: string): string {
	const line = text.trim();
	if (/^[#!;]/.test(line)) return '';
	const comment = /\s[#;]/.exec(line);
	return comment ? line.slice(0, comment.index).trimEnd() : line;
}

function readEntry(line: string, except: boolean, sink: EntrySink): LineKind {
	if (/[\s\0<]/.test(line)) return 'bad';
	if (line.startsWith('/')) return readPattern(line, except, sink);
	if (line.startsWith('|')) return readAnchored(line, except, sink);
	const exact = line.startsWith('=');
	const below = /^\*?\./.exec(line);
	const rest = exact ? line.slice(1) : below ? line.slice(below[0].length) : line;
	// A word alone is prose more often than a top-level domain.
	if (!exact && !below && !except && !/[.:/]./.test(rest)) return isFilter(rest) ? 'other' : 'bad';
	return readHost(rest, exact, except, sink);
}

/** `||host^` and `|host^`; what is behind the `^` may say that it is meant, and nothing else. */
function readAnchored(line: string, except: boolean, sink: EntrySink): LineKind {
	const match = /^(\|\|?)([^|^$*/]+)\^\|?(?:\$(?:important|all))?$/.exec(line);
	return match ? readHost(match[2] as string, match[1] === '|', except, sink) : 'other';
}

function readHost(text: string, exact: boolean, except: boolean, sink: EntrySink): LineKind {
	if (/^[0-9a-f.:/]+$/i.test(text)) {
		const prefix = parsePrefix(text);
		if (typeof prefix !== 'string') {
			sink.prefix(prefix, except);
			return 'entry';
		}
		if (text.includes('/')) return 'bad';
	}
	const name = nameOf(text);
	if (name !== null) return entryOf(name, exact, except, sink);
	return isFilter(text) ? 'other' : 'bad';
}

function entryOf(name: string, exact: boolean, except: boolean, sink: EntrySink): LineKind {
	sink.name(name, exact, except);
	return 'entry';
}

/** Canonical, or null for what can be nobody's name. */
function nameOf(text: string): string | null {
	const ascii = /[^\0-\x7f]/.test(text) ? domainToASCII(text) : text;
	const target = ascii === '' ? null : targetOfHost(ascii, 1);
	return target !== null && target.ip === null && isPackable(target.host) ? target.host : null;
}

/** A last label that a resolver would take for a number makes it an address or nothing. */
function isNoNumber(name: string): boolean {
	const last = name.charCodeAt(name.length - 1);
	return (last >= 0x61 || last === 0x2d || last === 0x5f) && !/\.0x[0-9a-f]*$/.test(name) && name.length <= 253;
}

/** Marks that stand in filters for URLs and pages, and not in names. */
function isFilter(text: string): boolean {
	return /[#$^*|=&?%/~,]/.test(text) || /^[-._]/.test(text);
}

function readPattern(line: string, except: boolean, sink: EntrySink): LineKind {
	if (line.length < 3 || !line.endsWith('/')) return 'other';
	const pattern = parsePattern(line.slice(1, -1), { fold: true });
	return typeof pattern === 'string' || sink.pattern(pattern, except) !== null ? 'bad' : 'entry';
}

/** hosts(5). A line of prose does not begin with an address. */
function readHosts(line: string, sink: EntrySink): LineKind {
	const [address, ...words] = line.split(/\s+/) as [string, ...string[]];
	if (typeof parsePrefix(address.replace(/%.*$/, '')) === 'string') return isFilter(address) ? 'other' : 'bad';
	const names = words.filter((word) => !OF_THE_MACHINE.has(word)).map(nameOf);
	if (names.includes(null)) return 'bad';
	let kind: LineKind = 'none';
	for (const name of names) {
		if (name === null || !name.includes('.')) continue;
		kind = entryOf(name, true, false, sink);
	}
	return kind;
}
