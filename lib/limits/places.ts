// How many connections of one subject are open, here and, where gateways share their limits, in the whole fleet. Up to
// `lead(limit)` are taken without asking: the store hears of them within a second.
import type { GatewayError } from '../core/error.ts';
import { lead } from './allowance.ts';
import type { Permission } from './limiter.ts';
import type { Subject } from './shared.ts';
import { localShare, overLimit, type Store, standingOf, unanswered } from './standing.ts';

const FULL = 'open connections';

export class Places {
	readonly #limit: number;
	readonly #lead: number;
	readonly #subject: Subject;
	readonly #store: Store;
	#open: number;
	/** What the store lets this gateway hold; nothing while 0. */
	#granted = 0;
	/** Connections that the next question is about. */
	#waiting = 0;
	/** The next question, while it waits for the last one. */
	#next: Promise<boolean> | null = null;
	#last: Promise<boolean> | null = null;

	/** `limit` is above 0; `open` are there already. */
	constructor(limit: number, subject: Subject, store: Store, open = 0) {
		this.#open = open;
		this.#limit = limit;
		this.#lead = lead(limit);
		this.#subject = subject;
		this.#store = store;
	}

	/** Takes a place. */
	take(): Permission {
		const standing = standingOf(this.#store);
		if (standing !== 'shared') return this.#takeUnasked(standing);
		return this.#open < Math.max(this.#granted, this.#lead) ? this.#taken() : this.#ask();
	}

	giveBack(): void {
		this.#open--;
		this.#granted = this.#open === 0 ? 0 : Math.min(this.#granted, this.#open + this.#lead);
		this.#tell();
	}

	#takeUnasked(standing: 'alone' | 'local' | 'open' | 'closed'): GatewayError | null {
		if (standing === 'open') return this.#taken();
		if (standing === 'closed') return unanswered();
		const limit = standing === 'alone' ? this.#limit : localShare(this.#limit, this.#store);
		return this.#open < limit ? this.#taken() : overLimit(FULL);
	}

	#taken(): null {
		this.#open++;
		this.#tell();
		return null;
	}

	/** The store keeps what we may hold, or what was taken beyond it while it was away. */
	#tell(): void {
		this.#store.shared?.hold(this.#subject, Math.max(this.#open, this.#granted));
	}

	async #ask(): Promise<GatewayError | null> {
		this.#waiting++;
		this.#next ??= this.#refill();
		if (await this.#next) return this.#open < this.#granted ? this.#taken() : overLimit(FULL);
		return this.#takeUnasked(this.#store.whenDown);
	}

	/** Asks once for all that come while the last question is out; false when there was no answer. */
	async #refill(): Promise<boolean> {
		await this.#last;
		this.#next = null;
		// Those that the last answer lets in may not have taken their places yet: what was granted is held.
		const held = Math.max(this.#open, this.#granted);
		this.#last = this.#question(held, held + this.#waiting);
		this.#waiting = 0;
		return this.#last;
	}

	async #question(held: number, need: number): Promise<boolean> {
		const ask = { limit: this.#limit, held, need, want: need + this.#lead };
		const granted = (await this.#store.shared?.places(this.#subject, ask)) ?? null;
		if (granted !== null) this.#granted = granted;
		return granted !== null;
	}
}
