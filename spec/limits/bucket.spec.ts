import test from 'ava';
import fc from 'fast-check';
import { Bucket, type Waiter } from '../../lib/limits/bucket.ts';

/** Tunnels that always have something to read, in chunks, over one bucket, with a clock that jumps to the next event. */
function run(
	perSecond: number,
	chunks: readonly number[],
	forMs: number,
): { readonly bytes: number[]; readonly mostAtOnce: number } {
	let nowMs = 0;
	let atOnce = 0;
	let mostAtOnce = 0;
	const bucket = new Bucket(perSecond, true, { nowMs: () => nowMs });
	const bytes = chunks.map(() => 0);
	const waiters = chunks.map((chunk, i): Waiter => {
		const waiter: Waiter = {
			credit: 0,
			over: false,
			go() {
				do {
					bytes[i]! += chunk;
					atOnce += chunk;
					bucket.spend(chunk, waiter);
				} while (bucket.ready(waiter));
				bucket.wait(waiter);
			},
		};
		return waiter;
	});
	for (const waiter of waiters) bucket.wait(waiter);
	while (nowMs < forMs) {
		atOnce = 0;
		bucket.fill(perSecond);
		bucket.serve();
		mostAtOnce = Math.max(mostAtOnce, atOnce);
		nowMs += bucket.readyInMs(perSecond);
	}
	return { bytes, mostAtOnce };
}

test('a pace holds within five percent over ten seconds, whatever the number of tunnels and the size of their chunks', (t) => {
	const chunk = fc.integer({ min: 100, max: 65_536 });
	fc.assert(
		fc.property(
			fc.array(chunk, { minLength: 1, maxLength: 8 }),
			fc.integer({ min: 1_000_000, max: 100_000_000 }),
			(chunks, rate) => {
				const { bytes } = run(rate, chunks, 10_000);
				const all = bytes.reduce((sum, one) => sum + one, 0);
				t.true(Math.abs(all / (rate * 10) - 1) <= 0.05, `${all} of ${rate * 10}`);
			},
		),
		{ numRuns: 30 },
	);
});

test('tunnels with chunks of one size get even parts', (t) => {
	const { bytes } = run(1_000_000, [65_536, 65_536, 65_536, 65_536], 30_000);
	t.true(Math.max(...bytes) / Math.min(...bytes) < 1.05, bytes.join(' '));
});

test('a pace far below a chunk a second is held too, one chunk at a time', (t) => {
	const { bytes, mostAtOnce } = run(10_000, [65_536, 65_536], 600_000);
	t.true(mostAtOnce <= 65_536);
	t.true(Math.abs(bytes[0]! + bytes[1]! - 6_000_000) <= 2 * 65_536);
});

test('who is over while waiting is passed by and pays nothing', (t) => {
	let nowMs = 0;
	const bucket = new Bucket(1_000, true, { nowMs: () => nowMs });
	const told: string[] = [];
	const gone = { credit: 0, over: true, go: () => told.push('gone') };
	const here = { credit: 0, over: false, go: () => told.push('here') };
	bucket.spend(200, here);
	t.false(bucket.ready(here));
	bucket.wait(gone);
	bucket.wait(here);
	bucket.serve();
	t.deepEqual(told, []);
	nowMs += bucket.readyInMs(1_000);
	bucket.fill(1_000);
	bucket.serve();
	t.deepEqual(told, ['here']);
	t.false(bucket.waiting);
});

test('what the store grants fills a bucket that starts empty; it wants more before it is dry', (t) => {
	const bucket = new Bucket(1_000_000, false, { nowMs: () => 0 });
	const waiter = { credit: 0, over: false, go() {} };
	t.false(bucket.ready(waiter));
	t.is(bucket.want, 100_000);
	bucket.grant(100_000);
	t.true(bucket.ready(waiter));
	t.is(bucket.want, 0);
	bucket.spend(60_000, waiter);
	t.is(bucket.want, 60_000);
	t.true(bucket.ready(waiter));
	t.true(bucket.idle);
	bucket.spend(50_000, waiter);
	t.false(bucket.idle, 'a debt is not forgotten');
});
