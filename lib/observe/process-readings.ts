// What the process itself tells: time the event loop is late by, descriptors, memory, CPU. Names as Prometheus' own client
// libraries have them, where they have one.
import { readdir, readFile } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Family, Sample } from './metrics.ts';

export interface ProcessReadings {
	readonly families: readonly Family[];
	/** Stops what is measured all the time. */
	close(): void;
}

/** The loop is looked at this often; it costs a timer. */
const RESOLUTION_MS = 20;

const PERCENTILES = [50, 90, 99] as const;

const NONE: readonly Sample[] = [];

/** Measures until it is closed. `worker` becomes a label, where there are several processes. */
export function processReadings(worker?: string): ProcessReadings {
	const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
	delay.enable();
	/** Since the last scrape: what is older says nothing about now. */
	const readDelay = (): Sample[] => {
		const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1_000);
		const samples = PERCENTILES.map((of): Sample => [{ percentile: String(of) }, late(delay.percentile(of))]);
		samples.push([{ percentile: '100' }, late(delay.max)]);
		delay.reset();
		return samples;
	};
	const families = [eventLoop(readDelay), ...PROCESS];
	return {
		families: worker === undefined ? families : families.map((family) => labelled(family, worker)),
		close: () => delay.disable(),
	};
}

function labelled({ labels = [], read, ...family }: Family, worker: string): Family {
	return {
		...family,
		labels: [...labels, 'worker'],
		read: async () => [...(await read())].map(([of, value]): Sample => [{ ...of, worker }, value]),
	};
}

function eventLoop(read: Family['read']): Family {
	return {
		name: 'bauta_event_loop_delay_seconds',
		help: 'How late the event loop came to its work since the last scrape.',
		type: 'gauge',
		labels: ['percentile'],
		read,
	};
}

const PROCESS: readonly Family[] = [
	gauge('process_start_time_seconds', 'Start of the process, in Unix time.', () => [
		[{}, Math.floor(performance.timeOrigin / 1_000)],
	]),
	{
		name: 'process_cpu_seconds_total',
		help: 'User and system CPU time spent.',
		type: 'counter',
		read: () => {
			const { user, system } = process.cpuUsage();
			return [[{}, (user + system) / 1e6]];
		},
	},
	gauge('process_resident_memory_bytes', 'Resident memory.', () => [[{}, process.memoryUsage.rss()]]),
	gauge('process_heap_bytes', 'Heap of the JavaScript engine that is in use.', () => [
		[{}, process.memoryUsage().heapUsed],
	]),
	gauge('process_open_fds', 'Open file descriptors.', () => openDescriptors()),
	gauge('process_max_fds', 'Most file descriptors that may be open.', () => mostDescriptors()),
];

function gauge(name: string, help: string, read: Family['read']): Family {
	return { name, help, type: 'gauge', read };
}

/** Nothing where there is no /proc. */
async function openDescriptors(): Promise<readonly Sample[]> {
	try {
		return [[{}, (await readdir('/proc/self/fd')).length]];
	} catch {
		return NONE;
	}
}

async function mostDescriptors(): Promise<readonly Sample[]> {
	try {
		const limit = /^Max open files\s+(\d+)/m.exec(await readFile('/proc/self/limits', 'utf8'))?.[1];
		return limit === undefined ? NONE : [[{}, Number(limit)]];
	} catch {
		return NONE;
	}
}
