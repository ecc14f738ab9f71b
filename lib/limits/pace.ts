// How often something may happen: so many a second and, once in ten seconds, a burst on top. Windows are the same for all
// subjects, so nothing has to be woken to end one. Where gateways share their limits, the first `lead(perSecond)` of a
// second and `lead(burst)` of ten are taken without asking, and whoever asks also pays for what was taken so in its second.
import type { Clock } from '../core/clock.ts';
import type { GatewayError } from '../core/error.ts';
import { lead } from './allowance.ts';
import type { Permission } from './limiter.ts';
import type { Rate, Subject } from './shared.ts';
import { localShare, overLimit, type Store, standingOf, unanswered } from './standing.ts';

export const WINDOW_MS = 1_000;

/** A burst has to last so long: who always takes all of it has `perSecond + burst / 10` a second. */
const BURST_WINDOWS = 10;

export const BURST_MS: number = BURST_WINDOWS * WINDOW_MS;

export type Paced = 'connections' | 'requests';

export class Pace {
	readonly #what: Paced;
	readonly #rate: Rate;
	readonly #lead: number;
	readonly #burstLead: number;
	readonly #subject: Subject;
	readonly #store: Store;
	readonly #clock: Clock;
	#window = Number.NaN;
	/** Taken in this window. */
	#used = 0;
	/** Taken of the burst in these ten windows. */
	#burstUsed = 0;
	/** Of `used`, what the store has not been told of. */
	#unpaid = 0;
	/** Of the burst, what was taken in these ten windows without asking. */
	#burstAhead = 0;
	/** Granted by the store and not used yet. */
	#credit = 0;
	/** Until then the store has said no. */
	#refusedUntilMs = 0;
	/** Those that the next question is about. */
	#waiting = 0;
	/** The next question, while it waits for the last one. */
	#next: Promise<boolean> | null = null;
	#last: Promise<boolean> | null = null;

	/** `rate.perSecond` is above 0. */
	constructor(what: Paced, rate: Rate, subject: Subject, store: Store, clock: Clock) {
		this.#what = what;
		this.#rate = rate;
		this.#lead = lead(rate.perSecond);
		this.#burstLead = lead(rate.burst);
		this.#subject = subject;
		this.#store = store;
		this.#clock = clock;
	}

	/** Nothing is remembered that still counts. */
	get idle(): boolean {
		const window = Math.floor(this.#clock.nowMs() / WINDOW_MS);
		return (
			this.#waiting === 0 &&
			!(window === this.#window || ((this.#burstUsed > 0 || this.#burstAhead > 0) && isSameBurst(window, this.#window)))
		);
	}

	/** Takes one. */
	take(): Permission {
		const nowMs = this.#clock.nowMs();
		this.#turn(Math.floor(nowMs / WINDOW_MS));
		const standing = standingOf(this.#store);
		if (standing !== 'shared') return this.#takeUnasked(standing, nowMs);
		if (this.#credit > 0) return this.#spend();
		if (this.#unpaid < this.#lead) return this.#advance();
		if (this.#burstAhead < this.#burstLead) {
			this.#burstAhead++;
			return this.#advance();
		}
		return nowMs < this.#refusedUntilMs ? overLimit(this.#what, this.#refusedUntilMs - nowMs) : this.#ask();
	}

	#turn(window: number): void {
		if (window === this.#window) return;
		if (!isSameBurst(window, this.#window)) {
			this.#burstUsed = 0;
			this.#burstAhead = 0;
		}
		this.#window = window;
		this.#used = 0;
		this.#unpaid = 0;
		this.#credit = 0;
	}

	#takeUnasked(standing: 'alone' | 'local' | 'open' | 'closed', nowMs: number): GatewayError | null {
		if (standing === 'open') return this.#advance();
		if (standing === 'closed') return unanswered();
		const share = (limit: number): number => (standing === 'alone' ? limit : localShare(limit, this.#store));
		if (this.#used < share(this.#rate.perSecond)) return this.#advance();
		if (this.#rate.burst === 0 || this.#burstUsed >= share(this.#rate.burst))
			return overLimit(this.#what, WINDOW_MS - (nowMs % WINDOW_MS));
		this.#burstUsed++;
		return this.#advance();
	}

	#advance(): null {
		this.#used++;
		this.#unpaid++;
		return null;
	}

	#spend(): null {
		this.#credit--;
		this.#used++;
		return null;
	}

	async #ask(): Promise<GatewayError | null> {
		this.#waiting++;
		this.#next ??= this.#refill();
		const answered = await this.#next;
		const nowMs = this.#clock.nowMs();
		if (!answered) return this.#takeUnasked(this.#store.whenDown, nowMs);
		return this.#credit > 0 ? this.#spend() : overLimit(this.#what, this.#refusedUntilMs - nowMs);
	}

	/** Asks once for all that come while the last question is out; false when there was no answer. */
	async #refill(): Promise<boolean> {
		await this.#last;
		this.#next = null;
		this.#last = this.#question(this.#unpaid, this.#waiting + this.#lead);
		this.#waiting = 0;
		return this.#last;
	}

	/** Pays for what was taken unasked, and buys more. */
	async #question(owed: number, more: number): Promise<boolean> {
		const answer = (await this.#store.shared?.take(this.#what, this.#subject, this.#rate, owed + more)) ?? null;
		if (answer === null) return false;
		const nowMs = this.#clock.nowMs();
		this.#turn(Math.floor(nowMs / WINDOW_MS));
		this.#unpaid = Math.max(0, this.#unpaid - owed);
		this.#credit += Math.max(0, answer.granted - owed);
		if (answer.granted < owed + more) this.#refusedUntilMs = nowMs + answer.retryMs;
		return true;
	}
}

function isSameBurst(a: number, b: number): boolean {
	return Math.floor(a / BURST_WINDOWS) === Math.floor(b / BURST_WINDOWS);
}
