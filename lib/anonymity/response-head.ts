// A response's head as the client gets it: the origin's own lines, status line included, without what was for the
// gateway's connection to the origin and with what is so of the client's connection. Everything else passes byte for byte:
// Alt-Svc too, which a client without a proxy would have got, and the Via of a CDN, which is the origin's affair. What the
// operator wants off besides is removal.ts's.
import { type Field, hasToken, headBytes, type ResponseHead } from '../protocol/http1-head.ts';
import { GUARDED, nominatedBy, passedOptions, withValue } from './connection.ts';
import { type Level, viaLine } from './levels.ts';
import type { Removal } from './removal.ts';

export interface ResponseOptions {
	readonly level: Level;
	/** Whether the gateway keeps the client's connection behind this response. */
	readonly keepAlive: boolean;
	/** Of the client's request. For 0 the head speaks of no chunks: the client knows none (RFC 9112 section 6.1). */
	readonly clientMinor: 0 | 1;
	/** True for the 101 that answers an Upgrade which was carried on. */
	readonly upgrade: boolean;
	/** Null: nothing but what is for one hop. */
	readonly removal: Removal | null;
}

type Rule = 'guarded' | 'removed' | 'upgrade' | 'chunked';

const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
	...GUARDED.map((name): [string, Rule] => [name, 'guarded']),
	['upgrade', 'upgrade'],
	['transfer-encoding', 'chunked'],
	['trailer', 'chunked'],
	// For one hop: RFC 9110 section 7.6.1. Keep-Alive tells when the origin's connection ends, not the client's.
	['keep-alive', 'removed'],
	['proxy-connection', 'removed'],
	['te', 'removed'],
	// RFC 9110 sections 11.7.1 and 11.7.3: the next proxy's word. From an origin it would make clients ask their user for
	// the gateway's password.
	['proxy-authenticate', 'removed'],
	['proxy-authentication-info', 'removed'],
]);

/** The head to send to the client. */
export function responseToClient(head: ResponseHead, options: ResponseOptions): Buffer {
	const { fields } = head;
	const nominated = nominatedBy(fields);
	const wanted = connectionOption(head, options);
	const lines: string[] = [];
	let said = false;
	for (const field of fields) {
		if (field.name !== 'connection') {
			const line = lineToClient(field, nominated, options);
			if (line !== null) lines.push(line);
			continue;
		}
		const line = connectionLine(field, head, said ? null : wanted, options);
		if (line === null) continue;
		lines.push(line);
		said = true;
	}
	if (wanted !== null && !said) lines.push(`Connection: ${wanted}`);
	const via = viaLine(options.level, head.minor);
	if (via !== null) lines.push(via);
	return headBytes(head.line, lines);
}

function lineToClient(field: Field, nominated: ReadonlySet<string> | null, options: ResponseOptions): string | null {
	switch (RULES.get(field.name)) {
		case 'guarded':
			return options.removal === null ? field.line : options.removal.lineToClient(field);
		case 'removed':
			return null;
		case 'upgrade':
			return options.upgrade ? field.line : null;
		case 'chunked':
			return options.clientMinor === 1 ? field.line : null;
		default:
			if (nominated?.has(field.name)) return null;
			return options.removal === null ? field.line : options.removal.lineToClient(field);
	}
}

/** What the client must be told about its connection; null when the version says it already, and before a final response. */
function connectionOption(
	head: ResponseHead,
	{ keepAlive, clientMinor }: ResponseOptions,
): 'close' | 'keep-alive' | null {
	if (head.status < 200) return null;
	if (!keepAlive) return 'close';
	return clientMinor === 0 || head.minor === 0 ? 'keep-alive' : null;
}

/** The origin's line where it is true of the client's connection as well, else what is wanted, in its place. */
function connectionLine(
	field: Field,
	head: ResponseHead,
	wanted: string | null,
	{ keepAlive, upgrade }: ResponseOptions,
): string | null {
	if (upgrade) return passedOptions(field, true);
	if (head.status < 200) return null;
	const isTrue = hasToken([field], 'connection', 'close') !== keepAlive;
	const own = isTrue ? passedOptions(field, false) : null;
	return own ?? (wanted === null ? null : withValue(field, wanted));
}
