// The log: one line for each flow at its end, and what the gateway notes about itself. JSON by pino, or lines to read on
// a terminal. It names no client, no user and no target unless the operator has turned that on, and an upstream by its
// tag alone. It never stops or ends the gateway: see log-sink.ts for a reader that stalls or goes away.
import { type Logger, pino } from 'pino';
import type { Flow, Outcome } from '../core/flow.ts';
import type { LimitsMode, Observer } from '../core/observer.ts';
import { type ClientWord, clientWord } from './client-word.ts';
import { flowLine } from './flow-line.ts';
import { type LineSink, LogSink, type LogSinkOptions } from './log-sink.ts';
import { prettySink } from './pretty.ts';

export interface LogOptions {
	readonly level: 'debug' | 'info' | 'warn' | 'error' | 'off';
	/** `auto`: `pretty` when it goes to standard output and that is a terminal, else `json`. */
	readonly format: 'auto' | 'json' | 'pretty';
	/** What a flow's line says about the client; see client-word.ts. */
	readonly clients: 'none' | 'truncate' | 'hash';
	readonly users: boolean;
	readonly targets: boolean;
}

/** An observer that writes. */
export interface Log extends Required<Pick<Observer, 'flowEnded' | 'dropped' | 'limits' | 'note' | 'bug'>> {
	/** Other options from now on. */
	use(options: LogOptions): void;
	/** Says what is still held back; waits half a second at most for a slow reader. To be called before the process ends. */
	flush(): void;
}

/** Causes that an operator should look at: a gateway, or a way out of it, that does not do its work. */
const TROUBLE: ReadonlySet<Outcome['cause']> = new Set([
	'proxy_internal_error',
	'proxy_configuration_error',
	'proxy_loop_detected',
	'hop_unavailable',
	'connection_limit_reached',
]);

/** Under attack a line for each connection dropped would be an attack of its own. */
const DROPPED_EVERY_MS = 1_000;

/** A reader that lives reads a full pipe in less; one that does not must not keep the process. */
const FLUSH_MS = 500;

/** Where a log goes if it is no sink of its own: standard output. */
export interface StdoutOptions extends LogSinkOptions {
	/** Clients are hashed with it; by default with one that is random each day. */
	readonly clientKey?: () => Uint8Array;
}

/** A log to standard output, or to a sink. */
export function createLog(options: LogOptions, to: LineSink | StdoutOptions = {}): Log {
	if ('write' in to) return new GatewayLog(options, to, false);
	return new GatewayLog(options, LogSink.ofStdout(to), process.stdout.isTTY, to.clientKey);
}

/** Many lines share a millisecond, and the text of a date costs more than the rest of its line's frame. */
function isoTime(): () => string {
	let ms = 0;
	let text = '';
	return () => {
		const nowMs = Date.now();
		if (nowMs !== ms) text = `,"time":"${new Date(nowMs).toISOString()}"`;
		ms = nowMs;
		return text;
	};
}

class GatewayLog implements Log {
	readonly #sink: LineSink;
	readonly #terminal: boolean;
	readonly #time: () => string = isoTime();
	#options: LogOptions;
	#logger: Logger;
	/** Where lines go that are made here: the sink, or what makes them readable before it. */
	#lines: LineSink;
	readonly #clientKey: (() => Uint8Array) | undefined;
	#clientWord: ClientWord;
	readonly #dropped: Map<string, { readonly inbound: string; readonly why: string; count: number }> = new Map();
	#droppedTimer: NodeJS.Timeout | null = null;

	constructor(options: LogOptions, sink: LineSink, terminal: boolean, clientKey?: () => Uint8Array) {
		this.#sink = sink;
		this.#clientKey = clientKey;
		this.#terminal = terminal;
		this.#options = options;
		this.#lines = this.#linesOf(options);
		this.#logger = this.#loggerOf(options);
		this.#clientWord = clientWord(options.clients, this.#clientKey);
		sink.onDropped = (count) => this.#logger.warn({ count }, 'log lines dropped');
	}

	use(options: LogOptions): void {
		// The same way of naming clients keeps its key: lines of one day can be joined across a reload.
		if (options.clients !== this.#options.clients) this.#clientWord = clientWord(options.clients, this.#clientKey);
		this.#options = options;
		this.#lines = this.#linesOf(options);
		this.#logger = this.#loggerOf(options);
	}

	#linesOf({ format }: LogOptions): LineSink {
		return format === 'pretty' || (format === 'auto' && this.#terminal) ? prettySink(this.#sink) : this.#sink;
	}

	#loggerOf({ level }: LogOptions): Logger {
		const timestamp = this.#time;
		const formatters = { level: (word: string) => ({ level: word }) };
		return pino({ level: level === 'off' ? 'silent' : level, base: null, timestamp, formatters }, this.#lines);
	}

	flowEnded(flow: Flow): void {
		const level = flow.outcome !== null && TROUBLE.has(flow.outcome.cause) ? 'warn' : 'info';
		if (!this.#logger.isLevelEnabled(level)) return;
		const client = this.#options.clients === 'none' ? null : this.#clientWord(flow.client);
		this.#lines.write(flowLine(flow, level, this.#time(), client, this.#options));
	}

	dropped(inbound: string, why: string): void {
		const key = `${why} ${inbound}`;
		const entry = this.#dropped.get(key);
		if (entry) {
			entry.count++;
			return;
		}
		this.#dropped.set(key, { inbound, why, count: 1 });
		this.#droppedTimer ??= setTimeout(() => this.#sayDropped(), DROPPED_EVERY_MS).unref();
	}

	#sayDropped(): void {
		if (this.#droppedTimer) clearTimeout(this.#droppedTimer);
		this.#droppedTimer = null;
		for (const entry of this.#dropped.values()) this.#logger.warn(entry, 'dropped');
		this.#dropped.clear();
	}

	limits(mode: LimitsMode, cause: string): void {
		this.note(mode === 'shared' ? 'info' : 'warn', 'limits', { mode, cause });
	}

	note(level: 'debug' | 'info' | 'warn' | 'error', event: string, facts: Readonly<Record<string, unknown>> = {}): void {
		this.#logger[level](facts, event);
	}

	bug(error: unknown): void {
		this.#logger.error(factsOfBug(error), 'bug');
	}

	flush(): void {
		this.#sayDropped();
		this.#sink.flush?.(FLUSH_MS);
	}
}

/** Messages of Node's own errors can hold an address or a received value; those errors have a code, which says as much. */
function factsOfBug(error: unknown): object {
	if (!(error instanceof Error)) return { error: typeof error };
	const { code, syscall } = error as NodeJS.ErrnoException;
	const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line));
	return { error: error.name, code, syscall, reason: code ? undefined : error.message, stack: frames?.join('\n') };
}
