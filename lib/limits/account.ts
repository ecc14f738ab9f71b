// One subject's account: what of its limits is in use at this gateway. Only the limits that it has are kept.
import type { Clock } from '../core/clock.ts';
import type { GatewayError } from '../core/error.ts';
import { type Allowance, limitsBytes } from './allowance.ts';
import { Bytes } from './bytes.ts';
import type { Permission } from './limiter.ts';
import { Pace, type Paced } from './pace.ts';
import { Places } from './places.ts';
import type { Shared, Subject } from './shared.ts';

export interface AccountDeps {
	/** Null: limits are this process's own. */
	readonly shared: Shared | null;
	readonly clock: Clock;
	/** The time of day, for quotas. */
	readonly epochMs: () => number;
}

export class Account {
	readonly kind: Subject['kind'];
	/** Who holds on to it: flows, and clients in memory. */
	users = 0;
	readonly bytes: Bytes | null;
	readonly #places: Places | null;
	readonly #connections: Pace | null;
	readonly #requests: Pace | null;

	constructor(subject: Subject, allowance: Allowance, deps: AccountDeps) {
		this.kind = subject.kind;
		const store = { shared: deps.shared, whenDown: allowance.whenDown };
		const pace = (what: Paced, perSecond: number, burst: number): Pace | null =>
			perSecond > 0 ? new Pace(what, { perSecond, burst }, subject, store, deps.clock) : null;
		this.#places = allowance.connectionsOpen > 0 ? new Places(allowance.connectionsOpen, subject, store) : null;
		this.#connections = pace('connections', allowance.connectionsPerSecond, allowance.burst);
		this.#requests = pace('requests', allowance.requestsPerSecond, allowance.requestsBurst);
		this.bytes = limitsBytes(allowance) ? new Bytes(allowance, subject, store, deps) : null;
	}

	/** Nothing is remembered that still counts. */
	get idle(): boolean {
		return (this.#connections?.idle ?? true) && (this.#requests?.idle ?? true) && (this.bytes?.idle ?? true);
	}

	/** Takes a connection: its rate, a quota that is not used up, and a place among those open, to be left. */
	connect(): Permission {
		const spent = this.bytes?.refusal() ?? null;
		if (spent) return spent;
		const tooOften = this.#connections?.take() ?? null;
		if (tooOften instanceof Promise) return tooOften.then((error) => error ?? this.#place());
		return tooOften ?? this.#place();
	}

	#place(): Permission {
		return this.#places?.take() ?? null;
	}

	/** Gives a connection's place back. */
	leave(): void {
		this.#places?.giveBack();
	}

	/** Takes a plain HTTP request. */
	request(): Permission {
		return this.#requests?.take() ?? null;
	}
}

/** Takes a connection of every account, or of none. */
export function connectAll(accounts: readonly Account[], from = 0): Permission {
	for (let i = from; i < accounts.length; i++) {
		const answer = (accounts[i] as Account).connect();
		if (answer instanceof Promise) return answer.then((error) => settled(accounts, i, error));
		if (answer) {
			leaveAll(accounts, i);
			return answer;
		}
	}
	return null;
}

/** Gives back what the first `count` of the accounts granted. */
export function leaveAll(accounts: readonly Account[], count: number = accounts.length): void {
	for (const account of accounts.slice(0, count)) account.leave();
}

/** Takes a plain HTTP request of every account, as long as none says no. */
export function requestAll(accounts: readonly Account[], from = 0): Permission {
	for (let i = from; i < accounts.length; i++) {
		const answer = (accounts[i] as Account).request();
		if (answer instanceof Promise) return answer.then((error) => error ?? requestAll(accounts, i + 1));
		if (answer) return answer;
	}
	return null;
}

function settled(accounts: readonly Account[], i: number, error: GatewayError | null): Permission {
	if (error === null) return connectAll(accounts, i + 1);
	leaveAll(accounts, i);
	return error;
}
