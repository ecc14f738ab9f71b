// What an origin, or a hop on the way, can plant in a response of plain HTTP to know the client again, or to lead it past
// the gateway; by kind, off unless the operator chooses. What is planted is only worth something when it comes back, so a
// kind takes off the fields of requests that bring it back as well.
//
// Validators. Without If-None-Match and If-Modified-Since a request is answered whole, which costs bytes and nothing else.
// If-Range asks for a part only if it is still of the same whole: without it Range has to go, or the client would join
// parts of two versions. If-Match and If-Unmodified-Since guard writes against overwriting another's (RFC 9110 section
// 13.1.1) and stay: no browser sends them by itself.
//
// What no kind can take off: bodies and addresses that differ by client, permanent redirects and bodies in a cache. Against
// those helps a browser that forgets.
import type { Field } from '../protocol/http1-head.ts';
import { withValue } from './connection.ts';
import { identifies } from './identifying.ts';

/** One word of `anonymity.response.remove`. */
export interface Kind {
	/** What it is about, for people. */
	readonly why: string;
	/** Fields of responses, lower case. */
	readonly response: readonly string[];
	/** Fields of requests that bring it back. */
	readonly request?: readonly string[];
}

export type KindName = 'hops' | 'alternatives' | 'validators' | 'cookies' | 'refresh' | 'pins' | 'reports' | 'hints';

/** By the word that the configuration has for each. */
export const KINDS: Readonly<Record<KindName, Kind>> = {
	hops: {
		why: 'proxies and caches between here and the origin name themselves, the client or what they have kept',
		response: [
			['via', 'x-cache', 'x-cache-hits', 'x-cache-lookup', 'x-cache-status', 'cache-status', 'cdn-cache-control'],
			['proxy-status', 'x-served-by', 'x-squid-error', 'x-varnish', 'x-timer', 'cf-cache-status', 'warning'],
		].flat(),
	},
	alternatives: {
		why: 'another host, port or protocol for the next visit, which may go past the gateway (HTTP/3 is UDP)',
		response: ['alt-svc', 'alternate-protocol'],
		request: ['alt-used'],
	},
	validators: {
		why: 'a text of the origin that caches send back: ETag and Last-Modified are cookies that no cookie setting clears',
		response: ['etag', 'last-modified', 'use-as-dictionary'],
		request: ['if-none-match', 'if-modified-since', 'if-range', 'available-dictionary', 'dictionary-id'],
	},
	cookies: {
		why: 'cookies, both ways',
		response: ['set-cookie', 'set-cookie2'],
		request: ['cookie', 'cookie2'],
	},
	refresh: {
		why: 'a page that loads itself again, from an address made for this client',
		response: ['refresh'],
	},
	pins: {
		why: 'bits that the browser keeps for a host, a client told apart by which of many hosts have one',
		response: ['strict-transport-security', 'public-key-pins', 'public-key-pins-report-only', 'expect-ct'],
	},
	reports: {
		why: 'where the browser shall report to, later and by itself',
		response: [
			['report-to', 'reporting-endpoints', 'nel', 'content-security-policy-report-only', 'document-policy-report-only'],
			['attribution-reporting-register-source', 'attribution-reporting-register-trigger', 'observe-browsing-topics'],
		].flat(),
	},
	hints: {
		why: 'orders to tell more about the device, and to connect elsewhere before anything there is wanted',
		response: ['accept-ch', 'accept-ch-lifetime', 'critical-ch', 'x-dns-prefetch-control', 'speculation-rules', 'link'],
	},
};

export const KIND_NAMES: readonly KindName[] = Object.keys(KINDS) as KindName[];

/** Relations of a Link that are about connecting and loading ahead; others (`next`, `canonical`) say what a page is. */
const AHEAD: ReadonlySet<string> = new Set([
	'preconnect',
	'dns-prefetch',
	'prefetch',
	'preload',
	'modulepreload',
	'prerender',
	'compression-dictionary',
]);

/** What is taken off the messages of one flow. */
export class Removal {
	readonly #response: ReadonlySet<string>;
	readonly #request: ReadonlySet<string>;
	readonly #hops: boolean;

	constructor(names: readonly KindName[]) {
		const chosen: readonly Kind[] = names.map((name) => KINDS[name]);
		this.#response = new Set(chosen.flatMap(({ response }) => response));
		this.#request = new Set(chosen.flatMap(({ request = [] }) => request));
		this.#hops = names.includes('hops');
	}

	/** The line of a response's field that goes to the client: as it was, shorter, or null. */
	lineToClient(field: Field): string | null {
		if (field.name === 'link' && this.#response.has('link')) return linkLine(field);
		return this.takesFromResponse(field.name) ? null : field.line;
	}

	/** For a name in lower case. Of trailers a Link goes whole. */
	takesFromResponse(name: string): boolean {
		return this.#response.has(name) || (this.#hops && identifies(name));
	}

	/** `ranged`: an If-Range goes, and so its Range must. See `isRanged`. */
	takesFromRequest(name: string, ranged: boolean): boolean {
		return this.#request.has(name) || (ranged && name === 'range');
	}

	/** Whether a request with these fields loses an If-Range. */
	isRanged(fields: readonly Field[]): boolean {
		return this.#request.has('if-range') && fields.some(({ name }) => name === 'if-range');
	}
}

/** A Link line (RFC 8288 section 3) without its links of AHEAD; as it was when it has none. */
function linkLine(field: Field): string | null {
	const links = linksOf(field.value);
	const passed = links.filter((link) => !isAhead(link));
	if (passed.length === links.length) return field.line;
	return passed.length === 0 ? null : withValue(field, passed.join(', '));
}

/**
 * Links are separated by commas, which `<...>` and `"..."` may hold too. What is opened and never closed goes to the end, so
 * that no byte is looked at twice: an origin may send as many `<` as a head holds.
 */
function linksOf(value: string): string[] {
	return [...value.matchAll(/(?:<[^>]*>?|"(?:[^"\\]|\\.)*"?|[^,<"])+/g)]
		.map(([link]) => link.trim())
		.filter((link) => link !== '');
}

function isAhead(link: string): boolean {
	const relations = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,]+))/i.exec(link.replace(/^<[^>]*>/, ''));
	return (relations?.[1] ?? relations?.[2] ?? '')
		.toLowerCase()
		.split(/\s+/)
		.some((relation) => AHEAD.has(relation));
}
