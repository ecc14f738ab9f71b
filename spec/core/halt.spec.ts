import test from 'ava';
import { type Halt, Halter } from '../../lib/core/halt.ts';

/** What an AbortSignal does is what a Halter does. */
const kinds: readonly [string, () => { readonly halt: Halt; readonly abort: (reason: unknown) => void }][] = [
	[
		'a Halter',
		() => {
			const halter = new Halter();
			return { halt: halter, abort: (reason) => halter.abort(reason) };
		},
	],
	[
		'an AbortSignal',
		() => {
			const controller = new AbortController();
			return { halt: controller.signal, abort: (reason) => controller.abort(reason) };
		},
	],
];

for (const [name, make] of kinds) {
	test(`${name} tells its listeners in order, once, and keeps the first reason`, (t) => {
		const { halt, abort } = make();
		const heard: string[] = [];
		halt.addEventListener('abort', () => heard.push('first'));
		halt.addEventListener('abort', () => heard.push('second'));
		t.false(halt.aborted);
		abort('why');
		abort('again');
		t.true(halt.aborted);
		t.is(halt.reason, 'why');
		t.deepEqual(heard, ['first', 'second']);
	});

	test(`${name} does not tell who was removed, even by another who was told`, (t) => {
		const { halt, abort } = make();
		const heard: string[] = [];
		const second = (): void => void heard.push('second');
		const third = (): void => void heard.push('third');
		halt.addEventListener('abort', () => {
			heard.push('first');
			halt.removeEventListener('abort', third);
		});
		halt.addEventListener('abort', second);
		halt.addEventListener('abort', third);
		halt.removeEventListener('abort', second);
		halt.removeEventListener('abort', second);
		abort('why');
		t.deepEqual(heard, ['first']);
	});

	test(`${name} that is aborted tells nobody who comes later`, (t) => {
		const { halt, abort } = make();
		abort('why');
		halt.addEventListener('abort', () => t.fail());
		abort('again');
		t.is(halt.reason, 'why');
	});
}

test('a listener that throws does not keep the others from hearing', (t) => {
	const halter = new Halter();
	const heard: string[] = [];
	halter.addEventListener('abort', () => {
		throw new Error('bug');
	});
	halter.addEventListener('abort', () => heard.push('second'));
	t.throws(() => halter.abort('why'), { message: 'bug' });
	t.deepEqual(heard, ['second']);
});
