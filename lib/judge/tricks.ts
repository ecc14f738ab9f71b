// Requests that two readers can understand differently. A proxy has to refuse them or to send on what can be read in one
// way alone; else one client's bytes become the beginning of another's request ("request smuggling", RFC 9112 section 11.2).
import type { Canaries } from './canaries.ts';

export interface Trick {
	readonly name: string;
	readonly id: string;
	/** As it is written to the proxy. */
	readonly bytes: (authority: string) => Buffer;
}

/** `{target}` is the request's absolute form, `{host}` its authority, `{more}` another request that must not be seen apart. */
const TEXTS: readonly (readonly [name: string, text: string])[] = [
	[
		'Content-Length beside Transfer-Encoding',
		'POST {target}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{more}',
	],
	[
		'Transfer-Encoding beside Content-Length',
		'POST {target}\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n{more}',
	],
	['two lengths', 'POST {target}\r\nContent-Length: 0\r\nContent-Length: 9\r\n\r\n{more}'],
	['a list of lengths', 'POST {target}\r\nContent-Length: 0, 9\r\n\r\n{more}'],
	['a length with a sign', 'POST {target}\r\nContent-Length: +0\r\n\r\n{more}'],
	['a length in hexadecimal', 'POST {target}\r\nContent-Length: 0x0\r\n\r\n{more}'],
	['an empty length', 'POST {target}\r\nContent-Length: \r\n\r\n{more}'],
	['a length beyond 64 bits', 'POST {target}\r\nContent-Length: 18446744073709551616\r\n\r\n{more}'],
	['a space before the colon', 'POST {target}\r\nContent-Length : 9\r\n\r\n{more}'],
	[
		'Transfer-Encoding with a space before the colon',
		'POST {target}\r\nTransfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{more}',
	],
	['chunked and something behind it', 'POST {target}\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{more}'],
	['chunked twice', 'POST {target}\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{more}'],
	[
		'a coding that is nearly chunked',
		'POST {target}\r\nTransfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{more}',
	],
	['a coding in quotes', 'POST {target}\r\nTransfer-Encoding: "chunked"\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{more}'],
	[
		'a coding behind a vertical tab',
		'POST {target}\r\nTransfer-Encoding: \x0bchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{more}',
	],
	[
		'chunks in HTTP/1.0',
		'POST {absolute} HTTP/1.0\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{more}',
	],
	['a folded field', 'POST {target}\r\nX-A: b\r\n Content-Length: 9\r\n\r\n{more}'],
	['a folded coding', 'POST {target}\r\nTransfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{more}'],
	['a bare LF between fields', 'GET {target}\r\nX-A: b\nX-Forwarded-For: 192.0.2.1\r\n\r\n'],
	['a bare CR in a value', 'GET {target}\r\nX-A: b\rX-Forwarded-For: 192.0.2.1\r\n\r\n'],
	['a NUL in a value', 'GET {target}\r\nX-A: b\0c\r\n\r\n'],
	['a NUL in a name', 'GET {target}\r\nX-\0A: b\r\n\r\n'],
	['a field without a colon', 'GET {target}\r\nX-A\r\n\r\n'],
	['a field without a name', 'GET {target}\r\n: b\r\n\r\n'],
	['a chunk size with a sign', 'POST {target}\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n'],
	['a chunk size with 0x', 'POST {target}\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n{more}'],
	[
		'a chunk size beyond 64 bits',
		'POST {target}\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000001\r\na\r\n0\r\n\r\n',
	],
	['a chunk size that ends in LF', 'POST {target}\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n'],
	['an LF in a chunk extension', 'POST {target}\r\nTransfer-Encoding: chunked\r\n\r\n2;\nxx\r\n1\r\na\r\n0\r\n\r\n'],
	[
		'a chunk that is longer than it says',
		'POST {target}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n{more}',
	],
	['a chunked body that ends in LF', 'POST {target}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\n\n{more}'],
	['two Hosts', 'GET {target}\r\nHost: {id}.example.org\r\n\r\n'],
	['a Host that is a list', 'GET {absolute} HTTP/1.1\r\nHost: {host}, {id}.example.org\r\n\r\n'],
	['spaces in the target', 'GET {absolute} x HTTP/1.1\r\nHost: {host}\r\n\r\n'],
	['another version', 'GET {absolute} HTTP/1.2\r\nHost: {host}\r\n\r\n'],
	['a version of one digit', 'GET {absolute} HTTP/2\r\nHost: {host}\r\n\r\n'],
	['space before the first field', 'GET {absolute} HTTP/1.1\r\n Host: {id}.example.org\r\nHost: {host}\r\n\r\n'],
];

const MORE = 'GET http://{host}/{id}/smuggled HTTP/1.1\r\nHost: {host}\r\n\r\n';

export function tricks(canaries: Canaries): Trick[] {
	return TEXTS.map(([name, text]) => {
		const id = canaries.id();
		const whole = text
			.replaceAll('{target}', '{absolute} HTTP/1.1\r\nHost: {host}')
			.replaceAll('{more}', MORE)
			.replaceAll('{absolute}', 'http://{host}/{id}');
		const bytes = (authority: string): Buffer =>
			Buffer.from(whole.replaceAll('{host}', authority).replaceAll('{id}', id), 'latin1');
		return { name, id, bytes };
	});
}
