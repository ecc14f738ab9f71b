// Limits and sessions as a worker shares them with the others of its machine: by asking the process that supervises them, over
// whatever joins the two. What is asked in one turn leaves together, what is held is told several times a second, and
// bans are copied here as they come.
import type { Clock } from '../core/clock.ts';
import type { ExitStore } from './fleet-sessions.ts';
import { MemoryBans } from './memory-bans.ts';
import type { Question, Remark } from './memory-store.ts';
import type { KeptExit } from './redis-exits.ts';
import type { Rated, Taken } from './redis-rates.ts';
import {
	type ByteGrants,
	type ByteWants,
	type Failing,
	type FailureRule,
	type Rate,
	type Shared,
	type Subject,
	subjectName,
} from './shared.ts';

/** The way to the store. */
export interface StoreLine {
	/** False when nobody is there any more. */
	readonly up: boolean;
	/** Rejects when nobody is there any more. */
	ask(question: Question): Promise<unknown>;
	tell(remarks: readonly Remark[]): void;
}

/** What is held is told this often. Until then others do not know of places that were taken without asking: a sixteenth. */
const TELL_MS = 100;

/** A store that is silent for so long is not waited for. It has less to do than whoever asks. */
const WAIT_MS = 1_000;

/** Bans that are copied. */
const MOST_BANS = 65_536;

interface Open {
	readonly askedMs: number;
	settle(answer: null): void;
}

export class WorkerShared implements Shared, ExitStore {
	readonly gateways: number;
	readonly #line: StoreLine;
	readonly #clock: Clock;
	readonly #bans: MemoryBans;
	readonly #timer: NodeJS.Timeout;
	/** What is held, and not told yet. */
	readonly #held: Map<string, { readonly subject: Subject; readonly held: number }> = new Map();
	/** Subjects of which the store may believe that something is held. */
	readonly #told: Set<string> = new Set();
	/** Subjects whose places are asked for: the answer says what is held. */
	readonly #asking: Map<string, number> = new Map();
	/** The one asked first is the first. */
	readonly #open: Set<Open> = new Set();

	/** One of `workers`. */
	constructor(line: StoreLine, workers: number, clock: Clock) {
		this.#line = line;
		this.gateways = workers;
		this.#clock = clock;
		this.#bans = new MemoryBans(MOST_BANS, clock);
		this.#timer = setInterval(() => this.#tick(), TELL_MS).unref();
	}

	get up(): boolean {
		return this.#line.up;
	}

	close(): void {
		clearInterval(this.#timer);
		for (const open of this.#open) open.settle(null);
	}

	#tick(): void {
		const oldestMs = this.#clock.nowMs() - WAIT_MS;
		for (const open of this.#open) {
			if (open.askedMs > oldestMs) break;
			open.settle(null);
		}
		const remarks: Remark[] = [];
		for (const [name, { subject, held }] of this.#held) {
			if (this.#asking.has(name)) continue;
			this.#held.delete(name);
			if (held > 0) this.#told.add(name);
			else this.#told.delete(name);
			remarks.push(['hold', subject, held]);
		}
		if (remarks.length > 0) this.#line.tell(remarks);
	}

	#ask<T>(question: Question): Promise<T | null> {
		return new Promise((resolve) => {
			const settle = (answer: T | null): void => {
				this.#open.delete(open);
				resolve(answer);
			};
			const open: Open = { askedMs: this.#clock.nowMs(), settle };
			this.#open.add(open);
			this.#line.ask(question).then(
				(answer) => settle(answer as T | null),
				() => settle(null),
			);
		});
	}

	async places(subject: Subject, ask: Parameters<Shared['places']>[1]): Promise<number | null> {
		const name = subjectName(subject);
		this.#held.delete(name);
		this.#told.add(name);
		this.#asking.set(name, (this.#asking.get(name) ?? 0) + 1);
		const granted = await this.#ask<number>(['places', subject, ask]);
		const left = (this.#asking.get(name) as number) - 1;
		if (left > 0) this.#asking.set(name, left);
		else this.#asking.delete(name);
		return granted;
	}

	hold(subject: Subject, held: number): void {
		const name = subjectName(subject);
		// What came and went between two tellings is nobody's affair.
		if (held === 0 && !this.#told.has(name)) this.#held.delete(name);
		else this.#held.set(name, { subject, held });
	}

	take(what: Rated, subject: Subject, rate: Rate, count: number): Promise<Taken | null> {
		return this.#ask(['take', what, subject, rate, count]);
	}

	draw(subject: Subject, wants: ByteWants): Promise<ByteGrants | null> {
		return this.#ask(['draw', subject, wants]);
	}

	giveBack(subject: Subject, unused: { readonly day: number; readonly month: number }): void {
		this.#line.tell([['giveBack', subject, unused]]);
	}

	fail(
		subject: Subject,
		what: Failing,
		rule: FailureRule,
	): Promise<{ readonly failures: number; readonly banMs: number } | null> {
		return this.#ask(['fail', subject, what, rule]);
	}

	bannedMs(subject: Subject): number {
		return this.#bans.none ? 0 : this.#bans.leftMs(subjectName(subject));
	}

	/** Bans that the others know of. */
	learn(bans: readonly (readonly [name: string, ms: number])[]): void {
		for (const [name, ms] of bans) this.#bans.learn(name, ms);
	}

	exitsOf(session: string): Promise<readonly KeptExit[] | null> {
		return this.#ask(['exitsOf', session]);
	}

	keepExit(session: string, kept: KeptExit, how: Parameters<ExitStore['keepExit']>[2]): Promise<string | null> {
		return this.#ask(['keepExit', session, kept, how]);
	}

	forgetExit(session: string, place: string): void {
		this.#line.tell([['forgetExit', session, place]]);
	}
}
