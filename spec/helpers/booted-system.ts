// A Debian of its own that was booted: debootstrap fetches it from where this machine's packages come from, systemd-nspawn
// starts it with systemd as its first process, in namespaces of its own.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './gateway-process.ts';
import { childOf, Inside } from './inside.ts';
import { run, startProcess, until } from './process.ts';
import { program } from './programs.ts';
import type { Scope } from './scope.ts';

/** What the package needs, and what the specs look with. */
const PACKAGES = 'systemd,systemd-sysv,dbus,curl,libatomic1,procps';

/** With `/run` in memory, as systemd-nspawn wants it. */
const BOOT = `
mount -t tmpfs run /run
exec systemd-nspawn --directory "$1" --bind "$2:/mnt" --boot --register=no --keep-unit --private-network --console=pipe
`;

/** `shared` is a folder of this machine, which is /mnt there. For specs that need the programs below and `nsenter`, as root. */
export async function bootedSystem(scope: Scope, shared: string): Promise<Inside> {
	const root = join(temporaryFolder(scope), 'root');
	const codename = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))![1] as string;
	const flags = ['--variant=minbase', `--include=${PACKAGES}`, codename, root, await mirrorOf(scope, codename)];
	const made = await run(scope, program('debootstrap'), flags);
	if (made.code !== 0) throw new Error(`debootstrap: ${made.stdout.toString()}${made.stderr}`);
	const forget = (): string => spawnSync('sh', ['-c', FORGET], { encoding: 'utf8' }).stdout;
	scope.teardown(async () => void (await until('its control groups are gone', forget, (left) => left === '')));
	const line = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-euc', BOOT, 'sh', root, shared];
	const holder = startProcess(scope, program('unshare'), line, { stdio: 'ignore' });
	// Below unshare systemd-nspawn, below that systemd.
	const system = (): Inside => new Inside(scope, childOf(childOf(holder.pid!) ?? 0) ?? 0);
	const state = async (): Promise<string> => (await system().sh('systemctl is-system-running')).text;
	await until('it has booted', state, (text) => /^(running|degraded)$/m.test(text), 60_000);
	return system();
}

/** Control groups that systemd-nspawn makes, and leaves where no systemd is there to take them away. */
const FORGET = `exec 2>/dev/null
find /sys/fs/cgroup/*/payload /sys/fs/cgroup/*/supervisor -depth -type d -exec rmdir {} +
ls -d /sys/fs/cgroup/*/payload /sys/fs/cgroup/*/supervisor`;

/** Where apt finds the packages of this release. */
async function mirrorOf(scope: Scope, codename: string): Promise<string> {
	const format = '$(CREATED_BY) $(CODENAME) $(COMPONENT) $(REPO_URI)';
	const { stdout } = await run(scope, program('apt-get'), ['indextargets', '--format', format]);
	const found = new RegExp(`^Packages ${codename} main (\\S+)$`, 'm').exec(stdout.toString());
	if (!found) throw new Error(`apt knows of no main ${codename}`);
	return found[1]!;
}
