// A request's head as the origin gets it: the client's own lines, in its order, case and spacing, without those that are
// not for the origin and with those written back that the client would have sent without a proxy. RFC 9110 section 7.6,
// RFC 9112 section 3.2. Transfer-Encoding and Content-Length stay: the body goes on framed as it came. The version stays:
// an HTTP/1.0 request is sent as one, against section 6.2 of RFC 9110, because that is what the client would have sent.
//
// What clients write for a proxy (spec/corpus/clients has them, with and without): Chromium and Java's HttpURLConnection
// say `Proxy-Connection: keep-alive` in the place of `Connection: keep-alive`, Apache HttpClient the same with capitals.
// wget and Node say it besides their Connection. libcurl says `Proxy-Connection: Keep-Alive` where it would say nothing.
import { type Field, hasToken, headBytes, type RequestHead } from '../protocol/http1-head.ts';
import { GUARDED, nominatedBy, passedOptions, withValue } from './connection.ts';
import { identifies } from './identifying.ts';
import { LEVELS, type Level, viaLine } from './levels.ts';
import type { Removal } from './removal.ts';

export interface RequestOptions {
	readonly level: Level;
	/** For transparent alone, which adds nothing when it is null. */
	readonly clientIp: string | null;
	/** Whether the Upgrade that the client asks for is carried on. */
	readonly upgrade: boolean;
	/** Null: what was planted in responses may come back. */
	readonly removal: Removal | null;
}

/** Where a request goes, as `readRequestTarget` says. */
export interface Destination {
	/** Origin-form. */
	readonly path: string;
	/** For Host: what the client wrote there, when that is the target. */
	readonly authority: string;
}

/** `guarded`: stays, whatever Connection says. `known`: stays unless Connection names it; spares the test for identifying names. */
type Rule =
	| 'guarded'
	| 'known'
	| 'removed'
	| 'connection'
	| 'proxy-connection'
	| 'upgrade'
	| 'host'
	| 'via'
	| 'max-forwards';

const KNOWN: readonly string[] = [
	['sec-ch-ua', 'sec-ch-ua-mobile', 'sec-ch-ua-platform', 'sec-fetch-site', 'sec-fetch-mode', 'sec-fetch-user'],
	['sec-fetch-dest', 'sec-gpc', 'upgrade-insecure-requests', 'dnt', 'priority', 'x-requested-with'],
	['sec-websocket-key', 'sec-websocket-version', 'sec-websocket-extensions', 'sec-websocket-protocol'],
].flat();

const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
	...GUARDED.map((name): [string, Rule] => [name, 'guarded']),
	...KNOWN.map((name): [string, Rule] => [name, 'known']),
	['host', 'host'],
	['connection', 'connection'],
	['proxy-connection', 'proxy-connection'],
	['upgrade', 'upgrade'],
	// The rest of what is for one hop: RFC 9110 sections 7.6.1, 10.1.4 and 11.7.2, RFC 7540 section 3.2.1.
	['keep-alive', 'removed'],
	['te', 'removed'],
	['http2-settings', 'removed'],
	['proxy-authorization', 'removed'],
	['via', 'via'],
	['max-forwards', 'max-forwards'],
]);

/** The head to send to the origin. */
export function requestToOrigin(head: RequestHead, to: Destination, options: RequestOptions): Buffer {
	const { fields } = head;
	const { removal } = options;
	const nominated = nominatedBy(fields);
	const ranged = removal?.isRanged(fields) ?? false;
	const lines: string[] = [];
	for (let i = 0; i < fields.length; i++) {
		if (removal?.takesFromRequest((fields[i] as Field).name, ranged)) continue;
		const line = lineToOrigin(head, i, nominated, to.authority, options);
		if (line !== null) lines.push(line);
	}
	addOwn(lines, head, options);
	return headBytes(`${head.method} ${to.path} HTTP/1.${head.minor}`, lines);
}

function lineToOrigin(
	head: RequestHead,
	index: number,
	nominated: ReadonlySet<string> | null,
	authority: string,
	options: RequestOptions,
): string | null {
	const field = head.fields[index] as Field;
	switch (RULES.get(field.name)) {
		case 'guarded':
			return field.line;
		case 'known':
			return nominated?.has(field.name) ? null : field.line;
		case 'removed':
			return null;
		case 'host':
			return hostLine(head.fields, index, authority);
		case 'connection':
			return passedOptions(field, options.upgrade);
		case 'proxy-connection':
			return connectionInstead(head.fields, index);
		case 'upgrade':
			return options.upgrade ? field.line : null;
		case 'via':
			return LEVELS[options.level].via === 'appended' && !nominated?.has('via') ? field.line : null;
		case 'max-forwards':
			return LEVELS[options.level].maxForwards === 'counted' ? countedLine(head.method, field) : null;
		case undefined:
			return nominated?.has(field.name) || identifies(field.name) ? null : field.line;
	}
}

function addOwn(lines: string[], head: RequestHead, { level, clientIp }: RequestOptions): void {
	if (level === 'elite') return;
	const via = viaLine(level, head.minor);
	if (via !== null) lines.push(via);
	if (!LEVELS[level].clientAddress || clientIp === null) return;
	lines.push(`X-Forwarded-For: ${clientIp}`);
	// RFC 7239 section 6: an IPv6 address stands in brackets, and these in quotes.
	lines.push(clientIp.includes(':') ? `Forwarded: for="[${clientIp}]"` : `Forwarded: for=${clientIp}`);
}

/** The first Host, with the target's authority where it says another (RFC 9112 section 3.2.2). None is added: HTTP/1.0 needs none. */
function hostLine(fields: readonly Field[], index: number, authority: string): string | null {
	const field = fields[index] as Field;
	if (firstOf(fields, 'host') !== index) return null;
	return field.value === authority ? field.line : withValue(field, authority);
}

function firstOf(fields: readonly Field[], name: string): number {
	return fields.findIndex((field) => field.name === name);
}

/** What the client would have written without a proxy: the same line as Connection, or nothing. */
function connectionInstead(fields: readonly Field[], index: number): string | null {
	const field = fields[index] as Field;
	const option = field.value.toLowerCase();
	if (option !== 'keep-alive' && option !== 'close') return null;
	if (firstOf(fields, 'connection') >= 0 || firstOf(fields, 'proxy-connection') !== index) return null;
	return isLibcurl(fields, index) ? null : field.line.slice('Proxy-'.length);
}

/**
 * True for the Proxy-Connection that libcurl adds: spelled so, with Host first, and an Accept behind it or User-Agent before
 * the line. Others that spell it so and mean Connection (Apache HttpClient, .NET) write what a program sets before Host.
 */
function isLibcurl(fields: readonly Field[], index: number): boolean {
	if (fields[index]?.line !== 'Proxy-Connection: Keep-Alive' || fields[0]?.name !== 'host') return false;
	const agent = firstOf(fields, 'user-agent');
	return firstOf(fields, 'accept') > 0 || (agent > 0 && agent < index);
}

/** Counts down for OPTIONS, the only method served here for which Max-Forwards means something; a value that is no number goes. */
function countedLine(method: string, field: Field): string | null {
	if (method !== 'OPTIONS') return field.line;
	const hops = maxForwards(field.value);
	return hops === null || hops === 0 ? null : withValue(field, String(hops - 1));
}

function maxForwards(value: string): number | null {
	return /^\d{1,9}$/.test(value) ? Number(value) : null;
}

/** True for an OPTIONS that may go no further: it is answered here, at every level (RFC 9110 section 7.6.2). */
export function isLastHop(head: RequestHead): boolean {
	if (head.method !== 'OPTIONS') return false;
	return head.fields.some((field) => field.name === 'max-forwards' && maxForwards(field.value) === 0);
}

/**
 * True when the client asks for another protocol that the gateway can carry behind a 101 (RFC 9110 section 7.8). h2c is
 * not carried: RFC 9113 has dropped it, and its requests would pass unread; who offers it is served in HTTP/1.1.
 */
export function asksUpgrade(head: RequestHead): boolean {
	const { fields } = head;
	if (head.minor === 0 || firstOf(fields, 'upgrade') < 0) return false;
	return hasToken(fields, 'connection', 'upgrade') && !hasToken(fields, 'upgrade', 'h2c');
}

/** True when the origin, as it reads the head that it is sent, closes its connection behind the response. */
export function closesOrigin(head: RequestHead): boolean {
	const { fields } = head;
	const instead = firstOf(fields, 'proxy-connection');
	const own = instead < 0 || connectionInstead(fields, instead) === null;
	const name = own ? 'connection' : 'proxy-connection';
	return hasToken(fields, name, 'close') || (head.minor === 0 && !hasToken(fields, name, 'keep-alive'));
}
