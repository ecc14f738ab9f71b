// The windows are rate-limiter-flexible's and run by its own time, so these clients are counted within one window or
// wait for its end by an event.
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { GatewayError } from '../../lib/core/error.ts';
import { ConnectionRate } from '../../lib/limits/connection-rate.ts';

const still = { nowMs: () => 0 };

/** How many of `count` connections at once are let in. */
async function letIn(rate: ConnectionRate, client: string, count: number): Promise<number> {
	const answers = await Promise.all(Array.from({ length: count }, () => rate.take(client)));
	return answers.filter((refusal) => refusal === null).length;
}

test('lets in the rate and the burst above it, each client for itself', async (t) => {
	const rate = new ConnectionRate({ perSecond: 20, burst: 30, maxKeys: 10 }, still);
	t.is(await letIn(rate, 'a', 100), 50);
	t.is(await letIn(rate, 'b', 40), 40);
	t.is(await letIn(new ConnectionRate({ perSecond: 20, burst: 0, maxKeys: 10 }, still), 'a', 100), 20);
});

test('who comes too often hears when to come again', async (t) => {
	for (const burst of [0, 1]) {
		const rate = new ConnectionRate({ perSecond: 1, burst, maxKeys: 10 }, still);
		await letIn(rate, 'a', 1 + burst);
		const refusal = await rate.take('a');
		t.true(refusal instanceof GatewayError);
		t.like(refusal, { code: 'client_limit_reached', side: 'client', phase: 'admission' });
		t.true(refusal!.retryAfterMs! > 0 && refusal!.retryAfterMs! <= 1_000);
	}
});

test('the rate is there again when it says so', async (t) => {
	const rate = new ConnectionRate({ perSecond: 2, burst: 0, maxKeys: 10 }, still);
	t.is(await letIn(rate, 'a', 5), 2);
	let refusal = await rate.take('a');
	t.not(refusal, null);
	for (; refusal !== null; refusal = await rate.take('a')) await delay(refusal.retryAfterMs);
	t.is(await letIn(rate, 'a', 5), 1);
});

test('holds no more clients than it may, and forgets the one unseen for longest', async (t) => {
	// Who is known has one a second at most, for ten seconds; who is new has six.
	const rate = new ConnectionRate({ perSecond: 1, burst: 5, maxKeys: 3 }, still);
	for (const client of ['a', 'b', 'c']) t.is(await letIn(rate, client, 9), 6);
	t.true((await letIn(rate, 'a', 1)) <= 1, 'seen again');
	t.is(await letIn(rate, 'd', 1), 1);
	t.is(rate.keyCount, 3);
	t.true((await letIn(rate, 'a', 9)) <= 1, 'still known');
	t.is(await letIn(rate, 'b', 9), 6, 'forgotten');
	for (let i = 0; i < 1_000; i++) await rate.take(`client-${i}`);
	t.is(rate.keyCount, 3);
});

test('a client is forgotten when its last window must be over', async (t) => {
	let nowMs = 0;
	const rate = new ConnectionRate({ perSecond: 5, burst: 5, maxKeys: 100 }, { nowMs: () => nowMs });
	await rate.take('a');
	nowMs = 5_000;
	await rate.take('b');
	nowMs = 9_999;
	await rate.take('c');
	t.is(rate.keyCount, 3);
	nowMs = 10_000;
	await rate.take('c');
	t.is(rate.keyCount, 2);
	nowMs = 30_000;
	await rate.take('d');
	t.is(rate.keyCount, 1);
});
