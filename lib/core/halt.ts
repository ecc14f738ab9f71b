// How a dial hears that nobody waits for it any more. Any AbortSignal does for it; what a connection itself uses is lighter,
// because an AbortController and one listener cost more than all else around a dial (measured: 2 of 90 us, and a kilobyte).
import { tellAll } from './tell-all.ts';

/** As much of an AbortSignal as is asked for. */
export interface Halt {
	readonly aborted: boolean;
	/** Why, once it is aborted. */
	readonly reason: unknown;
	/** Once, when it is aborted from now on. */
	addEventListener(type: 'abort', listener: () => void): void;
	/** Does nothing when it is not there. */
	removeEventListener(type: 'abort', listener: () => void): void;
}

const NOBODY: (() => void)[] = [];

/** One that its owner aborts. */
export class Halter implements Halt {
	aborted = false;
	reason: unknown = undefined;
	/** Nearly always one at most. */
	#listeners: (() => void)[] = NOBODY;

	/**
	 * Tells everybody, in order, but who has been removed by then; only the first time counts. What a listener throws comes
	 * out here when all have heard.
	 */
	abort(reason: unknown): void {
		if (this.aborted) return;
		this.aborted = true;
		this.reason = reason;
		tellAll(this.#listeners, (listener) => {
			if (this.#listeners.includes(listener)) listener();
		});
	}

	addEventListener(_type: 'abort', listener: () => void): void {
		if (!this.aborted) this.#listeners = [...this.#listeners, listener];
	}

	removeEventListener(_type: 'abort', listener: () => void): void {
		if (this.#listeners.length === 1 && this.#listeners[0] === listener) this.#listeners = NOBODY;
		else this.#listeners = this.#listeners.filter((each) => each !== listener);
	}
}
