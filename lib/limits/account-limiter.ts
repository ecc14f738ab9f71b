// The limiter: counts every connection for its client, for its client's network and for its user, and all of them against
// the gateway's own ceilings. A connection has a place among the handshakes from accept on; once it is admitted it has one
// among the flows instead. The two are counted apart: with every flow's place taken there are still places for handshakes,
// so that a refusal can be said in the client's own protocol.
//
// Nobody is locked out by a crowd: when all places are taken, one of whoever has most makes room for who has fewer, and when
// `maxKeys` subjects of a kind are remembered, those longest known of whom nobody is here are forgotten.
import type { Client } from '../core/client.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { GatewayError } from '../core/error.ts';
import type { Link } from '../core/link.ts';
import { Account, connectAll, leaveAll, requestAll } from './account.ts';
import { type Allowance, type Allowances, allowanceOfClient, allowanceOfUser, isUnlimited } from './allowance.ts';
import { Budget } from './budget.ts';
import { type Crowd, Crowds, type Taken, TakenPlaces } from './crowds.ts';
import { Failures } from './failures.ts';
import type { Admission, Limiter, Permission } from './limiter.ts';
import type { Failing, Shared, Subject } from './shared.ts';
import { overLimit, RETRY_MS } from './standing.ts';

/** Of this gateway, whatever is shared. 0 switches one off. */
export interface Ceilings {
	/** Handshakes of one client. */
	readonly handshakes: number;
	/** Flows of all. Each has two descriptors. */
	readonly totalConnections: number;
	/** Handshakes of all, and connections that were refused and are not closed yet. */
	readonly totalHandshakes: number;
	/** Subjects of one kind that are remembered at once; never off. */
	readonly maxKeys: number;
}

/** The part of one of `count` processes that serve together: who comes in is spread evenly over them. */
export function ceilingsFor({ maxKeys, ...counted }: Ceilings, count: number): Ceilings {
	const share = (ceiling: number): number => Math.ceil(ceiling / count);
	const { handshakes, totalConnections, totalHandshakes } = counted;
	return {
		handshakes: share(handshakes),
		totalConnections: share(totalConnections),
		totalHandshakes: share(totalHandshakes),
		maxKeys,
	};
}

export interface LimiterDeps {
	/** Null: limits are this process's own. */
	readonly shared?: Shared | null;
	readonly clock?: Clock;
	/** The time of day in milliseconds since 1970, for quotas. */
	readonly epochMs?: () => number;
}

/** Who has nothing that counts is looked for this often, and when there is no room. */
const SWEEP_MS = 10_000;

/** When there is no room: it takes milliseconds with 65,536 of them. */
const FULL_SWEEP_MS = 500;

/** When all that may be remembered is, this part of it makes room at once: a walk for thousands of newcomers. */
const FORGOTTEN = 1 / 16;

const NONE: readonly Account[] = [];

/** A client that is here, or that something is remembered of. */
interface Guest {
	readonly client: Client;
	readonly subject: Subject;
	readonly crowd: Crowd;
	/** Of the client and its network, as far as they are limited. */
	accounts: readonly Account[];
	/** Null until it has failed at something. */
	failures: Failures | null;
	/** Connections in any state. */
	here: number;
	handshakes: number;
}

export class AccountLimiter implements Limiter {
	#allowances: Allowances;
	#ceilings: Ceilings;
	#deps: Required<LimiterDeps>;
	readonly #guests: Map<string | number, Guest> = new Map();
	readonly #networks: Map<string, Account> = new Map();
	readonly #users: Map<string, Account> = new Map();
	readonly #crowds: Crowds = new Crowds();
	/** Of those in their handshake, or refused and not closed yet. */
	readonly #waiting: TakenPlaces<Place> = new TakenPlaces('handshakes');
	readonly #flows: TakenPlaces<Place> = new TakenPlaces('flows');
	#lastSerial = 0;
	#sweptMs: number;

	constructor(allowances: Allowances, ceilings: Ceilings, deps: LimiterDeps = {}) {
		this.#allowances = allowances;
		this.#ceilings = ceilings;
		this.#deps = { shared: null, clock: systemClock, epochMs: Date.now, ...deps };
		this.#sweptMs = this.#deps.clock.nowMs();
	}

	/** From now on limits are counted in the store as well. To be called before anybody has come. */
	share(shared: Shared): void {
		this.#deps = { ...this.#deps, shared };
	}

	/** Other limits from now on; what is counted goes on. Flows keep the pace and the quota that they began with. */
	change(allowances: Allowances, ceilings: Ceilings): void {
		this.#allowances = allowances;
		this.#ceilings = ceilings;
		for (const [name, account] of this.#users) account.change(allowanceOfUser(allowances, name));
		for (const account of this.#networks.values()) account.change(allowances.network);
		for (const guest of this.#guests.values()) this.#recount(guest);
	}

	#recount(guest: Guest): void {
		const before = guest.accounts;
		const known = before.find(({ kind }) => kind === 'client') ?? null;
		guest.accounts = this.#accountsOf(guest.client, guest.subject, known) ?? before;
		guest.failures = null;
		for (const account of guest.accounts) account.users++;
		for (const account of before) account.users--;
	}

	/** How many of each kind are remembered. */
	get keyCounts(): { readonly clients: number; readonly networks: number; readonly users: number } {
		return { clients: this.#guests.size, networks: this.#networks.size, users: this.#users.size };
	}

	enter(client: Client, link: Pick<Link, 'reset'>): Admission | null {
		this.#sweep(SWEEP_MS);
		const guest = this.#guests.get(idOf(client)) ?? this.#newcomer(client);
		if (guest === null || isFull(guest.handshakes, this.#ceilings.handshakes)) return null;
		if (isFull(this.#waiting.size, this.#ceilings.totalHandshakes)) {
			const longest = this.#waiting.longest(guest.crowd);
			if (longest === null) return null;
			longest.evict();
		}
		const place = new Place(this, guest, link, ++this.#lastSerial);
		guest.here++;
		guest.handshakes++;
		this.#waiting.add(place);
		return place;
	}

	#newcomer(client: Client): Guest | null {
		const subject: Subject = { kind: 'client', name: client.key };
		const accounts = this.#hasRoom(this.#guests) ? this.#accountsOf(client, subject, null) : null;
		if (accounts === null) return null;
		for (const account of accounts) account.users++;
		const crowd = this.#crowds.join(client.network);
		const guest: Guest = { client, subject, crowd, accounts, failures: null, here: 0, handshakes: 0 };
		this.#guests.set(idOf(client), guest);
		return guest;
	}

	/** Of a client, whose own is `known`, and of its network; null when there is no room for it. */
	#accountsOf(client: Client, subject: Subject, known: Account | null): readonly Account[] | null {
		const { client: own, network: wide } = allowanceOfClient(this.#allowances, client);
		known?.change(own);
		const account = known ?? (isUnlimited(own) ? null : this.#account(subject, own));
		const network = wide ? this.#kept(this.#networks, 'network', client.network as string, wide) : null;
		if (network === 'full') return null;
		// Not pushed one by one: an array that grows keeps room for seventeen.
		if (account && network) return [account, network];
		return account ? [account] : network ? [network] : NONE;
	}

	/** A client has failed at something. */
	failed(guest: Guest, what: Failing): void {
		const { failures: rules } = this.#allowances;
		if (rules.authentication.most === 0 && rules.destination.most === 0) return;
		const { shared, clock } = this.#deps;
		guest.failures ??= new Failures(rules, guest.subject, { shared, whenDown: 'local' }, clock);
		guest.failures.add(what);
	}

	#account(subject: Subject, allowance: Allowance): Account {
		return new Account(subject, allowance, this.#deps);
	}

	/** An account that several clients share; null when nothing is limited by it. */
	#kept(all: Map<string, Account>, kind: Subject['kind'], name: string, allowance: Allowance): Account | null | 'full' {
		if (isUnlimited(allowance)) return null;
		const known = all.get(name);
		if (known) return known;
		if (!this.#hasRoom(all)) return 'full';
		const account = this.#account({ kind, name }, allowance);
		all.set(name, account);
		return account;
	}

	#hasRoom(all: { readonly size: number }): boolean {
		const { maxKeys } = this.#ceilings;
		if (all.size >= maxKeys) this.#sweep(FULL_SWEEP_MS);
		if (all.size >= maxKeys) this.#forgetOldest(Math.ceil(maxKeys * FORGOTTEN));
		return all.size < maxKeys;
	}

	/** Of those that something counts for nevertheless; who is banned is forgotten last. */
	#forgetOldest(count: number): void {
		let left = count;
		for (const mercy of [false, true]) {
			for (const guest of this.#guests.values()) {
				if (left === 0) break;
				if (guest.here > 0 || (!mercy && guest.failures?.refusal())) continue;
				this.#forget(guest);
				left--;
			}
		}
		for (const all of [this.#networks, this.#users])
			if (all.size >= this.#ceilings.maxKeys)
				for (const [name, account] of all) if (account.users === 0) all.delete(name);
	}

	/** Forgets who has nothing that counts, unless that was done within the last `everyMs`. */
	#sweep(everyMs: number): void {
		const nowMs = this.#deps.clock.nowMs();
		if (nowMs - this.#sweptMs < everyMs) return;
		this.#sweptMs = nowMs;
		for (const guest of this.#guests.values()) if (isGone(guest)) this.#forget(guest);
		for (const all of [this.#networks, this.#users])
			for (const [name, account] of all) if (account.users === 0 && account.idle) all.delete(name);
	}

	#forget({ accounts, crowd, client }: Guest): void {
		for (const account of accounts) account.users--;
		this.#guests.delete(idOf(client));
		this.#crowds.leave(client.network, crowd);
	}

	/** Why a connection may not open before anything is counted; null when nothing is known against it. */
	refusal(guest: Guest, user: string | null): GatewayError | null {
		const banned = guest.failures?.refusal() ?? this.#banned(guest.subject);
		if (banned) return banned;
		if (user !== null) {
			const bannedUser = this.#banned({ kind: 'user', name: user });
			if (bannedUser) return bannedUser;
		}
		return this.#isFull && this.#flows.surplus(guest.crowd) === null ? gatewayFull() : null;
	}

	get #isFull(): boolean {
		return isFull(this.#flows.size, this.#ceilings.totalConnections);
	}

	#banned(subject: Subject): GatewayError | null {
		const { shared } = this.#deps;
		const leftMs = shared?.up ? shared.bannedMs(subject) : 0;
		return leftMs > 0 ? overLimit('banned', leftMs) : null;
	}

	/** Whose limits a flow counts against; the error when there is no room to count. */
	accountsOf(guest: Guest, user: string | null): readonly Account[] | GatewayError {
		if (user === null) return guest.accounts;
		const account = this.#kept(this.#users, 'user', user, allowanceOfUser(this.#allowances, user));
		if (account === 'full') return overLimit('too many users');
		return account === null ? guest.accounts : [...guest.accounts, account];
	}

	/** Turns a handshake's place into a flow's; false when there is none for this client. */
	grow(place: Place, guest: Guest): boolean {
		if (this.#isFull) {
			const surplus = this.#flows.surplus(guest.crowd);
			if (surplus === null) return false;
			surplus.evict();
		}
		guest.handshakes--;
		this.#waiting.delete(place);
		this.#flows.add(place);
		return true;
	}

	giveBack(place: Place, guest: Guest, kind: 'handshake' | 'flow'): void {
		guest.here--;
		if (kind === 'flow') return this.#flows.delete(place);
		guest.handshakes--;
		this.#waiting.delete(place);
	}
}

/** One connection's place. A refused connection keeps the place of its handshake until it is released. */
class Place implements Admission, Taken {
	evicted = false;
	index = 0;
	readonly serial: number;
	readonly #limiter: AccountLimiter;
	readonly #guest: Guest;
	readonly #link: Pick<Link, 'reset'>;
	#accounts: readonly Account[] = NONE;
	#budget: Budget | null | undefined;
	#state: 'handshake' | 'asked' | 'flow' | 'released' = 'handshake';

	constructor(limiter: AccountLimiter, guest: Guest, link: Pick<Link, 'reset'>, serial: number) {
		this.serial = serial;
		this.#limiter = limiter;
		this.#guest = guest;
		this.#link = link;
	}

	get crowd(): Crowd {
		return this.#guest.crowd;
	}

	/** Makes room for another. */
	evict(): void {
		this.evicted = true;
		this.release();
		this.#link.reset();
	}

	admit(user: string | null): Permission {
		if (this.#state !== 'handshake') throw new Error('a connection is admitted once');
		const refusal = this.#limiter.refusal(this.#guest, user);
		if (refusal) return refusal;
		const accounts = this.#limiter.accountsOf(this.#guest, user);
		if (accounts instanceof GatewayError) return accounts;
		this.#state = 'asked';
		this.#accounts = accounts;
		for (const account of accounts) account.users++;
		const answer = connectAll(accounts);
		return answer instanceof Promise ? answer.then((error) => this.#settle(error)) : this.#settle(answer);
	}

	#settle(error: GatewayError | null): GatewayError | null {
		const why =
			error ?? (this.#state === 'released' ? gone() : this.#limiter.grow(this, this.#guest) ? null : gatewayFull());
		if (why === null) this.#state = 'flow';
		else {
			if (error === null) leaveAll(this.#accounts);
			this.#forget();
		}
		return why;
	}

	#forget(): void {
		for (const account of this.#accounts) account.users--;
		this.#accounts = NONE;
		if (this.#state === 'asked') this.#state = 'handshake';
	}

	request(): Permission {
		return this.#guest.failures?.refusal() ?? requestAll(this.#accounts);
	}

	budget(): Budget | null {
		if (this.#budget === undefined) this.#budget = budgetOf(this.#accounts);
		return this.#budget;
	}

	failed(what: Failing): void {
		this.#limiter.failed(this.#guest, what);
	}

	delayMs(): number {
		return this.#guest.failures?.delayMs() ?? 0;
	}

	release(): void {
		const state = this.#state;
		if (state === 'released') return;
		this.#state = 'released';
		this.#limiter.giveBack(this, this.#guest, state === 'flow' ? 'flow' : 'handshake');
		if (state !== 'flow') return; // a question that is still out is settled when its answer comes
		this.#budget?.close();
		leaveAll(this.#accounts);
		this.#forget();
	}
}

function idOf({ id, key }: Client): string | number {
	return id ?? key;
}

/** Null when none of them counts bytes. */
function budgetOf(accounts: readonly Account[]): Budget | null {
	if (accounts.every(({ bytes }) => bytes === null)) return null;
	return new Budget(accounts.flatMap(({ bytes }) => bytes ?? []));
}

/** The network's account does not matter: others hold on to it, or it is swept after this. */
function isGone({ here, accounts, failures }: Guest): boolean {
	return (
		here === 0 && (failures?.idle ?? true) && accounts.every((account) => account.kind !== 'client' || account.idle)
	);
}

function isFull(count: number, limit: number): boolean {
	return limit > 0 && count >= limit;
}

function gone(): GatewayError {
	return new GatewayError('connection_terminated', { side: 'client', phase: 'admission' });
}

function gatewayFull(): GatewayError {
	return new GatewayError('connection_limit_reached', {
		phase: 'admission',
		retryAfterMs: RETRY_MS,
		note: 'gateway full',
	});
}
