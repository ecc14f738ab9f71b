// Metrics for Prometheus, by prom-client, in a registry of their own: nothing is global. Counts are read from a Tally when
// somebody scrapes, so a connection costs two observations of a histogram and no more. Labels have few values, all of a
// closed list or of the configuration: never a client, a user or a target.
import {
	type Aggregator,
	Counter,
	Gauge,
	Histogram,
	type MetricObjectWithValues,
	type MetricValue,
	Registry,
} from 'prom-client';
import type { Flow } from '../core/flow.ts';
import type { Observer } from '../core/observer.ts';
import { type ProcessReadings, processReadings } from './process-readings.ts';
import type { Tally } from './tally.ts';

/** One sample: its labels and its value. */
export type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** A family of samples that is read at each scrape. */
export interface Family {
	readonly name: string;
	readonly help: string;
	readonly type: 'counter' | 'gauge';
	readonly labels?: readonly string[];
	/** What the values of several processes come to; they are added up if nothing is said. */
	readonly together?: 'first' | 'max' | 'min';
	readonly read: () => Iterable<Sample> | Promise<Iterable<Sample>>;
}

/** From a local hop to one across the world that has to be asked twice. */
const BUCKETS_SECONDS: readonly number[] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const LIMITS_MODES = ['shared', 'local', 'open', 'closed'] as const;

export interface MetricsOptions {
	readonly version: string;
	/** Which of several processes this is: a label of what is told about the process itself. */
	readonly worker?: string;
}

/** Every family with its samples, as plain data: to be put together with those of other processes. */
export type MetricsRecord = readonly MetricObjectWithValues<MetricValue<string>>[];

/** The metrics of one gateway. An observer, for times; what is counted comes from the tally. */
export class Metrics implements Observer {
	readonly #registry: Registry = new Registry();
	readonly #handshake: Histogram<'protocol'>;
	readonly #dial: Histogram<'outbound'>;
	/** A label's child is looked up by prom-client through a hash of its labels each time: these are kept. */
	readonly #handshakes: Map<string, Histogram.Internal<'protocol'>> = new Map();
	readonly #dials: Map<string, Histogram.Internal<'outbound'>> = new Map();
	readonly #process: ProcessReadings;

	constructor(tally: Tally, { version, worker }: MetricsOptions) {
		this.#handshake = this.#histogram(
			'bauta_handshake_seconds',
			'From accept to a complete request of the client.',
			'protocol',
		);
		this.#dial = this.#histogram('bauta_dial_seconds', 'From that request to an open way out.', 'outbound');
		for (const family of familiesOf(tally, version)) this.add(family);
		this.#process = processReadings(worker);
		for (const family of this.#process.families) this.add(family);
	}

	#histogram<L extends string>(name: string, help: string, label: L): Histogram<L> {
		const buckets = [...BUCKETS_SECONDS];
		return new Histogram({ name, help, labelNames: [label], buckets, registers: [this.#registry] });
	}

	/** Adds a family that somebody else knows. Throws plain Error when there is one of that name. */
	add(family: Family): void {
		register(family, this.#registry);
	}

	flowOpened({ protocol, route, startedMs, askedMs, openedMs }: Flow): void {
		if (askedMs === null || openedMs === null || route === null) return;
		child(this.#handshakes, this.#handshake, 'protocol', protocol).observe((askedMs - startedMs) / 1_000);
		child(this.#dials, this.#dial, 'outbound', route).observe((openedMs - askedMs) / 1_000);
	}

	/** Of `text`. */
	get contentType(): string {
		return this.#registry.contentType;
	}

	/** Everything, in Prometheus' text format. */
	text(): Promise<string> {
		return this.#registry.metrics();
	}

	/** Everything as plain data. */
	record(): Promise<MetricsRecord> {
		return this.#registry.getMetricsAsJSON();
	}

	close(): void {
		this.#process.close();
		this.#registry.clear();
	}
}

/** Adds a family to a registry of prom-client. Throws plain Error when there is one of that name. */
export function register({ name, help, type, labels = [], together, read }: Family, registry: Registry): void {
	const aggregator: Aggregator = together ?? 'sum';
	const options = { name, help, labelNames: [...labels], registers: [registry], aggregator };
	if (type === 'gauge') {
		const gauge: Gauge = new Gauge({ ...options, collect: () => refill(gauge, read, (...to) => gauge.set(...to)) });
	} else {
		const counter: Counter = new Counter({
			...options,
			collect: () => refill(counter, read, (...to) => counter.inc(...to)),
		});
	}
}

async function refill(
	metric: Gauge | Counter,
	read: Family['read'],
	put: (labels: Record<string, string>, value: number) => void,
): Promise<void> {
	metric.reset();
	// One without labels would otherwise be 0 where nothing is known.
	metric.remove({});
	for (const [labels, value] of await read()) put({ ...labels }, value);
}

function child<L extends string>(
	kept: Map<string, Histogram.Internal<L>>,
	histogram: Histogram<L>,
	label: L,
	value: string,
): Histogram.Internal<L> {
	const known = kept.get(value);
	if (known) return known;
	const fresh = histogram.labels({ [label]: value } as Record<L, string>);
	kept.set(value, fresh);
	return fresh;
}

function familiesOf(tally: Tally, version: string): Family[] {
	const exits = (pick: 'opened' | 'failed') => (): Sample[] =>
		[...tally.exits].map((exit) => [{ outbound: exit.outbound }, exit[pick]]);
	return [
		{
			name: 'bauta_build_info',
			help: 'The version that runs, and its Node.js.',
			type: 'gauge',
			labels: ['version', 'node'],
			together: 'first',
			read: () => [[{ version, node: process.versions.node }, 1]],
		},
		{
			name: 'bauta_connections_total',
			help: 'Client connections that are over, by why they ended.',
			type: 'counter',
			labels: ['listener', 'protocol', 'result'],
			read: () =>
				[...tally.connections].map(({ listener, protocol, result, count }) => [{ listener, protocol, result }, count]),
		},
		{
			name: 'bauta_connections_open',
			help: 'Client connections that live now.',
			type: 'gauge',
			read: () => [[{}, tally.live.size]],
		},
		{
			name: 'bauta_bytes_total',
			help: 'Payload carried: up from clients, down to them.',
			type: 'counter',
			labels: ['direction'],
			read: () => Object.entries(tally.bytes()).map(([direction, count]) => [{ direction }, count]),
		},
		{
			name: 'bauta_http_requests_total',
			help: 'Plain HTTP requests of connections that are over.',
			type: 'counter',
			read: () => [[{}, tally.requests]],
		},
		{
			name: 'bauta_commands_total',
			help: 'Connections that are over and asked for UDP ASSOCIATE, BIND or RESOLVE.',
			type: 'counter',
			labels: ['command'],
			read: () => [...tally.commands].map(([command, count]) => [{ command }, count]),
		},
		{
			name: 'bauta_drops_total',
			help: 'Datagrams, and peers of BIND, that such connections did not let through, by why.',
			type: 'counter',
			labels: ['why'],
			read: () => [...tally.drops].map(([why, count]) => [{ why }, count]),
		},
		{
			name: 'bauta_exit_opened_total',
			help: 'Connections whose way out opened.',
			type: 'counter',
			labels: ['outbound'],
			read: exits('opened'),
		},
		{
			name: 'bauta_exit_failed_total',
			help: 'Connections whose way out did not open.',
			type: 'counter',
			labels: ['outbound'],
			read: exits('failed'),
		},
		{
			name: 'bauta_rate_limited_total',
			help: 'Connections refused, by the limit that refused.',
			type: 'counter',
			labels: ['limit'],
			read: () => [...tally.limited].map(([limit, count]) => [{ limit }, count]),
		},
		{
			name: 'bauta_admissions_total',
			help: 'Connections that are over, by whether the limits let them in.',
			type: 'counter',
			labels: ['decision'],
			read: () => [
				[{ decision: 'granted' }, tally.admitted],
				[{ decision: 'refused' }, tally.refused],
			],
		},
		{
			name: 'bauta_limits_switches_total',
			help: 'How often the limits came to be kept so.',
			type: 'counter',
			labels: ['mode'],
			together: 'first',
			read: () => [...tally.modeChanges].map(([mode, count]) => [{ mode }, count]),
		},
		{
			name: 'bauta_group_failures_total',
			help: 'How often a member of a group was of no use, to a client or to a probe, by why.',
			type: 'counter',
			labels: ['group', 'cause'],
			read: () => [...tally.memberFailures].map(({ group, cause, count }) => [{ group, cause }, count]),
		},
		{
			name: 'bauta_group_ejections_total',
			help: 'How often a member of a group was left alone because it failed.',
			type: 'counter',
			labels: ['group'],
			read: () => [...tally.ejections].map(([group, count]) => [{ group }, count]),
		},
		{
			name: 'bauta_limits_mode',
			help: 'Who keeps the limits now: 1 for that mode, 0 for the others.',
			type: 'gauge',
			labels: ['mode'],
			together: 'first',
			read: () => LIMITS_MODES.map((mode) => [{ mode }, mode === tally.limitsMode ? 1 : 0]),
		},
		{
			name: 'bauta_bugs_total',
			help: 'Broken invariants of the gateway; each cost one connection.',
			type: 'counter',
			read: () => [[{}, tally.bugs]],
		},
	];
}
