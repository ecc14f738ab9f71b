import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { MemorySessions } from '../../lib/balance/session-store.ts';
import type { Flow } from '../../lib/core/flow.ts';
import { type Ip, parseIp } from '../../lib/core/ip.ts';
import type { Session } from '../../lib/core/session.ts';
import { targetOfHost } from '../../lib/core/target.ts';
import { dialTarget } from '../../lib/io/connect.ts';
import { Egress, type EgressDeps, type EgressOptions } from '../../lib/io/egress.ts';
import { Reactor } from '../../lib/io/reactor.ts';
import { type Prefix, parsePrefix } from '../../lib/policy/prefix.ts';
import { contextOf, failureOf } from '../helpers/dial.ts';
import { inNamespace } from '../helpers/namespace.ts';
import { needs } from '../helpers/programs.ts';
import { SESSION as ANY_SESSION } from '../helpers/sessions.ts';
import { startTcpOrigin, type TcpOrigin } from '../helpers/tcp-origins.ts';

const LOOPBACK = 0x7f000001;
const live = new AbortController().signal;

const SESSION: Session = { ...ANY_SESSION, ttlMs: 60_000 };

function flowOf(part: Partial<Flow> = {}): Flow {
	return { session: null, user: null, client: '192.0.2.1', ...part } as Flow;
}

function egressOf(source: string[], options: Partial<EgressOptions> = {}, deps: Partial<EgressDeps> = {}): Egress {
	const prefixes = source.map((text) => parsePrefix(text) as Prefix);
	const sessions = new MemorySessions({ limit: 100, limitPerOwner: 100 });
	const all = { tag: 'direct', source: prefixes, strategy: 'random', mark: 0, device: '', ...options } as const;
	return new Egress(all, { sessions, secret: randomBytes(32), ...deps });
}

/** Who the origin sees. */
async function seen(
	t: ExecutionContext,
	origin: TcpOrigin,
	egress: Egress,
	flow: Flow = flowOf(),
	reactor: Reactor | null = null,
): Promise<string> {
	const link = await egress.connect(LOOPBACK, origin.port, { side: 'target', signal: live, reactor }, flow);
	t.teardown(() => link.destroy());
	return (await origin.take()).remoteAddress as string;
}

const NATIVE = Reactor.create();
const HOW: readonly (readonly [string, Partial<EgressDeps>, Reactor | null])[] = [
	['by system calls', {}, NATIVE],
	['by system calls and node\u2019s streams', {}, null],
	['by node alone', { calls: null }, NATIVE],
];

for (const [how, deps, reactor] of HOW) {
	test(`connections leave from the sources and from nowhere else, ${how}`, async (t) => {
		const origin = await startTcpOrigin(t);
		const egress = egressOf(['127.0.0.16/29', '127.0.1.1'], {}, deps);
		const from = new Set<string>();
		for (let i = 0; i < 60; i++) from.add(await seen(t, origin, egress, flowOf(), reactor));
		const all = [17, 18, 19, 20, 21, 22].map((last) => `127.0.0.${last}`);
		t.deepEqual([...from].toSorted(), [...all, '127.0.1.1']);
	});

	test(`an address that is not of this machine costs a try, and its prefix is told of once, ${how}`, async (t) => {
		const origin = await startTcpOrigin(t);
		const notes: unknown[] = [];
		const note: EgressDeps['note'] = (level, event, facts) => void notes.push([level, event, facts]);
		const egress = egressOf(['198.51.100.0/28', '127.0.0.16/29'], {}, { ...deps, note });
		for (let i = 0; i < 20; i++) t.regex(await seen(t, origin, egress, flowOf(), reactor), /^127\.0\.0\./);
		t.deepEqual(notes, [['warn', 'source is not an address of this machine', { source: '198.51.100.0/28' }]]);
	});

	test(`where no source does, the dial fails and names no target, ${how}`, async (t) => {
		const egress = egressOf(['198.51.100.0/28'], {}, deps);
		const dial = () => egress.connect(LOOPBACK, 9, { side: 'target', signal: live, reactor }, flowOf());
		t.like(await failureOf(dial()), {
			code: 'connection_limit_reached',
			side: 'gateway',
			note: 'source EADDRNOTAVAIL',
		});
		t.like(await failureOf(dial()), { code: 'proxy_configuration_error', side: 'gateway', note: 'no source does' });
	});
}

test('a refusal of the target is the target\u2019s, and no other source is tried', async (t) => {
	const egress = egressOf(['127.0.0.16/29']);
	const error = await failureOf(egress.connect(LOOPBACK, 1, { side: 'target', signal: live }, flowOf()));
	t.like(error, { code: 'connection_refused', side: 'target' });
});

test('a session keeps its source, and another one has another', async (t) => {
	const origin = await startTcpOrigin(t);
	const egress = egressOf(['127.1.0.0/16']);
	const first = await seen(t, origin, egress, flowOf({ session: SESSION }));
	for (let i = 0; i < 5; i++) t.is(await seen(t, origin, egress, flowOf({ session: SESSION })), first);
	t.not(await seen(t, origin, egress, flowOf({ session: { ...SESSION, key: 'other' } })), first);
	const many = await Promise.all(
		Array.from({ length: 5 }, () => seen(t, origin, egress, flowOf({ session: { ...SESSION, key: 'at once' } }))),
	);
	t.is(new Set(many).size, 1);
});

test('a soft session whose source has gone gets another, a strict one fails', async (t) => {
	const origin = await startTcpOrigin(t);
	const sessions = new MemorySessions({ limit: 100, limitPerOwner: 100 });
	sessions.put('direct 4\nk', '127.0.9.9', 60_000, 'user alice', null);
	sessions.put('direct 4\nl', '198.51.100.3', 60_000, 'user alice', null);
	const egress = egressOf(['127.0.0.16/29', '198.51.100.0/28'], {}, { sessions });
	const dial = (session: Session) =>
		egress.connect(LOOPBACK, origin.port, { side: 'target', signal: live }, flowOf({ session }));
	const strict = { ...SESSION, strict: true };
	t.is((await failureOf(dial(strict))).code, 'hop_unavailable', 'it is no source any more');
	t.is(
		(await failureOf(dial({ ...strict, key: 'l' }))).code,
		'hop_unavailable',
		'it is not this machine\u2019s any more',
	);
	t.regex(await seen(t, origin, egress, flowOf({ session: SESSION })), /^127\.0\.0\./);
	t.regex(await seen(t, origin, egress, flowOf({ session: { ...SESSION, key: 'l' } })), /^127\.0\.0\./);
	t.regex(String(sessions.get('direct 4\nl', null)), /^127\.0\.0\./);
});

test('sticky is by user, and by client where there is none', async (t) => {
	const origin = await startTcpOrigin(t);
	const egress = egressOf(['127.1.0.0/16'], { strategy: 'sticky' });
	const alice = await seen(t, origin, egress, flowOf({ user: 'alice' }));
	t.is(await seen(t, origin, egress, flowOf({ user: 'alice', client: '192.0.2.9' })), alice);
	const client = await seen(t, origin, egress);
	t.is(await seen(t, origin, egress), client);
	t.not(client, alice);
});

test('only what is made anew each time rotates', (t) => {
	t.true(egressOf(['127.0.0.16/29']).rotates(null));
	t.false(egressOf(['127.0.0.16/29']).rotates(SESSION));
	t.true(egressOf(['127.0.0.16/29']).rotates({ ...SESSION, key: null, exit: 'de' }));
	t.false(egressOf(['127.0.0.16/29'], { strategy: 'sticky' }).rotates(null));
	t.false(egressOf([], { mark: 7 }).rotates(null));
});

test('a target of a family without a source cannot be reached, and of a name the other family is dialled', async (t) => {
	const origin = await startTcpOrigin(t, () => {}, '::1');
	const reverse = () => Promise.reject(new Error('not asked'));
	const resolver = {
		reverse,
		resolve: () => Promise.resolve([parseIp('2001:db8::1') as Ip, LOOPBACK, parseIp('::1') as Ip]),
	};
	const four = { resolver, egress: egressOf(['127.0.0.16/29']) };
	const six = {
		resolver: { reverse, resolve: () => Promise.resolve([LOOPBACK, parseIp('::1') as Ip]) },
		egress: egressOf(['::1']),
	};
	const judged: Ip[] = [];
	const permits = (ip: Ip) => {
		judged.push(ip);
		return null;
	};
	const context = contextOf({ flow: flowOf(), permits });
	const name = targetOfHost('www.example.com', origin.port)!;
	t.is((await failureOf(dialTarget(name, context, four, { side: 'target' }))).code, 'connection_refused');
	t.deepEqual(judged, [LOOPBACK]);
	const link = await dialTarget(name, context, six, { side: 'target' });
	link.destroy();
	t.is((await origin.take()).remoteAddress, '::1');
	const literal = dialTarget(targetOfHost('[::1]', origin.port)!, context, four, { side: 'target' });
	t.like(await failureOf(literal), { code: 'destination_ip_unroutable', note: 'no source of this family' });
});

test('a mark or a device that cannot be had fails the dial instead of leaving without it', async (t) => {
	const dial = (options: Partial<EgressOptions>, deps: Partial<EgressDeps> = {}) =>
		egressOf([], options, deps).connect(LOOPBACK, 9, { side: 'target', signal: live }, flowOf());
	t.like(await failureOf(dial({ mark: 7 }, { calls: null })), {
		code: 'proxy_configuration_error',
		note: 'source ENOSYS',
	});
	t.like(await failureOf(dial({ device: 'nowhere0' })), { code: 'proxy_configuration_error', note: 'source ENODEV' });
});

test('a connection may be bound to a device', async (t) => {
	const origin = await startTcpOrigin(t);
	t.is(await seen(t, origin, egressOf(['127.0.0.17'], { device: 'lo' })), '127.0.0.17');
});

const WORLD = join(import.meta.dirname, '../helpers/egress-world.ts');
const SETUP = 'ip -6 route add local 2001:db8:1::/64 dev lo; ip route add local 198.51.100.0/28 dev lo';
const SOURCES = ['2001:db8:1::/64', '198.51.100.0/28'];

interface Peers {
	readonly peers: readonly string[];
}

needs(
	test,
	'unshare',
	'ip',
)('a routed /64 gives every connection an address of its own', async (t) => {
	const { peers } = await inNamespace<Peers>(t, SETUP, WORLD, ['tunnels', '::1', '300', ...SOURCES]);
	t.is(new Set(peers).size, 300);
	for (const peer of peers) t.regex(peer, /^2001:db8:1:0?:/);
});

needs(
	test,
	'unshare',
	'ip',
)('a hundred requests on one kept-alive connection leave from a hundred addresses', async (t) => {
	const { peers } = await inNamespace<Peers>(t, SETUP, WORLD, ['requests', '::1', '100', ...SOURCES]);
	t.is(new Set(peers).size, 100);
});

needs(
	test,
	'unshare',
	'ip',
)('a /28 is used evenly, network and broadcast apart', async (t) => {
	const { peers } = await inNamespace<Peers>(t, SETUP, WORLD, ['tunnels', '127.0.0.1', '420', ...SOURCES]);
	const counts = [...Map.groupBy(peers, (peer) => peer)].map(([, all]) => all.length);
	t.is(counts.length, 14);
	for (const count of counts) t.true(count >= 10 && count <= 60, counts.join(' '));
});

needs(
	test,
	'unshare',
	'ip',
)('by system calls an address has a port for each target; by node it has each port once', async (t) => {
	const narrow = `${SETUP}; echo "40000 40099" > /proc/sys/net/ipv4/ip_local_port_range`;
	const { opened, codes } = await inNamespace<{ opened: Record<string, number>; codes: Record<string, string> }>(
		t,
		narrow,
		WORLD,
		['ports', '198.51.100.7', '160'],
	);
	t.deepEqual(opened.native, 160);
	t.true(opened.node! <= 100);
	t.deepEqual(codes, { node: 'connection_limit_reached' });
});

test('what leaves from a source is counted until it is gone', async (t) => {
	const origin = await startTcpOrigin(t);
	const egress = egressOf(['127.0.0.16/29', '127.0.1.1']);
	const open = (): number[] => egress.uses.map((use) => use.open);
	const session = { ...flowOf(), session: SESSION };
	const options = { side: 'target', signal: live, reactor: null } as const;
	t.deepEqual(
		egress.uses.map(({ source, addresses, rests }) => [source, addresses, rests]),
		[
			['127.0.0.16/29', 6, false],
			['127.0.1.1/32', 1, false],
		],
	);
	const links = [];
	for (const flow of [flowOf(), flowOf(), session, session])
		links.push(await egress.connect(LOOPBACK, origin.port, options, flow));
	t.is(open()[0]! + open()[1]!, 4);
	for (const link of links) {
		link.destroy();
		await link.gone();
	}
	t.deepEqual(open(), [0, 0]);
});
