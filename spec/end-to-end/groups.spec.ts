// Groups of upstreams from outside: rotation that is real, a chain of four programs of other people that loses a member under
// load, and a pool in which everything is wrong that can be.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { startDns, zone } from '../helpers/dns-server.ts';
import { type GatewayProcess, startGateway, temporaryFolder } from '../helpers/gateway-process.ts';
import { handshakeOf, readReply } from '../helpers/handshakes.ts';
import { startDanted, startMicrosocks, startSquid, startTinyproxy } from '../helpers/hops.ts';
import { startMiniHop } from '../helpers/mini-hops.ts';
import { accepting, startProcess } from '../helpers/process.ts';
import { needs, program } from '../helpers/programs.ts';
import { connectRaw } from '../helpers/raw-client.ts';
import type { Scope } from '../helpers/scope.ts';
import { banner, echo, mute, refusingPort, startTcpOrigin } from '../helpers/tcp-origins.ts';
import { ask as askSocks, associate, readSocksReply, udpEnd } from '../helpers/udp.ts';
import { startWebOrigin } from '../helpers/web-origins.ts';

const OPEN = ['--allow-private', '--allow-ports', 'all'];
const UNLIMITED = 'limits = { connections_per_second = 0, connections_open = 0 }\n';

function gatewayWith(scope: Scope, config: string): Promise<GatewayProcess> {
	return startGateway(scope, OPEN, { config: UNLIMITED + config });
}

/** One tunnel to an echo; `ok`, or what the client heard. */
async function ask(t: ExecutionContext, gateway: GatewayProcess, port: number): Promise<string> {
	const client = await connectRaw(t, gateway.port);
	client.write(handshakeOf('connect', '127.0.0.1', port));
	const reply = await readReply(client, 'connect');
	if (!reply.granted) return `${reply.code}`;
	client.write('ping');
	const said = await client.read(4).then(String, () => 'nothing');
	client.end();
	return said === 'ping' ? 'ok' : said;
}

test('each request of a kept-alive client leaves by another exit, and the log names them', async (t) => {
	const origin = await startWebOrigin(t);
	const hops = [await startMiniHop(t, 'socks5'), await startMiniHop(t, 'http'), await startMiniHop(t, 'socks4')];
	const schemes = ['socks5', 'http', 'socks4a'];
	const members = hops.map(({ port }, i) => `"${schemes[i]}://127.0.0.1:${port}"`).join();
	const group = `[[group]]\ntag = "pool"\nmembers = [${members}]\nstrategy = "round-robin"\nrotate = "request"\n`;
	const gateway = await gatewayWith(t, group);
	const client = await connectRaw(t, gateway.port);
	for (let i = 0; i < 9; i++) {
		client.write(handshakeOf('http', '127.0.0.1', origin.port));
		await client.readUntil('hello');
	}
	client.end();
	t.deepEqual(
		hops.map(({ asked }) => asked.length),
		[1, 1, 1],
		'each keeps its link to the origin',
	);
	t.like(await gateway.record(({ msg }) => msg === 'flow'), { route: 'pool', exit: 'pool:3', requests: 9 });
});

test('datagrams and questions for names go by the member that can, and the others are none the worse for it', async (t) => {
	const dns = await startDns(t, zone({ 'echo.test A': { addresses: ['127.0.0.1'] }, 'echo.test AAAA': {} }));
	const mute = await startMiniHop(t, 'http');
	const able = await startGateway(t, OPEN, { config: `resolver = { servers = ["${dns.address}"] }\n` });
	const members = `"http://127.0.0.1:${mute.port}", "socks5://127.0.0.1:${able.port}"`;
	const gateway = await gatewayWith(t, `[[group]]\ntag = "pool"\nmembers = [${members}]\nstrategy = "failover"\n`);
	const far = (await udpEnd(t)).echo();
	const client = await associate(t, gateway.port);
	await client.send('127.0.0.1', far.port, 'through a group');
	t.is(String((await client.answer()).payload), 'through a group');
	client.control.end();
	const asking = await askSocks(t, gateway.port, 0xf0, [3, 9, ...Buffer.from('echo.test'), 0, 0]);
	t.like(await readSocksReply(asking), { rep: 0, host: '127.0.0.1' });
	const origin = await startTcpOrigin(t, echo);
	t.is(await ask(t, gateway, origin.port), 'ok');
	t.deepEqual(mute.asked, [`127.0.0.1:${origin.port}`], 'the first of the list is still the first');
});

needs(
	test,
	'microsocks',
	'danted',
	'squid',
	'tinyproxy',
)(
	'a chain of four programs loses a member of its entry under load, and no client that came later hears of it',
	async (t) => {
		const [one, two] = [await startMicrosocks(t), await startMicrosocks(t)];
		const [dante, squid, tiny] = [await startDanted(t), await startSquid(t), await startTinyproxy(t)];
		const origin = await startTcpOrigin(t, echo);
		const via = ['entry', dante.url, squid.url, tiny.url].map((hop) => `"${hop}"`).join();
		const gateway = await gatewayWith(
			t,
			`route = "four"
upstream = [{ tag = "four", via = [${via}] }]
[[group]]
tag = "entry"
members = ["${one.url}", "${two.url}"]
strategy = "round-robin"
eject.rest = "250ms"
`,
		);
		/** What clients hear that come from now on, so many at once, until `over`. */
		const load = async (over: () => boolean): Promise<string[]> => {
			const heard: string[] = [];
			const lane = async (): Promise<void> => {
				while (!over()) heard.push(await ask(t, gateway, origin.port));
			};
			await Promise.all([lane(), lane(), lane(), lane()]);
			return heard;
		};
		let killed = false;
		const before = load(() => killed);
		await gateway.record(({ cause }) => cause === 'closed');
		process.kill(one.pid, 'SIGKILL');
		await gateway.record(({ msg, exit }) => msg === 'exit ejected' && exit === 'entry:1');
		killed = true;
		const heard = await before;
		t.true(heard.filter((said) => said !== 'ok').length <= 4, `more than were in flight: ${heard.join()}`);
		let restored = false;
		const after = load(() => restored);
		const again = startProcess(t, program('microsocks'), ['-i', '127.0.0.1', '-p', `${one.port}`], { stdio: 'ignore' });
		await accepting(one.port, again);
		await gateway.record(({ msg, exit }) => msg === 'exit restored' && exit === 'entry:1');
		restored = true;
		t.deepEqual([...new Set(await after)], ['ok']);
	},
);

test('a pool in which everything is wrong serves by what is right, and names each by its line once', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const good = await startMiniHop(t, 'socks5');
	const refuser = await startMiniHop(t, 'socks5', { refuse: Buffer.of(5, 2, 0, 1, 0, 0, 0, 0, 0, 0) });
	const [dead, other, mutes] = [
		await refusingPort(),
		await startTcpOrigin(t, banner('220 mail.example ESMTP\r\n')),
		await startTcpOrigin(t, mute),
	];
	const file = join(temporaryFolder(t), 'list');
	const lines = [
		'# a list',
		'<!DOCTYPE html>',
		`127.0.0.1:${dead}`,
		`127.0.0.1:${other.port}`,
		`127.0.0.1:${mutes.port}`,
		`127.0.0.1:${refuser.port}`,
		`127.0.0.1:${good.port}`,
		`127.0.0.1:${good.port}`,
		'garbage',
	];
	writeFileSync(file, lines.join('\n'));
	const gateway = await gatewayWith(
		t,
		`[[group]]
tag = "pool"
file = "${file}"
scheme = "socks5"
strategy = "round-robin"
attempt = "100ms"
tries = 5
eject = { after = 1, rest = "1h", longest = "1h", floor = 20 }
`,
	);
	t.like(await gateway.record(({ msg }) => msg === 'lines of a list left out'), {
		group: 'pool',
		badLines: 2,
		lines: [2, 9],
		repeated: 1,
	});
	for (let i = 0; i < 10; i++) t.is(await ask(t, gateway, origin.port), 'ok');
	const ejected = gateway.records.filter(({ msg }) => msg === 'exit ejected').map(({ exit }) => String(exit));
	t.deepEqual(
		ejected.toSorted((a, b) => a.localeCompare(b)),
		['pool:3', 'pool:4'],
	);
	t.is(dialsOf(mutes.sockets.length, refuser.asked.length), 'few');
	for (const port of [dead, other.port, mutes.port, refuser.port, good.port])
		t.false(gateway.output.includes(`${port}`), 'the log has no address of a member');
});

/** Neither is asked for each of ten tunnels: the site is remembered. */
function dialsOf(...counts: number[]): string {
	return counts.every((count) => count < 10) ? 'few' : counts.join();
}

test('the gateway is no member of its own pool, under any of its names', async (t) => {
	const file = join(temporaryFolder(t), 'list');
	writeFileSync(file, '192.0.2.1:9\n');
	const config = `[[group]]\ntag = "pool"\nfile = "${file}"\nscheme = "http"\neject.after = 1\n`;
	const gateway = await gatewayWith(t, config);
	const origin = await startTcpOrigin(t, echo);
	const replaced = gateway.record(({ msg, members }) => msg === 'list read' && members === 2);
	writeFileSync(`${file}.new`, `127.0.0.1:${gateway.port}\nlocalhost:${gateway.port}\n`);
	renameSync(`${file}.new`, file);
	await replaced;
	t.is(await ask(t, gateway, origin.port), '503');
	t.like(await gateway.record(({ msg }) => msg === 'exit ejected'), { why: 'proxy_loop_detected' });
	t.is(origin.sockets.length, 0);
	await gateway.record(({ msg }) => msg === 'flow');
	t.is(gateway.records.filter(({ msg }) => msg === 'flow').length, 1, 'not one connection came back to it');
});

test('a list that is emptied or replaced by a page changes nothing; a good one is taken', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const [one, two] = [await startMiniHop(t, 'http'), await startMiniHop(t, 'http')];
	const file = join(temporaryFolder(t), 'list');
	writeFileSync(file, `127.0.0.1:${one.port}\n`);
	const gateway = await gatewayWith(t, `[[group]]\ntag = "pool"\nfile = "${file}"\n`);
	for (const bad of ['', '<html>\n<body>\n']) {
		const count = gateway.records.filter(({ msg }) => msg === 'list refused').length;
		writeFileSync(file, bad);
		await gateway.record(() => gateway.records.filter(({ msg }) => msg === 'list refused').length > count);
		t.is(await ask(t, gateway, origin.port), 'ok');
	}
	t.is(readFileSync(file, 'utf8'), '<html>\n<body>\n');
	const lists = gateway.records.filter(({ msg }) => msg === 'list read').length;
	writeFileSync(file, `127.0.0.1:${two.port}\n`);
	await gateway.record(() => gateway.records.filter(({ msg }) => msg === 'list read').length > lists);
	t.is(await ask(t, gateway, origin.port), 'ok');
	t.deepEqual([one.asked.length, two.asked.length], [2, 1]);
});

test('an entry that says yes and then nothing is passed over inside one dial', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const silent = await startTcpOrigin(t, (socket) => socket.end());
	const liar = await startMiniHop(t, 'socks5', { lead: () => silent.port });
	const [good, exit] = [await startMiniHop(t, 'socks5'), await startMiniHop(t, 'http')];
	const gateway = await gatewayWith(
		t,
		`upstream = ["entry,http://127.0.0.1:${exit.port}"]
[[group]]
tag = "entry"
members = ["socks5://127.0.0.1:${liar.port}", "socks5://127.0.0.1:${good.port}"]
strategy = "failover"
`,
	);
	for (let i = 0; i < 3; i++) t.is(await ask(t, gateway, origin.port), 'ok');
	t.is(liar.asked.length, 3);
	t.is(good.asked.length, 3);
});

test('a member that says yes and then nothing, to one site after the other, is ejected; a client that says nothing proves nothing', async (t) => {
	const silent = await startTcpOrigin(t, (socket) =>
		socket.on('data', () => socket.end()).on('end', () => socket.end()),
	);
	const origin = await startTcpOrigin(t, echo);
	const liar = await startMiniHop(t, 'socks5', { lead: () => silent.port });
	const good = await startMiniHop(t, 'socks5', { lead: () => origin.port });
	const gateway = await gatewayWith(
		t,
		`[[group]]
tag = "pool"
members = ["socks5://127.0.0.1:${liar.port}", "socks5://127.0.0.1:${good.port}"]
strategy = "failover"
eject = { after = 1, rest = "1h", longest = "1h" }
`,
	);
	const visit = async (site: string, words: string): Promise<string> => {
		const client = await connectRaw(t, gateway.port);
		client.write(handshakeOf('connect', site, 80));
		t.true((await readReply(client, 'connect')).granted);
		client.end(words);
		return (await client.readToEnd()).bytes.toString();
	};
	for (const site of ['one.example', 'two.example', 'three.example']) t.is(await visit(site, ''), '');
	t.is(await visit('one.example', 'ping'), '');
	t.is(await visit('www.one.example', 'ping'), '');
	t.is(await visit('two.example', 'ping'), '');
	t.like(await gateway.record(({ msg }) => msg === 'exit ejected'), { exit: 'pool:1', why: 'nothing came' });
	t.is(await visit('one.example', 'ping'), 'ping');
});
