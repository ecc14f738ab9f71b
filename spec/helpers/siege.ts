// A gateway as anybody starts it, under attack, with clients beside it who mean well. When the attack is over they must have
// noticed nothing, and the gateway must have nothing left of it.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { ExecutionContext } from 'ava';
import { type GatewayOptions, type GatewayProcess, startGateway } from './gateway-process.ts';
import type { GoodPorts, GoodReport, GoodStart } from './good-client.ts';
import type { Login } from './handshakes.ts';
import { descriptors, residentBytes, until } from './process.ts';
import type { Scope } from './scope.ts';

const MB = 1_000_000;

/** What a heap that was busy keeps above one that never was: garbage is not looked for while little is asked for. */
const SLACK_BYTES = 128 * MB;

/** What it keeps above one that was as busy before. */
const AGAIN_BYTES = 32 * MB;

const PATIENCE_MS = 60_000;

/** The gateway's own deadline for a dial: nobody who means well shall ever wait longer for anything. */
const DEADLINE_MS = 15_000;

/**
 * `npm run abuse`: attacks that are cut down for `npm test` have their full size, and each comes twice, because the second
 * one shows what stays of an attack when the heap has grown to its size already.
 */
export const FULL: boolean = process.env.ABUSE === 'full';

/** Visits before an attack and behind it: so many are good for a median. */
const VISITS = 24;

const CLIENTS = 4;

export interface SiegeOptions extends GatewayOptions {
	readonly args?: readonly string[];
	/** Ports that may be visited beside the default ones and those of the good clients. */
	readonly ports?: readonly number[];
	/** Every port may be visited. */
	readonly allPorts?: boolean;
	/** Where the gateway is reached. */
	readonly host?: string;
	/** What the gateway means to remember of the attack for a while. */
	readonly keptBytes?: number;
	/** Of the good clients. */
	readonly login?: Login;
	/** A domain of names that lead to loopback, by which the good clients visit. */
	readonly domain?: string;
	/** Addresses of the good clients; `%` is the number of each. */
	readonly from?: string;
}

export interface Siege {
	readonly gateway: GatewayProcess;
	/** Origins of the good clients, which an attacker may visit, too. */
	readonly good: GoodPorts;
	/** Takes note of what the gateway takes now: the most of it is told. */
	readonly look: () => Footprint;
}

/** What is to be asserted, and told. */
export interface SiegeReport {
	readonly failures: readonly string[];
	readonly visits: number;
	readonly p50Ms: number;
	readonly p99Ms: number;
	readonly exitCode: number | null;
	readonly text: string;
}

export interface Footprint {
	readonly residentBytes: number;
	readonly descriptors: number;
}

function footprint({ pid }: GatewayProcess): Footprint {
	return { residentBytes: residentBytes(pid), descriptors: descriptors(pid) };
}

class GoodClients {
	readonly ports: GoodPorts;
	readonly #worker: Worker;

	private constructor(worker: Worker, ports: GoodPorts) {
		this.#worker = worker;
		this.ports = ports;
	}

	static async prepare(scope: Scope): Promise<GoodClients> {
		const worker = new Worker(new URL('./good-client.ts', import.meta.url));
		scope.teardown(async () => void (await worker.terminate()));
		const [ports] = (await once(worker, 'message')) as [GoodPorts];
		return new GoodClients(worker, ports);
	}

	start(start: GoodStart): void {
		this.#worker.postMessage(start);
	}

	async visits(): Promise<number> {
		this.#worker.postMessage('count');
		const [count] = (await once(this.#worker, 'message')) as [number];
		return count;
	}

	/** Resolves when so many more have been made. */
	async visit(more: number): Promise<void> {
		const before = await this.visits();
		await until(
			`${more} visits`,
			(): Promise<number> => this.visits(),
			(now) => now >= before + more,
			PATIENCE_MS,
		);
	}

	async stop(): Promise<GoodReport> {
		this.#worker.postMessage('stop');
		const [report] = (await once(this.#worker, 'message')) as [GoodReport];
		return report;
	}
}

/** True once a number has not changed for ten looks. */
export function settled(): (value: number) => boolean {
	let last = Number.NaN;
	let times = 0;
	return (value) => {
		times = value === last ? times + 1 : 0;
		last = value;
		return times >= 10;
	};
}

/** The default configuration, on loopback. */
function argsOf({ ports = [], allPorts = false, args = [] }: SiegeOptions, good: GoodPorts): string[] {
	const open = allPorts ? 'all' : ['default', good.echo, good.web, ...ports].join(',');
	return ['--allow-private', '--allow-ports', open, ...args];
}

/** Rejects when memory or descriptors do not come back. The attack has let go of everything when it resolves. */
export async function besiege(
	scope: Scope,
	options: SiegeOptions,
	attack: (siege: Siege) => Promise<unknown>,
): Promise<SiegeReport> {
	const good = await GoodClients.prepare(scope);
	const gateway = await startGateway(scope, argsOf(options, good.ports), options);
	const { host = '127.0.0.1', from = '127.9.9.%', login = null, domain = null } = options;
	good.start({ host, port: gateway.port, clients: CLIENTS, from, login, domain });
	await good.visit(VISITS);
	const before = footprint(gateway);
	const most = { ...before };
	const look = (): Footprint => {
		const now = footprint(gateway);
		most.residentBytes = Math.max(most.residentBytes, now.residentBytes);
		most.descriptors = Math.max(most.descriptors, now.descriptors);
		return now;
	};
	const suffer = async (limitBytes: number): Promise<void> => {
		await attack({ gateway, good: good.ports, look });
		look();
		await good.visit(VISITS);
		const memory = (): number => residentBytes(gateway.pid);
		await until(`memory below ${limitBytes}`, memory, (now) => now <= limitBytes, PATIENCE_MS);
	};
	await suffer(before.residentBytes + SLACK_BYTES + (options.keptBytes ?? 0));
	if (FULL) await suffer(residentBytes(gateway.pid) + AGAIN_BYTES);
	const { failures, latenciesMs } = await good.stop();
	await until(
		`${before.descriptors} descriptors`,
		() => descriptors(gateway.pid),
		(now) => now <= before.descriptors,
		PATIENCE_MS,
	);
	const after = footprint(gateway);
	const exitCode = await gateway.stop();
	const sorted = latenciesMs.toSorted((a, b) => a - b);
	const [p50Ms, p99Ms] = [0.5, 0.99].map((part) => sorted[Math.floor(part * sorted.length)]!) as [number, number];
	const visits = latenciesMs.length;
	const text = textOf({ visits, failures: failures.length, p50Ms, p99Ms }, [before, most, after]);
	return { failures, visits, p50Ms, p99Ms, exitCode, text };
}

/** Asserts that clients who mean well noticed nothing, and that the gateway ended as it should. */
export function assertSurvived(t: ExecutionContext, report: SiegeReport): void {
	t.log(report.text);
	t.deepEqual(report.failures, []);
	t.true(report.visits >= 2 * VISITS);
	t.true(report.p99Ms < DEADLINE_MS);
	t.is(report.exitCode, 0);
}

/** A gateway under attack: nobody who means well notices, and the gateway keeps nothing of it. */
export async function survives(
	t: ExecutionContext,
	options: SiegeOptions,
	attack: (siege: Siege) => Promise<unknown>,
): Promise<void> {
	t.timeout(100_000);
	assertSurvived(t, await besiege(t, options, attack));
}

function textOf(
	{ visits, failures, p50Ms, p99Ms }: { visits: number; failures: number; p50Ms: number; p99Ms: number },
	prints: readonly Footprint[],
): string {
	const good = `${visits} of ${visits + failures} visits, p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`;
	const memory = prints.map((print) => Math.round(print.residentBytes / MB)).join(' > ');
	return `${good}; RSS ${memory} MB; descriptors ${prints.map((print) => print.descriptors).join(' > ')}`;
}
