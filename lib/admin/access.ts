// Who may speak to the admin listener. A socket in the file system is guarded by its file; over TCP there is a token. Two
// things keep web pages out of both, for a browser may get to a file's socket by a tunnel: the request must be meant for us by address (a page that rebinds its own name to
// 127.0.0.1 sends that name as Host), and a browser that says where a page comes from must say: from here.
import { createHash, timingSafeEqual } from 'node:crypto';
import { parseIp } from '../core/ip.ts';
import type { Secret } from '../core/secret.ts';
import { AdminError } from './admin-error.ts';

export interface Access {
	readonly token: Secret | null;
	/** Names that it may be called by, beside addresses and `localhost`. */
	readonly hosts: readonly string[];
}

/** The fields of a request that count. */
export interface Claims {
	readonly host?: string | undefined;
	readonly origin?: string | undefined;
	readonly authorization?: string | undefined;
	readonly 'sec-fetch-site'?: string | undefined;
}

/** Throws AdminError unless the request is meant for us and no other site's page sends it. */
export function checkSite(claims: Claims, { hosts }: Access): void {
	const host = claims.host ?? '';
	if (!isOurs(hostnameOf(host), hosts))
		throw new AdminError('misdirected', 'called by a name that admin.hosts does not list');
	const { origin } = claims;
	const foreign = origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`;
	const site = claims['sec-fetch-site'] ?? 'none';
	if (foreign || (site !== 'none' && site !== 'same-origin'))
		throw new AdminError('forbidden_origin', 'a page of another origin may not ask');
}

function isOurs(name: string, hosts: readonly string[]): boolean {
	return name === 'localhost' || parseIp(name) !== null || hosts.some((host) => host.toLowerCase() === name);
}

/** Lower case, without port and brackets. */
function hostnameOf(host: string): string {
	const match = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host);
	return (match?.[1] ?? match?.[2] ?? '').toLowerCase();
}

/** Throws AdminError unless the request shows the token. Without one nobody may. */
export function checkToken({ authorization = '' }: Claims, { token }: Access): void {
	const shown = /^Bearer +(\S{1,1024})$/i.exec(authorization)?.[1];
	if (token !== null && shown !== undefined && timingSafeEqual(digest(shown), digest(token.reveal()))) return;
	throw new AdminError('unauthorized', 'show the token: Authorization: Bearer TOKEN');
}

function digest(text: string): Buffer {
	return createHash('sha256').update(text).digest();
}
