// The last hour in numbers, so that whoever opens the dashboard sees where the curves come from. A sample every ten seconds
// of what is counted anyway, in a ring of fixed size: 14 KB, and one walk through the live flows for each.
import type { Status } from './snapshot.ts';

const PERIOD_MS = 10_000;

/** An hour. */
const MOST_SAMPLES = 360;

/** One series each; a sample is what happened in its period, but for `open`, which is what was open at its end. */
export interface HistoryStatus {
	readonly periodSeconds: number;
	/** Oldest first; all are of one length. */
	readonly started: readonly number[];
	readonly open: readonly number[];
	readonly up: readonly number[];
	readonly down: readonly number[];
	readonly refused: readonly number[];
}

interface Totals {
	readonly started: number;
	readonly open: number;
	readonly up: number;
	readonly down: number;
	readonly refused: number;
}

function totalsOf({ flows, bytes, limits }: Pick<Status, 'flows' | 'bytes' | 'limits'>): Totals {
	const refused = Object.values(limits.refused).reduce((sum, count) => sum + count, 0);
	return { started: flows.open + flows.ended, refused, open: flows.open, ...bytes };
}

export class History {
	readonly #read: () => Totals;
	readonly #samples: Totals[] = [];
	readonly #timer: NodeJS.Timeout;
	#before: Totals;

	/** Begins to look at what `status` gives; `close` ends it. */
	constructor(status: () => Pick<Status, 'flows' | 'bytes' | 'limits'>) {
		this.#read = () => totalsOf(status());
		this.#before = this.#read();
		this.#timer = setInterval(() => this.sample(), PERIOD_MS).unref();
	}

	/** Ends a period. The timer's, and a spec's. */
	sample(): void {
		const now = this.#read();
		const { started, up, down, refused } = this.#before;
		this.#before = now;
		if (this.#samples.length >= MOST_SAMPLES) this.#samples.shift();
		this.#samples.push({
			started: now.started - started,
			open: now.open,
			up: now.up - up,
			down: now.down - down,
			refused: now.refused - refused,
		});
	}

	status(): HistoryStatus {
		const series = (pick: keyof Totals): number[] => this.#samples.map((sample) => sample[pick]);
		return {
			periodSeconds: PERIOD_MS / 1_000,
			started: series('started'),
			open: series('open'),
			up: series('up'),
			down: series('down'),
			refused: series('refused'),
		};
	}

	close(): void {
		clearInterval(this.#timer);
	}
}
