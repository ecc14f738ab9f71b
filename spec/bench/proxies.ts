// What the benches measure: the gateway in a process of its own, its log written to nowhere, and the proxies of Debian that
// are installed here.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../helpers/gateway-process.ts';
import { type Hop, startDanted, startMicrosocks, startSquid, startTinyproxy, startV2ray } from '../helpers/hops.ts';
import { accepting, freePort, startProcess } from '../helpers/process.ts';
import { pathOf } from '../helpers/programs.ts';
import type { Scope } from '../helpers/scope.ts';

export interface Candidate {
	readonly name: string;
	readonly pid: number;
	readonly port: number;
	readonly kinds: readonly ('socks5' | 'http')[];
}

/**
 * Each client of the load is an address of its own; what all of them ask for is above what the defaults grant, and above what
 * a ceiling comes down to where there are few descriptors.
 */
export const ROOM = '[limits]\ntotal_connections = 0\ntotal_handshakes = 20000\n';

/** As it comes, but that it may reach loopback. `config`: more of a file; `limits` are its own then. */
export async function startBauta(scope: Scope, name: string = 'bauta', config: string = ROOM): Promise<Candidate> {
	const port = await freePort();
	const file = join(temporaryFolder(scope), 'bauta.toml');
	writeFileSync(file, config);
	const program = join(import.meta.dirname, '../../bin/bauta.ts');
	const words = [program, 'serve', '-c', file, '-L', `127.0.0.1:${port}`, '--allow-private', '--allow-ports', 'all'];
	const child = startProcess(scope, process.execPath, words, { stdio: ['ignore', 'ignore', 'inherit'] });
	await accepting(port, child);
	return { name, pid: child.pid!, port, kinds: ['socks5', 'http'] };
}

type Peer = readonly [name: string, kind: 'socks5' | 'http', start: (scope: Scope) => Promise<Hop>];

const PEERS: readonly Peer[] = [
	['microsocks', 'socks5', startMicrosocks],
	['danted', 'socks5', startDanted],
	['v2ray', 'socks5', startV2ray],
	['tinyproxy', 'http', startTinyproxy],
	['squid', 'http', startSquid],
];

export async function startPeers(scope: Scope): Promise<Candidate[]> {
	const started: Candidate[] = [];
	for (const [name, kind, start] of PEERS)
		if (pathOf(name) !== null) started.push({ name, kinds: [kind], ...(await start(scope)) });
	return started;
}
