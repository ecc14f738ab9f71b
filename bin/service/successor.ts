// An upgrade: the program, as it is installed now, is started with the sockets of this process. They stay the same sockets,
// so whoever connects meanwhile waits in a queue that both accept from, and nobody is refused. When the new process serves,
// this one may drain; when it does not get there, nothing has changed.
import { type ChildProcess, spawn } from 'node:child_process';
import type { HandedSocket } from '../../lib/io/bind.ts';
import { handingOver } from '../../lib/io/handed-sockets.ts';

/** To start, read its configuration and listen. A checkout's first start takes a second. */
const START_MS = 30_000;

/** What the two say to each other, on a channel of their own. */
const LISTENING = 'listening';
const MAIN = 'you are the service';

export interface Successor {
	readonly pid: number;
	/** Says that it is the service now. */
	takeOver(): void;
}

/** Starts it. Rejects with a plain Error that says why it does not serve. */
export async function startSuccessor(sockets: readonly HandedSocket[]): Promise<Successor> {
	const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
		stdio: ['inherit', 'inherit', 'inherit', ...sockets.map(({ fd }) => fd), 'ipc'],
		env: { ...process.env, ...handingOver(sockets) },
	});
	try {
		await listening(child);
	} catch (error) {
		child.kill('SIGKILL');
		throw error;
	}
	return { pid: child.pid as number, takeOver: () => letGo(child) };
}

function listening(child: ChildProcess): Promise<void> {
	const { promise, resolve, reject } = Promise.withResolvers<void>();
	const late = setTimeout(() => reject(new Error(`it did not listen within ${START_MS / 1_000} s`)), START_MS);
	child.once('error', ({ code }: NodeJS.ErrnoException) => reject(new Error(`it could not be started: ${code}`)));
	child.once('exit', (code, signal) => reject(new Error(`it ended with ${signal ?? `code ${code}`}`)));
	child.on('message', (message) => message === LISTENING && resolve());
	return promise.finally(() => clearTimeout(late));
}

/** Its end is no longer ours to see. */
function letGo(child: ChildProcess): void {
	child.send?.(MAIN, () => child.connected && child.disconnect());
	child.unref();
}

/** In the new process: says that it listens, and resolves when it is the service. Also when the one before has died. */
export async function succeed(): Promise<void> {
	if (!process.send) return;
	const { promise, resolve } = Promise.withResolvers<void>();
	process.on('message', (message) => message === MAIN && resolve());
	process.once('disconnect', () => resolve());
	process.send?.(LISTENING);
	await promise;
	process.removeAllListeners('message');
	if (process.connected) process.disconnect?.();
}
