// The Connection field: options about one hop, and names of fields that go no further than one hop (RFC 9110 section
// 7.6.1). Options that an origin may be told too (keep-alive, close, and upgrade where it is carried on) stay as they were
// written; everything else in the field is taken out of it, and the fields it names are taken off the message.
import type { Field } from '../protocol/http1-head.ts';

/**
 * Fields that no Connection option takes off: they are for every recipient, and a client or a proxy before us that names
 * them strips the far side of its framing, its routing or its protection ("hop-by-hop abuse"). RFC 9110 section 7.6.1
 * forbids naming them, Cache-Control first of all.
 */
export const GUARDED: readonly string[] = [
	// Framing and routing.
	['host', 'content-length', 'transfer-encoding', 'trailer', 'expect', 'max-forwards'],
	// What the content is.
	['content-type', 'content-encoding', 'content-range', 'content-language', 'content-location', 'content-disposition'],
	// Who asks, and under which conditions.
	['authorization', 'cookie', 'origin', 'referer', 'user-agent', 'accept', 'accept-encoding', 'accept-language'],
	['range', 'if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range'],
	// What caches and browsers go by.
	['cache-control', 'pragma', 'age', 'date', 'expires', 'etag', 'last-modified', 'vary', 'location', 'retry-after'],
	['set-cookie', 'www-authenticate', 'authentication-info', 'strict-transport-security', 'content-security-policy'],
	['x-frame-options', 'x-content-type-options', 'access-control-allow-origin', 'access-control-allow-credentials'],
].flat();

/** Values that nominate nothing, as clients spell them: spares the common request the splitting. */
const PLAIN: ReadonlySet<string> = new Set(['keep-alive', 'Keep-Alive', 'close', 'Close']);

/** The fields that Connection and Proxy-Connection name, lower case; null for none. Guarded names may be among them. */
export function nominatedBy(fields: readonly Field[]): ReadonlySet<string> | null {
	let nominated: Set<string> | null = null;
	for (const { name, value } of fields) {
		if (name !== 'connection' && name !== 'proxy-connection') continue;
		if (PLAIN.has(value)) continue;
		nominated ??= new Set();
		for (const option of value.toLowerCase().split(',')) nominated.add(option.trim());
	}
	return nominated;
}

/** A Connection line with the options that pass, as it was when all do; null when none does. */
export function passedOptions(field: Field, upgrade: boolean): string | null {
	if (PLAIN.has(field.value)) return field.line;
	const options = field.value.split(',');
	const passed = options.map((option) => option.trim()).filter((option) => passes(option.toLowerCase(), upgrade));
	if (passed.length === 0) return null;
	return passed.length === options.length ? field.line : withValue(field, passed.join(', '));
}

function passes(option: string, upgrade: boolean): boolean {
	return option === 'keep-alive' || option === 'close' || (option === 'upgrade' && upgrade);
}

/** The field's line with another value: its name and the white space behind the colon as they were written. */
export function withValue(field: Field, value: string): string {
	const colon = field.name.length;
	const space = /^[ \t]*/.exec(field.line.slice(colon + 1))?.[0] ?? '';
	return `${field.line.slice(0, colon + 1)}${space}${value}`;
}
