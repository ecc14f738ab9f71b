import test, { type ExecutionContext } from 'ava';
import { type Moving, Sweep } from '../../lib/io/sweep.ts';

/** The sweep's own timer does not keep a process alive. */
function awake(t: ExecutionContext): void {
	const hold = setInterval(() => {}, 1000);
	t.teardown(() => clearInterval(hold));
}

test('ends what stands still, spares what moves, forgets what was deleted', async (t) => {
	awake(t);
	const sweep = new Sweep(25);
	t.teardown(() => sweep.close());
	let moves = 0;
	let movedOn = 0;
	const forgotten: Moving = { progress: () => 0, idle: () => t.fail('was deleted') };
	const mover: Moving = { progress: () => ++moves, idle: () => movedOn++ };
	sweep.add(forgotten);
	sweep.add(mover);
	sweep.delete(forgotten);
	await new Promise<void>((resolve) => sweep.add({ progress: () => 0, idle: resolve }));
	t.is(movedOn, 0);
	t.true(moves > 1);
});

test('tells an idle thing once', async (t) => {
	awake(t);
	const sweep = new Sweep(10);
	t.teardown(() => sweep.close());
	let told = 0;
	sweep.add({ progress: () => 0, idle: () => told++ });
	for (let i = 0; i < 3; i++) await new Promise<void>((resolve) => sweep.add({ progress: () => 0, idle: resolve }));
	t.is(told, 1);
});

test('a bug of one costs it alone, and is told', async (t) => {
	awake(t);
	const bugs: unknown[] = [];
	const sweep = new Sweep(10, (thrown) => bugs.push(thrown));
	t.teardown(() => sweep.close());
	const bug = new Error('a bug');
	sweep.add({
		progress: () => 0,
		idle() {
			throw bug;
		},
	});
	let looks = 0;
	sweep.add({
		progress() {
			if (looks++ > 0) throw bug;
			return 0;
		},
		idle: () => t.fail('was forgotten'),
	});
	await new Promise<void>((resolve) => sweep.add({ progress: () => 0, idle: resolve }));
	t.deepEqual(bugs, [bug, bug]);
});
