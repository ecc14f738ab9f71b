// What a spec of a dial needs: a context, the error it ends with, the bytes that come out of its link.
import type { DialContext } from '../../lib/core/dialer.ts';
import { GatewayError } from '../../lib/core/error.ts';
import { newFlow } from '../../lib/core/flow.ts';
import type { Link } from '../../lib/core/link.ts';

/** A context that permits everything and never ends, unless `parts` say otherwise. */
export function contextOf(parts: Partial<DialContext> = {}): DialContext {
	return { signal: new AbortController().signal, flow: newFlow(1, '', '', 0), permits: () => null, ...parts };
}

/** The GatewayError that a promise rejects with. Throws when it does not. */
export async function failureOf(promise: Promise<unknown>): Promise<GatewayError> {
	try {
		await promise;
	} catch (error) {
		if (error instanceof GatewayError) return error;
		throw error;
	}
	throw new Error('it did not fail');
}

/** Everything a link still has to say, early bytes first, up to the peer's FIN. Rejects when it is closed before. */
export function readLink(link: Link): Promise<Buffer> {
	const chunks = [link.early];
	link.early = Buffer.alloc(0);
	return new Promise((resolve, reject) => {
		if (link.ended) return resolve(Buffer.concat(chunks));
		link.attach({
			data: (chunk) => void chunks.push(chunk),
			end: () => resolve(Buffer.concat(chunks)),
			drain: () => {},
			closed: (error) => reject(error ?? new Error('closed without FIN')),
		});
	});
}

/** How many listeners a signal has, counted from now on. */
export function countListeners(signal: AbortSignal): () => number {
	let count = 0;
	const add = signal.addEventListener.bind(signal);
	const remove = signal.removeEventListener.bind(signal);
	signal.addEventListener = (...args: Parameters<typeof add>) => {
		count++;
		add(...args);
	};
	signal.removeEventListener = (...args: Parameters<typeof remove>) => {
		count--;
		remove(...args);
	};
	return () => count;
}
