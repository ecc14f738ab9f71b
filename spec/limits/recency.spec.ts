import test from 'ava';
import fc from 'fast-check';
import { Recency } from '../../lib/limits/recency.ts';

test('gives back the key unseen for longest, when it is old enough', (t) => {
	const recency = new Recency();
	t.is(recency.takeOldest(Number.POSITIVE_INFINITY), null);
	recency.touch('a', 1);
	recency.touch('b', 2);
	recency.touch('a', 3);
	t.is(recency.size, 2);
	t.is(recency.takeOldest(1), null);
	t.is(recency.takeOldest(2), 'b');
	t.is(recency.takeOldest(2), null);
	t.true(recency.has('a'));
	t.false(recency.has('b'));
	t.is(recency.takeOldest(3), 'a');
	t.is(recency.size, 0);
});

test('keeps the order of a list that is moved by hand', (t) => {
	const act = fc.oneof(fc.constantFrom('a', 'b', 'c', 'd'), fc.constant(null));
	fc.assert(
		fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
			const recency = new Recency();
			let list: string[] = [];
			for (const [nowMs, key] of acts.entries()) {
				if (key === null) t.is(recency.takeOldest(nowMs), list.shift() ?? null);
				else {
					recency.touch(key, nowMs);
					list = [...list.filter((each) => each !== key), key];
				}
				t.is(recency.size, list.length);
			}
			for (const key of list) t.is(recency.takeOldest(100), key);
		}),
	);
});
