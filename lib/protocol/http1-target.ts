// What an HTTP/1.x request is for: the four forms of a request-target, RFC 9112 section 3.2, and the authority that goes
// into Host. The target is read from the request-target alone; Host never decides where a request goes (section 3.2.2).
// Plain HTTP only: an https target would have the gateway speak TLS in the client's name, which CONNECT exists to avoid.
import { type Code, GatewayError } from '../core/error.ts';
import { type Target, targetOfHost } from '../core/target.ts';
import { type RequestHead, valuesOf } from './http1-head.ts';

export type RequestTarget =
	| {
			readonly form: 'absolute';
			readonly target: Target;
			/** What the origin gets as its request-target: origin-form, or `*` for OPTIONS about the server (section 3.2.4). */
			readonly path: string;
			/** For Host: what the client would write there if it spoke to the origin. */
			readonly authority: string;
	  }
	/** CONNECT. */
	| { readonly form: 'authority'; readonly target: Target }
	/** A request to a server, at a proxy's port. */
	| { readonly form: 'origin'; readonly path: string }
	| { readonly form: 'asterisk' };

/** Note of the error for a method that is not carried; a client is told by 405. */
export const METHOD_REFUSED = 'method refused';

const SCHEME = 'http://';
const HTTP_PORT = 80;

/**
 * Reads what a request is for. The error is `http_request_error`, for TRACE `http_request_denied`: it sends the request's
 * own fields back to whoever made it (RFC 9110 section 9.3.8).
 *
 * Refused: userinfo, a fragment, a port that is empty, 0 or over 65535, a host that is none, any scheme but http, CONNECT
 * without a port, `*` without OPTIONS, more than one Host, a Host that is no host, HTTP/1.1 without Host (section 3.2).
 * CONNECT may lack Host, as hand-written clients do: nobody reads it. Userinfo is refused rather than dropped: whoever
 * sent it meant it to arrive.
 */
export function readRequestTarget(head: RequestHead): RequestTarget | GatewayError {
	const { method, target } = head;
	if (method === 'TRACE') return wrong(METHOD_REFUSED, 'http_request_denied');
	if (target.includes('#')) return wrong('fragment');
	const hosts = valuesOf(head.fields, 'host');
	if (hosts.length > 1) return wrong('more than one host');
	if (method === 'CONNECT') return readAuthorityForm(target);
	if (hosts.length === 0 && head.minor === 1) return wrong('no host');
	if (target.startsWith('/')) return { form: 'origin', path: target };
	if (target === '*') return method === 'OPTIONS' ? { form: 'asterisk' } : wrong('asterisk');
	return readAbsoluteForm(method, target, hosts[0] ?? '');
}

function readAuthorityForm(text: string): RequestTarget | GatewayError {
	const target = targetOfAuthority(text, null);
	return target ? { form: 'authority', target } : wrong('authority');
}

function readAbsoluteForm(method: string, text: string, host: string): RequestTarget | GatewayError {
	if (!text.startsWith(SCHEME) && text.slice(0, SCHEME.length).toLowerCase() !== SCHEME) return wrong('scheme');
	const end = endOfAuthority(text);
	const written = text.slice(SCHEME.length, end);
	const target = targetOfAuthority(written, HTTP_PORT);
	if (!target) return wrong('authority');
	const authority = authorityToSend(written, target, host);
	if (authority === null) return wrong('host');
	return { form: 'absolute', target, path: pathToSend(method, text.slice(end)), authority };
}

function endOfAuthority(text: string): number {
	const slash = text.indexOf('/', SCHEME.length);
	const end = slash < 0 ? text.length : slash;
	const query = text.indexOf('?', SCHEME.length);
	return query < 0 || query > end ? end : query;
}

function pathToSend(method: string, rest: string): string {
	if (rest.startsWith('/')) return rest;
	if (rest === '' && method === 'OPTIONS') return '*';
	return `/${rest}`;
}

/**
 * Clients write the same authority into Host, but for a default port and letter case: then Host stays as it is. One that
 * names something else is replaced from the target, as section 3.2.2 demands. Null for a Host that is no host.
 */
function authorityToSend(written: string, target: Target, host: string): string | null {
	const plain = target.port === HTTP_PORT ? withoutPort(written) : written;
	if (host === plain || host === '') return plain;
	const said = targetOfAuthority(host, HTTP_PORT);
	if (!said) return null;
	return said.host === target.host && said.port === target.port ? host : plain;
}

function withoutPort(authority: string): string {
	const colon = portColon(authority);
	return colon < 0 ? authority : authority.slice(0, colon);
}

/** Where the colon before the port is; -1 without a port. An address in brackets has colons of its own. */
function portColon(authority: string): number {
	return authority.indexOf(':', authority.startsWith('[') ? authority.lastIndexOf(']') + 1 : 0);
}

/** uri-host [ ":" port ], RFC 3986 section 3.2, without userinfo. `defaultPort` null: the port must be there. */
function targetOfAuthority(authority: string, defaultPort: number | null): Target | null {
	const colon = portColon(authority);
	const host = colon < 0 ? authority : authority.slice(0, colon);
	const port = colon < 0 ? defaultPort : readPort(authority.slice(colon + 1));
	return port === null ? null : targetOfHost(host, port);
}

/** One to five digits, 1 to 65535. */
function readPort(text: string): number | null {
	if (text.length === 0 || text.length > 5) return null;
	let port = 0;
	for (let i = 0; i < text.length; i++) {
		const digit = text.charCodeAt(i) - 48;
		if (digit < 0 || digit > 9) return null;
		port = 10 * port + digit;
	}
	return port >= 1 && port <= 65_535 ? port : null;
}

function wrong(note: string, code: Code = 'http_request_error'): GatewayError {
	return new GatewayError(code, { side: 'client', phase: 'exchange', note });
}
