// This machine's system as a copy that may be changed: packages can be installed in it and taken out again, and nothing of
// that reaches the machine. An overlay over `/` in namespaces of its own; what was changed is in /mnt/changed, in memory.
import type { ChildProcess } from 'node:child_process';
import { type Finished, run, startProcess, until } from './process.ts';
import { program } from './programs.ts';
import type { Scope } from './scope.ts';

const SETUP = `
read -r pid rest </proc/self/stat
mount -t tmpfs copy /mnt
mkdir /mnt/changed /mnt/work /mnt/root /mnt/shared
mount --bind "$1" /mnt/shared
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/changed,workdir=/mnt/work /mnt/root
mount --rbind /mnt /mnt/root/mnt
mount --rbind /dev /mnt/root/dev
mount -t proc proc /mnt/root/proc
mount -t tmpfs run /mnt/root/run
ip link set lo up
exec chroot /mnt/root sh -c 'echo "ready as $1."; sleep infinity & wait' sh "$pid"
`;

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export class SystemCopy {
	readonly #scope: Scope;
	/** The process that is there as long as the copy is; when it is killed, so is all that runs in the copy. */
	readonly #pid: string;

	private constructor(scope: Scope, pid: string) {
		this.#scope = scope;
		this.#pid = pid;
	}

	/** `shared` is a folder of the machine, which is /mnt/shared in the copy. For specs that need `unshare`, `nsenter` and root. */
	static async make(scope: Scope, shared: string): Promise<SystemCopy> {
		const apart = ['--mount', '--pid', '--net', '--ipc', '--fork', '--kill-child', 'sh', '-euc', SETUP, 'sh', shared];
		const holder = startProcess(scope, program('unshare'), apart, { stdio: ['ignore', 'pipe', 'inherit'] });
		let said = '';
		holder.stdout!.on('data', (chunk: Buffer) => {
			said += chunk;
		});
		await until(
			'the copy is there',
			() => said,
			(text) => text.includes('.'),
		);
		return new SystemCopy(scope, /\d+/.exec(said)![0]);
	}

	/** Runs a shell command in the copy, as root, to its end. */
	async sh(command: string): Promise<Finished & { readonly text: string }> {
		const done = await run(this.#scope, program('nsenter'), this.#inside(command));
		return { ...done, text: done.stdout.toString() };
	}

	/** Starts one that goes on. */
	start(command: string): ChildProcess {
		return startProcess(this.#scope, program('nsenter'), this.#inside(command), { stdio: ['ignore', 'pipe', 'pipe'] });
	}

	#inside(command: string): string[] {
		const spaces = ['--mount', '--pid', '--net', '--ipc', '--root', '--wd'];
		return ['--target', this.#pid, ...spaces, '--', 'env', '-i', PATH, 'HOME=/root', 'sh', '-c', command];
	}
}
