// Every client that a page points at a gateway, by its command, and what is to be seen of it when it came through.
import type { ExecutionContext } from 'ava';
import type { GatewayProcess, LogRecord } from './gateway-process.ts';
import { type Declare, needs } from './programs.ts';
import { ADDRESS, shell, WORD, type World } from './readme-world.ts';

/** What each of them needs. */
const WANTS = {
	curl: ['curl'],
	wget: ['wget'],
	git: ['git'],
	ssh: ['ssh', 'nc'],
	'apt-get': ['apt-get'],
	chromium: ['chromium'],
	proxychains4: ['proxychains4', 'curl'],
} as const;

/** What is to be seen of a client that came through. */
export interface Visit {
	readonly command: string;
	readonly program: keyof typeof WANTS;
	/** What the gateway heard. */
	readonly protocol: string;
	/** What the internet was asked for. */
	readonly asked: string;
	/** Prints what came; without it standard output has it. */
	readonly show?: string;
	/** The program says so of a target that hangs up after its greeting. */
	readonly hangsUp?: boolean;
	/** Wants the gateway where only alice gets in. */
	readonly asAlice?: boolean;
	/** Is told the address of example.com, as by DNS. */
	readonly resolves?: boolean;
	/** Another command, which comes before it. */
	readonly after?: string;
}

export const PROXYCHAINS: string = `printf '%s\\n' strict_chain proxy_dns '[ProxyList]' 'socks5 127.0.0.1 1080' > proxychains.conf`;

const REPOSITORY = `git init -q work && echo ${WORD} > work/file && git -C work add file &&
	git -C work -c user.name=a -c user.email=a@example.com commit -q -m a && git clone -q --bare work project.git &&
	git -C project.git update-server-info`;

export const VISITS: readonly Visit[] = [
	{
		command: 'curl --socks5-hostname 127.0.0.1:1080 https://example.com/',
		program: 'curl',
		protocol: 'socks5',
		asked: 'example.com:443',
	},
	{
		command: 'curl --socks5 127.0.0.1:1080 https://example.com/',
		program: 'curl',
		resolves: true,
		protocol: 'socks5',
		asked: `${ADDRESS}:443`,
	},
	{
		command: 'curl --socks4a 127.0.0.1:1080 https://example.com/',
		program: 'curl',
		protocol: 'socks4a',
		asked: 'example.com:443',
	},
	{
		command: 'curl --socks4 127.0.0.1:1080 https://example.com/',
		program: 'curl',
		resolves: true,
		protocol: 'socks4',
		asked: `${ADDRESS}:443`,
	},
	{
		command: 'curl -x http://127.0.0.1:1080 https://example.com/',
		program: 'curl',
		protocol: 'connect',
		asked: 'example.com:443',
	},
	{
		command: 'curl -x http://127.0.0.1:1080 http://example.com/',
		program: 'curl',
		protocol: 'http',
		asked: 'example.com:80',
	},
	{
		command: 'http_proxy=http://127.0.0.1:1080 https_proxy=http://127.0.0.1:1080 wget -O page.html http://example.com/',
		program: 'wget',
		protocol: 'http',
		asked: 'example.com:80',
		show: 'cat page.html',
	},
	{
		command: 'git clone -c http.proxy=socks5h://127.0.0.1:1080 https://example.com/project.git',
		program: 'git',
		protocol: 'socks5',
		asked: 'example.com:443',
		show: 'cat project/file',
		after: REPOSITORY,
	},
	{
		command: "ssh -o ProxyCommand='nc -X 5 -x 127.0.0.1:1080 %h %p' you@example.com",
		program: 'ssh',
		protocol: 'socks5',
		asked: 'example.com:22',
		hangsUp: true,
	},
	{
		command: 'apt-get -o Acquire::http::Proxy=http://127.0.0.1:1080 update',
		program: 'apt-get',
		protocol: 'http',
		asked: 'example.com:80',
		show: 'cat apt/lists/*Packages',
	},
	{
		command: 'chromium --proxy-server=socks5://127.0.0.1:1080 --webrtc-ip-handling-policy=disable_non_proxied_udp',
		program: 'chromium',
		protocol: 'socks5',
		asked: 'example.com:80',
	},
	{
		command: 'proxychains4 -q -f proxychains.conf curl https://example.com/',
		program: 'proxychains4',
		protocol: 'socks5',
		asked: 'example.com:443',
		after: PROXYCHAINS,
	},
	{
		command: 'curl -x http://alice:s3cret@127.0.0.1:1080 https://example.com/',
		program: 'curl',
		protocol: 'connect',
		asked: 'example.com:443',
		asAlice: true,
	},
	{
		command: 'curl -x http://alice-session-a7-ttl-30m:s3cret@127.0.0.1:1080 https://example.com/',
		program: 'curl',
		protocol: 'connect',
		asked: 'example.com:443',
		asAlice: true,
	},
];

/** How a client's test is declared: not at all where its program is missing. */
export function declarer(test: Declare & { readonly skip: Declare }, program: Visit['program']): Declare {
	return needs(test, ...WANTS[program]);
}

/** Runs a client at a gateway and asserts that it was led to its target and got what is there. */
export async function visits(t: ExecutionContext, world: World, one: Visit, gateway: GatewayProcess): Promise<void> {
	const { internet } = world;
	const port = Number(one.asked.split(':')[1]);
	const before = { visits: world.visits(port), asked: internet.asked.length, records: gateway.records.length };
	const got = await visit(t, world, one, gateway.port);
	if (!one.hangsUp) t.true(got.includes(WORD), got);
	t.true(world.visits(port) > before.visits);
	// Plain HTTP may find a connection that is open already.
	t.true(internet.asked.slice(one.protocol === 'http' ? 0 : before.asked).includes(one.asked));
	const isNew = (record: LogRecord): boolean => gateway.records.indexOf(record) >= before.records;
	await gateway.record((record) => isNew(record) && record.msg === 'flow' && record.protocol === one.protocol);
}

/** Runs a client and returns what it got. */
async function visit(t: ExecutionContext, world: World, one: Visit, port: number): Promise<string> {
	const { command, after, show } = one;
	const ports = { 1080: port };
	if (after) t.is((await shell(t, world, after, ports)).code, 0);
	const done = await shell(t, world, one.resolves ? `export CURL_HOME=$HOME/knows; ${command}` : command, ports);
	t.is(done.code, one.hangsUp ? 255 : 0, done.stderr);
	return show ? (await shell(t, world, show)).text : done.text;
}
