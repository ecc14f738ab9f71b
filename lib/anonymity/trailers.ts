// Trailer fields that go on. What binds heads binds them, and more: a recipient may merge trailers into its head (RFC 9110
// section 6.5.1), so fields that frame, route, admit or describe a message are no trailers; RFC 7230 section 4.1.2 lists
// the kinds. The rest passes as it was written, in order.
import type { Field, RequestHead, ResponseHead } from '../protocol/http1-head.ts';
import { nominatedBy } from './connection.ts';
import { identifies } from './identifying.ts';
import type { Removal } from './removal.ts';

const REMOVED: ReadonlySet<string> = new Set(
	[
		// Framing and routing.
		['content-length', 'transfer-encoding', 'trailer', 'host', 'expect', 'max-forwards', 'range'],
		// For one hop.
		['connection', 'proxy-connection', 'keep-alive', 'te', 'upgrade', 'http2-settings'],
		// Who asks, and who may.
		['authorization', 'cookie', 'set-cookie', 'www-authenticate'],
		['proxy-authorization', 'proxy-authenticate', 'proxy-authentication-info'],
		// What the content is, and how long it may be kept.
		['content-type', 'content-encoding', 'content-range', 'cache-control'],
	].flat(),
);

/** The lines of a request's trailers that go to the origin, as they were written. `head` is that request's. */
export function trailersToOrigin(fields: readonly Field[], head: RequestHead): string[] {
	const nominated = nominatedBy(head.fields);
	return linesOf(fields, (name) => !REMOVED.has(name) && !nominated?.has(name) && !identifies(name));
}

/** The lines of a response's trailers that go to the client, as they were written. `head` is that response's. */
export function trailersToClient(fields: readonly Field[], head: ResponseHead, removal: Removal | null): string[] {
	const nominated = nominatedBy(head.fields);
	return linesOf(fields, (name) => !REMOVED.has(name) && !nominated?.has(name) && !removal?.takesFromResponse(name));
}

function linesOf(fields: readonly Field[], passes: (name: string) => boolean): string[] {
	return fields.filter((field) => passes(field.name)).map((field) => field.line);
}
