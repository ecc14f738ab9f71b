// What a client fails at: proving who it is, and reaching what it may not. Failures are borne for a while, then its next
// attempt waits, longer each time, then it is banned; where gateways share their limits, by all of them. Counted by client and
// not by user name, so that nobody can lock somebody else's name out.
import type { Clock } from '../core/clock.ts';
import type { GatewayError } from '../core/error.ts';
import type { Failing, FailureRule, Subject } from './shared.ts';
import { overLimit, type Store } from './standing.ts';

/** The first wait; it doubles with every tenth of what is borne. */
const FIRST_WAIT_MS = 100;

interface Tally {
	count: number;
	fromMs: number;
}

export class Failures {
	readonly #rules: Readonly<Record<Failing, FailureRule>>;
	readonly #subject: Subject;
	readonly #store: Store;
	readonly #clock: Clock;
	readonly #tallies: Partial<Record<Failing, Tally>> = {};
	#bannedUntilMs = 0;

	constructor(rules: Readonly<Record<Failing, FailureRule>>, subject: Subject, store: Store, clock: Clock) {
		this.#rules = rules;
		this.#subject = subject;
		this.#store = store;
		this.#clock = clock;
	}

	/** Nothing is remembered that still counts. */
	get idle(): boolean {
		const nowMs = this.#clock.nowMs();
		if (nowMs < this.#bannedUntilMs) return false;
		for (const what of FAILINGS) if (this.#tally(what, nowMs)) return false;
		return true;
	}

	add(what: Failing): void {
		const rule = this.#rules[what];
		if (rule.most === 0) return;
		const nowMs = this.#clock.nowMs();
		const tally = this.#tally(what, nowMs) ?? { count: 0, fromMs: nowMs };
		this.#tallies[what] = tally;
		if (++tally.count > rule.most) this.#bannedUntilMs = nowMs + rule.banMs;
		void this.#share(what, rule, tally);
	}

	/** What the other gateways saw counts too. */
	async #share(what: Failing, rule: FailureRule, tally: Tally): Promise<void> {
		const answer = await this.#store.shared?.fail(this.#subject, what, rule);
		if (!answer) return;
		tally.count = Math.max(tally.count, answer.failures);
		if (answer.banMs > 0) this.#bannedUntilMs = Math.max(this.#bannedUntilMs, this.#clock.nowMs() + answer.banMs);
	}

	/** The refusal of a banned client; null when it is not. Where bans are shared, the store's word counts: it may have been lifted. */
	refusal(): GatewayError | null {
		const { shared } = this.#store;
		const leftMs = shared?.up ? shared.bannedMs(this.#subject) : this.#bannedUntilMs - this.#clock.nowMs();
		return leftMs > 0 ? overLimit('banned', leftMs) : null;
	}

	/** How long the next attempt should wait: nothing for the first half of what is borne, then 200 ms to 3.2 s. */
	delayMs(): number {
		const nowMs = this.#clock.nowMs();
		let longestMs = 0;
		for (const what of FAILINGS) {
			const { most } = this.#rules[what];
			const over = (this.#tally(what, nowMs)?.count ?? 0) - most / 2;
			if (over > 0) longestMs = Math.max(longestMs, FIRST_WAIT_MS * 2 ** Math.min(5, Math.ceil((over * 10) / most)));
		}
		return longestMs;
	}

	#tally(what: Failing, nowMs: number): Tally | null {
		const tally = this.#tallies[what];
		return tally && nowMs - tally.fromMs < this.#rules[what].windowMs ? tally : null;
	}
}

const FAILINGS: readonly Failing[] = ['authentication', 'destination'];
