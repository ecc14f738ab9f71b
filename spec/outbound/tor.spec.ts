import { randomBytes } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { MemorySessions } from '../../lib/balance/session-store.ts';
import type { Flow } from '../../lib/core/flow.ts';
import { targetOfHost } from '../../lib/core/target.ts';
import { chain } from '../../lib/outbound/chain.ts';
import { TorCredentials } from '../../lib/outbound/tor.ts';
import { localResolver } from '../helpers/chains.ts';
import { contextOf, failureOf } from '../helpers/dial.ts';
import { SESSION } from '../helpers/sessions.ts';
import { startTcpOrigin } from '../helpers/tcp-origins.ts';

function credentials(by: ConstructorParameters<typeof TorCredentials>[0]['by'], sessions?: MemorySessions) {
	const clock = { now: 0, nowMs: () => clock.now };
	const store = sessions ?? new MemorySessions({ limit: 10, limitPerOwner: 10 }, clock);
	const tor = new TorCredentials({ by, rotateMs: 0 }, { sessions: store, secret: randomBytes(32) }, clock);
	const target = targetOfHost('www.example.com', 443)!;
	const of = async (flow: Partial<Flow>) =>
		(await tor.of('tor', { client: 'c', user: null, session: null, ...flow } as Flow, target)).password;
	return { clock, store, of };
}

test('a session has one value for its time and another one after it, and nobody else has either', async (t) => {
	const { clock, of } = credentials(['client', 'user', 'session']);
	const first = await of({ session: SESSION });
	t.is(await of({ session: SESSION, client: 'another', user: 'x' }), first, 'the key says whose it is');
	t.not(await of({ session: { ...SESSION, key: 'other' } }), first);
	t.not(await of({}), first);
	clock.now = 999;
	t.is(await of({ session: SESSION }), first);
	clock.now = 1_000;
	t.not(await of({ session: SESSION }), first);
});

test('two gateways that share a store give a session one value, and everybody else two', async (t) => {
	const one = credentials(['client', 'session']);
	const two = credentials(['client', 'session'], one.store);
	t.is(await one.of({ session: SESSION }), await two.of({ session: SESSION }));
	t.not(await one.of({}), await two.of({}));
});

test('where sessions do not isolate, they are not asked about', async (t) => {
	const { of, store } = credentials(['client']);
	t.is(await of({ session: SESSION }), await of({}));
	t.is(store.size, 0);
});

/** A Tor that refuses everything with this REP; what it was sent goes to `heard`. */
async function refusingTor(t: ExecutionContext, rep: number, heard: Buffer[] = []) {
	const { port } = await startTcpOrigin(t, (socket) => {
		const replies = [Buffer.of(5, 2), Buffer.of(1, 0), Buffer.of(5, rep, 0, 1, 0, 0, 0, 0, 0, 0)];
		socket.on('data', (chunk: Buffer) => {
			heard.push(chunk);
			socket.write(replies.shift()!);
		});
	});
	const sessions = new MemorySessions({ limit: 10, limitPerOwner: 10 });
	const isolation = new TorCredentials({ by: ['client'], rotateMs: 0 }, { sessions, secret: randomBytes(32) });
	const hop = { type: 'tor', host: '127.0.0.1', port, user: null, password: null } as const;
	return chain({ tag: 'tor', hops: [hop] }, { resolver: localResolver(t), isolation });
}

test('an onion name goes to Tor as it is, behind credentials of format 0', async (t) => {
	const heard: Buffer[] = [];
	const tor = await refusingTor(t, 0xf0, heard);
	t.true(tor.carriesOnion && tor.namesTravel);
	const flow = { client: 'c', user: null, session: null } as Flow;
	const error = await failureOf(tor.dial(targetOfHost('x.onion', 80)!, contextOf({ flow })));
	t.like(error, { code: 'destination_not_found', side: 'target', phase: 'hop', hop: 'tor', retry: 'no' });
	t.is(heard[0]!.toString('hex'), '050102', 'no other method is offered');
	t.regex(heard[1]!.toString('latin1'), /^\u0001\u0009<torS0X>0\u0020[0-9a-f]{32}$/);
	t.is(heard[2]!.toString('latin1', 5, 12), 'x.onion');
});

test('a chain with Tor in it and no isolation is a mistake of ours', (t) => {
	const hop = { type: 'tor', host: '127.0.0.1', port: 9, user: null, password: null } as const;
	t.throws(() => chain({ tag: 'tor', hops: [hop] }, { resolver: localResolver(t) }), { message: /isolation/ });
});

test('a question for a name is asked of Tor, behind the same credentials as a stream', async (t) => {
	const heard: Buffer[] = [];
	const { port } = await startTcpOrigin(t, (socket) => {
		const replies = [Buffer.of(5, 2), Buffer.of(1, 0), Buffer.of(5, 0, 0, 1, 192, 0, 2, 7, 0, 0)];
		socket.on('data', (chunk: Buffer) => {
			heard.push(chunk);
			socket.write(replies.shift()!);
		});
	});
	const sessions = new MemorySessions({ limit: 10, limitPerOwner: 10 });
	const isolation = new TorCredentials({ by: ['client'], rotateMs: 0 }, { sessions, secret: randomBytes(32) });
	const hop = { type: 'tor', host: '127.0.0.1', port, user: null, password: null } as const;
	const tor = chain({ tag: 'tor', hops: [hop] }, { resolver: localResolver(t), isolation });
	const flow = { client: 'c', user: null, session: null } as Flow;
	const target = targetOfHost('www.example.com', 0)!;
	const answer = await tor.resolve!({ target, reverse: false, ip4Only: false }, contextOf({ flow }));
	t.is(answer.host, '192.0.2.7');
	const { password } = await isolation.of('tor', flow, target);
	t.is(heard[1]!.subarray(-password.length).toString('latin1'), password);
	t.is(heard[2]!.toString('hex'), `05f000030f${Buffer.from('www.example.com').toString('hex')}0000`);
	await tor.resolve!({ target: targetOfHost('192.0.2.7', 0)!, reverse: true, ip4Only: false }, contextOf({ flow }));
	t.is(heard[5]!.toString('hex'), '05f10001c00002070000');
});
