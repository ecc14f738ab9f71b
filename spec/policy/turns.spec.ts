import test from 'ava';
import fc from 'fast-check';
import { GatewayError } from '../../lib/core/error.ts';
import { Turns } from '../../lib/policy/turns.ts';

/** Work that is done when told to. */
class Job {
	started = false;
	finish: () => void = () => {};
	readonly work: () => Promise<string> = () => {
		this.started = true;
		return new Promise((resolve) => {
			this.finish = () => resolve('done');
		});
	};
}

function codeOf(thrown: unknown): string {
	return thrown instanceof GatewayError ? thrown.code : String(thrown);
}

/** Lets everything run that only waits for promises. */
function settled(): Promise<void> {
	return new Promise((resolve) => setImmediate(resolve));
}

test('does some at once, the next when one is done, first come first served', async (t) => {
	const turns = new Turns({ atOnce: 2, waiting: 8, perClient: 8 });
	const jobs = Array.from({ length: 4 }, () => new Job());
	const done = jobs.map((job, i) => turns.take(`client-${i}`, false, job.work));
	await settled();
	t.deepEqual(
		jobs.map((job) => job.started),
		[true, true, false, false],
	);
	jobs[1]!.finish();
	t.is(await done[1], 'done');
	await settled();
	t.deepEqual(
		jobs.map((job) => job.started),
		[true, true, true, false],
	);
	for (const job of jobs) {
		job.finish();
		await settled();
	}
	t.deepEqual(await Promise.all(done), ['done', 'done', 'done', 'done']);
});

test('refuses beyond the queue, and takes again when there is a place', async (t) => {
	const turns = new Turns({ atOnce: 1, waiting: 1, perClient: 8 });
	const [first, second] = [new Job(), new Job()];
	const done = [turns.take('a', false, first.work), turns.take('b', false, second.work)];
	const refused = await t.throwsAsync(
		turns.take('c', false, async () => 'no'),
		{ instanceOf: GatewayError },
	);
	t.is(refused.code, 'connection_limit_reached');
	first.finish();
	await done[0];
	const third = turns.take('c', false, async () => 'yes');
	await settled();
	second.finish();
	t.is(await third, 'yes');
});

test('a client that floods has its own places and no more', async (t) => {
	const turns = new Turns({ atOnce: 1, waiting: 8, perClient: 2 });
	const flood = Array.from({ length: 5 }, () => new Job());
	const taken = flood.map((job) => turns.take('flooder', false, job.work).catch(codeOf));
	const other = turns.take('other', false, async () => 'served');
	t.deepEqual(await Promise.all(taken.slice(2)), Array(3).fill('client_limit_reached'));
	for (const job of flood.slice(0, 2)) {
		await settled();
		job.finish();
	}
	t.is(await other, 'served');
	t.is(await turns.take('flooder', false, async () => 'again'), 'again');
});

test('work that fails gives its place back', async (t) => {
	const turns = new Turns({ atOnce: 1, waiting: 0, perClient: 1 });
	await t.throwsAsync(
		turns.take('a', false, () => Promise.reject(new Error('broken'))),
		{ message: 'broken' },
	);
	t.is(await turns.take('a', false, async () => 'next'), 'next');
});

test('never does more at once than it may, whatever comes and goes', async (t) => {
	const plan = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.boolean()), { maxLength: 30 });
	await fc.assert(
		fc.asyncProperty(plan, async (comings) => {
			const turns = new Turns({ atOnce: 2, waiting: 4, perClient: 3 });
			const running: (() => void)[] = [];
			let most = 0;
			let served = 0;
			const all: Promise<void>[] = [];
			for (const [client, finishesOne] of comings) {
				const work = (): Promise<void> => {
					const job = new Promise<void>((resolve) => running.push(resolve));
					most = Math.max(most, running.length);
					return job.then(() => void served++);
				};
				all.push(turns.take(client, false, work).catch(() => {}));
				if (!finishesOne) continue;
				await settled();
				running.shift()?.();
			}
			for (await settled(); running.length > 0; await settled()) running.shift()?.();
			await Promise.all(all);
			t.true(most <= 2);
			t.true(comings.length === 0 || served > 0);
		}),
		{ numRuns: 50 },
	);
});
