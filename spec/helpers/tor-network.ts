// A Tor network of our own on loopback, made of Debian's tor: an authority, relays that let out to loopback, and clients. It
// speaks to nobody else. Its first consensus takes about a quarter of a minute, for the authority votes by the clock.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { temporaryFolder } from './gateway-process.ts';
import { freePort, startProcess, until } from './process.ts';
import { pathOf, program } from './programs.ts';
import type { Scope } from './scope.ts';

export interface TorNode {
	readonly controlPort: number;
	/** Of a client, with ExtendedErrors; 0 of a relay. */
	readonly socksPort: number;
	readonly nickname: string;
	/** Ends it. */
	halt(): Promise<void>;
}

export interface TorNetwork {
	/**
	 * Starts a node more: with `torrc` lines of its own. A client, unless `isRelay`. One of the same name that was halted
	 * goes on with what it knew.
	 */
	add(nickname: string, torrc?: readonly string[], isRelay?: boolean): Promise<TorNode>;
}

/** Ports and keys that everybody has to know of the authority. */
interface Authority {
	readonly line: string;
	readonly torrc: readonly string[];
}

/** What makes a network of a handful on one address work; tor(1), "TESTING NETWORK OPTIONS". */
const TESTING = [
	'TestingTorNetwork 1',
	'PathsNeededToBuildCircuits 0.25',
	'ShutdownWaitLength 0',
	'AssumeReachable 1',
	'GeoIPFile /dev/null',
	'GeoIPv6File /dev/null',
	'SafeLogging 0',
	'Log notice stdout',
];

const VOTING = [
	'AuthoritativeDirectory 1',
	'V3AuthoritativeDirectory 1',
	'ContactInfo nobody@example.com',
	'V3AuthVotingInterval 10 seconds',
	'V3AuthVoteDelay 2 seconds',
	'V3AuthDistDelay 2 seconds',
	'TestingV3AuthInitialVotingInterval 5 seconds',
	'TestingV3AuthInitialVoteDelay 2 seconds',
	'TestingV3AuthInitialDistDelay 2 seconds',
	'V3AuthNIntervalsValid 6',
	'TestingDirAuthVoteExit *',
	'TestingDirAuthVoteGuard *',
	'TestingDirAuthVoteHSDir *',
	'TestingMinExitFlagThreshold 0',
	'TestingMinFastFlagThreshold 0',
	'AuthDirMaxServersPerAddr 0',
];

/** Starts an authority and `relays` relays beside it. They end with the scope. */
export async function startTorNetwork(scope: Scope, relays: number): Promise<TorNetwork> {
	const folder = temporaryFolder(scope);
	const authority = await makeAuthority(folder);
	const add = (nickname: string, torrc: readonly string[] = [], isRelay = false): Promise<TorNode> =>
		addNode(scope, join(folder, nickname), nickname, [authority.line, ...torrc], isRelay);
	const nodes = [add('authority', authority.torrc)];
	for (let i = 1; i <= relays; i++) nodes.push(add(`relay${i}`, [], true));
	const [first, ...others] = await Promise.all(nodes);
	await until(
		'a consensus with every relay',
		async () => (await ask(first!, 'GETINFO ns/all')).match(/^s .*Exit.*Running/gm)?.length ?? 0,
		(count) => count > relays,
		60_000,
	);
	// An exit that does not know the network yet lets nobody out.
	await Promise.all(others.map((relay) => bootstrapped(relay)));
	return { add };
}

/** Keys first: everybody names the authority by them. */
async function makeAuthority(folder: string): Promise<Authority> {
	const [orPort, dirPort] = [await freePort(), await freePort()];
	const home = join(folder, 'authority');
	const keys = join(home, 'keys');
	mkdirSync(keys, { recursive: true, mode: 0o700 });
	const certificate = ['--create-identity-key', '-m', '12', '-a', `127.0.0.1:${dirPort}`, '--passphrase-fd', '0'];
	execFileSync(pathOf('tor-gencert')!, certificate, {
		cwd: keys,
		input: 'passphrase\n',
		stdio: ['pipe', 'ignore', 'ignore'],
	});
	const v3ident = /^fingerprint (\w+)$/m.exec(readFileSync(join(keys, 'authority_certificate'), 'latin1'))![1]!;
	const nobody = 'DirAuthority nobody 127.0.0.1:1 ffffffffffffffffffffffffffffffffffffffff';
	writeFileSync(
		join(home, 'torrc.keys'),
		[nobody, `DataDirectory ${home}`, `ORPort ${orPort}`, 'Nickname authority', ''].join('\n'),
	);
	const listed = execFileSync(program('tor'), [
		'--quiet',
		'-f',
		join(home, 'torrc.keys'),
		'--list-fingerprint',
	]).toString();
	const fingerprint = listed
		.trim()
		.replace(/^authority /, '')
		.replaceAll(' ', '');
	return {
		line: `DirAuthority authority orport=${orPort} no-v2 v3ident=${v3ident} 127.0.0.1:${dirPort} ${fingerprint}`,
		torrc: [
			...VOTING,
			`ORPort 127.0.0.1:${orPort}`,
			`DirPort 127.0.0.1:${dirPort}`,
			'Address 127.0.0.1',
			'ExitPolicy reject *:*',
		],
	};
}

async function addNode(
	scope: Scope,
	home: string,
	nickname: string,
	torrc: readonly string[],
	isRelay: boolean,
): Promise<TorNode> {
	mkdirSync(home, { recursive: true, mode: 0o700 });
	const isAuthority = nickname === 'authority';
	const [controlPort, orPort, socksPort] = [await freePort(), await freePort(), await freePort()];
	const relay = [
		`ORPort 127.0.0.1:${orPort}`,
		'Address 127.0.0.1',
		'ExitRelay 1',
		'ExitPolicy accept *:*',
		'ExitPolicyRejectPrivate 0',
	];
	const client = ['ClientRejectInternalAddresses 0', 'ClientDNSRejectInternalAddresses 0'];
	const lines = [
		...TESTING,
		`DataDirectory ${home}`,
		`Nickname ${nickname}`,
		`ControlPort 127.0.0.1:${controlPort}`,
		isRelay || isAuthority ? 'SocksPort 0' : `SocksPort 127.0.0.1:${socksPort} ExtendedErrors`,
		...(isRelay ? relay : isAuthority ? [] : client),
		...torrc,
	];
	writeFileSync(join(home, 'torrc'), `${lines.join('\n')}\n`);
	const child = startProcess(scope, program('tor'), ['-f', join(home, 'torrc')], {
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	const said: string[] = [];
	createInterface({ input: child.stdout! }).on('line', (line) => void said.push(line));
	await until(
		`${nickname} listens`,
		() => said,
		(all) => all.some((line) => line.includes('Opened Control listener')) || child.exitCode !== null,
	);
	if (child.exitCode !== null) throw new Error(`tor ended with ${child.exitCode}:\n${said.join('\n')}`);
	const halt = async (): Promise<void> => {
		const exited = once(child, 'exit');
		child.kill('SIGKILL');
		await exited;
	};
	return { controlPort, socksPort: isRelay ? 0 : socksPort, nickname, halt };
}

/** What a node says to one command at its control port. */
export async function ask(node: TorNode, command: string): Promise<string> {
	const socket = connect(node.controlPort, '127.0.0.1');
	await once(socket, 'connect');
	socket.end(`AUTHENTICATE\r\n${command}\r\nQUIT\r\n`);
	let text = '';
	for await (const chunk of socket) text += String(chunk);
	return text;
}

/** An onion service of a node's, which clients can find: its descriptor is with the directories. Its port is 80. */
export async function publishOnion(scope: Scope, node: TorNode, port: number): Promise<string> {
	const socket = connect(node.controlPort, '127.0.0.1');
	scope.teardown(() => void socket.destroy());
	await once(socket, 'connect');
	socket.write('AUTHENTICATE\r\nSETEVENTS HS_DESC\r\n');
	socket.write(`ADD_ONION NEW:ED25519-V3 Flags=DiscardPK,Detach Port=80,127.0.0.1:${port}\r\n`);
	let onion = '';
	for await (const line of createInterface({ input: socket })) {
		onion ||= /^250-ServiceID=(\w+)/.exec(line)?.[1] ?? '';
		if (onion !== '' && line.startsWith(`650 HS_DESC UPLOADED ${onion}`)) return `${onion}.onion`;
	}
	throw new Error('the control port was closed');
}

/** Resolves when a client has all it needs to build circuits. */
export async function bootstrapped(node: TorNode, withinMs = 60_000): Promise<void> {
	const phase = () => ask(node, 'GETINFO status/bootstrap-phase');
	await until(`${node.nickname} is bootstrapped`, phase, (said) => said.includes('PROGRESS=100'), withinMs);
}

export interface TorCircuit {
	readonly path: string;
	readonly user: string | null;
	readonly password: string | null;
}

/** Built circuits that were made for SOCKS credentials. */
export async function circuits(node: TorNode): Promise<TorCircuit[]> {
	const said = await ask(node, 'GETINFO circuit-status');
	return said.split('\r\n').flatMap((line) => {
		const [, path] = /^\d+ BUILT (\S+)/.exec(line.replace(/^250[-+]circuit-status=/, '')) ?? [];
		const value = (key: string): string | null => new RegExp(`${key}="([^"]*)"`).exec(line)?.[1] ?? null;
		return path === undefined ? [] : [{ path, user: value('SOCKS_USERNAME'), password: value('SOCKS_PASSWORD') }];
	});
}
