// Content filtering as clients of every protocol meet it, with lists in files that change under it.
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { answerOf } from '../helpers/admin.ts';
import { startDns, zone } from '../helpers/dns-server.ts';
import { type GatewayProcess, startGateway, temporaryFolder } from '../helpers/gateway-process.ts';
import { readReply } from '../helpers/handshakes.ts';
import { run } from '../helpers/process.ts';
import { needs, program } from '../helpers/programs.ts';
import { connectRaw } from '../helpers/raw-client.ts';
import { ask, associate, readSocksReply, udpEnd } from '../helpers/udp.ts';
import { startWebOrigin } from '../helpers/web-origins.ts';

const HOME = { addresses: ['127.0.0.1'] };
const NAMES = {
	'good.test A': HOME,
	'ads.test A': HOME,
	'x.ads.test A': HOME,
	'ok.ads.test A': HOME,
	'far.test A': { addresses: ['127.0.0.9'] },
};
const NONE = Object.fromEntries(Object.keys(NAMES).map((key) => [key.replace(' A', ' AAAA'), {}]));

const ADS = '! Title: ads\n||ads.test^\n@@||ok.ads.test^\n127.0.0.9\n';

interface Stage {
	readonly gateway: GatewayProcess;
	readonly folder: string;
	/** Puts another list in the place of the one there is. */
	readonly put: (text: string) => void;
	/** The admin listener. */
	readonly admin: string;
}

/** A gateway whose list `ads` is a file; `rules` is TOML. */
async function stage(t: ExecutionContext, rules: string, args: string[] = []): Promise<Stage> {
	const dns = await startDns(t, zone({ ...NAMES, ...NONE }));
	const folder = temporaryFolder(t);
	const [file, admin] = [join(folder, 'ads.txt'), join(folder, 'admin.sock')];
	writeFileSync(file, ADS);
	const config = `[resolver]
servers = ["${dns.address}"]
[admin]
listen = "${admin}"
[limits.failures]
destinations = 3
[[list]]
tag = "ads"
file = "${file}"
${rules}`;
	const gateway = await startGateway(t, ['--allow-private', '--allow-ports', 'all', ...args], { config });
	const put = (text: string): void => {
		writeFileSync(`${file}.new`, text);
		renameSync(`${file}.new`, file);
	};
	return { gateway, folder, put, admin };
}

const DENY = '[[rule]]\nname = "no ads"\naction = "deny"\nlist = ["ads"]\n';

async function curl(
	t: ExecutionContext,
	...args: string[]
): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> {
	const { code, stdout, stderr } = await run(t, program('curl'), ['-sS', '--max-time', '20', ...args]);
	return { code, out: stdout.toString('latin1'), err: stderr };
}

const WAYS: readonly (readonly [way: string, options: (address: string) => string[], says: RegExp])[] = [
	['--socks4a', (address) => ['--socks4a', address], /\(91\)/],
	['--socks5-hostname', (address) => ['--socks5-hostname', address], /\(2\)/],
	['-x http:// -p', (address) => ['-p', '-x', `http://${address}`], /403/],
];

needs(test, 'curl')(
	'each protocol says no in its own words to what a list has, and passes what it excepts',
	async (t) => {
		const { gateway, admin } = await stage(t, DENY);
		const origin = await startWebOrigin(t);
		for (const [way, options, says] of WAYS) {
			for (const host of ['ads.test', 'x.ads.test', 'far.test']) {
				const { code, err } = await curl(t, ...options(gateway.address), `http://${host}:${origin.port}/`);
				t.not(code, 0, `${way} ${host}`);
				t.regex(err, says, `${way} ${host}`);
			}
			const passed = await curl(t, ...options(gateway.address), `http://ok.ads.test:${origin.port}/`);
			t.is(passed.out, 'hello', way);
		}
		const literal = await curl(t, '--socks4', gateway.address, `http://127.0.0.9:${origin.port}/`);
		t.regex(literal.err, /\(91\)/);
		for (const host of ['x.ads.test', 'far.test']) {
			const plain = await curl(t, '-i', '-x', `http://${gateway.address}`, `http://${host}:${origin.port}/`);
			t.regex(plain.out, /^HTTP\/1\.1 403 Forbidden\r\nProxy-Status: gateway; error=http_request_denied\r\n/);
		}
		t.is(
			(await curl(t, '-x', `http://${gateway.address}`, `http://good.test:${origin.port}/`)).out,
			'hello',
			'nobody was banned',
		);
		t.is(origin.requests.length, WAYS.length + 1);
		const { text } = await answerOf(admin, '/metrics');
		t.regex(text, /^bauta_list_hits_total\{list="ads"\} 12$/m);
		t.regex(text, /^bauta_list_entries\{list="ads",kind="name"\} 1$/m);
		t.is(await gateway.stop(), 0);
		t.false(/ads\.test|far\.test|good\.test|127\.0\.0\.9/.test(gateway.output), 'the log has no target');
	},
);

test('names in RESOLVE and in datagrams are judged, too', async (t) => {
	const { gateway } = await stage(t, DENY);
	const resolve = async (host: string): Promise<number> => {
		const client = await ask(t, gateway.port, 0xf0, [3, host.length, ...Buffer.from(host), 0, 0]);
		return (await readSocksReply(client)).rep;
	};
	t.deepEqual([await resolve('x.ads.test'), await resolve('good.test'), await resolve('far.test')], [2, 0, 2]);
	const echo = (await udpEnd(t)).echo();
	const client = await associate(t, gateway.port);
	for (const host of ['ads.test', 'far.test', '127.0.0.9', 'good.test']) await client.send(host, echo.port, host);
	t.is((await client.answer()).payload.toString(), 'good.test');
	client.control.socket.end();
	await gateway.record(({ msg, command }) => msg === 'flow' && command === 'associate');
	const flow = gateway.records.find(({ command }) => command === 'associate');
	t.deepEqual(flow?.drops, { refused: 3 });
});

test('a list is swapped whole in the middle of traffic, and a broken one changes nothing', async (t) => {
	const { gateway, put } = await stage(t, DENY);
	const origin = await startWebOrigin(t);
	const client = await connectRaw(t, gateway.port);
	const statusOf = async (host: string): Promise<string> => {
		client.write(`GET http://${host}:${origin.port}/ HTTP/1.1\r\nHost: ${host}:${origin.port}\r\n\r\n`);
		const head = (await readReply(client, 'http')).bytes.toString('latin1');
		await client.read(Number(/Content-Length: (\d+)/i.exec(head)![1]));
		return head.slice(9, 12);
	};
	t.deepEqual([await statusOf('good.test'), await statusOf('ads.test')], ['200', '403']);
	const filler = Array.from({ length: 30_000 }, (_, i) => `n${i}.example.com`).join('\n');
	put(`${filler}\n||good.test^\n`);
	const seen: string[] = [];
	while (seen.at(-1) !== '403') seen.push(await statusOf('good.test'));
	t.deepEqual([...new Set(seen)], ['200', '403'], 'every request was answered, and the answer changed once');
	t.is(await statusOf('ads.test'), '200');
	for (const text of ['<html>\n<p>\n</html>\n', '']) {
		const before = gateway.records.length;
		put(text);
		await gateway.record((record) => gateway.records.indexOf(record) >= before && record.msg === 'list refused');
		t.is(await statusOf('good.test'), '403');
	}
	t.is(gateway.records.filter(({ msg }) => msg === 'list refused').length, 2);
});

test('a rule that reports lets everything pass, counts it and names itself in the log', async (t) => {
	const { gateway, admin } = await stage(t, DENY.replace('deny', 'report'));
	const origin = await startWebOrigin(t);
	for (const host of ['ads.test', 'far.test', 'good.test']) {
		const client = await connectRaw(t, gateway.port);
		client.end(`GET http://${host}:${origin.port}/ HTTP/1.0\r\nHost: ${host}\r\n\r\n`);
		// Nobody is at the address that is listed.
		const expected = host === 'far.test' ? /^HTTP\/1\.1 502 / : /^HTTP\/1\.1 200 /;
		t.regex((await client.readToEnd()).bytes.toString(), expected, host);
	}
	await gateway.record(() => gateway.records.filter(({ msg }) => msg === 'flow').length === 3);
	const reports = gateway.records
		.filter(({ msg }) => msg === 'flow')
		.map((record) => JSON.stringify(record.reports ?? []));
	t.deepEqual(reports.toSorted(), ['["no ads"]', '["no ads"]', '[]']);
	t.regex((await answerOf(admin, '/metrics')).text, /^bauta_list_hits_total\{list="ads"\} 2$/m);
	t.false(gateway.output.includes('ads.test'));
});

test('an answer of a refused media type reaches nobody, and the connection goes on', async (t) => {
	const { gateway } = await stage(t, '[[rule]]\naction = "deny"\ntype = ["video/*"]\n');
	const origin = await startWebOrigin(t, {
		handler: ({ url }, response) => {
			response.setHeader('Content-Type', url === '/film' ? 'Video/MP4; codecs="x"' : 'text/plain');
			response.end(url === '/film' ? 'SECRET FILM' : 'hello');
		},
	});
	const client = await connectRaw(t, gateway.port);
	for (const path of ['/film', '/page', '/film'])
		client.write(`GET http://good.test:${origin.port}${path} HTTP/1.1\r\nHost: good.test:${origin.port}\r\n\r\n`);
	client.end();
	const text = (await client.readToEnd()).bytes.toString('latin1');
	t.deepEqual(text.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 403', 'HTTP/1.1 200', 'HTTP/1.1 403']);
	t.false(text.includes('SECRET') || text.includes('MP4'));
	t.true(text.includes('hello'));
});

needs(test, 'curl')('a list, methods and paths are for one user alone where the rule says so', async (t) => {
	const rule = (condition: string): string => `[[rule]]\naction = "deny"\nuser = ["kid"]\n${condition}\n`;
	const rules = rule('list = ["ads"]') + rule('method = ["POST"]') + rule('path = ["/admin/", "~\\\\.exe$"]');
	const { gateway } = await stage(t, rules, ['--user', 'kid:x', '--user', 'mum:x']);
	const origin = await startWebOrigin(t);
	const statusOf = async (user: string, url: string, ...more: string[]): Promise<string> => {
		const proxy = ['-x', `http://${user}:x@${gateway.address}`];
		const write = ['-o', '/dev/null', '-w', '%{http_code}'];
		return (await curl(t, ...proxy, ...write, ...more, '--path-as-is', url.replace('/', `:${origin.port}/`))).out;
	};
	for (const [url, ...more] of [
		['ads.test/'],
		['good.test/', '-d', 'x'],
		['good.test/x/../%61dmin/y'],
		['good.test/setup.%65xe'],
	] as const) {
		t.is(await statusOf('kid', url, ...more), '403', url);
		t.is(await statusOf('mum', url, ...more), '200', url);
	}
	t.is(await statusOf('kid', 'good.test/administration'), '200');
});

needs(test, 'curl')(
	'a browser is shown a page, a program a line, and nobody one for what no rule has refused',
	async (t) => {
		const folder = temporaryFolder(t);
		const page = join(folder, 'no.html');
		writeFileSync(page, '<!DOCTYPE html><title>No</title><p>Nicht für dich\n');
		const { gateway } = await stage(t, `[exit]\npage = "${page}"\n${DENY}`);
		const proxy = ['-i', '-x', `http://${gateway.address}`];
		const browser = await curl(t, ...proxy, '-H', 'Accept: text/html,*/*;q=0.8', 'http://ads.test/');
		t.regex(browser.out, /^HTTP\/1\.1 403 Forbidden\r\nProxy-Status: gateway; error=http_request_denied\r\n/);
		t.regex(browser.out, /\r\nContent-Type: text\/html; charset=utf-8\r\nContent-Length: 51\r\n\r\n<!DOCTYPE html>/);
		t.true(Buffer.from(browser.out, 'latin1').toString('utf8').endsWith('Nicht für dich\n'));
		t.regex((await curl(t, ...proxy, 'http://ads.test/')).out, /\r\n\r\n403 Forbidden: http_request_denied\n$/);
		const refused = await curl(t, ...proxy, '-H', 'Accept: text/html', 'http://127.0.0.8:1/');
		t.regex(refused.out, /^HTTP\/1\.1 502 .*\r\n\r\n502 Bad Gateway: connection_refused\n$/s);
	},
);
