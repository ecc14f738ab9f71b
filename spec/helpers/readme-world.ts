// The world that the README's commands are run in. Its internet is one SOCKS5 hop on loopback that leads every host to
// origins here, by port: 22, 80, 443. Gateways have it as their upstream by BAUTA_UPSTREAM, which their own flags overrule,
// and no DNS. So commands run as they stand but for the ports on loopback: 1080 and 1081 are where a gateway listens, 9050
// is such a hop, 3128 another's proxy. Other programs have a home of their own, where their settings are.
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BIN } from './command.ts';
import { GatewayProcess, temporaryFolder } from './gateway-process.ts';
import { handshakeOf, type Login, readReply } from './handshakes.ts';
import { type MiniHop, startMiniHop } from './mini-hops.ts';
import { type Finished, freePort, run, startProcess } from './process.ts';
import { missing, program } from './programs.ts';
import { connectRaw } from './raw-client.ts';
import { README } from './readme.ts';
import type { Scope } from './scope.ts';
import { startTcpOrigin } from './tcp-origins.ts';
import { type Handler, startWebOrigin } from './web-origins.ts';

const ROOT = join(import.meta.dirname, '../..');

/** What everybody reads who gets through. */
export const WORD = 'hello-from-the-origin';

/** example.com for a client that looks it up itself. */
export const ADDRESS = '93.184.216.34';

export interface World {
	readonly internet: MiniHop;
	/** The origin's port for a port of the internet. */
	readonly lead: (host: string, port: number) => number;
	/** How many requests a port of the internet has had; for 22, greetings. */
	readonly visits: (port: number) => number;
	/** Where commands run: has the files that the README speaks of. */
	readonly folder: string;
	readonly env: Readonly<Record<string, string>>;
}

export async function makeWorld(scope: Scope): Promise<World> {
	const folder = temporaryFolder(scope);
	makeFiles(folder);
	const handler = site(folder);
	const http = await startWebOrigin(scope, { handler });
	const https = await startWebOrigin(scope, { handler, secure: true });
	const ssh = await startSsh(scope);
	const ports: Readonly<Record<number, number>> = { 22: ssh.port, 80: http.port, 443: https.port };
	const lead: World['lead'] = (_host, port) => ports[port] ?? port;
	const internet = await startMiniHop(scope, 'socks5', { lead });
	const seen: Readonly<Record<number, readonly unknown[]>> = {
		22: ssh.greetings,
		80: http.requests,
		443: https.requests,
	};
	return { internet, lead, visits: (port) => seen[port]!.length, folder, env: environment(folder) };
}

function environment(folder: string): Record<string, string> {
	return {
		PATH: `${folder}/bin:${process.env.PATH}`,
		HOME: `${folder}/home`,
		APT_CONFIG: `${folder}/apt/apt.conf`,
		GIT_SSL_NO_VERIFY: 'true',
		npm_config_update_notifier: 'false',
	};
}

/** Takes a client's greeting and hangs up. */
async function startSsh(scope: Scope): Promise<{ port: number; greetings: readonly string[] }> {
	const greetings: string[] = [];
	const { port } = await startTcpOrigin(scope, (socket) => {
		socket.once('data', (bytes: Buffer) => {
			if (bytes.toString().startsWith('SSH-2.0-')) greetings.push(bytes.toString());
			socket.resetAndDestroy();
		});
	});
	return { port, greetings };
}

/** The README's own files, and settings of the programs that it shows. */
function makeFiles(folder: string): void {
	for (const name of ['bin', 'home/knows', 'apt/lists', 'apt/apt.conf.d'])
		mkdirSync(join(folder, name), { recursive: true });
	copyFileSync(join(ROOT, 'conf/bauta.toml'), join(folder, 'bauta.toml'));
	cpSync(join(ROOT, 'conf'), join(folder, 'conf'), { recursive: true });
	writeFileSync(join(folder, 'users.toml'), README.block('toml', 'users.file'));
	// The origin's certificate is for other names.
	const curl = 'insecure\nfail\nsilent\nshow-error\n';
	const known = [80, 443].map((port) => `resolve = "example.com:${port}:${ADDRESS}"\n`);
	writeFileSync(join(folder, 'home/.curlrc'), curl);
	writeFileSync(join(folder, 'home/knows/.curlrc'), curl + known.join(''));
	makeAptFiles(join(folder, 'apt'));
	makeShims(folder);
}

function makeAptFiles(apt: string): void {
	const folders = {
		Dir: apt,
		'Dir::Etc': apt,
		'Dir::State': apt,
		'Dir::Cache': apt,
		'Dir::State::status': `${apt}/status`,
	};
	const settings = { ...folders, 'Dir::Bin::methods': '/usr/lib/apt/methods', 'APT::Sandbox::User': 'root' };
	const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}";\n`);
	writeFileSync(join(apt, 'apt.conf'), lines.join(''));
	writeFileSync(join(apt, 'sources.list'), 'deb [trusted=yes] http://example.com/debian ./\n');
	writeFileSync(join(apt, 'status'), '');
}

/** Commands that go by other names here, or want a person before them: he types an address and looks at the page. */
function makeShims(folder: string): void {
	const unseen = '--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync';
	const has = (name: string): string | null => (missing([name]).length > 0 ? null : program(name));
	const shims: readonly (readonly [name: string, path: string | null, args: string])[] = [
		['bauta', process.execPath, BIN],
		['nc', has('nc'), ''],
		['chromium', has('chromium'), `${unseen} --user-data-dir=${folder}/home --dump-dom http://example.com/`],
	];
	for (const [name, path, args] of shims)
		if (path) writeFileSync(join(folder, 'bin', name), `#!/bin/sh\nexec ${path} ${args} "$@"\n`, { mode: 0o755 });
}

/** A page, a list of packages, a git repository; everything else is not found. */
function site(folder: string): Handler {
	const list = `Package: ${WORD}\nVersion: 1\nArchitecture: all\nFilename: a.deb\nSize: 1\nSHA256: ${'0'.repeat(64)}\n\n`;
	return ({ url = '' }, response) => {
		const { pathname } = new URL(url, 'http://example.com');
		const file = join(folder, pathname);
		if (pathname === '/') response.end(`<title>${WORD}</title>`);
		else if (pathname.endsWith('/Packages')) response.end(list);
		else if (pathname.startsWith('/project.git/') && existsSync(file)) response.end(readFileSync(file));
		else response.writeHead(404).end();
	};
}

/** Which of our ports stands for which of the README's. */
export type Ports = Readonly<Record<number, number>>;

/** The text as it stands, but for the ports. */
export function withPorts(text: string, ports: Ports): string {
	return text.replace(/\b(1080|1081|3128|6379|9050|9090)\b/g, (port) => String(ports[Number(port)] ?? port));
}

export interface Shelled extends Finished {
	readonly text: string;
}

/** Runs a command to its end. */
export async function shell(t: Scope, world: World, command: string, ports: Ports = {}, input = ''): Promise<Shelled> {
	const variables = Object.entries(world.env).map(([name, value]) => `${name}=${value}`);
	const text = `cd '${world.folder}' && ${withPorts(command, ports)}`;
	const done = await run(t, 'env', ['-i', ...variables, 'sh', '-c', text], Buffer.from(input));
	return { ...done, text: done.stdout.toString() };
}

/** Variables by which a gateway listens at `port` and goes out into our internet. */
function outwards({ internet }: World, port: number): Record<string, string> {
	return { BAUTA_LISTEN: `127.0.0.1:${port}`, BAUTA_UPSTREAM: `socks5://127.0.0.1:${internet.port}` };
}

/** A configuration of ours with ports of here in it, and our internet in the place of the proxies of others. */
async function placed(
	{ folder, internet }: World,
	path: string,
	port: number,
	ports: Ports,
): Promise<Record<string, string>> {
	const written = readFileSync(join(ROOT, path), 'utf8');
	const proxies = written.replace(/[\w-]+\.example\.com:1080/g, `127.0.0.1:${internet.port}`);
	const here = { 1080: port, 1081: await freePort(), 9050: internet.port, ...ports };
	writeFileSync(join(folder, path), withPorts(proxies, here));
	// Their own ways out are named by their rules.
	return written.includes('\nupstream = ') ? {} : { BAUTA_UPSTREAM: `socks5://127.0.0.1:${internet.port}` };
}

/** Starts a gateway by its command, on a port of its own; resolves when it listens. */
export async function started(t: Scope, world: World, command: string, ports: Ports): Promise<GatewayProcess> {
	const port = await freePort();
	const text = `exec env ${withPorts(command, { 1080: port, 1081: port, ...ports })}`;
	const preset = /-c (conf\/\S+)/.exec(command)?.[1];
	const variables = preset === undefined ? outwards(world, port) : await placed(world, preset, port, ports);
	const child = startProcess(t, 'sh', ['-c', text], {
		cwd: command.startsWith('npm') ? ROOT : world.folder,
		env: { ...world.env, BAUTA_RESOLVER__SERVERS: '127.0.0.1:1', ...variables },
		// npm hands it on, and would leave the gateway behind if it were killed.
		killSignal: 'SIGTERM',
	});
	const gateway = new GatewayProcess(child);
	const { address } = await gateway.record(({ msg }) => msg === 'listening');
	if (!String(address).endsWith(`:${port}`)) throw new Error(`listens on ${String(address)}`);
	gateway.port = port;
	return gateway;
}

/** Loads the page at example.com by SOCKS5; nothing comes when that is refused. */
export async function loadPage(t: Scope, port: number, login?: Login): Promise<string> {
	const client = await connectRaw(t, port);
	client.write(handshakeOf('socks5h', 'example.com', 80, login));
	const { granted } = await readReply(client, 'socks5h');
	client.end(granted ? 'GET / HTTP/1.0\r\n\r\n' : '');
	return (await client.readToEnd()).bytes.toString();
}
