// The README, taken at its word: every command in it is run, every file in it is loaded, the library example is type-checked
// and run, and what its tables say is compared with the code. A command that is neither run nor listed here as one that
// cannot be is a failure, and so is an entry here that the README does not have. Where commands run, and what is put in
// the place of the internet, is in helpers/readme-world.ts.
import { once } from 'node:events';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { parse } from 'smol-toml';
import { EXIT } from '../bin/exit-codes.ts';
import { LEVELS } from '../lib/anonymity/levels.ts';
import { jsonSchema } from '../lib/config/json-schema.ts';
import { printConfig } from '../lib/config/print.ts';
import { CODES } from '../lib/core/error.ts';
import { targetOfHost } from '../lib/core/target.ts';
import { explain } from '../lib/explain.ts';
import { type ConfigInput, resolveConfig } from '../lib/index.ts';
import { DEFAULT_ALLOWANCES, DEFAULT_CEILINGS } from '../lib/limits/defaults.ts';
import type { ExitPolicy } from '../lib/policy/exit-policy.ts';
import { Turns } from '../lib/policy/turns.ts';
import { httpStatusOf, socks4ReplyOf, socks5ReplyOf } from '../lib/protocol/causes.ts';
import { ip, policy, resolved, to, word } from './helpers/exit-policies.ts';
import { type GatewayProcess, type LogRecord, startGateway, temporaryFolder } from './helpers/gateway-process.ts';
import type { Login } from './helpers/handshakes.ts';
import { startTinyproxy } from './helpers/hops.ts';
import { startMiniHop } from './helpers/mini-hops.ts';
import { freePort, run, startProcess } from './helpers/process.ts';
import { needs } from './helpers/programs.ts';
import { COMMANDS, PAIRS, README } from './helpers/readme.ts';
import { declarer, PROXYCHAINS, VISITS, visits } from './helpers/readme-clients.ts';
import {
	loadPage,
	makeWorld,
	type Ports,
	type Shelled,
	shell,
	started,
	WORD,
	type World,
	withPorts,
} from './helpers/readme-world.ts';
import { startRedis } from './helpers/redis.ts';
import { type Scope, scopeOfFile } from './helpers/scope.ts';

const ROOT = join(import.meta.dirname, '..');
const USER: Login = { user: 'alice', password: 's3cret' };

const scope: Scope = scopeOfFile(test);
const world: Promise<World> = makeWorld(scope);

/** Every process that a command starts takes up to 100 MB, so only a few of these tests run at once. */
const turns: Turns = new Turns({ atOnce: 4, waiting: 1_000, perClient: 1_000 });

function inTurn(title: string, implementation: (t: ExecutionContext) => Promise<void>): void {
	test(title, (t) => turns.take('', false, () => implementation(t)));
}

/** Runs a command to its end. */
async function sh(t: Scope, command: string, ports: Ports = {}, input = ''): Promise<Shelled> {
	return shell(t, await world, command, ports, input);
}

/** Downloads what this spec runs on; .ci/run does it on a clean checkout. */
const INSTALLS: readonly string[] = [
	'npm ci && npm start',
	'npm ci && npm test',
	'npm ci && npm pack && npm install -g bauta-0.1.0.tgz',
	'npm ci && npm run deb && apt-get install ./dist/bauta_0.1.0_amd64.deb',
	// It wants an engine; packaging/container.spec.ts does without.
	'docker build -t bauta . && docker run --read-only -p 1080:1080 bauta',
];

/** Changes the system it runs on, as root; packaging/deb.spec.ts and boot.spec.ts do so in systems of their own. */
const ADMINISTERS: readonly string[] = [
	'install -D -m 644 systemd/sysusers.conf /etc/sysusers.d/bauta.conf && systemd-sysusers',
	'install -D -m 640 -g bauta conf/bauta.toml /etc/bauta/bauta.toml',
	'install -m 644 systemd/bauta.service /etc/systemd/system/bauta.service',
	'systemctl enable --now bauta',
	'systemctl reload bauta',
];

/** Asks the service that they are about, by a path of the system; bin/admin.spec.ts and bin/upgrade.spec.ts run them. */
const ASKS: readonly string[] = ['bauta status --watch', 'bauta upgrade'];

const HASH = 'bauta user hash alice >> users';

/** Made once: the command adds to it. */
const usersFile: Promise<Shelled> = sh(scope, HASH, {}, `${USER.password}\n`);

// Gateways.

/** `bauta` and flags alone, variables before them. */
const SERVES: RegExp = /^(?:npm start --|(?:[A-Z_]+=\S+ )*bauta)(?: -|$)/;

for (const command of COMMANDS.filter((one) => SERVES.test(one) && !one.includes('redis'))) {
	inTurn(`${command} serves`, async (t) => {
		const { internet, lead } = await world;
		await usersFile;
		const second = await startMiniHop(t, 'http', { lead });
		const first = await startMiniHop(t, 'socks5', {
			lead: (host, port) => (port === 3128 ? second.port : lead(host, port)),
		});
		const gateway = await started(t, await world, command, { 9050: first.port });
		const closed = command.includes('user');
		t.true((await loadPage(t, gateway.port, closed ? USER : undefined)).includes(WORD));
		if (closed) t.is(await loadPage(t, gateway.port), '');
		const chained = command.includes('3128');
		if (!command.includes('9050')) t.true(internet.asked.includes('example.com:80'));
		else t.deepEqual(first.asked, [chained ? 'proxy.example.com:3128' : 'example.com:80']);
		t.deepEqual(second.asked, chained ? ['example.com:80'] : []);
		t.is(await gateway.stop(), 0);
	});
}

const SHARES = 'bauta --redis redis://127.0.0.1:6379';
const LIMITS: readonly string[] = COMMANDS.filter((one) => one.startsWith('bauta limits '));

needs(test, 'redis-server')(`${SHARES} shares limits, and the commands for them do what they say`, async (t) => {
	await turns.take('', false, async () => {
		const { port: redis } = await startRedis(t);
		const gateway = await started(t, await world, SHARES, { 6379: redis });
		await gateway.record(({ msg }) => msg === 'limits: Redis answers, limits are shared');
		t.true((await loadPage(t, gateway.port)).includes(WORD));
		t.deepEqual(
			LIMITS.map((command) => command.split(' ')[2]),
			['show', 'ban', 'unban', 'reset'],
		);
		for (const command of LIMITS) {
			const { code, stderr } = await sh(t, command, { 6379: redis });
			t.deepEqual([code, stderr], [0, ''], command);
		}
		t.is(await gateway.stop(), 0);
	});
});

for (const [command, toml] of PAIRS) {
	inTurn(`${command} is ${toml} in a file`, async (t) => {
		const { code, text, stderr } = await sh(t, command!.replace('bauta', 'bauta config print'));
		t.is(code, 0, stderr);
		t.is(text, printConfig(parse(toml!) as ConfigInput));
	});
}

// Clients.

/** Gateways that clients go to, the second with users. Both have the port that ssh needs. */
const OPEN: Promise<GatewayProcess> = gatewayFor([]);
const CLOSED: Promise<GatewayProcess> = gatewayFor(['--user', `${USER.user}:${USER.password}`]);

async function gatewayFor(flags: string[]): Promise<GatewayProcess> {
	const { internet } = await world;
	return startGateway(scope, [...flags, '--allow-ports', 'default,22', '-F', `socks5://127.0.0.1:${internet.port}`]);
}

for (const one of VISITS)
	declarer(test.serial, one.program)(`${one.command} is led to its target`, async (t) =>
		visits(t, await world, one, await (one.asAlice ? CLOSED : OPEN)),
	);

// Commands that end by themselves.

const CHECK = 'bauta check -c bauta.toml';
const SYSTEM = 'bauta check --system -c bauta.toml';
const ROUTE = 'bauta route www.example.com:443 -c bauta.toml';
const PRINT = 'bauta config print -c bauta.toml --listen :1080';
const SCHEMA = 'bauta config schema > bauta.schema.json';

inTurn(CHECK, async (t) => {
	t.is((await sh(t, CHECK)).text, 'the configuration is valid\n');
});

inTurn(SYSTEM, async (t) => {
	const { code, text } = await sh(t, SYSTEM);
	t.is(code, 0);
	t.regex(
		text,
		/^system calls: .*\nports: \d+ from each address to each target\n(?:.*\n)*the configuration is valid\n$/,
	);
});

inTurn(ROUTE, async (t) => {
	const { code, text } = await sh(t, ROUTE);
	t.is(code, 0);
	t.regex(text, /^target {4}www\.example\.com:443\nrule {6}none\nway out {3}direct\nthen {6}resolved here/);
});

inTurn(PRINT, async (t) => {
	const { text } = await sh(t, PRINT);
	t.is(text, printConfig({ listen: [':1080'] }));
});

inTurn(SCHEMA, async (t) => {
	await sh(t, SCHEMA);
	const written = readFileSync(join((await world).folder, 'bauta.schema.json'), 'utf8');
	t.deepEqual(JSON.parse(written), jsonSchema());
});

// The judge.

const JUDGES: readonly string[] = COMMANDS.filter((one) => one.startsWith('bauta judge'));

needs(test, 'tinyproxy')('the judge grades the gateway byte-true, and finds what another proxy leaks', async (t) => {
	const { port } = await startTinyproxy(t);
	const said = await Promise.all(JUDGES.map((command) => turns.take('', false, () => sh(t, command, { 3128: port }))));
	t.deepEqual(
		said.map(({ code, text }) => [code, /^grade: (.*)$/m.exec(text)?.[1]]),
		[
			[0, 'byte-true'],
			[1, 'anonymous'],
		],
	);
});

test('every command is run here, or listed as one that cannot be', (t) => {
	const run = [
		HASH,
		PROXYCHAINS,
		CHECK,
		SYSTEM,
		ROUTE,
		PRINT,
		SCHEMA,
		...LIMITS,
		...JUDGES,
		...VISITS.map(({ command }) => command),
		...COMMANDS.filter((one) => SERVES.test(one)),
	];
	t.deepEqual(
		[...new Set(COMMANDS)].toSorted(),
		[...new Set([...run, ...INSTALLS, ...ADMINISTERS, ...ASKS])].toSorted(),
	);
});

// Files.

for (const toml of README.blocks('toml')) {
	inTurn(
		`bauta check finds nothing wrong with the file that begins ${JSON.stringify(toml.split('\n')[0])}`,
		async (t) => {
			const folder = temporaryFolder(t);
			await usersFile;
			copyFileSync(join((await world).folder, 'users'), join(folder, 'users'));
			writeFileSync(join(folder, 'bauta.toml'), toml);
			const { code, text, stderr } = await sh(t, `bauta check -c ${folder}/bauta.toml`);
			t.deepEqual([code, stderr], [0, '']);
			t.regex(text, /the configuration is valid\n$/);
		},
	);
}

/** The exit policy of a file. */
function policyOf(toml: string): ExitPolicy {
	const { rules, exit } = resolveConfig(parse(toml) as ConfigInput);
	return policy({ ...exit, rules });
}

/** The tag of the way out that a file gives a target. */
function wayOf(toml: string, host: string, user: string | null, at = '2026-11-23T12:00'): string {
	const config = resolveConfig(parse(toml) as ConfigInput);
	const client = ip('203.0.113.9');
	const target = targetOfHost(host, 443)!;
	return explain(config, { target, user, client, inbound: 'listen-1', at: new Date(at) }).route?.tag ?? 'refused';
}

test('the rules open one inside host and one port, and close what they say', (t) => {
	const judge = policyOf(README.block('toml', 'wiki.lan'));
	const neighbour = { client: { ip: ip('192.0.2.9'), key: 'k', network: null } };
	t.is(word(judge.judge(to('10.1.2.3', 8090))), 'allow');
	t.is(resolved(judge, to('wiki.lan', 8090), '10.1.2.3'), 'allow');
	t.is(word(judge.judge(to('10.1.2.3', 8091))), 'http_request_denied');
	t.is(word(judge.judge(to('10.1.2.4', 8090))), 'http_request_denied');
	t.is(resolved(judge, to('wiki.lan', 8090), '10.1.2.4'), 'http_request_denied');
	t.is(word(judge.judge(to('example.com', 22, { user: 'alice' }))), 'allow');
	t.is(word(judge.judge(to('example.com', 22, { user: 'bob' }))), 'http_request_denied');
	t.is(word(judge.judge(to('10.1.2.4', 80, { user: 'alice' }))), 'destination_ip_prohibited');
	t.is(word(judge.judge(to('www.example.net'))), 'http_request_denied');
	t.is(word(judge.judge(to('example.com', 443, neighbour))), 'http_request_denied');
});

test('the file for Tor sends each user and onion services their way', (t) => {
	const file = README.block('toml', 'tor://');
	for (const user of ['web', 'mail']) {
		t.is(wayOf(file, 'example.com', user), 'tor');
		t.is(wayOf(file, 'duckduckgo.onion', user), 'tor');
	}
	t.is(wayOf(file, 'example.com', 'git'), 'direct');
	t.is(wayOf(file, 'duckduckgo.onion', 'git'), 'refused', 'not to where names are resolved');
	t.is(wayOf('', 'duckduckgo.onion', null), 'refused');
});

test('the file with sources sends a bank and a wish their way', (t) => {
	const file = README.block('toml', '[[source]]');
	t.is(wayOf(file, 'www.example.com', null), 'direct');
	t.is(wayOf(file, 'bank.example.com', null), 'office');
	t.is(wayOf(file, 'www.example.com', 'web-exit-night', '2026-11-23T23:00'), 'office');
	t.is(wayOf(file, 'www.example.com', 'web-exit-night', '2026-11-23T12:00'), 'refused');
});

// The library.

const FOR_BAUTA = `data:text/javascript,import{registerHooks}from'node:module';
registerHooks({resolve:(name,context,next)=>next(name==='bauta'?'${pathToFileURL(join(ROOT, 'lib/index.ts')).href}':name,context)})`;

/** A folder with the example as an application. */
function application(t: Scope, ports: Ports): string {
	const folder = temporaryFolder(t);
	const compilerOptions = {
		paths: { bauta: [join(ROOT, 'lib/index.ts')] },
		typeRoots: [join(ROOT, 'node_modules/@types')],
	};
	writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
	writeFileSync(join(folder, 'app.ts'), withPorts(README.block('ts', 'createGateway'), ports));
	const config = { extends: join(ROOT, 'tsconfig.json'), compilerOptions, include: ['app.ts'] };
	writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
	return folder;
}

inTurn('the library example has the right types', async (t) => {
	const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
	const { code, stdout } = await run(t, process.execPath, [compiler, '--project', application(t, {})]);
	t.deepEqual([stdout.toString(), code], ['', 0]);
});

inTurn('the library example serves, and its hooks are heard', async (t) => {
	const { internet } = await world;
	const port = await freePort();
	const app = join(application(t, { 1080: port, 9050: internet.port }), 'app.ts');
	const gateway = startProcess(t, process.execPath, ['--import', FOR_BAUTA, app]);
	const lines = createInterface({ input: gateway.stdout! })[Symbol.asyncIterator]();
	const line = async (): Promise<string> => String((await lines.next()).value);
	t.is(await line(), `listening on 127.0.0.1:${port}`);
	t.is(await loadPage(t, port, { user: 'web', password: 'wrong' }), '');
	t.is(await line(), 'authentication_required: 0 bytes up, 0 down');
	t.true((await loadPage(t, port, { user: 'web', password: 's3cret' })).includes(WORD));
	t.is(await line(), 'web goes out by tor');
	t.regex(await line(), /^closed: 18 bytes up, \d+ down$/);
	gateway.kill('SIGTERM');
	t.deepEqual(await once(gateway, 'exit'), [0, null]);
});

// Tables and facts.

test('the table of causes is that of lib/protocol/causes.ts', (t) => {
	const groups = Map.groupBy(CODES, (code) =>
		[socks4ReplyOf(code), socks5ReplyOf(code), httpStatusOf(code)].join(' | '),
	);
	const rows = [...groups].map(([replies, codes]) => [
		codes.map((code) => `\`${code}\``).join(', '),
		...replies.split(' | '),
	]);
	const written = README.table('| | cause | SOCKS4 | SOCKS5 | HTTP |');
	t.deepEqual(
		written.map((row) => row.slice(1)),
		rows,
	);
	t.true(written.every(([what]) => what !== ''));
});

test('the log line has the facts of a real one, in their order', async (t) => {
	const gateway = await OPEN;
	await loadPage(t, gateway.port);
	const real = await gateway.record(({ protocol, cause }) => protocol === 'socks5' && cause === 'closed');
	const shown = JSON.parse(README.block('json', 'flow')) as LogRecord;
	t.deepEqual(Object.keys(shown), Object.keys(real));
	for (const [key, value] of Object.entries(shown)) t.is(typeof value, typeof real[key], key);
});

test('levels, limits, exit codes, scripts, keys and paths are those of the code', (t) => {
	const levels = README.table('| level | the target learns | Via | X-Forwarded-For, Forwarded |');
	t.deepEqual(
		levels.map(([level]) => /\w+/.exec(level!)![0]),
		Object.keys(LEVELS),
	);
	const limits = README.section('Limits').match(/\d[\d,]*/g)!;
	const { connectionsOpen, connectionsPerSecond, burst } = DEFAULT_ALLOWANCES.client;
	const { handshakes, totalConnections } = DEFAULT_CEILINGS;
	for (const limit of [connectionsOpen, connectionsPerSecond, burst, handshakes, totalConnections])
		t.true(limits.includes(limit.toLocaleString('en')), String(limit));
	const codes = README.paragraph('Exit codes:').match(/\b\d+\b/g)!;
	t.deepEqual(codes.map(Number), Object.values(EXIT));
	const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
	t.true(INSTALLS[2]!.endsWith(` bauta-${manifest.version}.tgz`));
	t.true(INSTALLS[3]!.endsWith(`/bauta_${manifest.version}_amd64.deb`));
	for (const [, script] of README.text.matchAll(/npm run ([\w:]+)/g)) t.true(script! in manifest.scripts, script);
	for (const path of README.files) t.true(existsSync(join(ROOT, path)), path);
	for (const [first, key] of README.keys)
		t.true(key in (jsonSchema().properties?.[first]?.properties ?? {}), `${first}.${key}`);
});
