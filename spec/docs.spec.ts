// The pages of docs/, taken at their word as the README is: every command in them is run, here or where the README's are, but
// for those that change the system it runs on; lines for torrc are read by Tor itself, and what they name is there.
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { jsonSchema } from '../lib/config/json-schema.ts';
import { type GatewayProcess, startGateway, temporaryFolder } from './helpers/gateway-process.ts';
import type { Login } from './helpers/handshakes.ts';
import { startMicrosocks } from './helpers/hops.ts';
import { Page } from './helpers/page.ts';
import { run } from './helpers/process.ts';
import { needs, program } from './helpers/programs.ts';
import { COMMANDS } from './helpers/readme.ts';
import { declarer, PROXYCHAINS, VISITS, type Visit, visits } from './helpers/readme-clients.ts';
import {
	loadPage,
	makeWorld,
	type Ports,
	type Shelled,
	shell,
	started,
	WORD,
	type World,
} from './helpers/readme-world.ts';
import { startRedis } from './helpers/redis.ts';
import { scopeOfFile } from './helpers/scope.ts';

const ROOT = join(import.meta.dirname, '..');
const NAMES = [
	'clients',
	'apps',
	'tor',
	'rotate',
	'share-limits',
	'dashboard',
	'vps',
	'admin',
	'what-it-hides',
] as const;
const PAGES: readonly (readonly [path: string, page: Page])[] = ['README', ...NAMES].map((name) => {
	const path = `docs/${name}.md`;
	return [path, new Page(path)];
});

const scope = scopeOfFile(test);
const world: Promise<World> = makeWorld(scope);

/** One after the other: each has processes of its own, and a machine is small. */
const { serial } = test;

async function sh(t: ExecutionContext, command: string, ports: Ports = {}): Promise<Shelled> {
	return shell(t, await world, command, ports);
}

/** What was shown to be run. */
const ran = new Set<string>();

function runs(command: string): string {
	ran.add(command);
	return command;
}

/** Changes the system it runs on, or goes to another one, or asks the service of that system. */
const ADMINISTERS: readonly string[] = [
	'install -D -m 644 conf/vps.toml /etc/bauta/bauta.toml',
	'bauta user hash alice >> /etc/bauta/users',
	'install -m 644 systemd/bauta.service /etc/systemd/system/bauta.service',
	'install -D -m 644 systemd/bauta.service.d/credentials.conf /etc/systemd/system/bauta.service.d/credentials.conf',
	'systemctl enable --now bauta',
	'systemctl reload bauta',
	'bauta status --watch',
	'bauta upgrade',
	'ssh -N -L 9090:/run/bauta/admin.sock root@gateway.example',
	'bauta judge --through socks5://gateway.example:1080 --origin 203.0.113.9:80,443',
	'bauta judge --through http://gateway.example:1080 --origin 203.0.113.9:80,443 --dns 203.0.113.9:53 --zone judge.example.org',
	'curl --unix-socket /run/bauta/admin.sock http://localhost/v1/status',
	'curl -H \'Content-Type: application/json\' -d \'{"target":"example.com:443"}\' \\',
	'     --unix-socket /run/bauta/admin.sock http://localhost/v1/route',
];

// Clients at a gateway.

const PAC = 'http://127.0.0.1:1080/proxy.pac';

/** Those that the README does not have. */
const MORE: readonly Visit[] = [
	{
		command: 'ALL_PROXY=socks5h://127.0.0.1:1080 curl https://example.com/',
		program: 'curl',
		protocol: 'socks5',
		asked: 'example.com:443',
	},
	{
		command: 'curl --socks5-hostname 127.0.0.1:1080 https://check.torproject.org/',
		program: 'curl',
		protocol: 'socks5',
		asked: 'check.torproject.org:443',
	},
	{ command: `chromium --proxy-pac-url=${PAC}`, program: 'chromium', protocol: 'http', asked: 'example.com:80' },
];

let open: Promise<GatewayProcess> | null = null;

/** Serves the file for browsers, and goes out into the internet of the world. */
async function gateway(): Promise<GatewayProcess> {
	const { internet } = await world;
	open ??= startGateway(scope, ['-F', `socks5://127.0.0.1:${internet.port}`], { config: '[pac]\nenabled = true\n' });
	return open;
}

for (const one of MORE)
	declarer(serial, one.program)(`${runs(one.command)} is led to its target`, async (t) =>
		visits(t, await world, one, await gateway()),
	);

needs(serial, 'curl')(`${runs(`curl ${PAC}`)} has the file for browsers`, async (t) => {
	const { port } = await gateway();
	const { text } = await sh(t, `curl ${PAC}`, { 1080: port });
	t.is(text, `function FindProxyForURL(url, host) {\n\treturn "PROXY 127.0.0.1:${port}";\n}\n`);
});

// Gateways.

const WEB: Login = { user: 'web', password: 'web' };
const SERVES: readonly (readonly [command: string, login?: Login])[] = [
	['BAUTA_PAC__ENABLED=true bauta'],
	['bauta --listen 127.0.0.1:1081 --allow-ports all'],
	['bauta -c conf/tor.toml'],
	['bauta -c conf/apps.toml', WEB],
];

for (const [command, login] of SERVES)
	serial(`${runs(command)} serves`, async (t) => {
		const one = await started(t, await world, command, {});
		t.true((await loadPage(t, one.port, login)).includes(WORD));
		t.is(await one.stop(), 0);
	});

needs(serial, 'redis-server')(`${runs('bauta -c conf/public.toml')} serves, and shares its limits`, async (t) => {
	const { port } = await startRedis(t);
	const one = await started(t, await world, 'bauta -c conf/public.toml', { 6379: port });
	await one.record(({ msg }) => msg === 'limits: Redis answers, limits are shared');
	t.true((await loadPage(t, one.port)).includes(WORD));
	t.is(await one.stop(), 0);
});

/** Names of programs at `conf/apps.toml`, with what the proxies behind it are asked for. */
const NAMED: readonly Visit[] = [
	['curl -x http://web:web@127.0.0.1:1080 https://example.com/', 'connect'],
	['curl -x http://web-session-bank:web@127.0.0.1:1080 https://example.com/', 'connect'],
	['curl -x socks5h://mail:mail@127.0.0.1:1080 https://example.com/', 'socks5'],
].map(([command, protocol]) => ({ command: command!, program: 'curl', protocol: protocol!, asked: 'example.com:443' }));

needs(serial, 'curl')('each name of docs/apps.md gets its way out', async (t) => {
	const one = await started(t, await world, 'bauta -c conf/apps.toml', {});
	for (const visit of NAMED) await visits(t, await world, { ...visit, command: runs(visit.command) }, one);
	const routes = one.records.filter(({ msg }) => msg === 'flow').map(({ route }) => route);
	t.deepEqual(routes, ['tor', 'tor', 'work']);
	t.is(await one.stop(), 0);
});
for (const { command } of NAMED) runs(command);

needs(
	serial,
	'ssh',
	'socat',
)('the line for ssh in docs/apps.md leads to its target', async (t) => {
	const here = await world;
	const line = new Page('docs/apps.md').block('text', 'socat').split('\n')[2]!.replace('ProxyCommand ', '');
	const config = `users.list = ["ssh:ssh"]\nexit.ports = "22"`;
	const one = await startGateway(t, ['-F', `socks5://127.0.0.1:${here.internet.port}`], { config });
	const before = here.visits(22);
	const { code } = await sh(t, `ssh -o ProxyCommand='${line}' you@example.com`, { 1080: one.port });
	t.deepEqual([code, here.visits(22)], [255, before + 1], 'it greets, and is hung up on');
});

const ROUTES: readonly (readonly [command: string, said: RegExp])[] = [
	[
		'bauta route example.com:443 -c conf/apps.toml --user web-session-bank',
		/^target {4}example\.com:443\nuser {6}web\nsession {3}bank, .*\nrule {6}browser by Tor .*\nway out {3}tor,/,
	],
	['bauta route example.com:22 -c conf/apps.toml --user ssh', /\nrule {6}shells straight out .*\nway out {3}direct\n/],
];

for (const [command, said] of ROUTES)
	serial(`${runs(command)} says where it goes`, async (t) => {
		const { code, text } = await sh(t, command);
		t.is(code, 0);
		t.regex(text, said);
	});

// The judge. From another machine: bin/judge.spec.ts.

const JUDGES: readonly (readonly [command: string, code: number, grade: string])[] = [
	['bauta judge --anonymity transparent', 1, 'transparent'],
	['bauta judge -F socks5://127.0.0.1:9050', 0, 'byte-true'],
];

needs(serial, 'microsocks')('the judge grades a level, and a way out', async (t) => {
	const { port } = await startMicrosocks(t);
	for (const [command, code, grade] of JUDGES) {
		const said = await sh(t, command, { 9050: port });
		t.deepEqual([said.code, /^grade: (.*)$/m.exec(said.text)?.[1]], [code, grade], said.stderr);
	}
});
for (const [command] of JUDGES) runs(command);

// Sources, in a network of one's own.

const LOCAL = runs('ip -6 route add local 2001:db8:1::/64 dev lo');
const FROM = runs('bauta --source 2001:db8:1::/64');
const CHECK = runs('bauta check --system --source 2001:db8:1::/64');

needs(
	serial,
	'unshare',
	'ip',
)(`${LOCAL} is what ${CHECK} asks for, and ${FROM} leaves from there`, async (t) => {
	const { folder, env } = await world;
	const inside = (script: string): string[] => [
		'--map-root-user',
		'--net',
		'sh',
		'-euc',
		`ip link set lo up; ${script}`,
	];
	const enter = async (script: string): Promise<string> => {
		const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
		const done = await run(t, 'env', ['-i', ...variables, program('unshare'), ...inside(`cd ${folder}; ${script}`)]);
		t.is(done.code, 0, done.stderr);
		return done.stdout.toString();
	};
	t.regex(
		await enter(CHECK),
		/source 2001:db8:1::\/64: no local route: ip -6 route add local 2001:db8:1::\/64 dev lo\n/,
	);
	t.regex(await enter(`${LOCAL}; ${CHECK}`), /source 2001:db8:1::\/64: local, more addresses than can be used up\n/);
	// From one address of the prefix to another one.
	const origin = `node -e "require('net').createServer((s) => s.end(s.remoteAddress)).listen(8080, '::')"`;
	const ask = `curl -s --http0.9 --retry 20 --retry-connrefused -p -x http://127.0.0.1:1080 http://[2001:db8:1::1]:8080/`;
	const serve = `${FROM} --allow-private --allow-ports 8080 > log`;
	const said = await enter(`${LOCAL}; ${origin} & O=$!; ${serve} & B=$!; ${ask}; kill $O $B; wait`);
	t.regex(said, /^(2001:db8:1::|2001:db8:1:0:)[0-9a-f:]+$/);
});

// The dashboard.

const TOKEN = runs('openssl rand -hex 16 > token');
const ADMIN = runs('BAUTA_ADMIN__TOKEN_FILE=token bauta --admin 127.0.0.1:9090');
const ASKS = ['status', 'exits'].map((what) =>
	runs(`BAUTA_ADMIN__TOKEN_FILE=token bauta ${what} --admin 127.0.0.1:9090`),
);

needs(serial, 'openssl')(`${ADMIN} is seen by its token`, async (t) => {
	t.is((await sh(t, TOKEN)).code, 0);
	const one = await started(t, await world, ADMIN, { 9090: 0 });
	const at = String((await one.record(({ msg }) => msg === 'admin listening')).address);
	for (const command of ASKS) {
		const { code, text } = await sh(t, command, { 9090: Number(at.split(':')[1]) });
		t.is(code, 0);
		t.regex(text, /\nupstream-1 \* +socks5 /);
	}
	t.is(await one.stop(), 0);
});

// What is no command.

const TORRC = PAGES.flatMap(([path, page]) => page.blocks('torrc').map((lines) => [path, lines] as const));

needs(serial, 'tor')('Tor takes every line for torrc', async (t) => {
	t.true(TORRC.length > 3);
	for (const [, lines] of TORRC) {
		const file = join(temporaryFolder(t), 'torrc');
		writeFileSync(file, `DataDirectory ${dirname(file)}/data\n${lines}`);
		const { code, stdout } = await run(t, program('tor'), ['--verify-config', '-f', file]);
		t.is(code, 0, stdout.toString());
		t.notRegex(stdout.toString(), /\[warn\](?!.*root)/);
	}
});

for (const [path, page] of PAGES)
	for (const toml of page.blocks('toml'))
		serial(
			`bauta check finds nothing wrong with the file of ${path} that begins ${JSON.stringify(toml.slice(0, 20))}`,
			async (t) => {
				const folder = temporaryFolder(t);
				writeFileSync(join(folder, 'bauta.toml'), toml);
				writeFileSync(join(folder, 'token'), 'a-token-of-this-spec\n');
				const { code, text, stderr } = await sh(t, `bauta check -c ${folder}/bauta.toml`);
				t.deepEqual([code, stderr], [0, '']);
				t.regex(text, /the configuration is valid\n$/);
			},
		);

test('every command is run here or for the README, or changes the system', (t) => {
	const known = new Set([...ran, ...COMMANDS, PROXYCHAINS, ...VISITS.map(({ command }) => command), ...ADMINISTERS]);
	for (const [path, page] of PAGES)
		for (const command of page.commands) t.true(known.has(command), `${path}: ${command}`);
	const shown = new Set(PAGES.flatMap(([, page]) => page.commands));
	for (const command of [...ran, ...ADMINISTERS]) t.true(shown.has(command), `no page has it: ${command}`);
});

test('what a page names is there: pages, files, keys', (t) => {
	for (const [path, page] of PAGES) {
		for (const [, link] of page.text.matchAll(/\]\(([^)#:]+)\)/g))
			t.true(existsSync(join(ROOT, normalize(join(dirname(path), link!)))), `${path}: ${link}`);
		for (const file of page.files) t.true(existsSync(join(ROOT, file)), `${path}: ${file}`);
		for (const [section, key] of page.keys)
			t.true(key in (jsonSchema().properties?.[section]?.properties ?? {}), `${path}: ${section}.${key}`);
	}
	const index = new Page('docs/README.md').text;
	for (const name of NAMES) t.true(index.includes(`](${name}.md)`), name);
});
