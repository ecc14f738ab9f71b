// `npm run bench:lists`: what a list costs. Memory and time of a million names and of a hundred thousand prefixes, the longest
// time for which nobody else is served meanwhile, and a look-up of what is listed and of what is not. `FILE` as an argument
// is read instead of made-up names. Ends with 1 where a bar is missed.
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Ip } from '../../lib/core/ip.ts';
import { inSlices } from '../../lib/io/in-slices.ts';
import { compileList, type FilterList } from '../../lib/policy/list.ts';
import { LiveList } from '../../lib/policy/list-condition.ts';
import { policy, to } from '../helpers/exit-policies.ts';
import { madeUpNames, madeUpPrefixes, numbers } from './made-up-lists.ts';

const NAMES = 1_000_000;
const PREFIXES = 100_000;
const ROUNDS = 5;

const BARS = { megabytes: 25, nameNs: 1_000, addressNs: 500, connectionNs: 2_000, stallMs: 20 } as const;

/** The lines of a list, without a string for all of them: garbage of ours is not to be taken for memory of the list. */
function bytesOf(names: Iterable<string>): Buffer {
	const bytes = Buffer.alloc(30 * NAMES, '\n');
	let length = 0;
	for (const name of names) length += bytes.write(`${name}\n`, length, 'latin1');
	return bytes;
}

interface Loaded {
	readonly list: FilterList;
	readonly megabytes: number;
	readonly heapMegabytes: number;
	readonly seconds: number;
	/** By the clock, in which others who run on this machine count, too. */
	readonly stallMs: number;
	/** CPU from one pause to the next; a slice is 4 ms longer. */
	readonly stepMs: number;
}

function settledMemory(): NodeJS.MemoryUsage {
	for (let i = 0; i < 3; i++) globalThis.gc?.();
	return process.memoryUsage();
}

/** The same work, its steps measured. */
function* timed<T>(work: Generator<void, T>, step: { longestMs: number }): Generator<void, T> {
	for (;;) {
		const before = process.cpuUsage();
		const { done, value } = work.next();
		const { user, system } = process.cpuUsage(before);
		step.longestMs = Math.max(step.longestMs, (user + system) / 1_000);
		if (done) return value;
		yield;
	}
}

/** Reads a list as the gateway does. The bytes are made first and gone afterwards, so that they count for neither side. */
async function load(make: () => Buffer): Promise<Loaded> {
	let bytes: Buffer | null = make();
	const before = settledMemory();
	const held = bytes.length / 1e6;
	const delay = monitorEventLoopDelay({ resolution: 1 });
	delay.enable();
	const startMs = performance.now();
	const step = { longestMs: 0 };
	const list = await inSlices(timed(compileList(bytes), step));
	const seconds = (performance.now() - startMs) / 1_000;
	delay.disable();
	bytes = null;
	const after = settledMemory();
	const heap = (usage: NodeJS.MemoryUsage): number => (usage.heapUsed + usage.external) / 1e6;
	return {
		list,
		seconds,
		stallMs: delay.max / 1e6,
		stepMs: step.longestMs,
		megabytes: (after.rss - before.rss) / 1e6 + held,
		heapMegabytes: heap(after) - heap(before) + held,
	};
}

/** CPU, median of rounds, in nanoseconds. */
function costNs<T>(asked: readonly T[], ask: (one: T) => unknown): number {
	const costs = Array.from({ length: ROUNDS + 1 }, () => {
		const before = process.cpuUsage();
		for (const one of asked) ask(one);
		const { user, system } = process.cpuUsage(before);
		return (1_000 * (user + system)) / asked.length;
	});
	return costs.slice(1).toSorted((a, b) => a - b)[ROUNDS >> 1]!;
}

const missed: string[] = [];

function row(what: string, value: number, unit: string, bar: number): void {
	const isMissed = value > bar;
	if (isMissed) missed.push(what);
	console.log(
		`| ${what} | ${value.toFixed(value < 10 ? 2 : 1)} ${unit} | ${bar} ${unit} |${isMissed ? ' MISSED' : ''}`,
	);
}

const [, , file] = process.argv;
const domains = await load(() => (file === undefined ? bytesOf(madeUpNames(NAMES)) : readFileSync(file)));
const sample = file === undefined ? [...madeUpNames(NAMES)].filter((_, i) => i % 10 === 0) : [];
const { counts } = domains.list;
console.log(
	`${counts.names} names, ${counts.exceptions} exceptions, ${counts.otherLines + counts.badLines} lines ignored; read in ${domains.seconds.toFixed(2)} s; tables ${(domains.list.bytes / 1e6).toFixed(1)} MB\n`,
);
console.log('| a list of names | measured | bar |\n|---|---|---|');
row('memory of the process', domains.megabytes, 'MB', BARS.megabytes);
row('memory in heap and buffers', domains.heapMegabytes, 'MB', BARS.megabytes);
row('longest stall while it is read', domains.stallMs, 'ms', BARS.stallMs);
row('longest step, CPU', domains.stepMs, 'ms', BARS.stallMs);
if (sample.length > 0) {
	row(
		'a name below one that is listed',
		costNs(
			sample.map((name) => `www.${name}`),
			(name) => domains.list.hasName(name),
		),
		'ns',
		BARS.nameNs,
	);
	row(
		'a name that is not',
		costNs(
			sample.map((name) => `www.x${name}`),
			(name) => domains.list.hasName(name),
		),
		'ns',
		BARS.nameNs,
	);
}

const prefixes = madeUpPrefixes(PREFIXES);
const addresses = await load(() => Buffer.from(prefixes.join('\n')));
const random = numbers();
const asked: Ip[] = Array.from({ length: 100_000 }, () => random.next().value * 16);
console.log(`\n${addresses.list.counts.prefixes} prefixes; read in ${addresses.seconds.toFixed(2)} s\n`);
console.log('| a list of prefixes | measured | bar |\n|---|---|---|');
row('longest stall while it is read', addresses.stallMs, 'ms', BARS.stallMs);
row('longest step, CPU', addresses.stepMs, 'ms', BARS.stallMs);
row(
	'an address',
	costNs(asked, (ip) => addresses.list.hasAddress(ip)),
	'ns',
	BARS.addressNs,
);

/** What a connection to a name and one of its addresses is judged at, with a rule for both lists and without. */
const lists = new Map(
	[domains, addresses].map(({ list }, i) => [`list-${i}`, Object.assign(new LiveList(`list-${i}`), { current: list })]),
);
const subjects = Array.from({ length: 100_000 }, (_, i) => to(`www.host-${i % 5_000}.example-${i % 777}.com`));
const judged = (rules: Parameters<typeof policy>[0]): number => {
	const judge = policy(rules);
	return costNs(subjects, (subject) => {
		judge.judge(subject);
		judge.judgeAddress(subject, 0x5db8d822, () => {});
	});
};
const without = judged({});
const with_ = judged({ lists, rules: [{ action: 'deny', lists: [...lists.keys()] }] });
console.log('\n| a connection | measured | bar |\n|---|---|---|');
row('what the lists add to its policy', with_ - without, 'ns', BARS.connectionNs);
console.log(missed.length === 0 ? '\nall within their bars' : `\nmissed: ${missed.join(', ')}`);
process.exitCode = missed.length === 0 ? 0 : 1;
