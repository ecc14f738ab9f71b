// What keeps one client's circuits apart from another's: Tor gives streams with different SOCKS credentials different
// circuits (IsolateSOCKSAuth, on by default). The credentials are a keyed hash of who asks, under a secret of this
// process: Tor learns that two streams belong together or not, and nothing about whom.
import { createHmac } from 'node:crypto';
import type { Flow } from '../core/flow.ts';
import type { Target } from '../core/target.ts';

export type TorIsolation = 'client' | 'user' | 'session' | 'target';

export interface IsolationOptions {
	/** Flows share a circuit only where all of these are the same. */
	readonly by: readonly TorIsolation[];
	/** How long one derivation lasts; 0: for ever. */
	readonly rotateMs: number;
}

/**
 * The user of a stream to Tor: socks-extensions.txt, section 1.1, format 0, "the password is the isolation value". A Tor
 * that does not know the format yet isolates by the pair, which comes to the same.
 */
export const TOR_USER = '<torS0X>0';

/**
 * The isolation value of a flow, 32 characters. `secret` is the process's, or the session's own where the flow has a
 * session: then client and user are in it already and the time is the session's affair.
 */
export function isolationOf(
	flow: Pick<Flow, 'client' | 'user'>,
	target: Target,
	{ by, rotateMs }: IsolationOptions,
	secret: string | Buffer,
	nowMs: number,
	session: string | null,
): string {
	const hash = createHmac('sha256', secret);
	const put = (what: string, value: string): void => void hash.update(`${what}${value.length}:${value}`);
	if (session !== null) put('session', session);
	else {
		if (by.includes('client')) put('client', flow.client);
		if (by.includes('user')) put('user', flow.user ?? '');
		if (rotateMs > 0) put('turn', String(Math.floor(nowMs / rotateMs)));
	}
	if (by.includes('target')) put('target', target.host);
	return hash.digest('hex').slice(0, 32);
}
