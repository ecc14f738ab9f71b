// A worker: one of several processes that serve together, each a whole gateway. It takes its sockets from the process that
// supervises it, its configuration by the channel between them, and shares limits and sessions with the others through it. It
// leaves signals to the supervisor, and drains by itself when that is gone.
import { gatewayFamilies } from '../../lib/admin/gateway-families.ts';
import type { View } from '../../lib/admin/view.ts';
import type { ConfigInput } from '../../lib/config/config.ts';
import { resolveConfig } from '../../lib/config/resolve.ts';
import { systemClock } from '../../lib/core/clock.ts';
import type { Observer } from '../../lib/core/observer.ts';
import { createGateway, type Gateway } from '../../lib/gateway.ts';
import { HandedSockets } from '../../lib/io/handed-sockets.ts';
import { WorkerShared } from '../../lib/limits/worker-shared.ts';
import { SharedDayKey } from '../../lib/observe/client-word.ts';
import { createLog, type Log } from '../../lib/observe/log.ts';
import type { Metrics } from '../../lib/observe/metrics.ts';
import { observers } from '../../lib/observe/observers.ts';
import { EXIT } from '../exit-codes.ts';
import { keepMemorySmall } from '../memory.ts';
import { Talk } from './talk.ts';
import type { Beginning, Look, SupervisorVerbs, WorkerVerbs } from './worker-words.ts';

const BEAT_MS = 1_000;

/** The longest that a timer takes. */
const NEVER_MS = 2 ** 31 - 1;

/** Numbers of flows go up by this, so that those of a worker say which one it was until there have been so many. */
const ID_STEP = 4_096;

/** Serves what the supervisor asks for, until it says that it is enough or is gone. */
export function work(): void {
	let worker: Promise<Worker> | null = null;
	const later = async <T>(act: (worker: Worker) => T | Promise<T>): Promise<T> => {
		if (worker === null) throw new Error('a worker begins first');
		return act(await worker);
	};
	const verbs: WorkerVerbs = {
		begin: (beginning) => {
			worker = Worker.begin(talk, beginning);
			return later((began) => began.look());
		},
		reload: (input) => later((began) => began.reload(input)),
		look: () => later((began) => began.look()) as never,
		members: (group, from) => later((began) => began.view?.members(group, from) ?? null) as never,
		metrics: () => later((began) => began.metrics?.record() ?? null),
		count: () => later((began) => began.count()),
		decide: (subject) => later((began) => began.gateway.decide(subject)) as never,
		protect: (address) => void later((began) => began.gateway.protect(address)),
		learn: (bans) => void later((began) => began.shared.learn(bans)),
		drain: (deadlineMs) => void later((began) => began.drain(deadlineMs)),
		end: () => void later((began) => began.end()),
	};
	const talk = new Talk<SupervisorVerbs>(process, verbs);
	process.once('disconnect', () => void (worker ? later((began) => began.orphaned()) : process.exit(EXIT.software)));
	// A terminal, or a service manager, may tell all processes.
	for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2'] as const) process.on(signal, () => {});
	keepMemorySmall();
}

class Worker {
	readonly gateway: Gateway;
	readonly shared: WorkerShared;
	metrics: Metrics | null = null;
	view: View | null = null;
	readonly #log: Log;
	readonly #observer: Observer;
	#draining = false;

	readonly #beginning: Beginning;

	private constructor(talk: Talk<SupervisorVerbs>, beginning: Beginning) {
		const { input, serial, count, secret, dayKey } = beginning;
		this.#beginning = beginning;
		const config = resolveConfig(input);
		const handed = new HandedSockets();
		const line = {
			get up() {
				return talk.open;
			},
			ask: (question: Parameters<SupervisorVerbs['ask']>[0]) => talk.ask('ask', question),
			tell: (remarks: Parameters<SupervisorVerbs['hear']>[0]) => talk.tell('hear', remarks),
		};
		const day = new SharedDayKey(dayKey);
		this.#log = createLog(config.log, { shared: true, clientKey: () => day.today.key });
		this.#observer = observers(this.#quiet());
		this.shared = new WorkerShared(line, count, systemClock);
		this.gateway = createGateway(config, {
			observer: this.#observer,
			handed: (name) => handed.take(name),
			siblings: {
				count,
				store: this.shared,
				secret: Buffer.from(secret),
				ids: { first: serial, step: ID_STEP },
			},
		});
		process.on('exit', () => this.#log.flush());
		process.on('uncaughtException', (error) => {
			this.#log.bug(error);
			process.exit(EXIT.software);
		});
	}

	/** Resolves when it serves. Throws ConfigError; rejects with ListenError. */
	static async begin(talk: Talk<SupervisorVerbs>, beginning: Beginning): Promise<Worker> {
		const worker = new Worker(talk, beginning);
		if (beginning.counts) await worker.count();
		worker.shared.learn(beginning.bans);
		worker.gateway.protect(beginning.protected);
		await worker.gateway.start();
		setInterval(() => talk.tell('beat', worker.look()), BEAT_MS).unref();
		return worker;
	}

	/** The log, but for what the supervisor says once for all. */
	#quiet(): Observer {
		const log = this.#log;
		const ITS_OWN = new Set(['listening', 'listener closed']);
		return {
			flowEnded: (flow) => log.flowEnded(flow),
			dropped: (inbound, why) => log.dropped(inbound, why),
			limits: (mode, cause) => log.limits(mode, cause),
			note: (level, event, facts) => ITS_OWN.has(event) || log.note(level, event, facts),
			bug: (error) => log.bug(error),
		};
	}

	look(): Look {
		const { liveFlows: live, addresses } = this.gateway;
		return { live, addresses, status: this.view?.status() ?? null };
	}

	async count(): Promise<void> {
		if (this.metrics) return;
		const { Tally } = await import('../../lib/observe/tally.ts');
		const { Metrics } = await import('../../lib/observe/metrics.ts');
		const { viewOf } = await import('../../lib/admin/view.ts');
		const { gateway } = this;
		const { version, name } = this.#beginning;
		const tally = new Tally();
		this.metrics = new Metrics(tally, { version, worker: name });
		for (const family of gatewayFamilies(gateway, tally)) this.metrics.add(family);
		this.view = viewOf({ gateway, tally, version, lastReload: () => null });
		// The gateway looks its observer's verbs up each time.
		Object.assign(this.#observer, observers(this.#quiet(), tally, this.metrics));
	}

	async reload(input: ConfigInput): Promise<Look> {
		const config = resolveConfig(input);
		await this.gateway.reload(config);
		this.#log.use(config.log);
		return this.look();
	}

	async drain(deadlineMs: number | null): Promise<void> {
		// Those that another worker has taken over from drain already, without a deadline.
		if (this.#draining && deadlineMs === null) return;
		this.#draining = true;
		await this.gateway.drain(deadlineMs ?? NEVER_MS);
		process.exit(EXIT.ok);
	}

	async end(): Promise<void> {
		await this.gateway.close();
		process.exit(EXIT.ok);
	}

	orphaned(): void {
		if (this.#draining) return;
		const { drainMs } = this.gateway.config.timeouts;
		this.#log.note('error', 'the supervisor is gone, draining', { deadlineMs: drainMs });
		void this.drain(drainMs);
	}
}
