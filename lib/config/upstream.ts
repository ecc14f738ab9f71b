// Ways out as text: one URL is a hop, commas make a chain of hops (`socks5://user:pass@host:1080,http://host:3128`).
// Read by hand and not by `new URL`, which rewrites hosts, invents ports and repeats its input, password and all, in
// its errors. Nothing of the text is ever shown.
import { Secret } from '../core/secret.ts';
import { targetOfHost } from '../core/target.ts';
import type { HopConfig, PartConfig } from './config.ts';
import { type Parsed, parsePort, type Refusal, TAG } from './values.ts';

type HopType = HopConfig['type'];

const TYPES: Readonly<Record<string, HopType>> = {
	socks4: 'socks4',
	socks4a: 'socks4a',
	socks5: 'socks5',
	// What curl calls a SOCKS5 proxy that resolves names: the only way that a hop is used here.
	socks5h: 'socks5',
	http: 'http',
	https: 'https',
	tor: 'tor',
};

/** 1080 is IANA's for SOCKS. Tools disagree about http (80, 1080, 3128), so there it must be said. */
const PORTS: Readonly<Record<HopType, number | null>> = {
	socks4: 1080,
	socks4a: 1080,
	socks5: 1080,
	http: null,
	https: 443,
	tor: 9050,
};

/** One hop or a chain of hops, where a tag stands for another way out. */
export function parseChain(text: string): Parsed<PartConfig[]> {
	const parts: PartConfig[] = [];
	for (const item of text.split(',')) {
		const part = parsePart(item.trim());
		if ('wrong' in part) return part;
		parts.push(part.value);
	}
	return { value: parts };
}

/** A hop, or the tag of a way out. */
export function parsePart(text: string): Parsed<PartConfig> {
	return TAG.test(text) ? { value: { type: 'tag', tag: text } } : parseHop(text);
}

/** One hop. A `,` in its user or password is written `%2C`. */
export function parseHop(text: string): Parsed<HopConfig> {
	const match = /^([a-z0-9]+):\/\/(?:(.*)@)?([^@/]+?)\/?$/is.exec(text);
	const type = match && TYPES[(match[1] as string).toLowerCase()];
	if (!match || !type) {
		return refuse('socks5://, socks4://, socks4a://, http://, https:// or tor:// with host:port', 'something else');
	}
	const place = parsePlace(match[3] as string, PORTS[type]);
	if ('wrong' in place) return place;
	const who = parseUserInfo(type, match[2]);
	if ('wrong' in who) return who;
	return { value: { type, ...place.value, ...who.value } };
}

function parsePlace(text: string, byDefault: number | null): Parsed<{ host: string; port: number }> {
	const match = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(text);
	const port = match?.[2] === undefined ? byDefault : parsePort(match[2]);
	if (match && port === null && match[2] === undefined)
		return refuse('host:port (an http:// proxy has no usual port)', 'no port');
	if (!match || !port) return refuse('host:port, with IPv6 in brackets', 'another form behind the scheme');
	const target = targetOfHost(match[1] as string, port);
	if (!target) return refuse('a host that is a name or an address', 'another host');
	return { value: { host: target.host, port } };
}

type Who = Pick<HopConfig, 'user' | 'password'>;

function parseUserInfo(type: HopType, text: string | undefined): Parsed<Who> {
	if (text === undefined) return { value: { user: null, password: null } };
	if (type === 'tor') return refuse('tor:// without a user, for each flow gets its own', 'one');
	const colon = text.indexOf(':');
	const user = decode(colon < 0 ? text : text.slice(0, colon));
	const password = colon < 0 ? null : decode(text.slice(colon + 1));
	if (user === null || (colon >= 0 && password === null)) {
		return refuse('%XX escapes of UTF-8 in user and password', 'a broken escape');
	}
	return type === 'socks4' || type === 'socks4a' ? socks4Who(user, password) : namedWho(type, user, password ?? '');
}

/** SOCKS4 sends the user behind a NUL-terminated field and has no password (the SOCKS4 memo, "CONNECT"). */
function socks4Who(user: string, password: string | null): Parsed<Who> {
	if (password !== null) return refuse('a user alone, for SOCKS4 has no password', 'a password');
	if (user === '' || user.includes('\0')) return refuse('a user of one byte or more, without NUL', 'another user');
	return { value: { user, password: null } };
}

/** One length byte each in SOCKS5 (RFC 1929 section 2); no colon in a user of HTTP (RFC 7617 section 2). */
function namedWho(type: HopType, user: string, password: string): Parsed<Who> {
	const long = Math.max(Buffer.byteLength(user), Buffer.byteLength(password)) > 255;
	if (user === '' || long) return refuse('a user of 1 to 255 bytes and a password of 255 at most', 'other lengths');
	if (type !== 'socks5' && user.includes(':')) return refuse('a user without ":", as HTTP wants it', 'one with ":"');
	return { value: { user, password: new Secret(password) } };
}

function decode(text: string): string | null {
	try {
		return decodeURIComponent(text);
	} catch {
		return null;
	}
}

function refuse(expected: string, found: string): Refusal {
	return { wrong: `expected ${expected}`, found };
}

/** The text of a way out with every password as `***`. */
export function maskChain(text: string): string {
	return text
		.split(',')
		.map((hop) => hop.replace(/^([^:]*:\/\/[^:]*):.*@/s, '$1:***@'))
		.join(',');
}

/** A way out as one would write it, its passwords as `***`. */
export function chainText(parts: readonly PartConfig[]): string {
	return parts.map((part) => (part.type === 'tag' ? part.tag : hopText(part))).join(',');
}

function hopText(hop: HopConfig): string {
	return `${hop.type}://${whoText(hop)}${hostText(hop.host)}:${hop.port}`;
}

function whoText({ user, password }: HopConfig): string {
	if (user === null) return '';
	return `${encodeURIComponent(user)}${password === null ? '' : ':***'}@`;
}

function hostText(host: string): string {
	return host.includes(':') ? `[${host}]` : host;
}
