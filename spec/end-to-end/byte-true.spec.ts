// The promise of elite, kept by whole programs: of a request through the gateway the origin gets the same bytes as of that
// request without it, head, body and chunks, and the client gets the same bytes back.
import test, { type ExecutionContext } from 'ava';
import { chromium } from 'playwright-core';
import { type GatewayProcess, startGateway, temporaryFolder } from '../helpers/gateway-process.ts';
import { run } from '../helpers/process.ts';
import { needs, program } from '../helpers/programs.ts';
import { OK, type RawOrigin, type RawResponse, startRawOrigin } from '../helpers/raw-origin.ts';
import { type Scope, scopeOfFile } from '../helpers/scope.ts';

/** A client's arguments; `proxy` is null for a run without one. */
type Arguments = (url: string, proxy: string | null) => string[];

const scope: Scope = scopeOfFile(test);
let started: Promise<GatewayProcess> | null = null;

/** One for the file; the tests come one after the other. */
function gateway(): Promise<GatewayProcess> {
	started ??= startGateway(scope, ['--allow-private', '--allow-ports', 'all']);
	return started;
}

function curl(...more: string[]): Arguments {
	return (url, proxy) => [
		'-sS',
		'--noproxy',
		proxy === null ? '*' : '',
		...(proxy === null ? [] : ['-x', proxy]),
		...more,
		url,
	];
}

function wget(...more: string[]): Arguments {
	return (url, proxy) => {
		const way = proxy === null ? ['--no-proxy'] : ['-e', `http_proxy=${proxy}`, '-e', 'no_proxy='];
		return ['-q', '-O', '/dev/null', '--tries=1', ...way, ...more, url];
	};
}

function python(call: string): Arguments {
	return (url, proxy) => {
		const proxies = proxy === null ? 'None' : `{'http': '${proxy}'}`;
		const code = `import requests\ns = requests.Session()\ns.trust_env = False\ns.${call}`;
		return ['-c', code.replace('URL', `'${url}', proxies=${proxies}`)];
	};
}

/** Client, what it does, arguments, standard input. */
const RUNS: readonly (readonly [client: string, what: string, args: Arguments, input?: Buffer])[] = [
	['curl', 'GET', curl()],
	['curl', 'HEAD', curl('-I')],
	['curl', 'GET in HTTP/1.0', curl('-0')],
	['curl', 'POST', curl('-d', 'a=1&b=2')],
	['curl', 'POST that waits for 100', curl('-H', 'Expect: 100-continue', '-d', 'a=1')],
	['curl', 'chunked upload', curl('-T', '-', '-H', 'Expect:'), Buffer.alloc(40_000, 'chunk')],
	[
		'curl',
		'GET with fields of its own',
		curl('-A', 'x', '-b', 'a=1', '-H', 'x-ODD:  one', '-H', 'X-Odd: two', '-u', 'u:p'),
	],
	['curl', 'two requests on a connection', (url, proxy) => curl('-d', 'a=1', url)(url, proxy)],
	['curl', 'GET that closes', curl('-H', 'Connection: close')],
	['wget', 'GET', wget()],
	['wget', 'POST', wget('--post-data=a=1')],
	['wget', 'GET that closes', wget('--no-http-keep-alive')],
	['python3-requests', 'GET', python('get(URL)')],
	['python3-requests', 'POST', python("post(URL, data={'a': '1'})")],
	['python3-requests', 'chunked upload', python("post(URL, data=iter([b'one', b'two two']))")],
];

for (const [client, what, args, input] of RUNS) {
	needs(test.serial, client)(`${client}, ${what}: the origin gets the same bytes as without the gateway`, async (t) => {
		const [direct, through] = await twice(t, async (origin, proxy) => {
			await run(t, program(client), args(`http://127.0.0.1:${origin.port}/path?q=%20`, proxy), input);
		});
		t.not(direct.length, 0);
		t.deepEqual(through, direct);
	});
}

/** What the connections of one origin brought, of a visit without the gateway and of one through it. */
async function twice(
	t: ExecutionContext,
	visit: (origin: RawOrigin, proxy: string | null) => Promise<void>,
	answer: RawResponse = OK,
): Promise<[direct: string[], through: string[]]> {
	const origin = await startRawOrigin(t, (request) => (isHead(request.bytes) ? headOf(answer) : answer));
	await visit(origin, null);
	const before = origin.connections.length;
	await visitThrough(await gateway(), (proxy) => visit(origin, proxy));
	const bytes = origin.connections.map((connection) => connection.toString('latin1'));
	return [bytes.slice(0, before), bytes.slice(before)];
}

/** Done when the gateway has written down a flow: a client that went by itself would be true to itself. */
async function visitThrough(gate: GatewayProcess, visit: (proxy: string) => Promise<void>): Promise<void> {
	const before = gate.records.length;
	await visit(`http://${gate.address}`);
	await gate.record((record) => gate.records.indexOf(record) >= before && record.msg === 'flow');
}

function isHead(request: Buffer): boolean {
	return request.toString('latin1', 0, 5) === 'HEAD ';
}

function headOf({ bytes }: RawResponse): RawResponse {
	return { bytes: bytes.slice(0, bytes.indexOf('\r\n\r\n') + 4) };
}

const ANSWERS: readonly (readonly [what: string, answer: RawResponse])[] = [
	[
		'of a length',
		{ bytes: 'HTTP/1.1 203 Odd  one\r\nX-b:1\r\nx-B:  2 \r\nAlt-Svc: h3=":1"\r\nContent-Length: 2\r\n\r\nab' },
	],
	['in chunks', { bytes: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nab\r\n0\r\nX-Sum: 1\r\n\r\n' }],
	['up to the close', { bytes: 'HTTP/1.1 200 OK\r\nconnection:Close\r\nVia: 1.1 cdn\r\n\r\nabc', end: true }],
	[
		'behind a hint',
		{ bytes: 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n' },
	],
];

for (const [what, answer] of ANSWERS) {
	needs(test.serial, 'curl')(`curl gets the same bytes as without the gateway of a response ${what}`, async (t) => {
		const got: string[] = [];
		const visit = async (origin: RawOrigin, proxy: string | null): Promise<void> => {
			const url = `http://127.0.0.1:${origin.port}/`;
			const { stdout } = await run(t, program('curl'), curl('-i', '--raw')(url, proxy));
			got.push(stdout.toString('latin1'));
		};
		await twice(t, visit, answer);
		t.is(got[0], answer.bytes);
		t.is(got[1], got[0]);
	});
}

const PAGE = '<!doctype html><title>byte-true</title><link rel="icon" href="data:,"><img src="/picture">';
const PAGE_ANSWER: RawResponse = {
	bytes: `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: ${PAGE.length}\r\n\r\n${PAGE}`,
};

/** Chromium's own calls are kept at home, and loopback is no exception from the proxy. */
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking', '--disable-sync'];

async function browse(t: ExecutionContext, url: string, proxy: string | null): Promise<void> {
	const way = proxy === null ? [] : [`--proxy-server=${proxy}`, '--proxy-bypass-list=<-loopback>'];
	const browser = await chromium.launchPersistentContext(temporaryFolder(t), {
		executablePath: program('chromium'),
		headless: true,
		args: [...FLAGS, ...way],
	});
	t.teardown(() => browser.close());
	const page = await browser.newPage();
	await page.goto(url);
	await browser.close();
}

needs(test.serial, 'chromium')(
	'Chromium, a page and its picture: the origin gets the same bytes as without the gateway',
	async (t) => {
		const visit = (origin: RawOrigin, proxy: string | null): Promise<void> =>
			browse(t, `http://127.0.0.1:${origin.port}/`, proxy);
		const [direct, through] = await twice(t, visit, PAGE_ANSWER);
		t.regex(direct.join(''), /^GET \/ [\s\S]*\r\nConnection: keep-alive\r\n[\s\S]*GET \/picture /);
		t.deepEqual(requestsOf(through), requestsOf(direct));
	},
);

/** Sorted: a browser opens connections ahead and spreads its requests as it likes. */
function requestsOf(connections: readonly string[]): string[] {
	return connections
		.join('')
		.split(/(?<=\r\n\r\n)(?=GET )/)
		.sort();
}
