import test from 'ava';
import { observers } from '../../lib/observe/observers.ts';
import { flowOf } from '../helpers/flows.ts';

test('each observer hears, in order, and verbs that nobody knows are left out', (t) => {
	const heard: string[] = [];
	const both = observers(
		{ flowEnded: ({ id }) => heard.push(`first ${id}`) },
		{ flowEnded: ({ id }) => heard.push(`second ${id}`), dropped: (inbound, why) => heard.push(`${inbound} ${why}`) },
	);
	both.flowEnded?.(flowOf());
	both.dropped?.('listen-1', 'hook');
	t.deepEqual(heard, ['first 7', 'second 7', 'listen-1 hook']);
	t.deepEqual(Object.keys(both), ['flowEnded', 'dropped']);
});

test('what one throws keeps nothing from the others, and is thrown', (t) => {
	const heard: string[] = [];
	const broken = (): never => {
		throw new Error('broken observer');
	};
	const both = observers({ bug: broken }, { bug: () => heard.push('second') });
	t.throws(() => both.bug?.(1), { message: 'broken observer' });
	t.deepEqual(heard, ['second']);
});
