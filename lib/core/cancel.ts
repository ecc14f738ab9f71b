// Calling something off, once. The same words as AbortSignal, which can stand in for it everywhere; an AbortController is an
// event target with all that belongs to one, and making it costs a connection more than judging and routing it.

/** What the one who may be called off holds. An AbortSignal is one. */
export interface CancelSignal {
	readonly aborted: boolean;
	/** Why, once aborted. */
	readonly reason: unknown;
	addEventListener(type: 'abort', listener: () => void): void;
	removeEventListener(type: 'abort', listener: () => void): void;
}

/** What the one who calls off holds. */
export class Cancellation implements CancelSignal {
	aborted = false;
	reason: unknown = undefined;
	/** Nearly always one at a time: an attempt, a query, a handshake. */
	#listeners: (() => void)[] = [];

	/** Tells every listener, the first time. */
	abort(reason: unknown): void {
		if (this.aborted) return;
		this.aborted = true;
		this.reason = reason;
		const listeners = this.#listeners;
		this.#listeners = [];
		for (const listener of listeners) listener();
	}

	addEventListener(_type: 'abort', listener: () => void): void {
		if (!this.aborted) this.#listeners.push(listener);
	}

	removeEventListener(_type: 'abort', listener: () => void): void {
		const at = this.#listeners.indexOf(listener);
		if (at >= 0) this.#listeners.splice(at, 1);
	}
}
