// Many things with one and the same time limit. What starts first is over first, so one timer that looks at the front of the
// queue serves them all; a timer each costs a connection more than its whole handshake codec (measured: 3 to 5 us).

/** Something that has a time limit. */
export interface Limited {
	/** Called once, when time is up. */
	expire(): void;
}

/** Looks this often within one limit, so that what is late is at most a twentieth of the limit late ... */
const LOOKS = 20;

/** ... and no more than this: half a second of a slow handshake harms nobody. */
const MAX_LOOK_MS = 500;

/** Things that share one limit. Its timer runs while there are any, and keeps no process alive. */
export class Deadlines {
	readonly #limitMs: number;
	readonly #lookMs: number;
	/** Since when, in the order in which they started. */
	readonly #startedMs: Map<Limited, number> = new Map();
	#timer: NodeJS.Timeout | null = null;

	constructor(limitMs: number) {
		this.#limitMs = limitMs;
		this.#lookMs = Math.min(MAX_LOOK_MS, Math.max(1, Math.ceil(limitMs / LOOKS)));
	}

	/** The limit runs from now. A thing that is there already starts anew. */
	start(limited: Limited): void {
		this.#startedMs.delete(limited);
		this.#startedMs.set(limited, performance.now());
		this.#timer ??= setInterval(() => this.#look(), this.#lookMs).unref();
	}

	/** It made it, or it ended otherwise. What is not there is no error. */
	stop(limited: Limited): void {
		this.#startedMs.delete(limited);
	}

	/** Forgets everything. */
	close(): void {
		this.#startedMs.clear();
		this.#look();
	}

	#look(): void {
		const lateMs = performance.now() - this.#limitMs;
		for (const [limited, startedMs] of this.#startedMs) {
			if (startedMs > lateMs) return;
			this.#startedMs.delete(limited);
			limited.expire();
		}
		if (this.#timer) clearInterval(this.#timer);
		this.#timer = null;
	}
}
