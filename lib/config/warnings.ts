// What is no mistake but should be meant: settings that make an open proxy a danger to its operator or to others.
import type { Config, ListenConfig } from './config.ts';

/** Characters; shorter than 96 bits in base64. */
const SHORT_TOKEN = 16;

/** A sentence for each. */
export function warningsOf(config: Config): string[] {
	const { exit, limits, users, admin } = config;
	const open = users === null && config.listen.some(reachesOut);
	const { client } = limits.allowances;
	const unlimited = client.connectionsOpen === 0 || client.connectionsPerSecond === 0;
	const found: readonly (readonly [boolean, string])[] = [
		[open && unlimited, 'anybody may connect, and one client may take every connection: see limits'],
		[open && exit.allowPrivate, 'anybody may connect and reach this machine and its network: see exit.allow_private'],
		[open && exit.mode === 'report', 'anybody may connect, and the exit policy refuses nothing: see exit.mode'],
		[
			users?.some((user) => 'password' in user) ?? false,
			'passwords in clear: `bauta user hash` makes lines for users.file',
		],
		[
			admin.token !== null && admin.token.reveal().length < SHORT_TOKEN,
			'the token of the admin listener can be guessed: `openssl rand -hex 16` makes one that cannot',
		],
	];
	return found.filter(([holds]) => holds).map(([, sentence]) => sentence);
}

/** Whether others than this machine can connect. */
function reachesOut({ host }: ListenConfig): boolean {
	return host === null || !(host.startsWith('127.') || host === '::1');
}
