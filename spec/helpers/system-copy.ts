// This machine's system as a copy that may be changed: packages can be installed in it and taken out again, and nothing of
// that reaches the machine. An overlay over `/` in namespaces of its own; what was changed is in /mnt/changed, in memory.
import { childOf, Inside } from './inside.ts';
import { startProcess, until } from './process.ts';
import { program } from './programs.ts';
import type { Scope } from './scope.ts';

/** The first process reaps what others leave behind. */
const SETUP = `
mount -t tmpfs copy /mnt
mkdir /mnt/changed /mnt/work /mnt/root /mnt/shared
mount --bind "$1" /mnt/shared
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/changed,workdir=/mnt/work /mnt/root
mount --rbind /mnt /mnt/root/mnt
mount --rbind /dev /mnt/root/dev
mount -t proc proc /mnt/root/proc
mount -t tmpfs run /mnt/root/run
ip link set lo up
exec chroot /mnt/root sh -c 'echo ready; sleep infinity & wait'
`;

/** `shared` is a folder of the machine, which is /mnt/shared in the copy. For specs that need `unshare`, `ip` and `nsenter`, as root. */
export async function copyOfSystem(scope: Scope, shared: string): Promise<Inside> {
	const apart = ['--mount', '--pid', '--net', '--ipc', '--fork', '--kill-child', 'sh', '-euc', SETUP, 'sh', shared];
	const holder = startProcess(scope, program('unshare'), apart, { stdio: ['ignore', 'pipe', 'inherit'] });
	let said = '';
	holder.stdout!.on('data', (chunk: Buffer) => {
		said += chunk;
	});
	await until(
		'the copy is there',
		() => said,
		(text) => text.includes('ready'),
	);
	return new Inside(scope, childOf(holder.pid!)!);
}
