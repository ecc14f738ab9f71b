// Where log lines go: a descriptor that is never waited for. Lines of a few milliseconds leave in one write; while the
// reader stalls, a bounded queue holds them and drops what is over; a reader that has gone is not written to again.
import { writeSync } from 'node:fs';

/** About 3,000 flows: seconds of a busy gateway, and less than what one tunnel may buffer. */
const QUEUE_LIMIT_CHARS = 1_048_576;

/** Lines wait this long for company: a write for each costs as much as all the rest of its line. */
const GATHER_MS = 20;

/** How soon a stalled reader is tried again. */
const RETRY_MS = 50;

/** The reader has gone, for good: nothing will ever read another line. */
const GONE: ReadonlySet<string> = new Set(['EPIPE', 'EBADF', 'EIO', 'ECONNRESET']);

/** To wait on in vain: the only way to sleep in the middle of a turn. */
const NOBODY: Int32Array = new Int32Array(new SharedArrayBuffer(4));

/** What others write to the same pipe does not come in between up to this size (PIPE_BUF, pipe(7)). */
const WHOLE_BYTES = 4_096;

export interface LogSinkOptions {
	/** Other processes write there, too: no write ends in the middle of a line. */
	readonly shared?: boolean;
}

/** What a log writes to. */
export interface LineSink {
	/** One line with its end. Never throws, never blocks. */
	write(line: string): void;
	/** Writes what can be written within `patienceMs`. */
	flush?(patienceMs: number): void;
	/** Called when there is room again, with the number of lines that there was none for. */
	onDropped?: (count: number) => void;
}

export class LogSink implements LineSink {
	onDropped: (count: number) => void = () => {};
	/** Lines that a stalled reader has cost, not yet told. */
	#dropped = 0;
	readonly #fd: number;
	readonly #shared: boolean;
	#queue = '';
	/** The unsent rest of a write that the descriptor took in part. */
	#rest: Buffer | null = null;
	#scheduled = false;
	#gone = false;

	/** `fd` must not block when it is a pipe or a socket. */
	constructor(fd: number, { shared = false }: LogSinkOptions = {}) {
		this.#fd = fd;
		this.#shared = shared;
	}

	/**
	 * Standard output. Asking Node for `process.stdout` sets O_NONBLOCK on a pipe or socket, so that a full one gives
	 * EAGAIN where it would have stopped the whole gateway (measured: writeSync to a stalled pipe never returns).
	 */
	static ofStdout(options: LogSinkOptions = {}): LogSink {
		process.stdout.on('error', () => {}); // somebody else's write to a closed pipe is no reason to end
		return new LogSink(1, options);
	}

	write(line: string): void {
		if (this.#gone) return;
		if (this.#queue.length + line.length > QUEUE_LIMIT_CHARS) {
			this.#dropped++;
			return;
		}
		this.#queue += line;
		if (this.#scheduled) return;
		this.#scheduled = true;
		setTimeout(() => this.#turn(), GATHER_MS).unref();
	}

	#turn(): void {
		this.#scheduled = false;
		if (this.#writeAll()) {
			if (this.#dropped > 0) this.#tellDropped();
			return;
		}
		this.#scheduled = true;
		setTimeout(() => this.#turn(), RETRY_MS).unref();
	}

	#tellDropped(): void {
		const count = this.#dropped;
		this.#dropped = 0;
		this.onDropped(count);
	}

	/** Stops the process for as long as it takes a reader to read, `patienceMs` at most: for its end. */
	flush(patienceMs: number): void {
		const deadlineMs = performance.now() + patienceMs;
		while (!this.#writeAll() && performance.now() < deadlineMs) Atomics.wait(NOBODY, 0, 0, 5);
	}

	/** True when nothing is left, or nobody to read it. */
	#writeAll(): boolean {
		while (!this.#gone && (this.#rest || this.#queue !== '')) {
			this.#rest ??= this.#take();
			if (!this.#writeRest()) return this.#gone;
		}
		return true;
	}

	#take(): Buffer {
		if (this.#shared) return this.#takeWhole();
		const bytes = Buffer.from(this.#queue);
		this.#queue = '';
		return bytes;
	}

	/** As many lines as a pipe takes at once, or a single one that is longer. */
	#takeWhole(): Buffer {
		for (let most = WHOLE_BYTES; ; most >>= 1) {
			const end = this.#queue.lastIndexOf('\n', most - 1) + 1;
			const length = end > 0 ? end : this.#queue.indexOf('\n') + 1;
			const bytes = Buffer.from(this.#queue.slice(0, length));
			if (bytes.length > WHOLE_BYTES && end > 0) continue;
			this.#queue = this.#queue.slice(length);
			return bytes;
		}
	}

	/** False: the descriptor takes no more for now. */
	#writeRest(): boolean {
		const rest = this.#rest as Buffer;
		try {
			const written = writeSync(this.#fd, rest);
			this.#rest = written < rest.length ? rest.subarray(written) : null;
			return true;
		} catch (error) {
			this.#gone = GONE.has((error as NodeJS.ErrnoException).code ?? '');
			return false;
		}
	}
}
