import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { GatewayError } from '../../lib/core/error.ts';
import type { Admission } from '../../lib/limits/limiter.ts';
import { DEFAULT_LIMITS, MemoryLimiter, type MemoryLimits } from '../../lib/limits/memory.ts';

const OFF: MemoryLimits = {
	connectionsOpen: 0,
	connectionsPerSecond: 0,
	burst: 0,
	handshakes: 0,
	totalConnections: 0,
	totalHandshakes: 0,
	maxKeys: 0,
};

function limiter(limits: Partial<MemoryLimits>): MemoryLimiter {
	return new MemoryLimiter({ ...OFF, ...limits });
}

/** A connection in its handshake. */
function entered(t: ExecutionContext, limits: MemoryLimiter, client = 'a'): Admission {
	const admission = limits.enter(client);
	if (!admission) throw new Error(`no place for ${client}`);
	t.truthy(admission);
	return admission;
}

/** A connection with its flow open. */
async function admitted(t: ExecutionContext, limits: MemoryLimiter, client = 'a'): Promise<Admission> {
	const admission = entered(t, limits, client);
	await admission.admit(null);
	return admission;
}

async function refusal(admission: Admission): Promise<GatewayError> {
	const thrown = await admission.admit(null).then(
		() => null,
		(error: unknown) => error,
	);
	if (thrown instanceof GatewayError) return thrown;
	throw new Error(`no refusal but ${String(thrown)}`);
}

test('a client has so many handshakes and no more, and gets a place back when one is over', async (t) => {
	const limits = limiter({ handshakes: 2 });
	const [first, second] = [entered(t, limits), entered(t, limits)];
	t.is(limits.enter('a'), null);
	entered(t, limits, 'b');
	await first.admit(null);
	const third = entered(t, limits);
	t.is(limits.enter('a'), null);
	second.release();
	entered(t, limits);
	third.release();
	third.release();
	entered(t, limits);
	t.is(limits.enter('a'), null, 'a second release gave nothing back');
});

test('all clients together have so many handshakes', (t) => {
	const limits = limiter({ totalHandshakes: 3 });
	const all = ['a', 'b', 'c'].map((client) => entered(t, limits, client));
	t.is(limits.enter('d'), null);
	all[0]!.release();
	entered(t, limits, 'd');
	t.is(limits.enter('e'), null);
});

test('a client has so many flows, and hears in its protocol that it has no more', async (t) => {
	const limits = limiter({ connectionsOpen: 2 });
	const first = await admitted(t, limits);
	await admitted(t, limits);
	const refused = await refusal(entered(t, limits));
	t.like(refused, { code: 'client_limit_reached', side: 'client', phase: 'admission' });
	t.true(refused.retryAfterMs! > 0);
	await admitted(t, limits, 'b');
	first.release();
	first.release();
	await admitted(t, limits);
	t.is((await refusal(entered(t, limits))).code, 'client_limit_reached', 'a second release gave nothing back');
});

test('when the gateway is full, handshakes still find a place and are told', async (t) => {
	const limits = limiter({ totalConnections: 2, totalHandshakes: 2 });
	const flows = [await admitted(t, limits, 'a'), await admitted(t, limits, 'b')];
	const late = entered(t, limits, 'c');
	const refused = await refusal(late);
	t.like(refused, { code: 'connection_limit_reached', side: 'gateway', phase: 'admission' });
	late.release();
	flows[0]!.release();
	await admitted(t, limits, 'c');
});

test('a refused connection keeps the place of its handshake until it is closed', async (t) => {
	const limits = limiter({ connectionsOpen: 1, handshakes: 2 });
	await admitted(t, limits);
	const refused = [entered(t, limits), entered(t, limits)];
	for (const each of refused) await refusal(each);
	t.is(limits.enter('a'), null);
	refused[0]!.release();
	entered(t, limits);
});

test('who comes too often is refused at the end of the handshake', async (t) => {
	const limits = limiter({ connectionsPerSecond: 5, burst: 5, maxKeys: 10 });
	const all = Array.from({ length: 12 }, () => entered(t, limits));
	const answers = await Promise.all(all.map((each) => each.admit(null).catch((error: GatewayError) => error.code)));
	t.is(answers.filter((answer) => answer === undefined).length, 10);
	t.is(answers.filter((answer) => answer === 'client_limit_reached').length, 2);
	await admitted(t, limits, 'b');
});

test('a connection that leaves before it was admitted takes no place', async (t) => {
	for (const connectionsPerSecond of [0, 100]) {
		const limits = limiter({ connectionsPerSecond, connectionsOpen: 1, maxKeys: 10 });
		const gone = entered(t, limits);
		const answer = refusal(gone);
		gone.release();
		t.is((await answer).code, 'connection_terminated');
		await admitted(t, limits);
		t.is(limits.keyCounts.open, 1);
	}
});

test('one that was too often and leaves unheard leaves no rejection behind', async (t) => {
	const limits = limiter({ connectionsPerSecond: 1, maxKeys: 10 });
	for (let i = 0; i < 20; i++) entered(t, limits).release();
	await new Promise((resolve) => setImmediate(resolve));
	t.is(limits.keyCounts.open, 0);
});

test("admitting twice is a bug of the caller's and takes no second place", async (t) => {
	const limits = limiter({ totalConnections: 2 });
	const once = await admitted(t, limits);
	await t.throwsAsync(once.admit(null), { message: /once/ });
	await admitted(t, limits);
	const refused = entered(t, limits);
	t.is((await refusal(refused)).code, 'connection_limit_reached');
	t.is((await refusal(refused)).code, 'connection_limit_reached', 'asking again is no way in');
});

test('only clients with something open are known, and no more than may be', async (t) => {
	const limits = limiter({ maxKeys: 2 });
	const first = await admitted(t, limits, 'a');
	const second = entered(t, limits, 'b');
	t.deepEqual(limits.keyCounts, { open: 2, remembered: 0 });
	t.is(limits.enter('c'), null);
	t.truthy(limits.enter('a'));
	second.release();
	t.truthy(limits.enter('c'));
	first.release();
	t.is(limits.keyCounts.open, 2);
});

test('a million keys of one attacker stay within the keys there are', async (t) => {
	const limits = limiter({ connectionsPerSecond: 10, burst: 10, maxKeys: 100, totalHandshakes: 50 });
	for (let i = 0; i < 5_000; i++) limits.enter(`2001:db8:0:${i.toString(16)}::/64`)?.release();
	t.is(limits.keyCounts.open, 0);
	t.is(limits.keyCounts.remembered, 100);
});

test('with every limit off everybody comes in', async (t) => {
	const limits = limiter({});
	for (let i = 0; i < 1_000; i++) await admitted(t, limits);
	t.pass();
});

test('a browser that restores a session meets no default', async (t) => {
	const limits = new MemoryLimiter();
	const open = Array.from({ length: 100 }, () => entered(t, limits));
	await Promise.all(open.map((each) => each.admit(null)));
	for (const each of open) each.release();
	t.true(DEFAULT_LIMITS.totalHandshakes >= 16 * DEFAULT_LIMITS.handshakes, 'a few clients do not fill the handshakes');
	t.true(DEFAULT_LIMITS.totalConnections >= 32 * DEFAULT_LIMITS.connectionsOpen, 'nor the flows');
});

test('whatever comes and goes, counts are never exceeded and end at nothing', async (t) => {
	const limits: MemoryLimits = {
		...OFF,
		connectionsOpen: 2,
		handshakes: 3,
		totalConnections: 4,
		totalHandshakes: 5,
		maxKeys: 3,
	};
	const act = fc.tuple(fc.constantFrom('enter', 'admit', 'release'), fc.constantFrom('a', 'b', 'c', 'd'), fc.nat(20));
	await fc.assert(
		fc.asyncProperty(fc.array(act, { maxLength: 60 }), async (acts) => {
			const judge = new MemoryLimiter(limits);
			const open: { client: string; place: Admission; flow: boolean }[] = [];
			for (const [what, client, pick] of acts) {
				if (what === 'enter') {
					const place = judge.enter(client);
					const mine = open.filter((each) => each.client === client && !each.flow).length;
					const all = open.filter((each) => !each.flow).length;
					const known = new Set(open.map((each) => each.client));
					t.is(place !== null, mine < 3 && all < 5 && (known.has(client) || known.size < 3));
					if (place) open.push({ client, place, flow: false });
				} else if (open.length > 0) {
					const one = open[pick % open.length]!;
					if (what === 'release') {
						one.place.release();
						open.splice(open.indexOf(one), 1);
					} else if (!one.flow) {
						const flows = open.filter((each) => each.flow);
						const fits = flows.length < 4 && flows.filter((each) => each.client === one.client).length < 2;
						one.flow = await one.place.admit(null).then(
							() => true,
							() => false,
						);
						t.is(one.flow, fits);
					}
				}
			}
			for (const { place } of open) place.release();
			t.deepEqual(judge.keyCounts, { open: 0, remembered: 0 });
		}),
		{ numRuns: 300 },
	);
});
