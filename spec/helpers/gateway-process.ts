// A gateway as a person starts it: `bauta serve` in its own process, on a port of the kernel's choice.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startProcess } from './process.ts';
import type { Scope } from './scope.ts';

const BIN: string = join(import.meta.dirname, '../../bin/bauta.ts');

/** One line of the log. */
export type LogRecord = Readonly<Record<string, unknown>>;

export class GatewayProcess {
	port = 0;
	/** Every log line so far. */
	readonly records: LogRecord[] = [];
	/** Everything it wrote, to standard output and standard error. */
	output = '';
	readonly #child: ChildProcess;
	readonly #exited: Promise<unknown[]>;
	#watchers: (() => void)[] = [];

	constructor(child: ChildProcess) {
		this.#child = child;
		this.#exited = once(child, 'close');
		void this.#exited.then(() => this.#look());
		for (const stream of [child.stdout!, child.stderr!]) {
			stream.setEncoding('utf8').on('data', (text: string) => {
				this.output += text;
			});
			createInterface({ input: stream }).on('line', (line) => this.#line(line));
		}
	}

	get pid(): number {
		return this.#child.pid!;
	}

	/** As a client's options write it. */
	get address(): string {
		return `127.0.0.1:${this.port}`;
	}

	#line(line: string): void {
		if (!line.startsWith('{')) return;
		this.records.push(JSON.parse(line) as LogRecord);
		this.#look();
	}

	#look(): void {
		for (const watcher of this.#watchers) watcher();
	}

	/** The first log line, past or to come, that `matches`. Rejects when the gateway ends without one. */
	record(matches: (record: LogRecord) => boolean): Promise<LogRecord> {
		return new Promise((resolve, reject) => {
			const watcher = (): void => {
				const found = this.records.find(matches);
				if (found) resolve(found);
				else if (this.#child.exitCode === null && this.#child.signalCode === null) return;
				else reject(new Error(`ended with ${this.#child.exitCode} and said:\n${this.output}`));
				this.#watchers = this.#watchers.filter((other) => other !== watcher);
			};
			this.#watchers.push(watcher);
			watcher();
		});
	}

	signal(name: NodeJS.Signals): void {
		this.#child.kill(name);
	}

	/** Resolves with the exit code; null when a signal ended it. */
	async exit(): Promise<number | null> {
		await this.#exited;
		return this.#child.exitCode;
	}

	/** SIGTERM, as a service manager does it; resolves with the exit code. */
	stop(): Promise<number | null> {
		this.signal('SIGTERM');
		return this.exit();
	}
}

export interface GatewayOptions {
	/** Text of a configuration file. */
	readonly config?: string;
	/** Most that V8 may keep for old objects: a process that leaks dies of it, and one that does not stays small. */
	readonly heapMb?: number;
	/** Most descriptors that it may have. */
	readonly openFiles?: number;
	/** Where it listens, with port 0. Default 127.0.0.1. */
	readonly listen?: string;
}

/** Starts `bauta serve -L 127.0.0.1:0` with `args`; resolves when it listens. Killed when the scope ends. */
export async function startGateway(
	scope: Scope,
	args: string[] = [],
	options: GatewayOptions = {},
): Promise<GatewayProcess> {
	const file = options.config === undefined ? [] : ['-c', configFile(scope, options.config)];
	const heap = options.heapMb === undefined ? [] : [`--max-old-space-size=${options.heapMb}`];
	const command = [process.execPath, ...heap, BIN, 'serve', '-L', options.listen ?? '127.0.0.1:0', ...file, ...args];
	const ulimit = options.openFiles === undefined ? [] : ['sh', '-c', `ulimit -n ${options.openFiles}; exec "$@"`, 'sh'];
	const [program, ...rest] = [...ulimit, ...command] as [string, ...string[]];
	const child = startProcess(scope, program, rest);
	const gateway = new GatewayProcess(child);
	const listening = await gateway.record((record) => record.msg === 'listening');
	gateway.port = Number(/:(\d+)$/.exec(String(listening.address))![1]);
	return gateway;
}

function configFile(scope: Scope, text: string): string {
	const folder = temporaryFolder(scope);
	writeFileSync(join(folder, 'bauta.toml'), text);
	return join(folder, 'bauta.toml');
}

/** A folder that goes away with the scope. */
export function temporaryFolder(scope: Scope): string {
	const folder = mkdtempSync(join(tmpdir(), 'bauta-spec-'));
	scope.teardown(() => rmSync(folder, { recursive: true, force: true }));
	return folder;
}
