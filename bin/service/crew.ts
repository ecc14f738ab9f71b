// The workers of one gateway: processes that share its ports, each a whole gateway, and this one, which supervises. It binds
// the sockets and keeps them, so that one that dies loses no client that waits, starts another in its place, and answers
// for all of them: what is open, what is counted, what the limits have left. It carries no flow itself.
import { randomBytes } from 'node:crypto';
import { AdminError } from '../../lib/admin/admin-error.ts';
import type { LastReload, Status } from '../../lib/admin/snapshot.ts';
import { lastOf, membersTogether, type SharedStatus, sumOfStatuses } from '../../lib/admin/summed-status.ts';
import type { Members, View } from '../../lib/admin/view.ts';
import type { Config, ConfigInput } from '../../lib/config/config.ts';
import type { Observer } from '../../lib/core/observer.ts';
import type { GatewayState } from '../../lib/gateway.ts';
import type { HandedSocket } from '../../lib/io/bind.ts';
import type { HandedSockets } from '../../lib/io/handed-sockets.ts';
import { MemoryStore } from '../../lib/limits/memory-store.ts';
import { SharedDayKey } from '../../lib/observe/client-word.ts';
import type { SummedMetrics } from '../../lib/observe/summed-metrics.ts';
import type { Subject } from '../../lib/policy/exit-policy.ts';
import { Ports } from './ports.ts';
import { WorkerError } from './worker-error.ts';
import { WorkerProcess } from './worker-process.ts';

/** A worker is looked for so often, and is taken for stuck when it was silent so many times; then it is replaced. */
const LOOK_MS = 1_000;
const MOST_MISSED = 10;

/** One that ends sooner than this after its start waits before it is replaced: first so long, then twice as long each time. */
const STEADY_MS = 10_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** So many starts in a row that fail while nobody serves: this process gives up. */
const MOST_FAILURES = 8;

export interface CrewDeps {
	readonly observer: Observer;
	readonly handed: HandedSockets;
	readonly version: string;
	/** No worker can be kept alive. */
	giveUp(): void;
}

export class Crew {
	state: GatewayState = 'starting';
	readonly #deps: CrewDeps;
	readonly #secret: Buffer = randomBytes(32);
	readonly #dayKey: SharedDayKey = new SharedDayKey();
	readonly #store: MemoryStore;
	#config: Config;
	#input: ConfigInput;
	/** Null before they are there, and after. */
	#ports: Ports | null = null;
	/** Those that serve, or will, by their index. */
	#workers: readonly WorkerProcess[] = [];
	/** Those that other ones have taken over from. */
	readonly #leaving: Set<WorkerProcess> = new Set();
	#serial = 0;
	#failures = 0;
	#pauseMs = FIRST_PAUSE_MS;
	#protected: string | null = null;
	#metrics: SummedMetrics | null = null;
	/** What those have counted that have ended. */
	#counted: readonly SharedStatus[] = [];
	#timer: NodeJS.Timeout | undefined;

	constructor(config: Config, input: ConfigInput, deps: CrewDeps) {
		this.#config = config;
		this.#input = input;
		this.#deps = deps;
		const { maxKeys } = config.limits.ceilings;
		this.#store = new MemoryStore({ maxKeys, maxSessions: config.session.limit });
		this.#store.bans.onBan = (name, ms) => {
			for (const { talk } of this.#all) talk.tell('learn', [[name, ms]]);
		};
	}

	get config(): Config {
		return this.#config;
	}

	get #all(): readonly WorkerProcess[] {
		return [...this.#workers, ...this.#leaving];
	}

	get addresses(): readonly string[] {
		if (this.#ports === null) return [];
		return this.#workers.find(({ last }) => last !== null)?.last?.addresses ?? [];
	}

	get liveFlows(): number {
		return this.#all.reduce((sum, { live }) => sum + live, 0);
	}

	get sockets(): readonly HandedSocket[] {
		return this.#ports?.sockets ?? [];
	}

	/** Every worker turns its event loop. */
	get alive(): boolean {
		return this.#workers.every(({ state, missed }) => state === 'starting' || missed < MOST_MISSED / 2);
	}

	/** Listens and serves with all workers, or with none: rejects with ListenError, ConfigError or WorkerError. */
	async start(): Promise<void> {
		try {
			this.#ports = await Ports.open(this.#config, null, this.#deps.handed);
			this.#workers = await this.#startAll(this.#ports, this.#config, this.#input);
		} catch (error) {
			await this.close();
			throw error;
		}
		this.state = 'serving';
		this.#timer = setInterval(() => this.#lookAfter(), LOOK_MS).unref();
		for (const address of this.addresses) this.#note('info', 'listening', { address });
	}

	#note(level: 'info' | 'warn' | 'error', event: string, facts: Readonly<Record<string, unknown>>): void {
		this.#deps.observer.note?.(level, event, facts);
	}

	/** Starts as many as the configuration wants; all of them serve when it resolves, or none is left. */
	async #startAll(ports: Ports, config: Config, input: ConfigInput): Promise<readonly WorkerProcess[]> {
		const started = Array.from({ length: config.workers }, (_, i) => this.#spawn(i + 1, ports, config.workers, 0));
		try {
			await Promise.all(started.map((worker) => this.#begin(worker, config.workers, input)));
		} catch (error) {
			for (const worker of started) worker.kill();
			await Promise.all(started.map(({ ended }) => ended));
			throw error;
		}
		for (const worker of started) this.#watch(worker);
		return started;
	}

	#spawn(index: number, ports: Ports, count: number, restarts: number): WorkerProcess {
		const sockets = ports.partOf(index - 1, count);
		const serial = ++this.#serial;
		const worker: WorkerProcess = new WorkerProcess(
			{ index, serial, sockets, restarts },
			{
				ask: (question) => this.#store.answer(serial, question),
				hear: (remarks) => {
					for (const remark of remarks) this.#store.hear(serial, remark);
				},
				beat: () => {},
			},
		);
		void worker.ended.then(() => this.#store.release(serial));
		return worker;
	}

	#begin(worker: WorkerProcess, count: number, input: ConfigInput): Promise<void> {
		const beginning = worker.begin({
			input,
			serial: worker.serial,
			count,
			secret: this.#secret,
			dayKey: this.#dayKey.today,
			bans: this.#store.bans.all(),
			protected: this.#protected,
			counts: this.#metrics !== null,
			name: String(worker.index),
			version: this.#deps.version,
		});
		const ended = worker.ended.then((how) => {
			throw new WorkerError(`a worker ended with ${how} before it served`);
		});
		return Promise.race([beginning, ended]);
	}

	/** From now on its end is noticed. */
	#watch(worker: WorkerProcess): void {
		const startedMs = performance.now();
		void worker.ended.then((how) => this.#ended(worker, how, performance.now() - startedMs));
	}

	#ended(worker: WorkerProcess, how: string, afterMs: number): void {
		const { index, pid, live } = worker;
		this.#keepCounts(worker);
		if (this.#leaving.delete(worker) || worker.state === 'draining') return;
		worker.state = 'starting';
		this.#note('error', 'worker ended', { worker: index, pid, how, connections: live });
		if (afterMs > STEADY_MS) {
			this.#pauseMs = FIRST_PAUSE_MS;
			void this.#replace(worker, 0);
		} else this.#replaceLater(worker);
	}

	#keepCounts(worker: WorkerProcess): void {
		const { last, lastMetrics } = worker;
		worker.last = null;
		worker.lastMetrics = null;
		if (last?.status) this.#counted = [lastOf(sumOfStatuses([last.status], this.#counted))];
		if (lastMetrics) void this.#metrics?.end(lastMetrics);
	}

	#replaceLater(worker: WorkerProcess): void {
		const pauseMs = this.#pauseMs;
		this.#pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
		void this.#replace(worker, pauseMs);
	}

	async #replace(before: WorkerProcess, pauseMs: number): Promise<void> {
		await new Promise((resolve) => setTimeout(resolve, pauseMs));
		if (this.state !== 'serving' || this.#ports === null || !this.#workers.includes(before)) return;
		const input = this.#input;
		const worker = this.#spawn(before.index, this.#ports, this.#workers.length, before.restarts + 1);
		this.#workers = this.#workers.map((other) => (other === before ? worker : other));
		try {
			await this.#begin(worker, this.#workers.length, input);
			// A reload came in between.
			if (input !== this.#input) await worker.reload(this.#input);
		} catch (error) {
			return this.#failed(worker, error as Error);
		}
		this.#failures = 0;
		this.#watch(worker);
		this.#note('info', 'worker replaced', { worker: worker.index, pid: worker.pid });
		// It drains by now.
		if (this.state !== 'serving') void worker.end();
	}

	#failed(worker: WorkerProcess, { message }: Error): void {
		worker.kill();
		this.#note('error', 'worker does not start', { worker: worker.index, reason: message });
		if (++this.#failures >= MOST_FAILURES && this.#workers.every(({ state }) => state !== 'serving'))
			return this.#deps.giveUp();
		this.#replaceLater(worker);
	}

	#lookAfter(): void {
		for (const worker of this.#workers) {
			if (worker.state !== 'serving' || ++worker.missed < MOST_MISSED) continue;
			this.#note('error', 'worker stuck', { worker: worker.index, pid: worker.pid });
			worker.kill();
		}
	}

	/**
	 * Applies another configuration to all workers, or to none: rejects with ConfigError, ListenError or WorkerError. Sockets
	 * can only be inherited: where some are added, or other workers are wanted, new ones take over, and those that were
	 * there stay until their flows have ended.
	 */
	async reload(config: Config, input: ConfigInput): Promise<void> {
		const before = this.addresses;
		const old = this.#ports;
		if (old === null) throw new WorkerError('workers that drain cannot reload');
		const ports = await Ports.open(config, old, this.#deps.handed);
		try {
			if (ports.addsTo(old) || config.workers !== this.#workers.length) await this.#takeOver(ports, config, input);
			else await this.#reloadEach(input);
		} catch (error) {
			ports.closeBut(old);
			throw error;
		}
		old.closeBut(ports);
		this.#ports = ports;
		this.#config = config;
		this.#input = input;
		for (const address of this.addresses) if (!before.includes(address)) this.#note('info', 'listening', { address });
		for (const address of before)
			if (!this.addresses.includes(address)) this.#note('info', 'listener closed', { address });
	}

	async #takeOver(ports: Ports, config: Config, input: ConfigInput): Promise<void> {
		const next = await this.#startAll(ports, config, input);
		for (const worker of this.#workers) {
			this.#leaving.add(worker);
			void worker.drain(null).then(() => this.#leaving.delete(worker));
		}
		this.#workers = next;
	}

	/** One after the other: all the time all but one of them do nothing else than serve. */
	async #reloadEach(input: ConfigInput): Promise<void> {
		const done: WorkerProcess[] = [];
		for (const worker of this.#workers) {
			if (worker.state !== 'serving') continue;
			try {
				await worker.reload(input);
				done.push(worker);
			} catch (error) {
				// One that has died in the meantime is replaced by one that has the new configuration.
				if (!worker.talk.open) continue;
				for (const other of done) await other.reload(this.#input);
				throw error;
			}
		}
	}

	/** Brings up to date what is told of the workers. */
	async look(): Promise<void> {
		await Promise.all(this.#all.map((worker) => worker.look()));
	}

	/** What they are together, for the admin listener. */
	view(lastReload: () => LastReload | null): View {
		return {
			look: () => this.look(),
			status: () => this.#status(lastReload()),
			members: (group, from) => this.#members(group, from),
		};
	}

	#status(reload: LastReload | null): Status {
		const told = this.#all.flatMap(({ last }) => (last?.status ? [last.status] : []));
		return {
			version: this.#deps.version,
			node: process.versions.node,
			pid: process.pid,
			state: this.state,
			uptimeSeconds: Math.round(performance.now() / 1_000),
			listening: this.addresses,
			...sumOfStatuses(told, this.#counted),
			workers: this.#all.map((worker) => worker.status()),
			reload,
		};
	}

	async #members(group: string, from: number): Promise<Members | null> {
		const asked = await Promise.all(this.#all.map((worker) => worker.members(group, from)));
		return membersTogether(asked.filter((members) => members !== null));
	}

	/** Has the workers count from now on. */
	async measure(): Promise<SummedMetrics> {
		if (this.#metrics) return this.#metrics;
		const { SummedMetrics } = await import('../../lib/observe/summed-metrics.ts');
		const records = async () => {
			const all = await Promise.all(this.#all.map((worker) => worker.metrics()));
			return all.filter((record) => record !== null);
		};
		this.#metrics = new SummedMetrics(records, 'supervisor');
		// One that has ended meanwhile is followed by one that counts from its beginning.
		await Promise.allSettled(this.#workers.map(({ talk }) => talk.ask('count')));
		await this.look();
		return this.#metrics;
	}

	/** What the rules that are in force would say. */
	decide(subject: Subject): Promise<object> {
		const worker = this.#workers.find(({ state }) => state === 'serving');
		return worker ? worker.talk.ask('decide', subject) : Promise.reject(new AdminError('conflict', 'no worker serves'));
	}

	protect(address: string | null): void {
		this.#protected = address;
		for (const { talk } of this.#all) talk.tell('protect', address);
	}

	/** Accepts nothing more, lets live flows end for `deadlineMs`; all workers have ended when it resolves. */
	async drain(deadlineMs: number = this.#config.timeouts.drainMs): Promise<void> {
		this.state = 'draining';
		this.#closePorts();
		await Promise.all(this.#all.map((worker) => worker.drain(deadlineMs)));
	}

	async close(): Promise<void> {
		this.state = 'draining';
		clearInterval(this.#timer);
		this.#closePorts();
		await Promise.all(this.#all.map((worker) => worker.end()));
	}

	#closePorts(): void {
		this.#ports?.close();
		this.#ports = null;
	}
}
