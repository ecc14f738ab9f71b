import test, { type ExecutionContext } from 'ava';
import { Deadlines } from '../../lib/io/deadlines.ts';

function deadlines(t: ExecutionContext, limitMs: number): Deadlines {
	const made = new Deadlines(limitMs);
	const hold = setInterval(() => {}, 1000); // the timer of deadlines keeps no process alive
	t.teardown(() => {
		clearInterval(hold);
		made.close();
	});
	return made;
}

test('expires what is late, once, in the order in which it started, and not before its time', async (t) => {
	const limits = deadlines(t, 30);
	const order: string[] = [];
	const startedMs = performance.now();
	await new Promise<void>((resolve) => {
		limits.start({ expire: () => order.push('first') });
		limits.start({
			expire: () => {
				order.push('second');
				resolve();
			},
		});
	});
	t.deepEqual(order, ['first', 'second']);
	t.true(performance.now() - startedMs >= 30);
});

test('what was stopped does not expire', async (t) => {
	const limits = deadlines(t, 10);
	const stopped = { expire: () => t.fail('was stopped') };
	limits.start(stopped);
	limits.stop(stopped);
	await new Promise<void>((resolve) => limits.start({ expire: resolve }));
	t.pass();
});

test('works again after it was empty, and when something starts inside an expiry', async (t) => {
	const limits = deadlines(t, 5);
	await new Promise<void>((resolve) => limits.start({ expire: resolve }));
	await new Promise<void>((resolve) => limits.start({ expire: () => limits.start({ expire: resolve }) }));
	t.pass();
});

test('what starts anew has its whole time again', async (t) => {
	const limits = deadlines(t, 40);
	const order: string[] = [];
	const again = { expire: () => order.push('again') };
	limits.start(again);
	await new Promise<void>((resolve) => {
		limits.start({
			expire: () => {
				order.push('other');
				resolve();
			},
		});
		limits.start(again);
	});
	t.is(order[0], 'other');
});

test('forgets everything when it is closed', async (t) => {
	const limits = deadlines(t, 5);
	const other = deadlines(t, 30);
	limits.start({ expire: () => t.fail('was closed') });
	limits.close();
	await new Promise<void>((resolve) => other.start({ expire: resolve }));
	t.pass();
});
