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
	let nowMs = 12_345;
	const rate = new ConnectionRate({ perSecond: 2, burst: 0, maxKeys: 10 }, { nowMs: () => nowMs });
	t.is(await letIn(rate, 'a', 5), 2);
	const refusal = await rate.take('a');
	t.is(refusal?.retryAfterMs, 655);
	nowMs += 654;
	t.is(await letIn(rate, 'a', 5), 0);
	nowMs += 1;
	t.is(await letIn(rate, 'a', 5), 2);
});

test('a burst is there once in ten seconds', async (t) => {
	let nowMs = 0;
	const rate = new ConnectionRate({ perSecond: 1, burst: 5, maxKeys: 10 }, { nowMs: () => nowMs });
	t.is(await letIn(rate, 'a', 9), 6);
	for (nowMs = 1_000; nowMs < 10_000; nowMs += 1_000) t.is(await letIn(rate, 'a', 9), 1, `${nowMs}`);
	t.is(await letIn(rate, 'a', 9), 6);
	nowMs = 60_000;
	t.is(await letIn(rate, 'a', 9), 6);
});

test('counts no more clients than it may: further new ones wait for the next second', async (t) => {
	let nowMs = 0;
	const rate = new ConnectionRate({ perSecond: 2, burst: 0, maxKeys: 3 }, { nowMs: () => nowMs });
	for (const client of ['a', 'b', 'c']) t.is(await letIn(rate, client, 1), 1);
	t.like(await rate.take('d'), { code: 'client_limit_reached', note: 'too many clients', retryAfterMs: 1_000 });
	t.is(await letIn(rate, 'a', 5), 1, 'who is counted goes on');
	for (let i = 0; i < 1_000; i++) await rate.take(`client-${i}`);
	t.is(rate.keyCount, 3);
	nowMs = 1_000;
	t.is(await letIn(rate, 'd', 1), 1);
	t.is(rate.keyCount, 1, 'a window that is over is forgotten');
});
