import test from 'ava';
import type { MemberReport } from '../../lib/core/dialer.ts';
import { GatewayError } from '../../lib/core/error.ts';
import { type Flow, newFlow } from '../../lib/core/flow.ts';
import { targetOfHost } from '../../lib/core/target.ts';
import { contextOf, failureOf } from '../helpers/dial.ts';
import { fakeMember, flowOf, hopError, SITE, type Stand, specOf, standOf } from '../helpers/groups.ts';

const OTHER = targetOfHost('other.example.net', 443)!;
const HOLD = { uses: null, ms: null };
const EJECT = { after: 3, restMs: 10_000, longestRestMs: 60_000, floorPercent: 0 };

/** A dial by a new use: its exit, or the code it ended with. */
async function dial({ group }: Stand, flow = flowOf(), target = SITE): Promise<string> {
	const use = group.choose({ flow, target });
	try {
		await use.dial(target, contextOf({ flow }));
		return use.exit;
	} catch (error) {
		return (error as GatewayError).code;
	}
}

const dialled = (stand: Stand): number[] => stand.members.map(({ dials }) => dials.length);

test('a member that cannot be used is followed by the next within one dial', async (t) => {
	const stand = standOf(3);
	stand.members[0]!.end = hopError();
	t.is(await dial(stand), 'b');
	t.deepEqual(dialled(stand), [1, 1, 0]);
});

test('a session keeps its exit for as long as it says, whatever the rotation of the group', (t) => {
	for (const rotate of ['request', 'connection', { uses: 1, ms: null }] as const) {
		const stand = standOf(26, 'random', { rotate });
		const kept = flowOf({ session: 's-ttl-10m' });
		const first = stand.exit(kept);
		for (let i = 0; i < 10; i++) t.is(stand.exit(kept, OTHER), first);
		t.not(stand.exit(flowOf({ session: 's', client: '192.0.2.2' })), first, 'of somebody else');
		stand.clock.ms += 600_000;
		t.not(stand.exit(kept), first, 'it is over');
	}
});

test('a session goes on by another exit when its own is gone, and stays there', async (t) => {
	const stand = standOf(3);
	const flow = flowOf({ session: 's' });
	t.is(await dial(stand, flow), 'a');
	stand.members[0]!.end = hopError();
	t.is(await dial(stand, flow), 'b');
	stand.members[0]!.end = 'open';
	t.is(await dial(stand, flow), 'b');
	t.is(await dial(stand), 'a');
});

test('a strict session fails with its exit, but has the first that works', async (t) => {
	for (const sticky of ['none', 'session'] as const) {
		const stand = standOf(3, 'failover', { sticky, rotate: HOLD, eject: { ...EJECT, after: 1 } });
		const flow = flowOf({ session: 's-strict' });
		stand.members[0]!.end = hopError();
		t.is(await dial(stand, flow), 'b');
		stand.members[1]!.end = hopError();
		t.is(await dial(stand, flow), 'hop_unavailable');
		t.is(dialled(stand)[2], 0);
		t.like(await failureOf(stand.group.dial(SITE, contextOf({ flow }))), { note: 'exit of the session gone' });
		stand.members[1]!.end = 'open';
		stand.clock.ms += 10_000;
		t.is(await dial(stand, flow), 'b');
	}
});

test('a client that wishes for a member has that one or none', async (t) => {
	const stand = standOf(3);
	t.deepEqual(
		['b', 'x'].map((exit) => stand.group.offers(exit)),
		[true, false],
	);
	const flow = flowOf({ session: 's-exit-b' });
	t.is(await dial(stand, flow), 'b');
	stand.members[1]!.end = hopError();
	t.is(await dial(stand, flow), 'hop_unavailable');
	t.deepEqual(dialled(stand), [0, 2, 0]);
	stand.group.replace(stand.members.map((member) => ({ ...specOf(member), tag: null })));
	t.false(stand.group.offers('b'));
});

test('a group leads into Tor when all of its members do, and rotates when one does', (t) => {
	const stand = standOf(0);
	const of = (...traits: object[]) =>
		stand.group.replace(
			traits.map((some, i) => ({ ...specOf(fakeMember(`m${i}`)), traits: { namesTravel: true, ...some } })),
		);
	t.deepEqual([stand.group.carriesOnion, stand.group.rotates(flowOf())], [false, false]);
	of({ carriesOnion: true }, { carriesOnion: true });
	t.true(stand.group.carriesOnion);
	of({ carriesOnion: true }, { rotates: (flow: Flow) => flow.user === null });
	t.deepEqual([stand.group.carriesOnion, stand.group.rotates(flowOf())], [false, true]);
	t.false(stand.group.rotates(flowOf({ user: 'alice' })));
});

test('what is about the target is the answer: nobody else is asked, nobody is blamed', async (t) => {
	const stand = standOf(2);
	stand.members[0]!.end = new GatewayError('connection_refused', { side: 'target', phase: 'hop' });
	for (let i = 0; i < 10; i++) t.is(await dial(stand), 'connection_refused');
	t.deepEqual(dialled(stand), [10, 0]);
	t.deepEqual(stand.notes, []);
});

test('one dial asks no more members than it may, and ends with what the last one said', async (t) => {
	const stand = standOf(5, 'failover', { tries: 3 });
	for (const [i, member] of stand.members.entries()) member.end = hopError({ note: `member ${i}` });
	const error = await failureOf(stand.group.dial(SITE, contextOf({ flow: flowOf() })));
	t.like(error, { code: 'hop_unavailable', note: 'member 2' });
	t.deepEqual(dialled(stand), [1, 1, 1, 0, 0]);
});

test('a member that fails is ejected, named by its name, and tried again when it has rested', async (t) => {
	const stand = standOf(2);
	stand.members[0]!.end = hopError({ note: 'connection_refused' });
	for (let i = 0; i < 3; i++) t.is(await dial(stand), 'b');
	t.deepEqual(stand.notes, [
		{ event: 'exit ejected', facts: { group: 'pool', exit: 'a', why: 'connection_refused', restMs: 10_000 } },
	]);
	t.is(await dial(stand), 'b');
	t.is(dialled(stand)[0], 3, 'nobody asks it');
	stand.clock.ms += 10_000;
	stand.members[0]!.end = 'open';
	t.is(await dial(stand), 'a');
	t.is(await dial(stand), 'a');
	t.is(stand.notes.at(-1)?.event, 'exit restored');
});

test('a pool of dead members logs each once and asks so many a dial, dial after dial', async (t) => {
	const stand = standOf(20, 'round-robin', { eject: { after: 1, restMs: 10, longestRestMs: 10, floorPercent: 50 } });
	for (const member of stand.members) member.end = hopError();
	for (let i = 0; i < 50; i++) {
		t.is(await dial(stand), 'hop_unavailable');
		stand.clock.ms += 10;
	}
	t.is(
		dialled(stand).reduce((sum, count) => sum + count),
		150,
	);
	const named = stand.notes.map(({ facts }) => facts.exit);
	t.true(named.length > 9 && new Set(named).size === named.length);
});

test("a member's refusal by its policy asks the next and is not held against it, but by that site", async (t) => {
	const stand = standOf(2);
	stand.members[0]!.end = hopError({ unclear: true }, 'http_request_denied');
	t.is(await dial(stand), 'b');
	t.is(await dial(stand), 'b');
	t.is(dialled(stand)[0], 1, 'the site is spared a second refusal');
	stand.members[0]!.end = 'open';
	t.is(await dial(stand, flowOf(), OTHER), 'a');
	t.deepEqual(stand.notes, []);
	stand.clock.ms += 60_000;
	t.is(await dial(stand), 'a');
});

test('when the site bans every exit, one of them is still asked', async (t) => {
	const stand = standOf(2);
	for (const member of stand.members) member.end = hopError({ unclear: true }, 'http_request_denied');
	t.is(await dial(stand), 'http_request_denied');
	stand.members[0]!.end = 'open';
	t.is(await dial(stand), 'a');
});

test('bad names do not eject: a refusal that may be the fault of its target counts once for each site', async (t) => {
	const stand = standOf(2);
	const failing = hopError({ unclear: true });
	const askAll = async (site: string): Promise<void> => {
		for (const member of stand.members) member.end = failing;
		for (let i = 0; i < 10; i++) t.is(await dial(stand, flowOf(), targetOfHost(site, 443)!), 'hop_unavailable');
	};
	await askAll('one.example');
	t.deepEqual(stand.notes, []);
	for (let i = 0; i < 5; i++) await askAll(`site-${i}.example`);
	t.is(stand.notes.length, 1, 'six sites are another matter, but one member stays');
});

test('a site and an exit that do not get on are kept apart, and others are not', async (t) => {
	const stand = standOf(2, 'failover', { attemptMs: 20 });
	stand.members[0]!.end = 'hang';
	t.is(await dial(stand), 'b');
	t.is(await dial(stand), 'b');
	t.is(dialled(stand)[0], 1, 'no second wait for it');
	stand.members[0]!.end = 'open';
	t.is(await dial(stand, flowOf(), OTHER), 'a');
	const use = stand.group.choose({ flow: flowOf(), target: SITE });
	t.true(use.again());
	use.answered(null);
	t.is(use.exit, 'a', 'the last resort');
	t.is(stand.exit(), 'a', 'forgiven, since bytes of that site came by it');
});

test('a member that accepts and never answers is given up in time for the next', async (t) => {
	const stand = standOf(2, 'failover', { attemptMs: 20 });
	stand.members[0]!.end = 'hang';
	t.is(await dial(stand), 'b');
});

test('the last member asked has what is left of the deadline, and the deadline ends it', async (t) => {
	const stand = standOf(1, 'failover', { attemptMs: 1 });
	stand.members[0]!.end = 'hang';
	const abort = new AbortController();
	const dialling = failureOf(stand.group.dial(SITE, contextOf({ flow: flowOf(), signal: abort.signal })));
	await new Promise((resolve) => setImmediate(resolve));
	abort.abort(new GatewayError('connection_timeout', { side: 'target', phase: 'connect', retry: 'next' }));
	t.like(await dialling, { code: 'connection_timeout', side: 'target' });
});

test('a client that leaves blames nobody and asks nobody else', async (t) => {
	const stand = standOf(2, 'failover', { eject: { after: 1, restMs: 10, longestRestMs: 10, floorPercent: 0 } });
	stand.members[0]!.end = 'hang';
	const abort = new AbortController();
	const dialling = failureOf(stand.group.dial(SITE, contextOf({ flow: flowOf(), signal: abort.signal })));
	abort.abort(new GatewayError('connection_terminated', { side: 'client', phase: 'connect' }));
	t.like(await dialling, { code: 'connection_terminated', side: 'client' });
	t.deepEqual([dialled(stand), stand.notes], [[1, 0], []]);
});

test('a success that nothing follows, on several sites, ejects', (t) => {
	const stand = standOf(2);
	for (let i = 0; i < 6; i++)
		stand.group.choose({ flow: flowOf(), target: targetOfHost(`site-${i}.example`, 80)! }).silent();
	t.is(stand.notes[0]?.facts.why, 'nothing came');
	t.is(stand.exit(), 'b');
});

test('an empty group is an upstream that is not there', async (t) => {
	t.like(await failureOf(standOf(0).group.dial(SITE, contextOf({ flow: flowOf() }))), {
		code: 'hop_unavailable',
		side: 'gateway',
		retry: 'next',
	});
});

test('a bug of a member is a bug, and no reason to ask the next', async (t) => {
	const stand = standOf(2);
	const bug = new TypeError('bug');
	stand.group.replace([specOf({ ...fakeMember('x'), dial: () => Promise.reject(bug) }), specOf(stand.members[1]!)]);
	const error = await failureOf(stand.group.dial(SITE, contextOf({ flow: flowOf() })));
	t.is(error.code, 'proxy_internal_error');
	t.is(error.cause, bug);
});

test('rotates with each use', (t) => {
	const stand = standOf(3, 'round-robin');
	const flow = flowOf({ protocol: 'http' });
	t.is([1, 2, 3, 4].map(() => stand.exit(flow)).join(), 'a,b,c,a');
});

test('rotates with each connection of a client, which keeps its exit for all its requests', (t) => {
	const stand = standOf(3, 'round-robin', { rotate: 'connection' });
	const [one, two] = [flowOf({ protocol: 'http' }), flowOf({ protocol: 'http' })];
	t.is([one, one, two, one, two].map((flow) => stand.exit(flow)).join(), 'a,a,b,a,b');
	t.is([stand.exit(), stand.exit()].join(), 'c,a', 'each tunnel has its own');
});

test('rotates with every so many uses, for all clients together', (t) => {
	const stand = standOf(3, 'round-robin', { rotate: { uses: 2, ms: null } });
	t.is([1, 2, 3, 4, 5].map(() => stand.exit()).join(), 'a,a,b,b,c');
});

test('rotates after so long', (t) => {
	const stand = standOf(3, 'failover', { rotate: { uses: null, ms: 1_000 } });
	t.is(stand.exit(), 'a');
	stand.clock.ms += 999;
	t.is(stand.exit(), 'a');
	stand.clock.ms += 1;
	t.is(stand.exit(), 'b', 'another one, whatever the strategy likes best');
	stand.clock.ms += 1_000;
	t.is(stand.exit(), 'a');
});

test('a rotation of one member alone stays with it', (t) => {
	const stand = standOf(1, 'random', { rotate: { uses: 1, ms: null } });
	t.is([stand.exit(), stand.exit()].join(), 'a,a');
});

test('rotates on failure: what stuck to the member that failed goes by the next one and stays there', async (t) => {
	const stand = standOf(3, 'failover', { rotate: HOLD, sticky: 'client' });
	t.is(await dial(stand), 'a');
	stand.members[0]!.end = hopError();
	t.is(await dial(stand), 'b');
	stand.members[0]!.end = 'open';
	t.is(await dial(stand), 'b');
	t.is(await dial(stand, flowOf({ client: '192.0.2.2' })), 'a');
});

test('clients, sessions and sites stick each to their own exit', (t) => {
	const many = (sticky: 'client' | 'session' | 'site', uses: Parameters<Stand['exit']>[]): string[] => {
		const stand = standOf(26, 'random', { rotate: HOLD, sticky });
		return uses.map((use) => stand.exit(...use));
	};
	const [a, b] = [flowOf({ client: '192.0.2.1' }), flowOf({ client: '192.0.2.2' })];
	const [one, other, again] = many('client', [[a], [b], [a, OTHER]]);
	t.deepEqual([again, other === one], [one, false]);
	const [s, r, s2] = ['s', 'r', 's'].map((session) => flowOf({ session }));
	const [first, second, third] = many('session', [[s!], [r!], [s2!, OTHER]]);
	t.deepEqual([third, second === first], [first, false]);
	const api = targetOfHost('api.example.com', 80)!;
	const [www, elsewhere, same] = many('site', [[a], [a, OTHER], [b, api]]);
	t.deepEqual([same, elsewhere === www], [www, false]);
});

test('by rendezvous a session has the same exit at two gateways and after a restart', (t) => {
	const sessions = Array.from({ length: 40 }, (_, i) => flowOf({ user: 'alice', session: `s${i}` }));
	const options = { rotate: HOLD, sticky: 'session' } as const;
	const [here, there] = [standOf(20, 'rendezvous', options), standOf(20, 'rendezvous', options)];
	for (const flow of sessions.toReversed()) there.exit(flow);
	t.deepEqual(
		sessions.map((flow) => there.exit(flow)),
		sessions.map((flow) => here.exit(flow)),
	);
	const timed = standOf(20, 'rendezvous', { rotate: { uses: null, ms: 10 }, sticky: 'session' });
	const before = sessions.map((flow) => timed.exit(flow));
	timed.clock.ms += 10;
	t.true(
		sessions.every((flow, i) => timed.exit(flow) !== before[i]),
		'a rotation leads elsewhere',
	);
});

test('a key that comes with the choice goes before the policy of the group', (t) => {
	const stand = standOf(26, 'rendezvous', { rotate: HOLD, sticky: 'client' });
	const exit = (client: string, stickyKey: string): string =>
		stand.group.choose({ flow: flowOf({ client }), target: SITE, stickyKey }).exit;
	t.is(exit('192.0.2.1', 'k'), exit('192.0.2.2', 'k'));
	t.true(new Set(['1', '2', '3', '4', '5'].map((key) => exit('192.0.2.1', key))).size > 1);
});

test('an answer that the site gives to unwanted exits keeps that exit from that site alone', (t) => {
	const retry = { statuses: new Set([403]), methods: new Set(['GET']), tries: 2, bodyBytes: 0 };
	const stand = standOf(3, 'failover', { retry });
	const use = stand.group.choose({ flow: flowOf(), target: SITE });
	use.answered(403);
	t.true(use.again());
	t.is(use.exit, 'b');
	t.is(stand.exit(), 'b');
	t.is(stand.exit(flowOf(), OTHER), 'a');
	t.is(stand.exit(flowOf(), targetOfHost('api.example.com', 80)!), 'b', 'a site is all its names');
	t.deepEqual(stand.notes, []);
});

test('a use that has tried every member has no other', (t) => {
	const use = standOf(2).group.choose({ flow: flowOf(), target: SITE });
	t.deepEqual([use.again(), use.again(), use.exit], [true, false, 'b']);
});

test('least-flows counts links until they are gone', async (t) => {
	const stand = standOf(2, 'least-flows');
	const exits = [await dial(stand), await dial(stand), await dial(stand)];
	t.deepEqual(
		exits
			.toSorted()
			.slice(0, 3)
			.filter((exit) => exit === exits[2]).length,
		2,
	);
	const [busy] = stand.members.toSorted((a, b) => b.gone.length - a.gone.length);
	for (const gone of busy!.gone) gone();
	await new Promise((resolve) => setImmediate(resolve));
	t.is(await dial(stand), busy!.tag);
});

test('groups nest: the exit is that of the inner one, and both learn', async (t) => {
	const [inner, outer] = [standOf(2), standOf(1)];
	outer.group.replace([specOf(inner.group), specOf(fakeMember('z'))]);
	t.is(await dial(outer), 'a');
	for (const member of inner.members) member.end = hopError();
	t.is(await dial(outer), 'z');
	const use = outer.group.choose({ flow: flowOf(), target: SITE });
	t.true(use.again(), 'first the next one inside');
	t.is(use.exit, 'b');
});

test('a new list keeps what is known of members that stay, and lets go of the others', async (t) => {
	const stand = standOf(3);
	stand.members[0]!.end = hopError();
	for (let i = 0; i < 3; i++) await dial(stand);
	let closed = 0;
	const gone = { ...stand.members[2]!, close: () => closed++ };
	stand.group.replace([...stand.members.slice(0, 2).map(specOf), specOf(gone)]);
	const use = stand.group.choose({ flow: newFlow(2, '', '', 0), target: SITE });
	t.is(use.exit, 'b', 'still ejected');
	stand.group.replace([{ ...specOf(stand.members[0]!), name: 'pool:9' }, specOf(stand.members[0]!)]);
	t.is(stand.group.roster.size, 1, 'twice is once');
	t.is(stand.exit(), 'pool:9');
	await use.dial(SITE, contextOf());
	t.is(stand.members[1]!.dials.length, 4, 'a use goes on with what it has');
	t.is(closed, 0, 'what was never used needs no close');
});

test('names of targets travel when one member lets them', (t) => {
	const stand = standOf(1);
	let travels = false;
	t.true(stand.group.namesTravel);
	const nested = {
		...specOf(stand.members[0]!),
		traits: {
			get namesTravel() {
				return travels;
			},
		},
	};
	stand.group.replace([{ ...specOf(fakeMember('x')), traits: { namesTravel: false } }, nested]);
	t.false(stand.group.namesTravel);
	travels = true;
	t.true(stand.group.namesTravel);
});

/** A group that goes on where `before` is: one clock, the same members, another configuration. */
function successorOf(
	before: Stand,
	strategy: Parameters<typeof standOf>[1],
	options: Parameters<typeof standOf>[2] = {},
): Stand {
	const next = standOf(before.members.length, strategy, options);
	next.clock.ms = before.clock.ms;
	next.group.inherit(before.group);
	return next;
}

test('under another configuration who was ejected rests on, for longer when it fails again', async (t) => {
	const before = standOf(2);
	before.members[0]!.end = hopError();
	for (let i = 0; i < 3; i++) await dial(before);
	before.clock.ms += 4_000;
	const next = successorOf(before, 'failover');
	t.is(await dial(next), 'b');
	t.is(dialled(next)[0], 0, 'nobody asks it');
	next.clock.ms += 6_000;
	next.members[0]!.end = hopError();
	t.is(await dial(next), 'b');
	t.is(dialled(next)[0], 1, 'its trial');
	next.clock.ms += 19_999;
	await dial(next);
	t.is(dialled(next)[0], 1);
	next.clock.ms += 1;
	next.members[0]!.end = 'open';
	t.is(await dial(next), 'a');
});

test('another configuration may eject nobody: its floor counts', (t) => {
	const before = standOf(2);
	for (const member of before.group.roster.members) for (let i = 0; i < 3; i++) before.group.health.failed(member, 'x');
	t.is(before.group.members.open, 1, 'one always stays');
	const next = successorOf(before, 'failover', { eject: { ...EJECT, floorPercent: 100 } });
	t.is(next.group.members.open, 2);
});

test('under another configuration sites still ban whom they banned, and latency is known', (t) => {
	const retry = { statuses: new Set([403]), methods: new Set(['GET']), tries: 2, bodyBytes: 0 };
	const before = standOf(2, 'failover', { retry });
	before.group.choose({ flow: flowOf(), target: SITE }).answered(403);
	before.group.roster.members[1]!.latencyMs = 7;
	const next = successorOf(before, 'failover');
	t.deepEqual([next.exit(), next.exit(flowOf(), OTHER)], ['b', 'a']);
	t.is(next.group.roster.members[1]!.latencyMs, 7);
});

test('what is held is held on where it means the same, and nowhere else', (t) => {
	const options = { sticky: 'client', rotate: { uses: 10, ms: null } } as const;
	const before = standOf(5, 'round-robin', options);
	const client = (name: string): Flow => flowOf({ client: name });
	const held = ['1', '2', '3'].map((name) => before.exit(client(name)));
	const next = successorOf(before, 'round-robin', options);
	t.deepEqual(
		['3', '2', '1'].map((name) => next.exit(client(name))),
		held.toReversed(),
	);
	const other = successorOf(before, 'round-robin', { ...options, rotate: { uses: 11, ms: null } });
	t.deepEqual(
		['3', '2', '1'].map((name) => other.exit(client(name))),
		['a', 'b', 'c'],
	);
});

test('a member that only a later list brings is known by what it was', (t) => {
	const before = standOf(3);
	before.members[2]!.end = hopError();
	for (let i = 0; i < 3; i++) before.group.health.failed(before.group.roster.members[2]!, 'refused');
	const next = standOf(2);
	next.clock.ms = before.clock.ms;
	next.group.inherit(before.group);
	next.group.replace([...next.members, fakeMember('c'), fakeMember('d')].map(specOf));
	t.deepEqual(next.group.members, { open: 3, ejected: 1, halfOpen: 0, total: 4 });
	t.deepEqual([...next.group.reports()][2]!.faults, new Map([['refused', 3]]), 'counts go on');
});

test('each exit reports what it did and why it failed, and the group who is in use', async (t) => {
	const stand = standOf(3);
	stand.members[0]!.end = hopError();
	for (let i = 0; i < 4; i++) await dial(stand);
	const reports = [...stand.group.reports()];
	t.deepEqual(
		reports.map(({ name, state, opened, restsMs }) => [name, state, opened, restsMs]),
		[
			['a', 'ejected', 0, 10_000],
			['b', 'open', 4, 0],
			['c', 'open', 0, 0],
		],
	);
	t.deepEqual([...reports[0]!.faults], [['hop_unavailable', 3]]);
	t.deepEqual(stand.group.members, { open: 2, ejected: 1, halfOpen: 0, total: 3 });
	stand.clock.ms += 10_000;
	t.deepEqual(stand.group.members, { open: 2, ejected: 0, halfOpen: 1, total: 3 });
	t.is([...stand.group.reports()][0]!.state, 'half-open');
	stand.members[0]!.end = 'open';
	await dial(stand);
	t.is([...stand.group.reports()][0]!.state, 'open');
});

test('reasons that a member fails for are a few, whatever it says', async (t) => {
	const stand = standOf(1);
	for (let i = 0; i < 40; i++) {
		stand.members[0]!.end = hopError({ note: `reason ${i}` });
		await dial(stand);
	}
	const [{ faults }] = [...stand.group.reports()] as [MemberReport];
	t.is(faults.size, 17);
	t.is(faults.get('other'), 24);
});

test('a group inside a group reports its own exits', async (t) => {
	const [outer, inner] = [standOf(1), standOf(2)];
	outer.group.replace([{ ...specOf(inner.group), name: 'inner' }]);
	t.is(await dial(outer), 'a');
	const [report] = [...outer.group.reports()] as [MemberReport];
	t.deepEqual([report.name, report.opened], ['inner', 1]);
	t.deepEqual(
		[...report.inner!].map(({ name, opened }) => [name, opened]),
		[
			['a', 1],
			['b', 0],
		],
	);
});
