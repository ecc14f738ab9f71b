// One worker, seen from the process that supervises it: its process, what it said last, and how it ends.
import { type ChildProcess, spawn } from 'node:child_process';
import type { WorkerStatus } from '../../lib/admin/snapshot.ts';
import type { Members } from '../../lib/admin/view.ts';
import type { ConfigInput } from '../../lib/config/config.ts';
import { ConfigError } from '../../lib/config/problem.ts';
import { type HandedSocket, ListenError } from '../../lib/io/bind.ts';
import { handingOver } from '../../lib/io/handed-sockets.ts';
import type { MetricsRecord } from '../../lib/observe/metrics.ts';
import { Talk } from './talk.ts';
import { WorkerError } from './worker-error.ts';
import type { Beginning, Look, SupervisorVerbs, WorkerVerbs } from './worker-words.ts';

/** A worker that does not answer for so long is looked past; what it said last stands for it. */
const LOOK_MS = 2_000;

/** From the deadline of a drain, or the word to end, to the end by force. */
const FORCE_MS = 2_000;

export interface WorkerOptions {
	/** Its place, from 1 on: that of whom it replaces. */
	readonly index: number;
	/** Of all that there ever were. */
	readonly serial: number;
	readonly sockets: readonly HandedSocket[];
	readonly restarts: number;
}

export class WorkerProcess {
	readonly index: number;
	readonly serial: number;
	readonly restarts: number;
	readonly talk: Talk<WorkerVerbs>;
	/** Resolves when the process has ended, to how: a signal or `code N`. */
	readonly ended: Promise<string>;
	state: WorkerStatus['state'] = 'starting';
	/** What it was told to serve last. */
	input: ConfigInput | null = null;
	/** What it looked like when it was last heard. */
	last: Look | null = null;
	lastMetrics: MetricsRecord | null = null;
	/** How often it was looked for since it was last heard. */
	missed = 0;
	readonly #child: ChildProcess;

	/** Starts the process. `verbs` answer what it asks. */
	constructor({ index, serial, sockets, restarts }: WorkerOptions, verbs: SupervisorVerbs) {
		this.index = index;
		this.serial = serial;
		this.restarts = restarts;
		this.#child = spawn(process.execPath, [...process.execArgv, process.argv[1] as string, 'worker', String(index)], {
			stdio: ['ignore', 'inherit', 'inherit', ...sockets.map(({ fd }) => fd), 'ipc'],
			// The service manager is the supervisor's to talk to.
			env: { ...process.env, ...handingOver(sockets), NOTIFY_SOCKET: undefined, WATCHDOG_USEC: undefined },
			serialization: 'advanced',
		});
		const { promise, resolve } = Promise.withResolvers<string>();
		this.ended = promise;
		this.#child.once('error', ({ code }: NodeJS.ErrnoException) => resolve(String(code)));
		this.#child.once('exit', (code, signal) => resolve(signal ?? `code ${code}`));
		this.talk = new Talk(this.#child, {
			...verbs,
			beat: (beat: Parameters<SupervisorVerbs['beat']>[0]) => {
				this.missed = 0;
				if (this.last) this.last = { ...this.last, ...beat };
			},
		});
	}

	get pid(): number {
		return this.#child.pid ?? 0;
	}

	get live(): number {
		return this.last?.live ?? 0;
	}

	/** Resolves when it serves. Rejects with ConfigError, ListenError or WorkerError; the process is to be killed then. */
	async begin(beginning: Beginning): Promise<void> {
		this.input = beginning.input;
		try {
			this.last = await this.talk.ask('begin', beginning);
		} catch (error) {
			throw revived(error);
		}
		this.state = 'serving';
	}

	/** Rejects with ConfigError, ListenError or WorkerError; then nothing has changed. */
	async reload(input: ConfigInput): Promise<void> {
		try {
			this.last = await this.talk.ask('reload', input);
		} catch (error) {
			throw revived(error);
		}
		this.input = input;
	}

	/** Brings up to date what it looks like, as far as it answers. */
	async look(): Promise<void> {
		if (this.last === null) return;
		const look = await within(LOOK_MS, this.talk.ask('look'));
		if (look) this.last = look;
	}

	/** Members of one of its groups; null when there is none of that name, or no answer. */
	async members(group: string, from: number): Promise<Members | null> {
		return (await within(LOOK_MS, this.talk.ask('members', group, from))) ?? null;
	}

	/** What its metrics say; as long as it does not answer, what they said last. */
	async metrics(): Promise<MetricsRecord | null> {
		const metrics = await within(LOOK_MS, this.talk.ask('metrics'));
		if (metrics) this.lastMetrics = metrics;
		return this.lastMetrics;
	}

	/** Lets live flows end for so long, null for as long as they like. Resolves when the process has ended. */
	async drain(deadlineMs: number | null): Promise<void> {
		this.state = 'draining';
		this.talk.tell('drain', deadlineMs);
		await (deadlineMs === null ? this.ended : this.#endedWithin(deadlineMs + FORCE_MS));
	}

	/** Resolves when the process has ended, which is soon. */
	async end(): Promise<void> {
		this.state = 'draining';
		this.talk.tell('end');
		await this.#endedWithin(FORCE_MS);
	}

	/** Ends it by force. */
	kill(): void {
		this.#child.kill('SIGKILL');
	}

	async #endedWithin(limitMs: number): Promise<void> {
		const timer = setTimeout(() => this.kill(), Math.min(limitMs, 2 ** 31 - 1));
		await this.ended;
		clearTimeout(timer);
	}

	status(): WorkerStatus {
		const { index, pid, state, live: flows, restarts } = this;
		return { index, pid, state, flows, restarts };
	}
}

/** Undefined when there is no answer in time. */
async function within<T>(limitMs: number, answer: Promise<T>): Promise<T | undefined> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<undefined>((resolve) => {
		timer = setTimeout(() => resolve(undefined), limitMs);
	});
	try {
		return await Promise.race([answer, late]);
	} catch {
		return undefined;
	} finally {
		clearTimeout(timer);
	}
}

/** An error as it was before it crossed the channel. */
function revived(error: unknown): Error {
	const { name, message, problems, kind, code } = error as ConfigError & ListenError;
	if (name === 'ConfigError') return new ConfigError(problems, kind);
	if (name === 'ListenError') return Object.assign(new ListenError(code, ''), { message });
	return new WorkerError(message);
}
