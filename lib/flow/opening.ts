// The time between a client's request and the answer to it, for everything that is no stream: one deadline, called off when
// the client leaves, and a refusal in the client's own protocol when it fails.
import { asGatewayError } from '../core/error.ts';
import type { Halt } from '../core/halt.ts';
import type { ServerHandshake } from '../io/handshake.ts';
import { Dialling } from './dialling.ts';

/** What `work` gives. Throws GatewayError when it failed; the client has been told by then. */
export async function opening<T>(
	handshake: ServerHandshake,
	limitMs: number,
	work: (signal: Halt) => Promise<T>,
): Promise<T> {
	const dialling = new Dialling(limitMs);
	handshake.onGone = (error) => dialling.cancel(error);
	if (handshake.gone) dialling.cancel(handshake.gone);
	try {
		return await work(dialling.signal);
	} catch (thrown) {
		const error = asGatewayError(thrown, { phase: 'connect' });
		handshake.refuse(error);
		throw error;
	} finally {
		dialling.over();
	}
}
