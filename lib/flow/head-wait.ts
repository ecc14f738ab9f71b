// How long a client may take to send a request head: one limit before its first byte, when the connection just idles, and
// one from that byte to the head's end. One timer a connection that ticks coarsely and only while there is a wait, so a
// request that comes in time costs it a refresh and no more.

/** How often a draining gateway is noticed by a client that idles. */
const LOOK_MS = 1_000;

export interface HeadWaitOptions {
	/** Before the first byte. */
	readonly idleMs: number;
	/** From the first byte to the end of the head. */
	readonly headMs: number;
	/** True ends a wait before the first byte early. */
	draining(): boolean;
}

type Wait = 'none' | 'idle' | 'head';

export class HeadWait {
	readonly #options: HeadWaitOptions;
	readonly #stepMs: number;
	readonly #onOver: (wait: 'idle' | 'head') => void;
	#timer: NodeJS.Timeout | null = null;
	#wait: Wait = 'none';
	#waitedMs = 0;

	/** `onOver` is called at most once a wait, up to a second late and never early. */
	constructor(options: HeadWaitOptions, onOver: (wait: 'idle' | 'head') => void) {
		this.#options = options;
		this.#onOver = onOver;
		this.#stepMs = Math.min(options.idleMs, options.headMs, LOOK_MS);
	}

	/** Waits, or goes on with the same wait. Another wait begins anew. */
	wait(wait: 'idle' | 'head'): void {
		if (this.#wait === wait) return;
		this.#wait = wait;
		this.#waitedMs = 0;
		if (this.#timer) this.#timer.refresh();
		else this.#timer = setTimeout(onTick, this.#stepMs, this);
	}

	/** The head is there. The timer runs out by itself or is refreshed by the next wait. */
	stop(): void {
		this.#wait = 'none';
	}

	/** Nothing is waited for any more. */
	close(): void {
		this.#wait = 'none';
		if (this.#timer) clearTimeout(this.#timer);
		this.#timer = null;
	}

	tick(): void {
		const wait = this.#wait;
		if (wait === 'none') return;
		this.#waitedMs += this.#stepMs;
		const limitMs = wait === 'idle' ? this.#options.idleMs : this.#options.headMs;
		if (this.#waitedMs < limitMs && !(wait === 'idle' && this.#options.draining())) this.#timer?.refresh();
		else {
			this.#wait = 'none';
			this.#onOver(wait);
		}
	}
}

function onTick(wait: HeadWait): void {
	wait.tick();
}
