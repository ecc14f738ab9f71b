// What gateways of one machine share without Redis: places, rates, bytes, bans and exits of sessions, in the memory of the
// process that supervises them. Each gateway is told from the others by a number; what one held is free when it ends.
import { type Clock, systemClock } from '../core/clock.ts';
import type { ExitStore } from './fleet-sessions.ts';
import { MemoryBans } from './memory-bans.ts';
import { MemoryBytes } from './memory-bytes.ts';
import { MemoryExits } from './memory-exits.ts';
import { MemoryPlaces } from './memory-places.ts';
import { takeOf, Windows } from './memory-windows.ts';
import { type Shared, subjectName } from './shared.ts';

export interface MemoryStoreOptions {
	/** Subjects of which something is counted at once; for one more there is no answer. */
	readonly maxKeys: number;
	readonly maxSessions: number;
}

/** What a gateway asks, as it crosses a channel: the name of a method and its arguments. */
export type Question = {
	[K in Asked]: readonly [K, ...Parameters<(Shared & ExitStore)[K]>];
}[Asked];

type Asked = 'places' | 'take' | 'draw' | 'fail' | 'exitsOf' | 'keepExit';

/** What a gateway tells. */
export type Remark = {
	[K in Told]: readonly [K, ...Parameters<(Shared & ExitStore)[K]>];
}[Told];

type Told = 'hold' | 'giveBack' | 'forgetExit';

export class MemoryStore {
	readonly bans: MemoryBans;
	readonly #clock: Clock;
	readonly #places: MemoryPlaces = new MemoryPlaces();
	readonly #rates: Windows;
	readonly #bytes: MemoryBytes;
	readonly #exits: MemoryExits;

	constructor(
		{ maxKeys, maxSessions }: MemoryStoreOptions,
		clock: Clock = systemClock,
		epochMs: () => number = Date.now,
	) {
		this.#clock = clock;
		this.bans = new MemoryBans(maxKeys, clock);
		this.#rates = new Windows(4 * maxKeys, clock);
		this.#bytes = new MemoryBytes(maxKeys, clock, epochMs);
		this.#exits = new MemoryExits(maxSessions, clock);
	}

	/** The answer to a question of a gateway; null: there is none. */
	answer(gateway: number, question: Question): unknown {
		switch (question[0]) {
			case 'places':
				return this.#places.ask(gateway, subjectName(question[1]), question[2]);
			case 'take': {
				const [, what, subject, rate, count] = question;
				return takeOf(this.#rates, { what, name: subjectName(subject), rate, count, nowMs: this.#clock.nowMs() });
			}
			case 'draw':
				return this.#bytes.draw(subjectName(question[1]), question[2]);
			case 'fail':
				return this.bans.fail(subjectName(question[1]), question[2], question[3]);
			case 'exitsOf':
				return this.#exits.of(question[1]);
			case 'keepExit':
				return this.#exits.keep(question[1], question[2], question[3]);
		}
	}

	/** Takes note of what a gateway tells. */
	hear(gateway: number, remark: Remark): void {
		switch (remark[0]) {
			case 'hold':
				return this.#places.hold(gateway, subjectName(remark[1]), remark[2]);
			case 'giveBack':
				return this.#bytes.giveBack(subjectName(remark[1]), remark[2]);
			case 'forgetExit':
				return this.#exits.forget(remark[1], remark[2]);
		}
	}

	/** The gateway is no more. */
	release(gateway: number): void {
		this.#places.release(gateway);
	}
}
