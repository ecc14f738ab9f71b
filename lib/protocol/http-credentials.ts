// Proxy-Authorization: RFC 9110 section 11.7.2, with the Basic scheme of RFC 7617. Text is latin1, each character one byte,
// exactly as sent: a client that writes UTF-8 gives the bytes of UTF-8.
import type { Credentials } from '../core/intent.ts';
import { type Field, valuesOf } from './http1-head.ts';

/** Room for a user name and a password of 255 bytes each, which is what SOCKS5 takes. */
const MAX_TOKEN = 684;

const SCHEME = 'basic ';

/**
 * Whom the client says it is; null when it shows nothing, or something of another scheme, which is not for us to read.
 * 'unreadable': it means to show something and it is no Basic: two fields, base64 that is not canonical, no colon, control
 * bytes (RFC 7617 section 2), more than 513 bytes. That is to be answered as wrong credentials are.
 */
export function readProxyCredentials(fields: readonly Field[]): Credentials | null | 'unreadable' {
	const values = valuesOf(fields, 'proxy-authorization');
	const value = values[0];
	if (value === undefined) return null;
	if (values.length > 1) return 'unreadable';
	if (value.slice(0, SCHEME.length).toLowerCase() !== SCHEME) return null;
	return readBasic(value.slice(SCHEME.length).trimStart()) ?? 'unreadable';
}

function readBasic(token: string): Credentials | null {
	if (token.length > MAX_TOKEN) return null;
	const bytes = Buffer.from(token, 'base64');
	// Node's decoder skips what it does not know; whoever writes canonical base64 gets the same text back.
	if (bytes.toString('base64') !== token) return null;
	for (const byte of bytes) if (byte < 0x20 || byte === 0x7f) return null;
	const text = bytes.toString('latin1');
	const colon = text.indexOf(':');
	return colon < 0 ? null : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** The value of Proxy-Authorization, or null for what it cannot say: a colon in the user name, characters over one byte. */
export function basicOf(user: string, password: string): string | null {
	if (user.includes(':') || /[\u0100-\uffff]/.test(user + password)) return null;
	return `Basic ${Buffer.from(`${user}:${password}`, 'latin1').toString('base64')}`;
}
