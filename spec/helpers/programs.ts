// The programs of other people that specs run: clients to be served, hops to go through, a browser. Each has a name, the
// Debian package that brings it and a way to find it. `npm test` installs what is missing where it may (spec/prepare.ts);
// where it may not, the specs that need it are skipped, and with CI=true that is a failure.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Implementation } from 'ava';

export interface Program {
	/** The package of Debian 12 that brings it. */
	readonly debian: string;
	/** Where it is, or null. */
	find(): string | null;
	/** Only specs that `npm test` leaves out need it. */
	readonly apart?: true;
}

const onPath = (command: string, debian: string = command): Program => ({ debian, find: () => pathOf(command) });

/** Everything a spec may ask for with `needs`, by the name it asks with. */
export const PROGRAMS: Readonly<Record<string, Program>> = {
	curl: onPath('curl'),
	wget: onPath('wget'),
	git: onPath('git'),
	ssh: onPath('ssh', 'openssh-client'),
	/** OpenBSD's, the one that knows proxies. */
	nc: onPath('nc.openbsd', 'netcat-openbsd'),
	'apt-get': onPath('apt-get', 'apt'),
	proxychains4: onPath('proxychains4'),
	/** A python3 that can import requests. */
	'python3-requests': { debian: 'python3-requests', find: findPython },
	chromium: onPath('chromium'),
	microsocks: onPath('microsocks'),
	/** The package without the service. */
	tinyproxy: onPath('tinyproxy', 'tinyproxy-bin'),
	squid: onPath('squid'),
	danted: onPath('danted', 'dante-server'),
	'redis-server': onPath('redis-server'),
	'tor-resolve': onPath('tor-resolve', 'tor'),
	/** Dante's, which puts SOCKS under any program. */
	socksify: onPath('socksify', 'dante-client'),
	tnftp: onPath('tnftp'),
	/** Debian's python3 with PySocks. */
	'python3-socks': moduleOf('socks', 'python3-socks'),
	'python3-pyftpdlib': moduleOf('pyftpdlib', 'python3-pyftpdlib'),
	tor: onPath('tor'),
	openssl: onPath('openssl'),
	socat: onPath('socat'),
	strace: onPath('strace'),
	ip: onPath('ip', 'iproute2'),
	/** Where it may make network namespaces. */
	unshare: { debian: 'util-linux', find: findUnshare },
	nsenter: onPath('nsenter', 'util-linux'),
	'dpkg-deb': onPath('dpkg-deb', 'dpkg'),
	/** With many modules of Perl. */
	lintian: { ...onPath('lintian'), apart: true },
	setpriv: onPath('setpriv', 'util-linux'),
	debootstrap: { ...onPath('debootstrap'), apart: true },
	'systemd-nspawn': { ...onPath('systemd-nspawn', 'systemd-container'), apart: true },
	mkfifo: onPath('mkfifo', 'coreutils'),
	/** 16 s to install, on a machine that has nothing of it. */
	prometheus: onPath('prometheus'),
	promtool: onPath('promtool', 'prometheus'),
	'systemd-analyze': onPath('systemd-analyze', 'systemd'),
	'systemd-notify': onPath('systemd-notify', 'systemd'),
	'systemd-socket-activate': onPath('systemd-socket-activate', 'systemd'),
	/** A terminal for programs that want one. */
	script: onPath('script', 'bsdutils'),
	bash: onPath('bash'),
	zsh: onPath('zsh'),
	fish: onPath('fish'),
	groff: onPath('groff'),
	mandoc: onPath('mandoc'),
};

/** The path of a command, or null. Daemons live in sbin, which is not on the path of every user. */
export function pathOf(command: string): string | null {
	const folders = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`.split(':');
	for (const folder of folders) if (folder !== '' && isExecutable(join(folder, command))) return join(folder, command);
	return null;
}

function isExecutable(path: string): boolean {
	try {
		accessSync(path, constants.X_OK);
		return true;
	} catch {
		return false;
	}
}

/** A module of Debian's own python3. */
function moduleOf(name: string, debian: string): Program {
	const folder = '/usr/lib/python3/dist-packages';
	const isThere = (): boolean => [name, `${name}.py`].some((file) => existsSync(join(folder, file)));
	return { debian, find: () => (isThere() && isExecutable('/usr/bin/python3') ? '/usr/bin/python3' : null) };
}

function findUnshare(): string | null {
	const path = pathOf('unshare');
	const made = path === null ? null : spawnSync(path, ['--map-root-user', '--net', 'true']);
	return made?.status === 0 ? path : null;
}

/** Debian's own first, known by its file; asking any other python costs a start of it. */
function findPython(): string | null {
	if (existsSync('/usr/lib/python3/dist-packages/requests') && isExecutable('/usr/bin/python3'))
		return '/usr/bin/python3';
	const python = pathOf('python3');
	return python !== null && spawnSync(python, ['-c', 'import requests']).status === 0 ? python : null;
}

/** The path of a program that the spec has asked for with `needs`. Throws when it is not there. */
export function program(name: string): string {
	const found = PROGRAMS[name]?.find() ?? null;
	if (found === null) throw new Error(`${name} is not there: the spec has to say needs(test, '${name}')`);
	return found;
}

/** Names out of `names` that this machine does not have. Throws for a name that PROGRAMS does not list. */
export function missing(names: readonly string[]): string[] {
	return names.filter((name) => {
		const known = PROGRAMS[name];
		if (!known) throw new Error(`${name} is not in PROGRAMS`);
		return known.find() === null;
	});
}

export type Declare = (title: string, implementation: Implementation<[]>) => void;

/**
 * `needs(test, 'curl')('curl is served', async (t) => ...)` declares a test that is skipped where a program is missing;
 * with CI=true it fails there instead. `test` is ava's, or its `test.serial`.
 */
export function needs(test: Declare & { readonly skip: Declare }, ...names: string[]): Declare {
	const absent = missing(names);
	if (absent.length === 0) return (title, implementation) => test(title, implementation);
	const why = `missing: ${absent.join(', ')}`;
	if (process.env.CI === 'true') return (title) => test(title, (t) => t.fail(why));
	return (title, implementation) => test.skip(`${title} (${why})`, implementation);
}
