// Why Redis does not do what we ask, in one word that a log line can carry: a code of Redis or of the system, or a few words
// of ours. What a peer has written is never passed on beyond its code.

/** A cause that is known here and not by any error. */
export class StoreProblem extends Error {}

/** What Redis and its clusters say first in an error. */
const REPLY =
	/\b(WRONGTYPE|READONLY|OOM|NOAUTH|WRONGPASS|NOPERM|LOADING|BUSY|MISCONF|MASTERDOWN|NOREPLICAS|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|CROSSSLOT|NOSCRIPT|EXECABORT)\b/;

const CLOSED = 'connection closed';

/** One word or a few; the most telling of the errors given. */
export function causeOf(...errors: readonly unknown[]): string {
	const words = errors.map(wordOf);
	return words.find((word) => word !== CLOSED) ?? CLOSED;
}

function wordOf(error: unknown): string {
	if (!(error instanceof Error)) return CLOSED;
	if (error instanceof StoreProblem) return error.message;
	const { lastNodeError, code } = error as { lastNodeError?: unknown; code?: unknown };
	if (lastNodeError) return wordOf(lastNodeError);
	if (typeof code === 'string' && /^[A-Z0-9_]{3,40}$/.test(code)) return code;
	if (error.message.includes('cluster support disabled')) return 'not a cluster';
	if (error.message.startsWith('All sentinels')) return 'no sentinel knows a master';
	return REPLY.exec(error.message)?.[1] ?? (error.name === 'ReplyError' ? 'error reply' : CLOSED);
}

/** Answers of keys that all subjects share: where these hold something else, nothing is well. */
export async function ours<T>(answer: Promise<T>): Promise<T> {
	try {
		return await answer;
	} catch (error) {
		throw isForeignKey(error) ? new StoreProblem('a key of ours in Redis holds something else') : error;
	}
}

/** Whether one key holds something that is not ours, and everything else may be well. */
export function isForeignKey(error: unknown): boolean {
	if (!(error instanceof Error) || error.name !== 'ReplyError') return false;
	return /WRONGTYPE|not an integer|not a valid float|bauta: foreign/.test(error.message);
}
