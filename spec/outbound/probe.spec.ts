import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import { GatewayError } from '../../lib/core/error.ts';
import { targetOfHost } from '../../lib/core/target.ts';
import { parseHttpUrl } from '../../lib/io/fetch.ts';
import { type ProbeAsk, Prober } from '../../lib/outbound/probe.ts';
import { type Prefix, parsePrefix } from '../../lib/policy/prefix.ts';
import { chainOf } from '../helpers/chains.ts';
import { fakeMember, hopError, type Stand, specOf, standOf } from '../helpers/groups.ts';
import { startMiniHop } from '../helpers/mini-hops.ts';
import { banner, refusingPort, startTcpOrigin } from '../helpers/tcp-origins.ts';
import { startWebOrigin } from '../helpers/web-origins.ts';

const EAGER = { eject: { after: 1, restMs: 3_600_000, longestRestMs: 3_600_000, floorPercent: 0 } };

/** Probes until it has noted something; gives that. */
async function firstNote(t: ExecutionContext, stand: Stand, ask: ProbeAsk): Promise<unknown> {
	const prober = new Prober(stand.group, { ask, everyMs: 20, deadlineMs: 5_000, atOnce: 4 });
	t.teardown(() => prober.close());
	const noted = stand.noted();
	prober.start();
	const { facts, event } = await noted;
	return facts.why ?? event;
}

async function standOn(t: ExecutionContext, url: string): Promise<Stand> {
	const stand = standOf(1, 'failover', EAGER);
	const outbound = chainOf(t, [url]);
	const spare = fakeMember('spare', new GatewayError('connection_refused', { side: 'target', phase: 'hop' }));
	stand.group.replace([{ ...specOf(outbound), name: 'pool:1' }, specOf(spare)]);
	return stand;
}

const request = (port: number, part: { expect?: string; exits?: Prefix[] } = {}): ProbeAsk => ({
	kind: 'request',
	url: parseHttpUrl(`http://127.0.0.1:${port}/`)!,
	expect: '',
	exits: [],
	...part,
});

test('a member that nothing listens for is found by a connect', async (t) => {
	const stand = await standOn(t, `socks5://127.0.0.1:${await refusingPort()}`);
	t.is(await firstNote(t, stand, { kind: 'tcp' }), 'connection_refused');
});

test('a member that speaks another protocol is found by a way through it', async (t) => {
	const other = await startTcpOrigin(t, banner('220 mail here\r\n'));
	const stand = await standOn(t, `socks5://127.0.0.1:${other.port}`);
	const ask = { kind: 'tunnel', target: targetOfHost('127.0.0.1', 9)! } as const;
	t.regex(String(await firstNote(t, stand, ask)), /SOCKS5/);
});

test('who says that the target does not answer does its work', async (t) => {
	const hop = await startMiniHop(t, 'socks5');
	const stand = await standOn(t, `socks5://127.0.0.1:${hop.port}`);
	stand.group.health.failed(stand.group.roster.members[0]!, 'test');
	const ask = { kind: 'tunnel', target: targetOfHost('127.0.0.1', await refusingPort())! } as const;
	t.is(await firstNote(t, stand, ask), 'exit restored');
});

test('a member whose answer is another one, or comes from another address, is found by a request', async (t) => {
	const origin = await startWebOrigin(t, { handler: (_request, response) => response.end('192.0.2.7\n') });
	const hop = await startMiniHop(t, 'http');
	const ask = async (part: { expect?: string; exits?: Prefix[] }): Promise<unknown> => {
		const stand = await standOn(t, `http://127.0.0.1:${hop.port}`);
		return firstNote(t, stand, request(origin.port, part));
	};
	t.is(await ask({ expect: 'hello' }), 'probe: another answer');
	t.is(await ask({ exits: [parsePrefix('198.51.100.0/24') as Prefix] }), 'probe: another exit address');
});

test('a good answer brings an ejected member back before its time', async (t) => {
	const origin = await startWebOrigin(t, { handler: (_request, response) => response.end('192.0.2.7\n') });
	const hop = await startMiniHop(t, 'socks5');
	const stand = await standOn(t, `socks5://127.0.0.1:${hop.port}`);
	stand.group.health.failed(stand.group.roster.members[0]!, 'test');
	const exits = [parsePrefix('192.0.2.0/24') as Prefix];
	t.is(await firstNote(t, stand, request(origin.port, { expect: '192', exits })), 'exit restored');
});

test('no more members are asked at once than may be, and the next round waits', async (t) => {
	const stand = standOf(20, 'failover', EAGER);
	let [now, most] = [0, 0];
	const finish: (() => void)[] = [];
	for (const member of stand.members)
		member.dial = () => {
			most = Math.max(most, ++now);
			return new Promise((_, reject) =>
				finish.push(() => {
					now--;
					reject(hopError());
				}),
			);
		};
	const ask = { kind: 'tunnel', target: targetOfHost('192.0.2.1', 9)! } as const;
	const prober = new Prober(stand.group, { ask, everyMs: 3_600_000, deadlineMs: 5_000, atOnce: 3 });
	t.teardown(() => prober.close());
	prober.start();
	for (let i = 0; i < 20; i++) {
		while (finish.length === 0) await new Promise((resolve) => setImmediate(resolve));
		finish.shift()!();
	}
	for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve));
	t.deepEqual([most, now, finish.length], [3, 0, 0]);
});

test('closing ends the probes that are under way', async (t) => {
	const silent = await startTcpOrigin(t);
	const stand = await standOn(t, `socks5://127.0.0.1:${silent.port}`);
	const ask = { kind: 'tunnel', target: targetOfHost('192.0.2.1', 9)! } as const;
	const prober = new Prober(stand.group, { ask, everyMs: 20, deadlineMs: 60_000, atOnce: 1 });
	prober.start();
	const socket = await silent.take();
	const closed = once(socket, 'close');
	socket.resume();
	prober.close();
	socket.on('end', () => socket.end());
	await closed;
	t.deepEqual(stand.notes, []);
});
