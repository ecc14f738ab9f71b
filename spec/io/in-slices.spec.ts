import test from 'ava';
import { inSlices } from '../../lib/io/in-slices.ts';

test('work is done to its end, and timers have their turn meanwhile', async (t) => {
	let turns = 0;
	const timer = setInterval(() => turns++, 1);
	t.teardown(() => clearInterval(timer));
	function* work(): Generator<void, string> {
		while (turns < 3) yield;
		return 'done';
	}
	t.is(await inSlices(work()), 'done');
	t.true(turns >= 3);
});

test('what work throws is thrown', async (t) => {
	function* work(): Generator<void, string> {
		yield;
		throw new Error('broken');
	}
	await t.throwsAsync(inSlices(work()), { message: 'broken' });
});
