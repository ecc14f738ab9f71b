// Proxies of other people, from Debian's packages, as hops: none of our code on their side of the wire.
import type { ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './gateway-process.ts';
import { accepting, freePort, startProcess } from './process.ts';
import { program } from './programs.ts';
import type { Scope } from './scope.ts';

export interface Hop {
	readonly port: number;
	readonly pid: number;
	/** As `-F` takes it. */
	readonly url: string;
}

/** SOCKS 5 with names resolved at the hop; with a user and password if given. */
export function startMicrosocks(scope: Scope, login: { user: string; password: string } | null = null): Promise<Hop> {
	const credentials = login ? ['-u', login.user, '-P', login.password] : [];
	const scheme = login ? `socks5://${login.user}:${login.password}@` : 'socks5://';
	return start(scheme, (port) =>
		spawnProgram(scope, 'microsocks', ['-i', '127.0.0.1', '-p', `${port}`, ...credentials]),
	);
}

/** HTTP CONNECT and plain HTTP. */
export function startTinyproxy(scope: Scope): Promise<Hop> {
	const file = join(temporaryFolder(scope), 'tinyproxy.conf');
	return start('http://', (port) => {
		writeFileSync(file, `Port ${port}\nListen 127.0.0.1\nMaxClients 500\nTimeout 60\nLogLevel Critical\n`);
		return spawnProgram(scope, 'tinyproxy', ['-d', '-c', file]);
	});
}

/** HTTP CONNECT and plain HTTP; it keeps nothing and writes no log. */
export function startSquid(scope: Scope): Promise<Hop> {
	const file = join(temporaryFolder(scope), 'squid.conf');
	return start('http://', (port) => {
		writeFileSync(file, `http_port 127.0.0.1:${port}\n${SQUID}`);
		return spawnProgram(scope, 'squid', ['-N', '-f', file]);
	});
}

const UNSEEN = `access_log none
cache_log /dev/null
pid_filename none
coredump_dir /
shutdown_lifetime 0 seconds
`;

const SQUID = `http_access allow all
cache deny all
${UNSEEN}`;

/** tinyproxy as Debian configures it, on a port of its own and without a log. */
export function startTinyproxyOfDebian(scope: Scope): Promise<Hop> {
	const file = join(temporaryFolder(scope), 'tinyproxy.conf');
	const text = readFileSync('/etc/tinyproxy/tinyproxy.conf', 'utf8');
	return start('http://', (port) => {
		const lines = text.replace(/^(User|Group|LogFile|PidFile|Port|LogLevel) .*$/gm, '');
		writeFileSync(file, `${lines}\nPort ${port}\nLogLevel Critical\n`);
		return spawnProgram(scope, 'tinyproxy', ['-d', '-c', file]);
	});
}

/** squid as Debian configures it, on a port of its own and without logs. */
export function startSquidOfDebian(scope: Scope): Promise<Hop> {
	const file = join(temporaryFolder(scope), 'squid.conf');
	const text = readFileSync('/etc/squid/squid.conf', 'utf8');
	return start('http://', (port) => {
		writeFileSync(file, `${text.replace(/^http_port .*$/m, `http_port 127.0.0.1:${port}`)}\n${UNSEEN}`);
		return spawnProgram(scope, 'squid', ['-N', '-f', file]);
	});
}

/** SOCKS 4 and 5. The URL says socks4a, which is what nobody else here serves. */
export function startDanted(scope: Scope): Promise<Hop> {
	const folder = temporaryFolder(scope);
	return start('socks4a://', (port) => {
		const file = join(folder, 'danted.conf');
		writeFileSync(file, dantedConfig(port));
		return spawnProgram(scope, 'danted', ['-f', file, '-p', join(folder, 'pid')]);
	});
}

function dantedConfig(port: number): string {
	const everybody = '{ from: 0.0.0.0/0 to: 0.0.0.0/0 }';
	return `logoutput: /dev/null
internal: 127.0.0.1 port = ${port}
external: lo
clientmethod: none
socksmethod: none
client pass ${everybody}
socks pass ${everybody}
`;
}

/** SOCKS 5 with UDP; it may not be installed, and specs do without it. */
export function startV2ray(scope: Scope): Promise<Hop> {
	const file = join(temporaryFolder(scope), 'v2ray.json');
	return start('socks5://', (port) => {
		const settings = { auth: 'noauth', udp: true, ip: '127.0.0.1' };
		const inbound = { listen: '127.0.0.1', port, protocol: 'socks', settings };
		const config = { log: { loglevel: 'none' }, inbounds: [inbound], outbounds: [{ protocol: 'freedom' }] };
		writeFileSync(file, JSON.stringify(config));
		return startProcess(scope, 'v2ray', ['-config', file], { stdio: 'ignore' });
	});
}

function spawnProgram(scope: Scope, name: string, args: string[]): ChildProcess {
	// danted has children, which it takes with it when it is asked to go and leaves behind when it is killed.
	return startProcess(scope, program(name), args, { stdio: 'ignore', killSignal: 'SIGTERM' });
}

async function start(scheme: string, spawnOn: (port: number) => ChildProcess): Promise<Hop> {
	const port = await freePort();
	const child = spawnOn(port);
	await accepting(port, child);
	return { port, pid: child.pid!, url: `${scheme}127.0.0.1:${port}` };
}
