// One subject's account: what of its limits is in use at this gateway. Only the limits that it has are kept.
import { isDeepStrictEqual } from 'node:util';
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
	bytes: Bytes | null = null;
	readonly #subject: Subject;
	readonly #deps: AccountDeps;
	#allowance: Allowance | null = null;
	/** Connections, whether they are limited or not. */
	#open = 0;
	#places: Places | null = null;
	#connections: Pace | null = null;
	#requests: Pace | null = null;

	constructor(subject: Subject, allowance: Allowance, deps: AccountDeps) {
		this.kind = subject.kind;
		this.#subject = subject;
		this.#deps = deps;
		this.change(allowance);
	}

	/** Other limits from now on: connections that are open count, flows keep the pace and the quota that they began with. */
	change(allowance: Allowance): void {
		if (isDeepStrictEqual(allowance, this.#allowance)) return;
		const { shared, clock } = this.#deps;
		const store = { shared, whenDown: allowance.whenDown };
		const pace = (what: Paced, perSecond: number, burst: number): Pace | null =>
			perSecond > 0 ? new Pace(what, { perSecond, burst }, this.#subject, store, clock) : null;
		const { connectionsOpen } = allowance;
		this.#allowance = allowance;
		this.#places = connectionsOpen > 0 ? new Places(connectionsOpen, this.#subject, store, this.#open) : null;
		this.#connections = pace('connections', allowance.connectionsPerSecond, allowance.burst);
		this.#requests = pace('requests', allowance.requestsPerSecond, allowance.requestsBurst);
		this.bytes = limitsBytes(allowance) ? new Bytes(allowance, this.#subject, store, this.#deps) : null;
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
		const answer = this.#places?.take() ?? null;
		if (answer instanceof Promise) return answer.then((error) => this.#counted(error));
		return this.#counted(answer);
	}

	#counted(error: GatewayError | null): GatewayError | null {
		if (error === null) this.#open++;
		return error;
	}

	/** Gives a connection's place back. */
	leave(): void {
		this.#open--;
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
	for (let i = 0; i < count; i++) (accounts[i] as Account).leave();
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
