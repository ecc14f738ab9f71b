// A network of one's own: a new network namespace with nothing but loopback in it, where addresses may be had for the asking.
import { run } from './process.ts';
import { program } from './programs.ts';
import type { Scope } from './scope.ts';

const SHELL = 'ip link set lo up; eval "$1"; shift; exec "$@"';

/**
 * Runs a script of ours in a new network namespace, after the shell commands `setup`; returns what it printed as JSON. For
 * specs that say `needs(test, 'unshare', 'ip')`.
 */
export async function inNamespace<T>(scope: Scope, setup: string, script: string, args: string[] = []): Promise<T> {
	const inside = ['--map-root-user', '--net', 'sh', '-euc', SHELL, 'sh', setup, process.execPath, script, ...args];
	const { code, stdout, stderr } = await run(scope, program('unshare'), inside);
	if (code !== 0) throw new Error(`${script} ended with ${code}: ${stderr}`);
	return JSON.parse(stdout.toString()) as T;
}
