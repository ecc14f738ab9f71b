import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { MemorySessions } from '../lib/balance/session-store.ts';
import type { GroupInput } from '../lib/config/config-exits.ts';
import { lineReader } from '../lib/config/member.ts';
import { resolveConfig } from '../lib/config/resolve.ts';
import { systemClock } from '../lib/core/clock.ts';
import type { Outbound } from '../lib/core/dialer.ts';
import { newFlow } from '../lib/core/flow.ts';
import { Ways } from '../lib/ways.ts';
import { localResolver } from './helpers/chains.ts';
import { contextOf, failureOf } from './helpers/dial.ts';
import { temporaryFolder } from './helpers/gateway-process.ts';
import { numbers, SITE } from './helpers/groups.ts';
import { startMiniHop } from './helpers/mini-hops.ts';
import { echo, startTcpOrigin } from './helpers/tcp-origins.ts';
import { startWebOrigin } from './helpers/web-origins.ts';

interface Made {
	readonly ways: Ways;
	/** `event: facts` of what was noted. */
	readonly notes: string[];
	readonly of: (tag: string) => Outbound;
	/** The exit of a new use. */
	readonly exit: (tag: string) => string;
}

function waysOf(t: ExecutionContext, input: Parameters<typeof resolveConfig>[0]): Made {
	const { upstreams, groups, route, egress, sources } = resolveConfig(input);
	const notes: string[] = [];
	const ways = new Ways(
		{
			upstreams,
			groups: groups.map((group) => ({ ...group, parse: lineReader(group.scheme) })),
			route,
			egress,
			sources,
		},
		{
			resolver: localResolver(t),
			clock: systemClock,
			sessions: new MemorySessions({ limit: 100, limitPerOwner: 100 }),
			secret: Buffer.alloc(32),
			random: numbers(),
			isListener: (_ip, port) => port === 1,
			note: (_level, event, facts) => void notes.push(`${event}: ${JSON.stringify(facts)}`),
		},
	);
	t.teardown(() => ways.close());
	const of = (tag: string): Outbound => ways.outbounds.find((outbound) => outbound.tag === tag)!;
	const exit = (tag: string): string => of(tag).choose!({ flow: newFlow(1, '', '', 0), target: SITE }).exit;
	return { ways, notes, of, exit };
}

async function asksFor(t: ExecutionContext, outbound: Outbound, port: number): Promise<void> {
	const link = await outbound.dial({ kind: 'ip4', host: '127.0.0.1', ip: 0x7f000001, port }, contextOf());
	t.teardown(() => link.destroy());
}

const tags = ({ ways }: Made): string => ways.outbounds.map(({ tag }) => tag).join();

test('the default route is the first upstream, else the first group, else direct, or what was said', (t) => {
	const group: GroupInput[] = [{ tag: 'pool', members: ['socks5://a'] }];
	t.is(tags(waysOf(t, {})), 'direct,block');
	t.is(tags(waysOf(t, { group })), 'pool,direct,block');
	t.is(tags(waysOf(t, { group, upstream: ['http://a:1'] })), 'upstream-1,pool,direct,block');
	t.is(tags(waysOf(t, { group, route: 'direct' })), 'direct,pool,block');
	t.is(tags(waysOf(t, { group, upstream: ['http://a:1'], route: 'pool' })), 'pool,upstream-1,direct,block');
});

test('groups stand at the beginning, in the middle and at the end of a chain, and in each other', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const hops = [await startMiniHop(t, 'socks5'), await startMiniHop(t, 'http'), await startMiniHop(t, 'socks4')];
	const [a, b, c] = hops.map(({ port }, i) => `${['socks5', 'http', 'socks4a'][i]}://127.0.0.1:${port}`);
	for (const via of [
		['first', b!, c!],
		[a!, 'second', c!],
		[a!, b!, 'third'],
		['first', 'second', 'third'],
		['outer', c!],
	]) {
		for (const hop of hops) (hop.asked as string[]).length = 0;
		const { of } = waysOf(t, {
			upstream: [{ tag: 'chain', via }],
			group: [
				{ tag: 'first', members: [a!] },
				{ tag: 'second', members: [b!] },
				{ tag: 'third', members: [c!] },
				{ tag: 'outer', members: ['first,second'] },
			],
		});
		await asksFor(t, of('chain'), origin.port);
		const ports = [...hops.slice(1).map(({ port }) => port), origin.port].map((port) => `127.0.0.1:${port}`);
		t.deepEqual(
			hops.map(({ asked }) => asked[0]),
			ports,
			via.join(),
		);
	}
});

test('a chain that ends in a group chooses its exit by use, and members are named by tag or line', (t) => {
	const { exit } = waysOf(t, {
		upstream: [
			{ tag: 'up', via: ['socks5://a', 'pool'] },
			{ tag: 'named', via: ['socks5://c'] },
		],
		group: [{ tag: 'pool', members: ['socks5://b', 'named', 'http://d:1,named'], strategy: 'round-robin' }],
	});
	t.is(['up', 'up', 'up', 'up', 'pool'].map(exit).join(), 'pool:1,named,pool:3,pool:1,pool:1');
});

test('a member that is this gateway is refused as a loop, whatever it is called', async (t) => {
	const { of } = waysOf(t, {
		upstream: ['http://127.0.0.1:1', 'http://localhost:1'],
		group: [{ tag: 'pool', members: ['http://127.0.0.1:1'] }],
	});
	for (const tag of ['upstream-1', 'upstream-2', 'pool'])
		t.like(await failureOf(of(tag).dial(SITE, contextOf())), { code: 'hop_unavailable', note: 'proxy_loop_detected' });
});

test('a direct member leaves from here, beside proxies', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const { of, exit } = waysOf(t, { group: [{ tag: 'pool', members: ['direct'] }] });
	await asksFor(t, of('pool'), origin.port);
	t.is(exit('pool'), 'direct');
});

test('a list is read once and known wherever its group stands', async (t) => {
	const file = join(temporaryFolder(t), 'list');
	writeFileSync(file, 'a:1\nnonsense\nb:2\na:1\n');
	const made = waysOf(t, {
		upstream: [{ tag: 'up', via: ['socks5://x', 'pool'] }],
		group: [
			{ tag: 'pool', file, strategy: 'failover' },
			{ tag: 'outer', members: ['pool'] },
		],
	});
	await made.ways.start();
	t.is(['up', 'pool', 'outer'].map(made.exit).join(), 'pool:1,pool:1,pool:1');
	t.deepEqual(made.notes, [
		'lines of a list left out: {"group":"pool","badLines":1,"lines":[2],"repeated":1}',
		'list read: {"group":"pool","members":2}',
	]);
});

test('a list from the web comes by the way out that is named; a page of HTML is none', async (t) => {
	let text = 'a:1\nb:2\n';
	const asked: (() => void)[] = [];
	const origin = await startWebOrigin(t, {
		handler: (_request, response) => {
			response.end(text);
			asked.shift()?.();
		},
	});
	const fetched = (): Promise<void> => new Promise((resolve) => asked.push(resolve));
	const hop = await startMiniHop(t, 'socks5');
	const made = waysOf(t, {
		upstream: [{ tag: 'up', via: [`socks5://127.0.0.1:${hop.port}`] }],
		group: [
			{ tag: 'pool', url: `http://127.0.0.1:${origin.port}/`, through: 'up', refresh: '20ms', strategy: 'failover' },
		],
	});
	await made.ways.start();
	while (!made.notes.some((note) => note.startsWith('list read'))) await fetched();
	t.is(made.exit('pool'), 'pool:1');
	t.is(hop.asked[0], `127.0.0.1:${origin.port}`);
	text = '<html>\n<body>\nc:3\n</html>\n';
	while (!made.notes.some((note) => note.startsWith('list not fetched'))) await fetched();
	t.true(made.notes.includes('list refused: {"group":"pool","members":1,"badLines":3}'));
	t.is(made.exit('pool'), 'pool:1');
	t.false(made.notes.join().includes('127.0.0.1'));
});

test('ten thousand members are read and chosen from', async (t) => {
	const file = join(temporaryFolder(t), 'list');
	const lines = Array.from({ length: 10_000 }, (_, i) => `10.${i >> 8}.${i & 255}.1:8080:user:pass${i}`);
	writeFileSync(file, lines.join('\n'));
	const made = waysOf(t, { group: [{ tag: 'pool', file }] });
	await made.ways.start();
	const exits = new Set(Array.from({ length: 1_000 }, () => made.exit('pool')));
	t.true(exits.size > 900);
});

test('what begins where another one was has its lists until they are read anew, if they come from the same place', async (t) => {
	const origin = await startWebOrigin(t, { handler: (_request, response) => response.end('a:1\n') });
	const silent = await startTcpOrigin(t);
	const group = (port: number): GroupInput => ({ tag: 'pool', url: `http://127.0.0.1:${port}/`, refresh: '20ms' });
	const first = waysOf(t, { group: [group(origin.port)] });
	await first.ways.start();
	while (first.exit('pool') !== 'pool:1') await new Promise((resolve) => setImmediate(resolve));
	const [next, other] = [waysOf(t, { group: [group(origin.port)] }), waysOf(t, { group: [group(silent.port)] })];
	const starting = next.ways.start(first.ways);
	t.is(next.exit('pool'), 'pool:1', 'before anything was read');
	await Promise.all([starting, other.ways.start(first.ways)]);
	t.is(other.exit('pool'), 'pool', 'nobody');
});

test('what begins where another one was knows whom to leave alone, at every place', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const hop = await startMiniHop(t, 'socks5');
	const input: Parameters<typeof resolveConfig>[0] = {
		group: [{ tag: 'pool', members: ['socks5://127.0.0.1:2', `socks5://127.0.0.1:${hop.port}`], eject: { after: 1 } }],
		upstream: [{ tag: 'behind', via: [`socks5://127.0.0.1:${hop.port}`, 'pool'] }],
	};
	const first = waysOf(t, input);
	for (const tag of ['pool', 'behind'])
		while (first.of(tag).members?.open !== 1) await asksFor(t, first.of(tag), origin.port);
	const next = waysOf(t, { ...input, limits: { burst: 7 } });
	await next.ways.start(first.ways);
	const one = { open: 1, ejected: 1, halfOpen: 0, total: 2 };
	t.deepEqual([next.of('pool').members, next.of('behind').members], [one, one]);
});
