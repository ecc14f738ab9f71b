import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { Client } from '../../lib/core/client.ts';
import { GatewayError } from '../../lib/core/error.ts';
import { parseIp } from '../../lib/core/ip.ts';
import { AccountLimiter, type Ceilings, type LimiterDeps } from '../../lib/limits/account-limiter.ts';
import type { Allowance, Allowances } from '../../lib/limits/allowance.ts';
import { clientOf } from '../../lib/limits/client-key.ts';
import { DEFAULT_ALLOWANCES, DEFAULT_CEILINGS } from '../../lib/limits/defaults.ts';
import type { Admission } from '../../lib/limits/limiter.ts';
import { parsePrefix } from '../../lib/policy/prefix.ts';

const NOTHING: Allowance = { ...DEFAULT_ALLOWANCES.user };

const NO_RULE = { most: 0, windowMs: 1_000, banMs: 1_000 };

const OFF: Allowances = {
	client: NOTHING,
	network: NOTHING,
	user: NOTHING,
	exceptions: [],
	failures: { authentication: NO_RULE, destination: NO_RULE },
};

const NO_CEILING: Ceilings = { handshakes: 0, totalConnections: 0, totalHandshakes: 0, maxKeys: 1_000 };

/** Of a connection that nobody looks at. */
const LINK = { reset() {} };

type Some = Partial<Allowance & Ceilings>;

/** A limiter of clients alone. */
function limiter(limits: Some, deps: LimiterDeps = {}): AccountLimiter {
	return new AccountLimiter({ ...OFF, client: { ...NOTHING, ...limits } }, { ...NO_CEILING, ...limits }, deps);
}

function clientAt(text: string): Client {
	return clientOf(parseIp(text)!);
}

/** One of many clients, by a letter. */
function clientNamed(letter: string): Client {
	return { ip: 1, key: letter, network: null };
}

/** A connection in its handshake. */
function entered(t: ExecutionContext, limits: AccountLimiter, client: string | Client = 'a'): Admission {
	const admission = limits.enter(typeof client === 'string' ? clientNamed(client) : client, LINK);
	if (!admission) throw new Error('no place');
	t.truthy(admission);
	return admission;
}

/** A connection with its flow open. */
function admitted(
	t: ExecutionContext,
	limits: AccountLimiter,
	client: string | Client = 'a',
	user: string | null = null,
) {
	const admission = entered(t, limits, client);
	t.is(admission.admit(user), null);
	return admission;
}

function refusal(admission: Admission, user: string | null = null): GatewayError {
	const answer = admission.admit(user);
	if (answer instanceof GatewayError) return answer;
	throw new Error('no refusal');
}

test('a client has so many handshakes and no more, and gets a place back when one is over', async (t) => {
	const limits = limiter({ handshakes: 2 });
	const [first, second] = [entered(t, limits), entered(t, limits)];
	t.is(limits.enter(clientNamed('a'), LINK), null);
	entered(t, limits, 'b');
	await first.admit(null);
	const third = entered(t, limits);
	t.is(limits.enter(clientNamed('a'), LINK), null);
	second.release();
	entered(t, limits);
	third.release();
	third.release();
	entered(t, limits);
	t.is(limits.enter(clientNamed('a'), LINK), null, 'a second release gave nothing back');
});

/** A connection in its handshake, of which is told when it has to go. */
function waiting(limits: AccountLimiter, client: Client, gone: string[], name: string): Admission | null {
	return limits.enter(client, { reset: () => gone.push(name) });
}

test('of all handshakes the longest of whoever has most makes room', (t) => {
	const limits = limiter({ totalHandshakes: 4 });
	const gone: string[] = [];
	const first = waiting(limits, clientNamed('a'), gone, 'a1')!;
	for (const name of ['b1', 'b2', 'b3']) waiting(limits, clientNamed('b'), gone, name);
	t.is(waiting(limits, clientNamed('b'), gone, 'b4'), null, 'not for somebody who has most');
	waiting(limits, clientNamed('c'), gone, 'c1');
	t.is(waiting(limits, clientNamed('a'), gone, 'a2'), null, 'a would have as many as b has');
	waiting(limits, clientNamed('d'), gone, 'd1');
	t.deepEqual(gone, ['b1', 'b2']);
	t.false(first.evicted);
	for (const name of ['e1', 'f1']) waiting(limits, clientNamed(name), gone, name);
	t.deepEqual(gone, ['b1', 'b2', 'a1', 'b3'], 'where all have one, the longest of all');
	t.true(first.evicted);
	first.release();
	t.is(waiting(limits, clientNamed('e1'), gone, 'e2'), null, 'its release gave nothing back twice');
});

test('the handshakes of one wider IPv6 prefix are counted together when room has to be made', (t) => {
	const limits = limiter({ totalHandshakes: 4 });
	const gone: string[] = [];
	waiting(limits, clientAt('192.0.2.1'), gone, 'plain');
	for (const i of [1, 2, 3]) waiting(limits, clientAt(`2001:db8:0:${i}::1`), gone, `prefix ${i}`);
	t.is(waiting(limits, clientAt('2001:db8:0:4::1'), gone, 'prefix 4'), null);
	waiting(limits, clientAt('2001:db8:1:1::1'), gone, 'other');
	t.deepEqual(gone, ['prefix 1']);
});

test('who made room is not admitted', async (t) => {
	const limits = limiter({ totalHandshakes: 1, connectionsOpen: 5 });
	const first = entered(t, limits, 'a');
	entered(t, limits, 'b');
	t.true(first.evicted);
	t.throws(() => first.admit(null), { message: /once/ });
});

test('when the gateway is full, a flow of whoever has most makes room for who has fewer', (t) => {
	const limits = limiter({ totalConnections: 4 });
	const gone: string[] = [];
	const open = (client: string, name: string): GatewayError | null =>
		waiting(limits, clientNamed(client), gone, name)!.admit(null) as GatewayError | null;
	for (const name of ['a1', 'b1', 'b2', 'b3']) t.is(open(name[0]!, name), null);
	t.is(open('b', 'b4')?.code, 'connection_limit_reached', 'not for somebody who has most');
	t.is(open('c', 'c1'), null);
	t.deepEqual(gone, ['b1']);
	t.is(open('a', 'a2')?.code, 'connection_limit_reached', 'a would have as many as b has');
	t.is(open('d', 'd1'), null);
	t.deepEqual(gone, ['b1', 'b2']);
	t.is(open('e', 'e1')?.code, 'connection_limit_reached', 'all have one: nobody has less right to be here');
});

test('among thousands of flows those of whoever has most are found', (t) => {
	const limits = limiter({ totalConnections: 2_000, maxKeys: 10_000 });
	const gone: string[] = [];
	for (let i = 0; i < 1_000; i++) void waiting(limits, clientNamed(`one ${i}`), gone, 'one')!.admit(null);
	for (let i = 0; i < 1_000; i++) void waiting(limits, clientNamed(`many ${i % 10}`), gone, 'many')!.admit(null);
	for (let i = 0; i < 500; i++) admitted(t, limits, `late ${i}`);
	t.deepEqual([gone.length, new Set(gone)], [500, new Set(['many'])]);
});

test('a client has so many flows, and hears in its protocol that it has no more', (t) => {
	const limits = limiter({ connectionsOpen: 2 });
	const first = admitted(t, limits);
	admitted(t, limits);
	const refused = refusal(entered(t, limits));
	t.like(refused, { code: 'client_limit_reached', side: 'client', phase: 'admission' });
	t.true(refused.retryAfterMs! > 0);
	admitted(t, limits, 'b');
	first.release();
	first.release();
	admitted(t, limits);
	t.is(refusal(entered(t, limits)).code, 'client_limit_reached', 'a second release gave nothing back');
});

test('when the gateway is full, handshakes still find a place and are told', (t) => {
	const limits = limiter({ totalConnections: 2, totalHandshakes: 2 });
	const flows = [admitted(t, limits, 'a'), admitted(t, limits, 'b')];
	const late = entered(t, limits, 'c');
	const refused = refusal(late);
	t.like(refused, { code: 'connection_limit_reached', side: 'gateway', phase: 'admission' });
	late.release();
	flows[0]!.release();
	admitted(t, limits, 'c');
});

test('a refused connection keeps the place of its handshake until it is closed', (t) => {
	const limits = limiter({ connectionsOpen: 1, handshakes: 2 });
	admitted(t, limits);
	const refused = [entered(t, limits), entered(t, limits)];
	for (const each of refused) refusal(each);
	t.is(limits.enter(clientNamed('a'), LINK), null);
	refused[0]!.release();
	entered(t, limits);
});

test('who comes too often is refused at the end of the handshake, and hears when to come again', (t) => {
	let nowMs = 12_345;
	const limits = limiter({ connectionsPerSecond: 5, burst: 5 }, { clock: { nowMs: () => nowMs } });
	for (let i = 0; i < 10; i++) admitted(t, limits);
	t.like(refusal(entered(t, limits)), { code: 'client_limit_reached', note: 'connections', retryAfterMs: 655 });
	admitted(t, limits, 'b');
	nowMs += 654;
	refusal(entered(t, limits));
	nowMs += 1;
	for (let i = 0; i < 5; i++) admitted(t, limits);
	refusal(entered(t, limits));
});

test('a burst is there once in ten seconds', (t) => {
	let nowMs = 0;
	const limits = limiter({ connectionsPerSecond: 1, burst: 5 }, { clock: { nowMs: () => nowMs } });
	const letIn = () =>
		Array.from({ length: 9 }, () => entered(t, limits).admit(null)).filter((no) => no === null).length;
	t.is(letIn(), 6);
	for (nowMs = 1_000; nowMs < 10_000; nowMs += 1_000) t.is(letIn(), 1, `${nowMs}`);
	t.is(letIn(), 6);
	nowMs = 60_000;
	t.is(letIn(), 6);
});

test('a connection that leaves before it was admitted takes no place', (t) => {
	const limits = limiter({ connectionsOpen: 1 });
	for (let i = 0; i < 3; i++) entered(t, limits).release();
	admitted(t, limits).release();
	admitted(t, limits);
});

test("admitting twice is a bug of the caller's and takes no second place", (t) => {
	const limits = limiter({ totalConnections: 2 });
	const once = admitted(t, limits);
	t.throws(() => once.admit(null), { message: /once/ });
	admitted(t, limits);
	const refused = entered(t, limits);
	t.is(refusal(refused).code, 'connection_limit_reached');
	t.is(refusal(refused).code, 'connection_limit_reached', 'asking again is no way in');
});

test('no more clients are remembered than may be, and those that are gone make room', (t) => {
	let nowMs = 0;
	const limits = limiter({ maxKeys: 2 }, { clock: { nowMs: () => nowMs } });
	const first = admitted(t, limits, 'a');
	const second = entered(t, limits, 'b');
	nowMs += 1_000;
	t.is(limits.enter(clientNamed('c'), LINK), null);
	t.truthy(limits.enter(clientNamed('a'), LINK));
	second.release();
	nowMs += 1_000;
	t.truthy(limits.enter(clientNamed('c'), LINK));
	first.release();
	t.is(limits.keyCounts.clients, 2);
});

test('when all that may be remembered is, those longest known make room, the banned last', (t) => {
	const rule = { most: 1, windowMs: 600_000, banMs: 600_000 };
	const limits = new AccountLimiter(
		{ ...OFF, failures: { authentication: NO_RULE, destination: rule } },
		{ ...NO_CEILING, maxKeys: 32 },
	);
	const failed = (name: string, times: number): void => {
		const place = entered(t, limits, name);
		for (let i = 0; i < times; i++) place.failed('destination');
		place.release();
	};
	failed('banned', 2);
	for (let i = 0; i < 31; i++) failed(`one ${i}`, 1);
	t.is(limits.keyCounts.clients, 32);
	failed('newcomer', 1);
	t.is(limits.keyCounts.clients, 31, 'a sixteenth has made room');
	t.is(refusal(entered(t, limits, 'banned')).note, 'banned');
	for (let i = 0; i < 100; i++) failed(`many ${i}`, 2);
	t.true(limits.keyCounts.clients <= 32, 'the banned make room for each other');
});

test('a million prefixes of one attacker stay within what is remembered', (t) => {
	let nowMs = 0;
	const clock = { nowMs: () => nowMs };
	const limits = limiter({ connectionsPerSecond: 10, burst: 10, maxKeys: 100, totalHandshakes: 50 }, { clock });
	let most = 0;
	for (let i = 0; i < 50_000; i++) {
		nowMs += 0.1;
		const place = limits.enter(clientAt(`2001:db8:${(i >> 8).toString(16)}:${(i & 255).toString(16)}::1`), LINK);
		void place?.admit(null);
		place?.release();
		most = Math.max(most, limits.keyCounts.clients, limits.keyCounts.networks);
	}
	t.is(most, 100);
	nowMs += 60_000;
	limits.enter(clientNamed('a'), LINK)?.release();
	t.deepEqual(limits.keyCounts, { clients: 1, networks: 0, users: 0 });
});

test('with every limit off everybody comes in', (t) => {
	const limits = limiter({});
	for (let i = 0; i < 1_000; i++) admitted(t, limits);
	t.is(entered(t, limits).budget(), null);
});

test('a browser that restores a session meets no default', (t) => {
	const limits = new AccountLimiter(DEFAULT_ALLOWANCES, DEFAULT_CEILINGS);
	const open = Array.from({ length: 100 }, () => entered(t, limits, clientAt('2001:db8::1')));
	for (const each of open) t.is(each.admit(null), null);
	t.is(open[0]?.budget(), null, 'bytes are not counted unless somebody asks for it');
	for (const each of open) each.release();
	const { handshakes, totalHandshakes, totalConnections } = DEFAULT_CEILINGS;
	t.true(totalHandshakes >= 16 * handshakes, 'a few clients do not fill the handshakes');
	t.true(totalConnections >= 32 * DEFAULT_ALLOWANCES.client.connectionsOpen, 'nor the flows');
});

test('clients of one network share its limit beside their own, and IPv4 clients have none', (t) => {
	const few = { ...NOTHING, connectionsOpen: 3 };
	const limits = new AccountLimiter({ ...OFF, client: { ...NOTHING, connectionsOpen: 2 }, network: few }, NO_CEILING);
	const first = admitted(t, limits, clientAt('2001:db8:1:1::1'));
	admitted(t, limits, clientAt('2001:db8:1:1::2'));
	refusal(entered(t, limits, clientAt('2001:db8:1:1::3')));
	admitted(t, limits, clientAt('2001:db8:1:2::1'));
	refusal(entered(t, limits, clientAt('2001:db8:1:3::1')));
	admitted(t, limits, clientAt('2001:db8:2::1'));
	first.release();
	admitted(t, limits, clientAt('2001:db8:1:3::1'));
	for (let i = 0; i < 9; i++) admitted(t, limits, clientAt(`192.0.2.${i}`));
});

test("a user's limit holds wherever the user comes from, and a refusal by it gives the client's place back", (t) => {
	const limits = new AccountLimiter(
		{ ...OFF, client: { ...NOTHING, connectionsOpen: 2 }, user: { ...NOTHING, connectionsOpen: 2 } },
		NO_CEILING,
	);
	const one = admitted(t, limits, 'a', 'alice');
	admitted(t, limits, 'b', 'alice');
	refusal(entered(t, limits, 'c'), 'alice');
	refusal(entered(t, limits, 'c'), 'alice');
	admitted(t, limits, 'c', 'bob');
	admitted(t, limits, 'c', 'bob');
	one.release();
	refusal(entered(t, limits, 'c'), 'alice');
	admitted(t, limits, 'd', 'alice');
});

test('an exception takes the place of the common limit, by address or by user, and of the limit of the network', (t) => {
	const exception = {
		name: 'friends',
		clients: [parsePrefix('2001:db8:9::/48') as never],
		users: ['root'],
		client: { ...NOTHING, connectionsOpen: 5 },
		user: { ...NOTHING, connectionsOpen: 3 },
	};
	const one = { ...NOTHING, connectionsOpen: 1 };
	const limits = new AccountLimiter(
		{ ...OFF, client: one, network: one, user: one, exceptions: [exception] },
		NO_CEILING,
	);
	for (let i = 0; i < 5; i++) admitted(t, limits, clientAt('2001:db8:9::1'));
	refusal(entered(t, limits, clientAt('2001:db8:9::1')));
	admitted(t, limits, clientAt('2001:db8:8::1'));
	refusal(entered(t, limits, clientAt('2001:db8:8::1')));
	for (let i = 0; i < 3; i++) admitted(t, limits, clientAt(`192.0.2.${i}`), 'root');
	refusal(entered(t, limits, clientAt('192.0.2.9')), 'root');
});

test('requests have a rate of their own', (t) => {
	const limits = limiter({ requestsPerSecond: 3, requestsBurst: 1 }, { clock: { nowMs: () => 0 } });
	const flow = admitted(t, limits);
	const other = admitted(t, limits);
	for (const one of [flow, flow, other, flow]) t.is(one.request(), null);
	t.like(other.request(), { code: 'client_limit_reached', note: 'requests' });
	t.is(admitted(t, limits, 'b').request(), null);
});

test('failures are borne, then slow the client down, then ban it for a while; others do not notice', (t) => {
	let nowMs = 0;
	const rule = { most: 10, windowMs: 60_000, banMs: 30_000 };
	const limits = new AccountLimiter({ ...OFF, failures: { authentication: rule, destination: NO_RULE } }, NO_CEILING, {
		clock: { nowMs: () => nowMs },
	});
	const delays: number[] = [];
	for (let i = 0; i < 11; i++) {
		const place = entered(t, limits);
		delays.push(place.delayMs());
		place.failed('authentication');
		place.failed('destination');
		place.release();
	}
	t.deepEqual(delays, [0, 0, 0, 0, 0, 0, 200, 400, 800, 1_600, 3_200]);
	t.like(refusal(entered(t, limits)), { code: 'client_limit_reached', note: 'banned', retryAfterMs: 30_000 });
	admitted(t, limits, 'b');
	nowMs += 29_999;
	refusal(entered(t, limits));
	nowMs += 1;
	admitted(t, limits);
	nowMs += 30_000;
	t.is(entered(t, limits).delayMs(), 0, 'what was long ago is forgotten');
});

test('other limits hold at once for all that comes, and what is open counts', (t) => {
	const limits = limiter({ connectionsOpen: 2 });
	const change = (some: Some): void =>
		limits.change({ ...OFF, client: { ...NOTHING, ...some } }, { ...NO_CEILING, ...some });
	const refused = (): void => {
		const late = entered(t, limits);
		refusal(late);
		late.release();
	};
	const open = [admitted(t, limits), admitted(t, limits)];
	refused();
	change({ connectionsOpen: 3 });
	open.push(admitted(t, limits));
	t.is(open[2]?.budget(), null);
	refused();
	change({});
	open.push(admitted(t, limits), admitted(t, limits));
	change({ connectionsOpen: 4, handshakes: 1, dayBytes: 1 });
	refused();
	for (const one of open.splice(0, 2)) one.release();
	const late = entered(t, limits);
	t.is(limits.enter(clientNamed('a'), LINK), null);
	t.is(late.admit(null), null);
	t.not(late.budget(), null);
	t.is(open[0]?.budget(), null, 'a flow keeps the rules that it began with');
	refused();
	for (const one of [...open, late]) one.release();
	const more = [1, 2, 3, 4].map(() => admitted(t, limits));
	refused();
	for (const one of more) one.release();
});

test('whatever comes and goes, counts are never exceeded and end at nothing', (t) => {
	const some: Some = { connectionsOpen: 2, handshakes: 3, totalConnections: 4, totalHandshakes: 5 };
	const act = fc.tuple(fc.constantFrom('enter', 'admit', 'release'), fc.constantFrom('a', 'b', 'c', 'd'), fc.nat(20));
	fc.assert(
		fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
			let nowMs = 0;
			const judge = limiter(some, { clock: { nowMs: () => nowMs } });
			const open: { client: string; place: Admission; flow: boolean }[] = [];
			for (const [what, client, pick] of acts) {
				if (what === 'enter') {
					const place = judge.enter(clientNamed(client), LINK);
					const waiting = open.filter((each) => !each.flow);
					const of = (name: string): number => waiting.filter((each) => each.client === name).length;
					const mine = of(client);
					const longest = waiting.find((each) => of(each.client) > mine + 1) ?? (mine === 0 ? waiting[0] : undefined);
					t.is(place !== null, mine < 3 && (waiting.length < 5 || longest !== undefined));
					const gone = open.filter((each) => each.place.evicted);
					t.deepEqual(gone, place !== null && waiting.length === 5 ? [longest!] : []);
					for (const one of gone) open.splice(open.indexOf(one), 1);
					if (place) open.push({ client, place, flow: false });
				} else if (open.length > 0) {
					const one = open[pick % open.length]!;
					if (what === 'release') {
						one.place.release();
						open.splice(open.indexOf(one), 1);
					} else if (!one.flow) {
						const flows = open.filter((each) => each.flow);
						const fits = flows.length < 4 && flows.filter((each) => each.client === one.client).length < 2;
						one.flow = one.place.admit(null) === null;
						t.is(one.flow, fits);
					}
				}
			}
			for (const { place } of open) place.release();
			nowMs += 10_000;
			judge.enter(clientNamed('z'), LINK)?.release();
			t.deepEqual(judge.keyCounts, { clients: 1, networks: 0, users: 0 });
		}),
		{ numRuns: 300 },
	);
});
