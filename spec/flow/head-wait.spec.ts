import test, { type ExecutionContext } from 'ava';
import { HeadWait } from '../../lib/flow/head-wait.ts';

function waiting(t: ExecutionContext, idleMs: number, headMs: number, draining = () => false) {
	const { promise, resolve } = Promise.withResolvers<'idle' | 'head'>();
	const heard: string[] = [];
	const wait = new HeadWait({ idleMs, headMs, draining }, (which) => {
		heard.push(which);
		resolve(which);
	});
	t.teardown(() => wait.close());
	return { wait, over: promise, heard };
}

test('each wait has its own limit', async (t) => {
	const idle = waiting(t, 40, 60_000);
	const head = waiting(t, 60_000, 40);
	idle.wait.wait('idle');
	head.wait.wait('head');
	t.deepEqual(await Promise.all([idle.over, head.over]), ['idle', 'head']);
});

test('the first byte begins another wait, more bytes do not', async (t) => {
	const { wait, over, heard } = waiting(t, 40, 160);
	const shorter = waiting(t, 60_000, 80);
	wait.wait('idle');
	wait.wait('head');
	shorter.wait.wait('head');
	const more = setInterval(() => wait.wait('head'), 10);
	t.teardown(() => clearInterval(more));
	await shorter.over;
	t.deepEqual(heard, [], 'the limit for idling counts no more');
	t.is(await over, 'head');
});

test('a wait that was stopped or closed says nothing, and the next one begins anew', async (t) => {
	const stopped = waiting(t, 30, 30);
	stopped.wait.wait('idle');
	stopped.wait.stop();
	const closed = waiting(t, 30, 30);
	closed.wait.wait('head');
	closed.wait.close();
	const later = waiting(t, 120, 120);
	later.wait.wait('idle');
	await later.over;
	t.deepEqual([...stopped.heard, ...closed.heard], []);
	stopped.wait.wait('head');
	t.is(await stopped.over, 'head');
	t.deepEqual(stopped.heard, ['head']);
});

test('draining ends an idle wait early, but no head that is coming', async (t) => {
	const idle = waiting(t, 60_000, 60_000, () => true);
	const head = waiting(t, 60_000, 60_000, () => true);
	head.wait.wait('head');
	idle.wait.wait('idle');
	t.is(await idle.over, 'idle');
	t.deepEqual(head.heard, []);
});
