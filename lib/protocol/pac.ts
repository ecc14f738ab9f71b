// The proxy auto-configuration file (a de-facto standard of Netscape's, 1996), asked of the proxy's own port by a browser
// that does not know of a proxy yet: GET /proxy.pac in origin-form. It sends everything here and never says DIRECT, which a
// browser would take when the proxy is away, past it. PROXY and not SOCKS5: the browser then leaves every name to the proxy
// (for SOCKS some resolve names themselves), and can show a password, which it cannot for SOCKS.
import { parseIp } from '../core/ip.ts';
import { authorityOf, targetOfHost } from '../core/target.ts';
import { firstValue, headBytes, type RequestHead } from './http1-head.ts';

const PATH = '/proxy.pac';
const HTTP_PORT = 80;

/**
 * A whole reply, or null for what is no such question. The proxy is called as the browser has just called it, by Host: an
 * address, `localhost` or one of `hosts`, in lower case. Another name is none of ours: a web page that leads its own name
 * here must not learn what listens (DNS rebinding).
 */
export function pacReply(head: RequestHead, hosts: readonly string[]): Buffer | null {
	if (head.method !== 'GET' || head.target !== PATH) return null;
	const authority = oursOf(firstValue(head.fields, 'host') ?? '', hosts);
	if (authority === null) return null;
	const body = `function FindProxyForURL(url, host) {\n\treturn "PROXY ${authority}";\n}\n`;
	const fields = ['Content-Type: application/x-ns-proxy-autoconfig', `Content-Length: ${body.length}`];
	return Buffer.concat([
		headBytes('HTTP/1.1 200 OK', [...fields, 'Cache-Control: no-store', 'Connection: close']),
		Buffer.from(body, 'latin1'),
	]);
}

/** Canonical, so that nothing received stands in the file as it came. */
function oursOf(authority: string, hosts: readonly string[]): string | null {
	const match = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(authority);
	const port = Number(match?.[2] ?? HTTP_PORT);
	const target = match && port > 0 && port < 65_536 ? targetOfHost(match[1] as string, port) : null;
	if (target === null) return null;
	const isOurs = target.host === 'localhost' || parseIp(target.host) !== null || hosts.includes(target.host);
	return isOurs ? authorityOf(target) : null;
}
