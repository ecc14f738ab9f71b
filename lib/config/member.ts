// A member of a group as text: in the configuration and as a line of a list. Nothing of the text is ever shown.
import type { ParsedMember } from '../ways.ts';
import type { HopConfig } from './config.ts';
import { parseChain, parseHop } from './upstream.ts';
import type { Parsed } from './values.ts';

/** As much as a weight can be: the light ones of a group would never be drawn. */
const MAX_WEIGHT = 1_000;

/** A tag, a URL or a chain, and ` weight=3` behind it. */
export function parseMember(text: string): Parsed<ParsedMember> {
	const [way = '', word, ...more] = text.trim().split(/\s+/);
	const weight = word === undefined ? 1 : weightOf(word);
	if (weight === null || more.length > 0)
		return { wrong: `expected a way out and at most "weight=1" to "weight=${MAX_WEIGHT}"`, found: 'something else' };
	const hops = parseChain(way);
	return 'wrong' in hops ? hops : { value: { hops: hops.value, weight } };
}

function weightOf(word: string): number | null {
	const weight = /^weight=([1-9]\d{0,3})$/.exec(word)?.[1];
	return weight === undefined || Number(weight) > MAX_WEIGHT ? null : Number(weight);
}

/**
 * A reader of lines: URLs, chains of URLs, and what providers write, `host:port`, `host:port:user:password` and
 * `user:password@host:port`, which are of `scheme`. Null for what is no member; a tag is none, for a list comes from others.
 */
export function lineReader(scheme: HopConfig['type']): (line: string) => ParsedMember | null {
	return (line) => {
		const at = line.search(/\s/);
		const [way, rest] = at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at)];
		const member = way.includes('://') ? parseMember(line) : parseMember(`${urlOf(way, scheme)}${rest}`);
		if ('wrong' in member || member.value.hops.some(({ type }) => type === 'tag')) return null;
		return member.value;
	};
}

function urlOf(text: string, scheme: HopConfig['type']): string {
	const match = /^(\[[^\]]*\]|[^:@[\]]+):(\d{1,5}):([^:]*):(.*)$/.exec(text);
	// Without a port any word would be a host.
	if (!match) return /:\d{1,5}$/.test(text) ? `${scheme}://${text}` : '';
	const [, host, port, user, password] = match as unknown as [string, string, string, string, string];
	const login = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
	const url = `${scheme}://${login}@${host}:${port}`;
	return 'wrong' in parseHop(url) && user === '' ? `${scheme}://${host}:${port}` : url;
}
