import { once } from 'node:events';
import test from 'ava';
import { GatewayError } from '../../lib/core/error.ts';
import { Resolver } from '../../lib/io/resolve.ts';
import { chain } from '../../lib/outbound/chain.ts';
import { chainOf, dialThrough, localResolver } from '../helpers/chains.ts';
import { failureOf, readLink } from '../helpers/dial.ts';
import { startDns, zone } from '../helpers/dns-server.ts';
import { startDanted, startMicrosocks, startTinyproxy } from '../helpers/hops.ts';
import { startMiniHop } from '../helpers/mini-hops.ts';
import { needs } from '../helpers/programs.ts';
import { banner, echo, left, mute, refusingPort, startTcpOrigin } from '../helpers/tcp-origins.ts';

test('hops of every kind in one chain: bytes, half-close, early bytes of every hop in order', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const hops = [
		['socks5', await startMiniHop(t, 'socks5')],
		['https', await startMiniHop(t, 'http', { secure: true })],
		['socks4a', await startMiniHop(t, 'socks4')],
		['https', await startMiniHop(t, 'http', { secure: true })],
		['http', await startMiniHop(t, 'http')],
		['socks4', await startMiniHop(t, 'socks4', { early: 'early, ' })],
	] as const;
	const outbound = chainOf(
		t,
		hops.map(([scheme, hop]) => `${scheme}://127.0.0.1:${hop.port}`),
	);
	const link = await dialThrough(t, outbound, origin.port);
	const sent = Buffer.alloc(500_000, 'there and back ');
	link.write(sent);
	link.closeWrite();
	t.true(Buffer.concat([Buffer.from('early, '), sent]).equals(await readLink(link)));
	const ports = [...hops.slice(1).map(([, hop]) => hop.port), origin.port];
	t.deepEqual(
		hops.flatMap(([, hop]) => hop.asked),
		ports.map((port) => `127.0.0.1:${port}`),
	);
});

test('the first hop is found by our resolver, the others and the target by the hop before them', async (t) => {
	const dns = await startDns(t, zone({ 'first.example': { addresses: ['127.0.0.1'] } }));
	const resolver = new Resolver({ servers: [dns.address], hostsFile: null });
	t.teardown(() => resolver.close());
	const origin = await startTcpOrigin(t, echo);
	const [first, second] = [await startMiniHop(t, 'socks5'), await startMiniHop(t, 'http')];
	const urls = [`socks5://first.example:${first.port}`, `http://second.example:${second.port}`];
	await dialThrough(t, chainOf(t, urls, { resolver }), origin.port, {}, 'www.example');
	t.deepEqual(first.asked, [`second.example:${second.port}`]);
	t.deepEqual(second.asked, [`www.example:${origin.port}`]);
	t.true(dns.questions.every(({ name }) => name === 'first.example'));
});

test('the exit policy does not judge the hops that the operator chose', async (t) => {
	const dns = await startDns(t, zone({ 'hop.example A': { addresses: ['127.0.0.1'] } }));
	const resolver = new Resolver({ servers: [dns.address], hostsFile: null });
	t.teardown(() => resolver.close());
	const origin = await startTcpOrigin(t, echo);
	const [first, second] = [await startMiniHop(t, 'socks4'), await startMiniHop(t, 'socks5')];
	const urls = [`socks4://hop.example:${first.port}`, `socks5://hop.example:${second.port}`];
	const permits = () => new GatewayError('destination_ip_prohibited', { phase: 'policy' });
	await dialThrough(t, chainOf(t, urls, { resolver }), origin.port, { permits });
	t.deepEqual(second.asked, [`127.0.0.1:${origin.port}`]);
});

test('the hop that cannot be reached is named, wherever it stands', async (t) => {
	const good = `socks5://127.0.0.1:${(await startMiniHop(t, 'socks5')).port}`;
	const bad = `http://127.0.0.1:${await refusingPort()}`;
	for (const [urls, hop] of [
		[[bad, good, good], 'up#1'],
		[[good, bad, good], 'up#2'],
		[[good, good, bad], 'up#3'],
	] as const) {
		const error = await failureOf(dialThrough(t, chainOf(t, urls), 9));
		t.like(error, { code: 'hop_unavailable', side: 'hop', phase: 'hop', retry: 'next', hop });
	}
});

const socks5No = (rep: number) => Buffer.of(5, rep, 0, 1, 0, 0, 0, 0, 0, 0);

test('what a hop says of the next one is about the next one, and kept as the cause', async (t) => {
	const first = await startMiniHop(t, 'socks5', { refuse: socks5No(5) });
	const urls = [`socks5://127.0.0.1:${first.port}`, 'http://127.0.0.1:9'];
	const error = await failureOf(dialThrough(t, chainOf(t, urls), 9));
	t.like(error, { code: 'hop_unavailable', hop: 'up#2', note: 'connection_refused' });
	t.like(error.cause, { code: 'connection_refused', hop: 'up#1' });
});

test('a hop that fails by itself is named, however many come behind it', async (t) => {
	const first = await startMiniHop(t, 'socks5', { refuse: socks5No(1) });
	const urls = [`socks5://127.0.0.1:${first.port}`, 'http://127.0.0.1:9', 'http://127.0.0.1:9'];
	t.like(await failureOf(dialThrough(t, chainOf(t, urls), 9)), { code: 'hop_unavailable', hop: 'up#1' });
	const plain = await startTcpOrigin(t, banner('220 no TLS here\r\n'));
	const tls = [`https://127.0.0.1:${plain.port}`, 'http://127.0.0.1:9', 'http://127.0.0.1:9'];
	t.like(await failureOf(dialThrough(t, chainOf(t, tls), 9)), { code: 'tls_protocol_error', hop: 'up#1' });
});

test('a cause travels back through a chain unchanged', async (t) => {
	const last = await startMiniHop(t, 'socks5', { refuse: socks5No(5) });
	const [first, second] = [await startMiniHop(t, 'http'), await startMiniHop(t, 'socks4')];
	const urls = [
		`http://127.0.0.1:${first.port}`,
		`socks4a://127.0.0.1:${second.port}`,
		`socks5://127.0.0.1:${last.port}`,
	];
	const error = await failureOf(dialThrough(t, chainOf(t, urls), 9));
	t.like(error, { code: 'connection_refused', side: 'target', retry: 'no', hop: 'up#3' });
});

test('a client that leaves closes every connection of the chain', async (t) => {
	const silent = await startTcpOrigin(t, mute);
	const first = await startMiniHop(t, 'socks5');
	const abort = new AbortController();
	const urls = [`socks5://127.0.0.1:${first.port}`, `http://127.0.0.1:${silent.port}`];
	const dialling = failureOf(dialThrough(t, chainOf(t, urls), 9, { signal: abort.signal }));
	const socket = await silent.take();
	await once(socket, 'data');
	abort.abort();
	t.like(await dialling, { code: 'connection_terminated', side: 'client', hop: undefined });
	await left(socket);
	await left(first.sockets[0]!);
});

test('a chain of one is that hop; names travel as its last hop lets them', (t) => {
	const deps = { resolver: localResolver(t) };
	const one = chainOf(t, ['http://127.0.0.1:9'], deps);
	t.like(one, { type: 'http', tag: 'up', namesTravel: true });
	t.false(chainOf(t, ['socks5://127.0.0.1:9', 'socks4://127.0.0.1:9'], deps).namesTravel);
	t.true(chainOf(t, ['socks4://127.0.0.1:9', 'socks5://127.0.0.1:9'], deps).namesTravel);
});

test('a chain without hops, or with a hop that is nowhere, is not made', (t) => {
	const deps = { resolver: localResolver(t) };
	t.throws(() => chain({ tag: 'up', hops: [] }, deps), { message: 'a chain needs a hop' });
	const hop = { type: 'http', host: 'no host', port: 1, user: null, password: null } as const;
	t.throws(() => chain({ tag: 'up', hops: [hop] }, deps), { message: 'a hop needs a host' });
});

needs(
	test,
	'microsocks',
	'tinyproxy',
	'danted',
)('programs of three authors in one chain, in every order', async (t) => {
	const hops = await Promise.all([startMicrosocks(t), startTinyproxy(t), startDanted(t)]);
	const [a, b, c] = hops.map(({ url }) => url) as [string, string, string];
	const origin = await startTcpOrigin(t, banner('220 ready\r\n'));
	for (const urls of [
		[a, b, c],
		[a, c, b],
		[b, a, c],
		[b, c, a],
		[c, a, b],
		[c, b, a],
	]) {
		const link = await dialThrough(t, chainOf(t, urls), origin.port);
		(await origin.take()).end();
		t.is((await readLink(link)).toString(), '220 ready\r\n');
	}
});
