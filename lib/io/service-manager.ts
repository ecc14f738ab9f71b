// What a service says to systemd: that it is ready, reloads, stops, and that its event loop turns. Says nothing where
// nobody listens. The words are those of sd_notify(3).
import { type Notify, type NotifyDeps, notifier } from './notify.ts';

/** How often the text that `systemctl status` shows is looked at. */
const STATUS_MS = 5_000;

/** From the deadline of a drain to the end of the process. */
const MARGIN_MS = 5_000;

type Environment = Readonly<Record<string, string | undefined>>;

export interface ReadyOptions {
	readonly env?: Environment;
	/** Whatever this process answers for turns its event loop. */
	readonly alive?: () => boolean;
}

export class ServiceManager {
	#notify: Notify | null;
	readonly #timers: NodeJS.Timeout[] = [];
	#status = '';

	constructor(env: Environment = process.env, deps: NotifyDeps = {}) {
		this.#notify = notifier(env.NOTIFY_SOCKET, deps);
	}

	/**
	 * Begins to tell: ready from now on, alive as often as `env` wants it and while `alive` says so, and what `status` says
	 * when that changes.
	 */
	ready(status: () => string, { env = process.env, alive = () => true }: ReadyOptions = {}): void {
		if (!this.#notify) return;
		this.#tell('READY=1', status());
		this.#every(STATUS_MS, () => this.#tellStatus(status()));
		const watchdogMs = watchdogMsOf(env);
		if (watchdogMs !== null) this.#every(watchdogMs / 2, () => alive() && this.#notify?.('WATCHDOG=1'));
	}

	#every(ms: number, act: () => unknown): void {
		this.#timers.push(setInterval(act, ms).unref());
	}

	#tell(word: string, status: string): void {
		this.#status = status;
		this.#notify?.(`${word}\nSTATUS=${status}`);
	}

	#tellStatus(status: string): void {
		if (status === this.#status) return;
		this.#status = status;
		this.#notify?.(`STATUS=${status}`);
	}

	/** A reload begins. With the time of the monotonic clock, by which Type=notify-reload knows this one from an older one. */
	reloading(): void {
		this.#notify?.(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1_000n}`);
	}

	/** It is over, however it ended: `status` says how. */
	reloaded(status: string): void {
		this.#tell('READY=1', status);
	}

	/** It stops, and may need that long for it. */
	stopping(status: string, deadlineMs: number): void {
		this.#stopTimers();
		this.#tell(`STOPPING=1\nEXTEND_TIMEOUT_USEC=${(deadlineMs + MARGIN_MS) * 1_000}`, status);
	}

	/** Another process is the service from now on, and tells by itself; this one says nothing more. */
	handOver(pid: number): void {
		this.#stopTimers();
		this.#notify?.(`MAINPID=${pid}`);
		this.#notify = null;
	}

	#stopTimers(): void {
		for (const timer of this.#timers.splice(0)) clearInterval(timer);
	}
}

/** How long systemd waits for a sign of life; null: it does not, or not for this process (sd_watchdog_enabled(3)). */
function watchdogMsOf({ WATCHDOG_USEC, WATCHDOG_PID }: Environment): number | null {
	// The launcher, where there is one, stands between.
	const ours = [process.pid, process.ppid].includes(Number(WATCHDOG_PID ?? process.pid));
	if (!ours) return null;
	const usec = Number(WATCHDOG_USEC);
	return usec > 0 ? Math.max(2, usec / 1_000) : null;
}
