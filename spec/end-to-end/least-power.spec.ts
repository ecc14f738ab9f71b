// With how little the gateway gets by: under Node's permission model, as systemd/bauta.service.d/permission.conf sets it, and by
// what the kernel says it writes to.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { answerOf, post } from '../helpers/admin.ts';
import { type GatewayProcess, temporaryFolder } from '../helpers/gateway-process.ts';
import { handshakeOf, readReply, type WireProtocol } from '../helpers/handshakes.ts';
import { needs, program } from '../helpers/programs.ts';
import { connectRaw } from '../helpers/raw-client.ts';
import { OPEN_CONFIG, type ServiceProcess, startService } from '../helpers/service-process.ts';
import { echo, startTcpOrigin } from '../helpers/tcp-origins.ts';
import { startWebOrigin } from '../helpers/web-origins.ts';

const ROOT = join(import.meta.dirname, '../..');
const DROP_IN = join(ROOT, 'systemd/bauta.service.d/permission.conf');
const LIST = '192.0.2.7:1080\n';

/** What systemd makes for the service, and a list that a group fetches. */
interface World {
	readonly state: string;
	readonly runtime: string;
	readonly admin: string;
	readonly kept: string;
	/** With the list kept in that file. */
	readonly configOf: (keep: string) => string;
}

async function startWorld(t: ExecutionContext): Promise<World> {
	const [state, runtime] = ['state', 'run'].map((name) => join(temporaryFolder(t), name)) as [string, string];
	for (const folder of [state, runtime]) mkdirSync(folder);
	const { port } = await startWebOrigin(t, { handler: (_, response) => response.end(LIST) });
	const group = `[[group]]\ntag = "fetched"\nurl = "http://127.0.0.1:${port}/list"\nscheme = "socks5"\n`;
	const configOf = (keep: string): string => `route = "direct"\n${OPEN_CONFIG}${group}keep = "${keep}"\n`;
	return { state, runtime, admin: join(runtime, 'admin.sock'), kept: join(state, 'list'), configOf };
}

/** NODE_OPTIONS of the drop-in, with the folders of the world, and FOLDER for that of the configuration. */
function optionsFor({ state, runtime }: World): string {
	const [, options = ''] = /^Environment="NODE_OPTIONS=([^"]*)"$/m.exec(readFileSync(DROP_IN, 'utf8')) ?? [];
	return options
		.replaceAll('\\\n', '')
		.replaceAll('%S/bauta', state)
		.replaceAll('%t/bauta', runtime)
		.replace('/etc/bauta', 'FOLDER')
		.replace('/usr/local/lib/node_modules/bauta', ROOT);
}

function start(
	t: ExecutionContext,
	{ admin, kept, configOf }: World,
	options: { readonly env: Record<string, string>; readonly by?: readonly string[] },
): Promise<ServiceProcess> {
	return startService(t, configOf(kept), { ...options, args: ['--admin', admin], adminFlag: false });
}

/** Tunnels of every kind, long enough to be spliced, and plain HTTP. */
async function serves(t: ExecutionContext, { port }: GatewayProcess): Promise<void> {
	const [origin, web] = [await startTcpOrigin(t, echo), await startWebOrigin(t)];
	const bytes = Buffer.alloc(3_000_000, 'there and back ');
	for (const protocol of ['socks4', 'socks5', 'connect'] satisfies WireProtocol[]) {
		const client = await connectRaw(t, port);
		client.write(handshakeOf(protocol, '127.0.0.1', origin.port));
		t.true((await readReply(client, protocol)).granted, protocol);
		client.write(bytes);
		client.end();
		t.is((await client.readToEnd()).bytes.length, bytes.length);
	}
	const client = await connectRaw(t, port);
	client.write(handshakeOf('http', '127.0.0.1', web.port));
	t.is((await readReply(client, 'http')).code, 200);
}

test('under the permission model of the drop-in it serves, keeps lists, is asked, reloads and ends well', async (t) => {
	const world = await startWorld(t);
	const { gateway } = await start(t, world, { env: { NODE_OPTIONS: optionsFor(world) } });
	await serves(t, gateway);
	t.is((await post(world.admin, '/v1/reload')).status, 200);
	t.is((await answerOf(world.admin, '/metrics')).status, 200);
	await serves(t, gateway);
	t.is(await gateway.stop(), 0);
	t.is(readFileSync(world.kept, 'utf8'), LIST);
	t.false(existsSync(world.admin));
	t.notRegex(gateway.output, /Warning|ERR_ACCESS_DENIED/);
});

test('under the permission model it cannot read what is not its own, and says so', async (t) => {
	const world = await startWorld(t);
	const { gateway, write } = await start(t, world, { env: { NODE_OPTIONS: optionsFor(world) } });
	write(`users.file = "/etc/shadow"\n${world.configOf(world.kept)}`);
	const { status, json } = await post(world.admin, '/v1/reload');
	t.is(status, 422);
	const [problem] = (json as { error: { problems: string[] } }).error.problems;
	t.regex(problem!, /:1:14: users\.file: expected a readable file, found "\/etc\/shadow" \(ERR_ACCESS_DENIED\)$/);
	await serves(t, gateway);
});

test('under the permission model it writes nowhere else, and starts nothing', async (t) => {
	const world = await startWorld(t);
	const elsewhere = join(temporaryFolder(t), 'list');
	const { gateway, write } = await start(t, world, { env: { NODE_OPTIONS: optionsFor(world) } });
	write(world.configOf(elsewhere));
	t.is((await post(world.admin, '/v1/reload')).status, 200);
	t.like(await gateway.record(({ msg }) => msg === 'list not kept'), { level: 'warn', why: 'ERR_ACCESS_DENIED' });
	t.false(existsSync(elsewhere));
	const { json } = await post(world.admin, '/v1/upgrade');
	t.regex((json as { error: { problems: string[] } }).error.problems.join(), /--allow-child-process/);
	await serves(t, gateway);
	t.is(await gateway.stop(), 0);
});

/** Every call that makes, changes or removes a file, or a name of a socket. */
const CALLS = [
	[
		'open',
		'openat',
		'creat',
		'truncate',
		'mkdir',
		'mkdirat',
		'mknod',
		'mknodat',
		'rmdir',
		'unlink',
		'unlinkat',
		'rename',
	],
	['renameat', 'renameat2', 'link', 'linkat', 'symlink', 'symlinkat', 'chmod', 'fchmodat', 'chown', 'fchownat', 'bind'],
].flat();

/** The paths that a trace of those calls says were written to, in order; what failed left nothing. */
function writtenIn(trace: string): string[] {
	const calls = trace
		.split('\n')
		.filter((line) => !/= -1 E|resumed>|\bopen(at)?\([^)]*O_RDONLY|sa_family=AF_INET/.test(line));
	return calls.flatMap((line) => [...line.matchAll(/"([^"]+)"/g)].map(([, path]) => path as string));
}

needs(test, 'strace')('it writes to its state and its runtime folder, and nowhere else', async (t) => {
	const world = await startWorld(t);
	const trace = join(temporaryFolder(t), 'trace');
	const by = [
		program('strace'),
		'-f',
		'-qq',
		'--seccomp-bpf',
		'-s',
		'4096',
		'-o',
		trace,
		'-e',
		`trace=${CALLS.join()}`,
	];
	// libuv could ask the kernel past these calls; and only a checkout keeps what it compiled.
	const env = { UV_USE_IO_URING: '0', NODE_DISABLE_COMPILE_CACHE: '1' };
	const { gateway, write } = await start(t, world, { env, by });
	await serves(t, gateway);
	write(`log.level = "debug"\n${world.configOf(world.kept)}`);
	t.is((await post(world.admin, '/v1/reload')).status, 200);
	await serves(t, gateway);
	t.is((await post(world.admin, '/v1/drain', { deadline: '1s' })).status, 200);
	t.is(await gateway.exit(), 0);
	const written = writtenIn(readFileSync(trace, 'utf8')).filter((path) => path !== '/dev/null');
	t.deepEqual(
		written.filter((path) => ![world.state, world.runtime].some((folder) => path.startsWith(`${folder}/`))),
		[],
	);
	t.true(written.includes(world.kept), 'the list was seen');
	t.true(written.includes(world.admin), 'the admin socket was seen');
});
