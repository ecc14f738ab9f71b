// Who of a group is left alone because it fails. Marks are passive: what a use of a member came to. A member that failed so
// often in a row is ejected, for longer each time; then it is on trial, with one use at a time, until one succeeds or fails.
//
// Clients can make a member fail at their targets, so failures that may be a target's count for less, and only once for
// each site: nobody ejects members with one bad name. And whatever happens, a share of the group is never ejected.
import type { Clock } from '../core/clock.ts';
import type { Member, MemberRecord } from './member.ts';
import type { Roster } from './roster.ts';

export interface HealthOptions {
	/** Failures in a row that eject; twice as many where each may be the fault of another site. */
	readonly after: number;
	/** The first ejection lasts so long, each further one in a row twice as long as the one before ... */
	readonly restMs: number;
	/** ... up to this. */
	readonly longestRestMs: number;
	/** Percent of the members that stay, rounded up, and one at least. */
	readonly floorPercent: number;
}

export interface HealthEvents<W> {
	/** Something failed that is its fault, or may be. `why` is constant text. */
	failed?(member: Member<W>, why: string): void;
	/** `why` is constant text. */
	ejected?(member: Member<W>, why: string, restMs: number): void;
	restored?(member: Member<W>): void;
}

/** A use on trial that has told nothing for so long is over: its client left, or its tunnel just stands. */
const TRIAL_MS = 30_000;

export class Health<W> {
	readonly #options: HealthOptions;
	readonly #roster: Roster<W>;
	readonly #clock: Clock;
	readonly #events: HealthEvents<W>;
	/** Who is ejected or trying. */
	readonly #resting: Set<Member<W>> = new Set();
	/** The first of them is due then. */
	#nextMs = Number.POSITIVE_INFINITY;

	constructor(options: HealthOptions, roster: Roster<W>, clock: Clock, events: HealthEvents<W> = {}) {
		this.#options = options;
		this.#roster = roster;
		this.#clock = clock;
		this.#events = events;
	}

	/** To be called before a pick: opens to a trial whoever has rested long enough. */
	wake(): void {
		const nowMs = this.#clock.nowMs();
		if (nowMs < this.#nextMs) return;
		this.#nextMs = Number.POSITIVE_INFINITY;
		for (const member of this.#resting) {
			if (member.restsUntilMs <= nowMs) this.#put(member, 'trial');
			else this.#nextMs = Math.min(this.#nextMs, member.restsUntilMs);
		}
	}

	/** It has been picked. */
	used(member: Member<W>): void {
		if (member.state === 'trial' && this.#maySpare(member)) this.#rest(member, 'trying', TRIAL_MS);
	}

	/** A way by it was opened, or a probe of it went well. */
	succeeded(member: Member<W>): void {
		member.failures = 0;
		if (member.state === 'open') return;
		this.#put(member, 'open');
		this.#events.restored?.(member);
	}

	/** Bytes of a target came by it: what it says is true. */
	proved(member: Member<W>): void {
		member.doubts = null;
		member.ejections = 0;
		if (member.failures > 0 || member.state !== 'open') this.succeeded(member);
	}

	/** It could not be reached or used. `why` is constant text. */
	failed(member: Member<W>, why: string): void {
		this.#note(member, why);
		member.failures++;
		if (this.#isOnTrial(member) || member.failures >= this.#options.after) this.#eject(member, why);
	}

	/** Something failed that may be its fault or that of the site it was used for. */
	doubted(member: Member<W>, site: string, why: string): void {
		this.#note(member, why);
		member.doubts ??= new Set();
		member.doubts.add(site);
		const many = member.doubts.size >= 2 * this.#options.after;
		if (many || this.#isOnTrial(member)) this.#eject(member, why);
	}

	/** The roster has a new list; where all that are left on it rest, all are tried. */
	replaced(): void {
		for (const member of this.#resting) {
			if (!this.#roster.has(member)) this.#resting.delete(member);
			else if (this.#roster.openCount === 0) this.#put(member, 'trial');
		}
	}

	/** It is one that was known before, under another configuration. Whoever was left alone then still is, where that may be. */
	remember(member: Member<W>, record: MemberRecord): void {
		const { restsUntilMs, state, ...known } = record;
		Object.assign(member, known);
		// A use on trial tells its outcome to those who began it: here the trial begins anew.
		const rests = state === 'ejected' || state === 'trying';
		if (!rests || member.state !== 'open' || !this.#maySpare(member)) return;
		this.#rest(member, 'ejected', Math.max(0, restsUntilMs - this.#clock.nowMs()));
	}

	#note(member: Member<W>, why: string): void {
		member.fault(why);
		this.#events.failed?.(member, why);
	}

	#isOnTrial(member: Member<W>): boolean {
		return member.state === 'trial' || member.state === 'trying';
	}

	#eject(member: Member<W>, why: string): void {
		if (member.state === 'ejected' || !this.#roster.has(member)) return;
		member.doubts = null;
		if (!this.#maySpare(member)) return this.#isOnTrial(member) ? this.#put(member, 'trial') : undefined;
		const { restMs, longestRestMs } = this.#options;
		const ms = Math.min(longestRestMs, restMs * 2 ** Math.min(member.ejections, 30));
		member.ejections++;
		this.#rest(member, 'ejected', ms);
		this.#events.ejected?.(member, why, ms);
	}

	/** Those on trial may be picked, and so they count as there. */
	#maySpare(member: Member<W>): boolean {
		const floor = Math.max(1, Math.ceil((this.#roster.size * this.#options.floorPercent) / 100));
		return this.#roster.openCount - (this.#roster.isOpen(member) ? 1 : 0) >= floor;
	}

	#rest(member: Member<W>, state: 'ejected' | 'trying', ms: number): void {
		member.state = state;
		member.restsUntilMs = this.#clock.nowMs() + ms;
		this.#roster.close(member);
		this.#resting.add(member);
		this.#nextMs = Math.min(this.#nextMs, member.restsUntilMs);
	}

	#put(member: Member<W>, state: 'open' | 'trial'): void {
		member.state = state;
		if (state === 'open') member.failures = 0;
		this.#resting.delete(member);
		this.#roster.open(member);
	}
}
