// The gateway as a service: what serves, what tells about it and what can be asked of it (reload, upgrade, drain), by
// signal, by the admin listener or because a file changed. Each of them is done whole or not at all.
import type { AdminServer } from '../../lib/admin/server.ts';
import type { Config, ConfigInput } from '../../lib/config/config.ts';
import { loadConfig } from '../../lib/config/load.ts';
import { ConfigError } from '../../lib/config/problem.ts';
import { pathOf } from '../../lib/config/secret-file.ts';
import { warningsOf } from '../../lib/config/warnings.ts';
import type { Observer } from '../../lib/core/observer.ts';
import { ListenError, type Where } from '../../lib/io/bind.ts';
import { HandedSockets } from '../../lib/io/handed-sockets.ts';
import { ServiceManager } from '../../lib/io/service-manager.ts';
import { createLog, type Log } from '../../lib/observe/log.ts';
import { observers } from '../../lib/observe/observers.ts';
import { EXIT } from '../exit-codes.ts';
import { type FlagValues, layerOf } from '../flags.ts';
import { handedName, whereOf } from './admin-place.ts';
import { Reloads } from './reloads.ts';
import { serviceFamilies } from './service-families.ts';
import { type Measured, type Serving, type ServingDeps, servingOf } from './serving.ts';
import { startSuccessor, succeed } from './successor.ts';
import { ConfigWatch } from './watch.ts';
import { WorkerError } from './worker-error.ts';

interface Read {
	readonly config: Config;
	/** As it was written, for workers to read. */
	readonly input: ConfigInput;
	/** What it names and was read with it. */
	readonly files: readonly string[];
}

/** The configuration as the command line, the file and the environment say it now. Throws ConfigError. */
async function read(values: FlagValues): Promise<Read> {
	const { config, input } = await loadConfig({ file: values.config, env: process.env, flags: layerOf(values) });
	const { users, exit, admin, redis } = input;
	const named = [users?.file, exit?.page, admin?.token_file, redis?.password_file, redis?.ca_file].filter(
		(name) => !!name,
	);
	const paths = named.map((name) => pathOf(name as string));
	return { config, input, files: paths.flatMap((path) => ('value' in path ? [path.value] : [])) };
}

export class Service {
	readonly log: Log;
	readonly #values: FlagValues;
	readonly #serving: Serving;
	readonly #gateway: Serving['gateway'];
	readonly #observer: Observer;
	readonly #manager: ServiceManager = new ServiceManager();
	readonly #handed: HandedSockets;
	readonly #reloads: Reloads = new Reloads();
	#measured: Measured | null = null;
	#admin: AdminServer | null = null;
	#watch: ConfigWatch | null = null;
	#files: readonly string[];
	/** Reloads and upgrades, one after the other. */
	#work: Promise<unknown> = Promise.resolve();
	#draining = false;

	private constructor(values: FlagValues, { files }: Read, serving: Serving, { log, observer, handed }: ServingDeps) {
		this.#values = values;
		this.#files = files;
		this.#serving = serving;
		this.#gateway = serving.gateway;
		this.log = log;
		this.#observer = observer;
		this.#handed = handed;
	}

	/** Reads the configuration; nothing listens yet. Throws ConfigError. */
	static async create(values: FlagValues): Promise<Service> {
		const found = await read(values);
		const { config, input } = found;
		const log = createLog(config.log, { shared: config.workers > 1 });
		const deps = { log, observer: observers(log), handed: new HandedSockets() };
		return new Service(values, found, await servingOf(config, input, deps), deps);
	}

	/** Resolves when it serves and everybody who wants to know has been told. Rejects with ListenError. */
	async start(): Promise<void> {
		const { config } = this.#gateway;
		this.#warn(config);
		await this.#gateway.start();
		try {
			this.#admin = await this.#newAdmin(config, whereOf(config.admin.listen, this.#handed, this.#takesOver));
		} catch (error) {
			await this.#gateway.close();
			throw error;
		}
		this.#settled(config);
		for (const name of this.#handed.closeRest()) this.log.note('warn', 'socket not used', { name });
		if (this.#takesOver) await succeed();
		this.#manager.ready(() => this.#status(), { alive: this.#serving.alive });
	}

	get #takesOver(): boolean {
		return this.#handed.fromPredecessor;
	}

	#warn(config: Config): void {
		for (const warning of warningsOf(config)) this.log.note('warn', 'configuration', { warning });
	}

	#status(): string {
		const { state, liveFlows, addresses } = this.#gateway;
		return `${state}: ${liveFlows} connections open, listening on ${addresses.join(', ') || 'nothing'}`;
	}

	/** An admin listener that listens; null where there is to be none. */
	async #newAdmin({ admin }: Config, where: Where | null): Promise<AdminServer | null> {
		if (where === null) return null;
		const { view, metrics } = await this.#measure();
		const { AdminServer } = await import('../../lib/admin/server.ts');
		const server = new AdminServer(
			admin,
			{
				gateway: this.#gateway,
				view,
				metrics,
				reload: () => this.reload(),
				upgrade: () => this.upgrade(),
				drain: (deadlineMs) => void this.drain('admin', deadlineMs),
			},
			this.#observer,
		);
		await server.start(where);
		this.log.note('info', 'admin listening', { address: server.address });
		return server;
	}

	/** Counting begins with the first admin listener; without one not even the code for it is read. */
	async #measure(): Promise<Measured> {
		if (this.#measured) return this.#measured;
		this.#measured = await this.#serving.measure(() => this.#reloads.last);
		for (const family of serviceFamilies(this.#reloads, this.#gateway)) this.#measured.metrics.add(family);
		return this.#measured;
	}

	/** What follows when a configuration is in force. */
	#settled(config: Config): void {
		this.#gateway.protect(this.#admin?.tcpAddress ?? null);
		const { config: file } = this.#values;
		this.#watch?.close();
		this.#watch = null;
		if (!config.reload.watch || file === undefined) return;
		this.#watch = new ConfigWatch(file, () => void this.reload());
		this.#watch.look(this.#files);
	}

	/** Reads the configuration again and applies it. Resolves to what is wrong with it, a line each; nothing when it is in force. */
	reload(): Promise<readonly string[]> {
		return this.#inTurn(async () => {
			this.#manager.reloading();
			const problems = await problemsOf(() => this.#reload());
			this.#reloads.note(problems.length === 0);
			for (const problem of problems) this.log.note('error', 'configuration', { problem });
			if (problems.length > 0) this.log.note('error', 'reload refused', { problems: problems.length });
			else this.log.note('info', 'reloaded');
			this.#manager.reloaded(this.#status());
			return problems;
		});
	}

	async #reload(): Promise<void> {
		const { config, input, files } = await read(this.#values);
		const before = this.#gateway.config.admin;
		const moves = JSON.stringify(config.admin.listen) !== JSON.stringify(before.listen);
		const admin = moves ? await this.#newAdmin(config, whereOf(config.admin.listen, this.#handed, false)) : this.#admin;
		try {
			await this.#gateway.reload(config, input);
		} catch (error) {
			if (moves) await admin?.stop();
			throw error;
		}
		if (moves) void this.#admin?.stop();
		this.#admin = admin;
		if (admin) admin.access = config.admin;
		this.log.use(config.log);
		this.#files = files;
		this.#settled(config);
		this.#warn(config);
	}

	/** Starts a process that takes over, then drains. Resolves to why not; to nothing when the new one serves. */
	upgrade(): Promise<readonly string[]> {
		return this.#inTurn(async () => {
			if (this.#draining) return ['it drains already'];
			this.log.note('info', 'upgrading');
			try {
				const successor = await startSuccessor(this.#sockets());
				this.#manager.handOver(successor.pid);
				successor.takeOver();
			} catch (error) {
				const reason = (error as Error).message;
				this.log.note('error', 'upgrade failed', { reason });
				return [reason];
			}
			// Behind the answer to whoever asked.
			setImmediate(() => void this.drain('upgrade'));
			return [];
		});
	}

	#sockets(): { readonly name: string; readonly fd: number }[] {
		const fd = this.#admin?.fd ?? null;
		const name = handedName(this.#gateway.config.admin.listen);
		return [...this.#gateway.sockets, ...(fd === null ? [] : [{ name, fd }])];
	}

	#inTurn<T>(work: () => Promise<T>): Promise<T> {
		const done = this.#work.then(work);
		this.#work = done.catch(() => {});
		return done;
	}

	/** Lets live connections end, and the process with the last of them or at the deadline. Again does nothing. */
	async drain(cause: string, deadlineMs: number | null = null): Promise<void> {
		if (this.#draining) return;
		this.#draining = true;
		const drainMs = deadlineMs ?? this.#gateway.config.timeouts.drainMs;
		this.log.note('info', 'draining', { cause, deadlineMs: drainMs });
		this.#manager.stopping(`draining: ${this.#gateway.liveFlows} connections open`, drainMs);
		await this.#gateway.drain(drainMs);
		await this.end();
	}

	get draining(): boolean {
		return this.#draining;
	}

	/** Ends the process now. */
	async end(): Promise<void> {
		await this.#gateway.close();
		await this.#admin?.stop();
		// Not by running out of work: a handle that is left open by a bug, node's or ours, must not keep a service that was stopped.
		process.exit(EXIT.ok);
	}
}

/** What went wrong, as far as it is the operator's to mend; anything else is thrown on. */
async function problemsOf(work: () => Promise<void>): Promise<readonly string[]> {
	try {
		await work();
		return [];
	} catch (error) {
		if (error instanceof ConfigError) return error.message.split('\n');
		if (error instanceof ListenError || error instanceof WorkerError) return [error.message];
		throw error;
	}
}
