// Metrics of several processes as one: theirs, and those of the process that gathers them, added up by prom-client. What
// only one process can tell of itself (its memory, its event loop) has a label for it.
import { AggregatorRegistry, Registry } from 'prom-client';
import { type Family, type MetricsRecord, register } from './metrics.ts';
import { processReadings } from './process-readings.ts';

/** What of a process that has ended goes on to count. */
const LASTING: ReadonlySet<string> = new Set(['counter', 'histogram']);

export class SummedMetrics {
	readonly #living: () => Promise<readonly MetricsRecord[]>;
	readonly #own: Registry = new Registry();
	#ended: MetricsRecord = [];

	/** `living` asks the processes; the one that gathers calls itself `worker`. */
	constructor(living: () => Promise<readonly MetricsRecord[]>, worker: string) {
		this.#living = living;
		for (const family of processReadings(worker).families) this.add(family);
	}

	/** Adds a family that this process knows alone. */
	add(family: Family): void {
		register(family, this.#own);
	}

	/** A process has ended: what it said last is what it counted. */
	async end(last: MetricsRecord): Promise<void> {
		const sum = AggregatorRegistry.aggregate([
			this.#ended,
			last.filter(({ type }) => LASTING.has(String(type))),
		] as object[]);
		this.#ended = await sum.getMetricsAsJSON();
	}

	get contentType(): string {
		return this.#own.contentType;
	}

	/** Everything, in Prometheus' text format. */
	async text(): Promise<string> {
		const records = [...(await this.#living()), await this.#own.getMetricsAsJSON(), this.#ended];
		return AggregatorRegistry.aggregate(records as object[]).metrics();
	}
}
