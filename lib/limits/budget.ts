// What one flow's bytes are taken from: the paces and quotas of its client, of its client's network and of its user. The
// flow says what has moved, and stops reading a direction until it may go on.
import type { GatewayError } from '../core/error.ts';
import type { Waiter } from './bucket.ts';
import type { Bytes, Direction, Spender } from './bytes.ts';

export class Budget implements Spender {
	/** The direction may go on. */
	onReady: ((direction: Direction) => void) | null = null;
	/** A quota is used up: the flow has to end. Once. */
	onSpent: ((error: GatewayError) => void) | null = null;
	readonly #lines: readonly Line[];
	readonly #waiting = { up: false, down: false };
	over = false;

	/** `all`: of every subject that counts this flow's bytes. To be closed. */
	constructor(all: readonly Bytes[]) {
		this.#lines = all.flatMap((bytes) => [new Line(this, bytes, 'up'), new Line(this, bytes, 'down')]);
		for (const bytes of all) bytes.add(this);
	}

	/** Bytes have moved. False: no more shall be read of this direction before `onReady`. */
	spend(direction: Direction, bytes: number): boolean {
		for (const line of this.#lines) if (line.direction === direction) line.bytes.spend(direction, bytes, line);
		return !this.#waiting[direction] && !this.#mustWait(direction);
	}

	/** Bytes of the direction that should move at once: a limit is passed by less than this. */
	most(direction: Direction): number {
		let most = Number.POSITIVE_INFINITY;
		for (const line of this.#lines) if (line.direction === direction) most = Math.min(most, line.bytes.most(direction));
		return most;
	}

	/** One subject lets it through: the next one may not. */
	passed(direction: Direction): void {
		this.#waiting[direction] = false;
		if (!this.#mustWait(direction)) this.onReady?.(direction);
	}

	#mustWait(direction: Direction): boolean {
		const line = this.#lines.find((one) => one.direction === direction && !one.bytes.ready(direction, one));
		if (!line) return false;
		this.#waiting[direction] = true;
		line.bytes.wait(direction, line);
		return this.#waiting[direction]; // it may have been let through at once
	}

	spent(error: GatewayError): void {
		const tell = this.onSpent;
		this.onSpent = null;
		tell?.(error);
	}

	/** The flow is over. Again does nothing. */
	close(): void {
		if (this.over) return;
		this.over = true;
		this.onReady = null;
		this.onSpent = null;
		for (const line of this.#lines) if (line.direction === 'up') line.bytes.delete(this);
	}
}

/** One direction of a flow at one subject. */
class Line implements Waiter {
	credit = 0;
	readonly bytes: Bytes;
	readonly direction: Direction;
	readonly #budget: Budget;

	constructor(budget: Budget, bytes: Bytes, direction: Direction) {
		this.#budget = budget;
		this.bytes = bytes;
		this.direction = direction;
	}

	get over(): boolean {
		return this.#budget.over;
	}

	go(): void {
		this.#budget.passed(this.direction);
	}
}
