// Where messages end, read twice: `messageEnd` as a good-natured reader finds it, for both ends of a probe; `ambiguity` as
// the strictest one would (RFC 9112). The judge's own, because the gateway's parser is what is judged.

/** The offset behind the first message in `bytes`, or null while it goes on. `close`: it goes on until the connection ends. */
export function messageEnd(bytes: Buffer, kind: MessageKind): number | 'close' | null {
	const head = headEnd(bytes);
	if (head === null) return null;
	const text = bytes.toString('latin1', 0, head);
	const { status, bodiless } = kind.reply ? statusOf(text, kind.toHead) : { status: null, bodiless: false };
	if (status !== null && status >= 100 && status < 200 && status !== 101) return interim(bytes, head, kind);
	if (bodiless) return head;
	if (/^transfer-encoding:.*chunked/im.test(text)) return chunkedEnd(bytes, head);
	const length = /^content-length:\s*(\d+)/im.exec(text)?.[1];
	if (length !== undefined) return bytes.length >= head + Number(length) ? head + Number(length) : null;
	return kind.reply ? 'close' : head;
}

/** `toHead`: a reply to HEAD, which has no body. */
export type MessageKind = { readonly reply: false } | { readonly reply: true; readonly toHead: boolean };

/** The offset behind the empty line, or null. */
export function headEnd(bytes: Buffer): number | null {
	const at = bytes.indexOf('\r\n\r\n', 0, 'latin1');
	return at < 0 ? null : at + 4;
}

function statusOf(head: string, toHead: boolean): { status: number; bodiless: boolean } {
	const status = Number(/^HTTP\/1\.\d (\d{3})/.exec(head)?.[1] ?? 0);
	return { status, bodiless: toHead || status === 101 || status === 204 || status === 304 };
}

function interim(bytes: Buffer, head: number, kind: MessageKind): number | 'close' | null {
	const rest = messageEnd(bytes.subarray(head), kind);
	return typeof rest === 'number' ? head + rest : rest;
}

function chunkedEnd(bytes: Buffer, from: number): number | null {
	for (let at = from; ; ) {
		const line = bytes.indexOf('\r\n', at, 'latin1');
		if (line < 0) return null;
		const size = Number.parseInt(bytes.toString('latin1', at, line), 16);
		if (!(size > 0)) return trailersEnd(bytes, line);
		at = line + 2 + size + 2;
		if (at > bytes.length) return null;
	}
}

/** `at`: the CRLF behind the last chunk's size. */
function trailersEnd(bytes: Buffer, at: number): number | null {
	const end = bytes.indexOf('\r\n\r\n', at, 'latin1');
	return end < 0 ? null : end + 4;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * Why `bytes`, all that came to an origin on one connection, can be read in more ways than one; null when they cannot. A
 * message that is cut short is no ambiguity.
 */
export function ambiguity(bytes: Buffer): string | null {
	for (let rest = bytes; rest.length > 0; ) {
		const end = headEnd(rest);
		const why = headAmbiguity(rest.toString('latin1', 0, end ?? rest.length), end !== null);
		if (why !== null || end === null) return why;
		const body = bodyOf(rest, end);
		if (typeof body !== 'number') return body;
		rest = rest.subarray(body);
	}
	return null;
}

function headAmbiguity(text: string, whole: boolean): string | null {
	const lines = text.split('\r\n').slice(0, whole ? -2 : -1);
	if (/[\r\n\0]/.test(lines.join(''))) return 'a bare CR, LF or NUL in the head';
	const [request = '', ...fields] = lines;
	if (lines.length > 0 && !/^[!-~]+ [!-~]+ HTTP\/1\.[01]$/.test(request)) return 'a request line that is none';
	for (const field of fields) {
		if (/^[ \t]/.test(field)) return 'a folded field';
		if (!TOKEN.test(field.split(':')[0] as string) || !field.includes(':')) return 'a field whose name is none';
	}
	return whole ? framingAmbiguity(request, fields) : null;
}

function framingAmbiguity(request: string, fields: readonly string[]): string | null {
	const valuesOf = (name: string): string[] =>
		fields
			.filter((field) => field.toLowerCase().startsWith(`${name}:`))
			.map((field) => field.slice(name.length + 1).replace(/^[ \t]+|[ \t]+$/g, ''));
	const lengths = valuesOf('content-length');
	const codings = valuesOf('transfer-encoding');
	if (lengths.length > 0 && codings.length > 0) return 'Content-Length beside Transfer-Encoding';
	if (new Set(lengths).size > 1 || lengths.some((length) => !/^\d{1,15}$/.test(length)))
		return 'a Content-Length that is none';
	if (codings.length > 1 || codings.some((coding) => coding.toLowerCase() !== 'chunked'))
		return 'a Transfer-Encoding other than chunked';
	if (codings.length > 0 && request.endsWith('1.0')) return 'Transfer-Encoding in HTTP/1.0';
	if (valuesOf('host').length > 1 || valuesOf('host').some((host) => /[\s,/]/.test(host))) return 'not one Host';
	return null;
}

/** The offset behind the body, `bytes.length` when it is cut short, or why it is ambiguous. */
function bodyOf(bytes: Buffer, head: number): number | string {
	const text = bytes.toString('latin1', 0, head);
	if (!/^transfer-encoding:/im.test(text)) {
		const length = Number(/^content-length:[ \t]*(\d+)/im.exec(text)?.[1] ?? 0);
		return Math.min(bytes.length, head + length);
	}
	for (let at = head; at < bytes.length; ) {
		const line = bytes.indexOf('\n', at);
		if (line < 0) return bytes.length;
		const size = /^([0-9a-f]{1,13})[ \t]*(?:;[^\r\n\0]*)?\r\n$/i.exec(bytes.toString('latin1', at, line + 1))?.[1];
		if (size === undefined) return 'a chunk size that is none';
		const end = line + 1 + Number.parseInt(size, 16);
		if (end === line + 1) return trailersEnd(bytes, line - 1) ?? bytes.length;
		if (bytes.length >= end + 2 && bytes.toString('latin1', end, end + 2) !== '\r\n')
			return 'a chunk longer than its size';
		at = end + 2;
	}
	return bytes.length;
}
