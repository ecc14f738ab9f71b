import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import type { DialContext } from '../../lib/core/dialer.ts';
import { GatewayError } from '../../lib/core/error.ts';
import { formatIp, type Ip, parseIp } from '../../lib/core/ip.ts';
import type { Link } from '../../lib/core/link.ts';
import { targetOfHost, targetOfIp } from '../../lib/core/target.ts';
import { connectTcp, dialTarget } from '../../lib/io/connect.ts';
import { Resolver } from '../../lib/io/resolve.ts';
import { contextOf, countListeners, failureOf, readLink } from '../helpers/dial.ts';
import { type DnsReply, startDns, zone } from '../helpers/dns-server.ts';
import { engines } from '../helpers/engines.ts';
import { until } from '../helpers/process.ts';
import { echo, refusingPort, startBlackhole, startTcpOrigin } from '../helpers/tcp-origins.ts';

const LOOPBACK = 0x7f000001;
const live = new AbortController().signal;

/** Connections to a port of 127.0.0.1 whose SYN is unanswered (proc(5), net/tcp: state 02). */
function unanswered(port: number): number {
	const remote = new RegExp(` 0100007F:${port.toString(16).toUpperCase().padStart(4, '0')} 02 `, 'g');
	return (readFileSync('/proc/net/tcp', 'latin1').match(remote) ?? []).length;
}

for (const { name, reactor } of engines) {
	test(`${name}: a connected link carries bytes both ways and a half-close`, async (t) => {
		const origin = await startTcpOrigin(t, echo);
		const link = await connectTcp(LOOPBACK, origin.port, { side: 'target', signal: live, reactor });
		t.teardown(() => link.destroy());
		link.write(Buffer.from('there and back'));
		link.closeWrite();
		t.is((await readLink(link)).toString(), 'there and back');
	});

	test(`${name}: nothing is lost that the far side said before anybody read`, async (t) => {
		const origin = await startTcpOrigin(t, (socket) => socket.end('banner'));
		const link = await connectTcp(LOOPBACK, origin.port, { side: 'target', signal: live, reactor });
		t.teardown(() => link.destroy());
		await origin.take();
		t.is((await readLink(link)).toString(), 'banner');
	});

	test(`${name}: a refusal is a refusal of the far side, and its error holds no address`, async (t) => {
		const port = await refusingPort();
		const error = await failureOf(connectTcp(LOOPBACK, port, { side: 'target', signal: live, reactor }));
		t.like(error, { code: 'connection_refused', side: 'target', phase: 'connect', retry: 'no', note: 'ECONNREFUSED' });
		t.is(error.cause, undefined);
		t.false(`${error.message}${error.note}`.includes('127.0.0.1'));
	});

	test(`${name}: an address that this machine cannot dial is unroutable, one that its rules forbid is prohibited`, async (t) => {
		const multicast = parseIp('ff02::1') as Ip;
		t.is(
			(await failureOf(connectTcp(multicast, 9, { side: 'target', signal: live, reactor }))).code,
			'destination_ip_unroutable',
		);
		const broadcast = parseIp('255.255.255.255') as Ip;
		t.regex(
			(await failureOf(connectTcp(broadcast, 9, { side: 'target', signal: live, reactor }))).code,
			/^destination_ip_/,
		);
	});

	test(`${name}: an abort closes the socket at once and leaves nothing on the signal`, async (t) => {
		const port = await startBlackhole(t);
		const before = unanswered(port);
		const abort = new AbortController();
		const listeners = countListeners(abort.signal);
		const connecting = connectTcp(LOOPBACK, port, { side: 'target', signal: abort.signal, reactor });
		await until(
			'a SYN is out',
			() => unanswered(port),
			(count) => count === before + 1,
		);
		t.is(listeners(), 1);
		abort.abort();
		t.like(await failureOf(connecting), { code: 'connection_terminated', side: 'client' });
		await until(
			'the socket is gone',
			() => unanswered(port),
			(count) => count === before,
		);
		t.is(listeners(), 0);
	});

	test(`${name}: an abort ends with its reason when that is an error of ours, before and during a connect`, async (t) => {
		const reason = new GatewayError('connection_timeout', { side: 'target' });
		const port = await startBlackhole(t);
		const abort = new AbortController();
		const connecting = connectTcp(LOOPBACK, port, { side: 'target', signal: abort.signal, reactor });
		abort.abort(reason);
		t.is(await failureOf(connecting), reason);
		t.is(await failureOf(connectTcp(LOOPBACK, port, { side: 'target', signal: abort.signal, reactor })), reason);
	});

	test(`${name}: nothing is left on the signal of a connect that succeeded or failed`, async (t) => {
		const origin = await startTcpOrigin(t);
		const { signal } = new AbortController();
		const listeners = countListeners(signal);
		const link = await connectTcp(LOOPBACK, origin.port, { side: 'target', signal, reactor, limitMs: 60_000 });
		link.destroy();
		await failureOf(connectTcp(LOOPBACK, await refusingPort(), { side: 'target', signal, reactor, limitMs: 60_000 }));
		t.is(listeners(), 0);
	});

	test(`${name}: a limit gives one attempt up`, async (t) => {
		const port = await startBlackhole(t);
		const before = unanswered(port);
		const error = await failureOf(connectTcp(LOOPBACK, port, { side: 'hop', signal: live, reactor, limitMs: 20 }));
		t.like(error, { code: 'connection_timeout', side: 'hop', retry: 'next' });
		await until(
			'the socket is gone',
			() => unanswered(port),
			(count) => count <= before,
		);
	});
}

/** Dials `www.example`, which DNS says is at `a` and `aaaa`. */
async function dialName(
	t: ExecutionContext,
	port: number,
	records: Readonly<Record<'A' | 'AAAA', DnsReply>>,
	options: { context?: Partial<DialContext>; ip6?: boolean; attemptMs?: number } = {},
): Promise<Link> {
	const dns = await startDns(t, zone({ 'www.example A': records.A, 'www.example AAAA': records.AAAA }));
	const resolver = new Resolver(
		{ servers: [dns.address], hostsFile: '/dev/null' },
		{ prefersIp6: () => options.ip6 ?? false },
	);
	t.teardown(() => resolver.close());
	const target = targetOfHost('www.example', port)!;
	const attempt = options.attemptMs === undefined ? {} : { attemptMs: options.attemptMs };
	const link = await dialTarget(target, contextOf(options.context), { resolver }, { side: 'target', ...attempt });
	t.teardown(() => link.destroy());
	return link;
}

const at = (...addresses: string[]): DnsReply => ({ addresses });

test('an address is judged once more and dialled without a resolver', async (t) => {
	const origin = await startTcpOrigin(t, (socket) => socket.end('here'));
	const asked = (): Promise<never> => Promise.reject(new Error('asked for an address'));
	const resolver = { resolve: asked, reverse: asked };
	const target = targetOfIp(LOOPBACK, origin.port);
	const link = await dialTarget(target, contextOf(), { resolver }, { side: 'target' });
	t.teardown(() => link.destroy());
	t.is((await readLink(link)).toString(), 'here');
	const refusal = new GatewayError('destination_ip_prohibited', { phase: 'policy' });
	const refused = dialTarget(target, contextOf({ permits: () => refusal }), { resolver }, { side: 'target' });
	t.is(await failureOf(refused), refusal);
	t.is(origin.sockets.length, 1);
});

test('a name is dialled at its first address that answers', async (t) => {
	const origin = await startTcpOrigin(t, (socket) => socket.end('second'), '127.0.0.2');
	const link = await dialName(t, origin.port, { A: at('127.0.0.1', '127.0.0.2', '127.0.0.3'), AAAA: {} });
	t.is((await readLink(link)).toString(), 'second');
});

test('families take turns', async (t) => {
	const origin = await startTcpOrigin(t, (socket) => socket.end('IPv4'), '127.0.0.2');
	const records = { A: at('127.0.0.2'), AAAA: at('ff02::1') };
	t.is((await readLink(await dialName(t, origin.port, records, { ip6: true }))).toString(), 'IPv4');
	t.is((await readLink(await dialName(t, origin.port, records, { ip6: false }))).toString(), 'IPv4');
});

test('every address is judged, and one that is refused is never dialled', async (t) => {
	const origin = await startTcpOrigin(t, (socket) => socket.end('allowed'), '127.0.0.2');
	const server = createServer().listen(origin.port, '127.0.0.1');
	t.teardown(() => void server.close());
	await once(server, 'listening');
	server.on('connection', () => t.fail('dialled an address that was refused'));
	const judged: string[] = [];
	const permits = (ip: Ip) => {
		judged.push(formatIp(ip));
		return ip === LOOPBACK ? new GatewayError('destination_ip_prohibited', { phase: 'policy' }) : null;
	};
	const link = await dialName(t, origin.port, { A: at('127.0.0.1', '127.0.0.2'), AAAA: {} }, { context: { permits } });
	t.is((await readLink(link)).toString(), 'allowed');
	t.deepEqual(judged, ['127.0.0.1', '127.0.0.2']);
});

test('policy is the cause only when it left nothing to dial', async (t) => {
	const port = await refusingPort();
	const refusal = new GatewayError('destination_ip_prohibited', { phase: 'policy' });
	const records = { A: at('127.0.0.1', '127.0.0.2'), AAAA: {} };
	const none = { context: { permits: () => refusal } };
	t.is(await failureOf(dialName(t, port, records, none)), refusal);
	const one = { context: { permits: (ip: Ip) => (ip === LOOPBACK ? null : refusal) } };
	t.is((await failureOf(dialName(t, port, records, one))).code, 'connection_refused');
});

test('a missing route is the cause only when nothing got further', async (t) => {
	const port = await refusingPort();
	const both = { A: at('127.0.0.1'), AAAA: at('ff02::1') };
	t.is((await failureOf(dialName(t, port, both))).code, 'connection_refused');
	t.is((await failureOf(dialName(t, port, both, { ip6: true }))).code, 'connection_refused');
	const six = { A: {}, AAAA: at('ff02::1', 'ff02::2') };
	t.is((await failureOf(dialName(t, port, six))).code, 'destination_ip_unroutable');
});

test('a dead address does not use up the deadline of the others', async (t) => {
	const port = await startBlackhole(t);
	const server = createServer((socket) => socket.end('alive')).listen(port, '127.0.0.2');
	t.teardown(() => void server.close());
	await once(server, 'listening');
	const records = { A: at('127.0.0.1', '127.0.0.2'), AAAA: {} };
	t.is((await readLink(await dialName(t, port, records, { attemptMs: 50 }))).toString(), 'alive');
});

test('the deadline ends a dial between and within attempts', async (t) => {
	const port = await startBlackhole(t);
	const before = unanswered(port);
	const abort = new AbortController();
	const reason = new GatewayError('connection_timeout', { side: 'target' });
	const context = { context: { signal: abort.signal } };
	const dialling = failureOf(dialName(t, port, { A: at('127.0.0.1', '127.0.0.1', '127.0.0.1'), AAAA: {} }, context));
	await until(
		'a SYN is out',
		() => unanswered(port),
		(count) => count > before,
	);
	abort.abort(reason);
	t.is(await dialling, reason);
	await until(
		'the socket is gone',
		() => unanswered(port),
		(count) => count === before,
	);
});

test('a name is dialled at six addresses at most', async (t) => {
	const port = await refusingPort();
	const many = Array.from({ length: 12 }, (_, i) => `127.0.0.${i + 1}`);
	const judged: Ip[] = [];
	const permits = (ip: Ip) => {
		judged.push(ip);
		return null;
	};
	const dialling = dialName(t, port, { A: at(...many), AAAA: {} }, { context: { permits } });
	t.is((await failureOf(dialling)).code, 'connection_refused');
	t.is(judged.length, 6);
});

test('a name that is not found is that', async (t) => {
	const error = await failureOf(dialName(t, 9, { A: { rcode: 3 }, AAAA: { rcode: 3 } }));
	t.is(error.code, 'destination_not_found');
});
