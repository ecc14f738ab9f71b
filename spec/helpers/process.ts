// Child processes and what /proc knows about them.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Scope } from './scope.ts';

/** With the signal that ends each. */
const running = new Map<ChildProcess, NodeJS.Signals | number>();
// A scope that never ends, because ava gave up on the file or a person pressed Ctrl-C, leaves nothing running either.
process.on('exit', () => {
	for (const [child, signal] of running) child.kill(signal);
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

/** Starts a program that is killed, by `killSignal` or SIGKILL, when the scope ends, whatever it is doing then. */
export function startProcess(scope: Scope, command: string, args: string[], options: SpawnOptions = {}): ChildProcess {
	const child = spawn(command, args, options);
	running.set(child, options.killSignal ?? 'SIGKILL');
	const exited = once(child, 'exit').finally(() => running.delete(child));
	scope.teardown(async () => {
		if (running.has(child)) child.kill(running.get(child));
		await exited;
	});
	return child;
}

export interface Finished {
	/** null: it was killed by a signal. */
	readonly code: number | null;
	readonly stdout: Buffer;
	readonly stderr: string;
}

/** Runs a program to its end; `input` goes to its standard input. */
export async function run(scope: Scope, command: string, args: string[], input?: Uint8Array): Promise<Finished> {
	const child = startProcess(scope, command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
	const [stdout, stderr] = [gather(child.stdout!), gather(child.stderr!)];
	child.stdin!.on('error', () => {}).end(input);
	const [code] = (await once(child, 'close')) as [number | null];
	return { code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() };
}

function gather(stream: NodeJS.ReadableStream): Buffer[] {
	const chunks: Buffer[] = [];
	stream.on('data', (chunk: Buffer) => chunks.push(chunk));
	return chunks;
}

/** A port of 127.0.0.1 that nobody listens on: the kernel hands out others first. */
export async function freePort(): Promise<number> {
	const server = createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address() as { port: number };
	server.close();
	await once(server, 'close');
	return port;
}

/** Resolves when `port` of 127.0.0.1 takes connections; rejects when `child` ends before it does. */
export async function accepting(port: number, child: ChildProcess): Promise<void> {
	while (!(await accepts(port))) {
		if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended with ${child.exitCode} before it listened`);
		await delay(10);
	}
}

async function accepts(port: number): Promise<boolean> {
	const socket = connect(port, '127.0.0.1');
	try {
		await once(socket, 'connect');
		return true;
	} catch {
		return false;
	} finally {
		socket.destroy();
	}
}

/** Reads again, every 20 ms at most, until `holds` says yes; rejects with `what` and the last reading after `withinMs`. */
export async function until<T>(
	what: string,
	read: () => T | Promise<T>,
	holds: (value: T) => boolean,
	withinMs = 20_000,
): Promise<T> {
	const deadline = performance.now() + withinMs;
	for (;;) {
		const value = await read();
		if (holds(value)) return value;
		if (performance.now() > deadline)
			throw new Error(`not within ${withinMs} ms: ${what}; last seen: ${JSON.stringify(value)}`);
		await delay(20);
	}
}

/** Resident memory of a process (proc(5), VmRSS). */
export function residentBytes(pid: number): number {
	return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
}

/** Open descriptors of a process. */
export function descriptors(pid: number): number {
	return readdirSync(`/proc/${pid}/fd`).length;
}

/** CPU a process has used, user and system (proc(5), utime and stime; a tick is 10 ms on Linux). */
export function cpuMs(pid: number): number {
	const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
	return 10 * (Number(fields[11]) + Number(fields[12]));
}
