// Commands inside the namespaces of another process: a copy of this system (system-copy.ts), or one that was booted
// (booted-system.ts).
import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { type Finished, run, startProcess } from './process.ts';
import { program } from './programs.ts';
import type { Scope } from './scope.ts';

const SPACES = ['--mount', '--pid', '--net', '--ipc', '--cgroup', '--root', '--wd'];
const ENVIRONMENT = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'LC_ALL=C'];

export class Inside {
	readonly #scope: Scope;
	readonly #pid: number;

	/** Of the process whose namespaces are meant. For specs that need `nsenter`, as root. */
	constructor(scope: Scope, pid: number) {
		this.#scope = scope;
		this.#pid = pid;
	}

	/** Runs a shell command as root, to its end. */
	async sh(command: string): Promise<Finished & { readonly text: string }> {
		const done = await run(this.#scope, program('nsenter'), this.#line(command));
		return { ...done, text: done.stdout.toString() };
	}

	/** What it prints on both streams; throws when it fails. */
	async output(command: string): Promise<string> {
		const { code, text } = await this.sh(`exec 2>&1; ${command}`);
		if (code !== 0) throw new Error(`${command}\nended with ${code}: ${text}`);
		return text;
	}

	/** Starts one that goes on. */
	start(command: string): ChildProcess {
		return startProcess(this.#scope, program('nsenter'), this.#line(command), {
			stdio: ['ignore', 'ignore', 'ignore'],
		});
	}

	#line(command: string): string[] {
		return ['--target', String(this.#pid), ...SPACES, '--', 'env', '-i', ...ENVIRONMENT, 'sh', '-c', command];
	}
}

/** A child of a process (proc(5), the fourth field of stat); null when it has none yet. */
export function childOf(pid: number): number | null {
	const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
	return all.map(Number).find((one) => parentOf(one) === pid) ?? null;
}

function parentOf(pid: number): number | null {
	try {
		return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[1]);
	} catch {
		return null; // it has ended
	}
}
