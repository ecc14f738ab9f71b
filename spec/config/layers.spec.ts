import test from 'ava';
import { type Layer, Merged, type Table } from '../../lib/config/layers.ts';
import { pathText, placeOf } from '../../lib/config/problem.ts';

/** A layer whose places tell its name and the path that it was asked for. */
function layer(name: string, data: Table, adds = true): Layer {
	return { data, adds, place: (path) => placeOf(`${name} ${pathText(path)}`) };
}

const where = async (merged: Merged, ...path: (string | number)[]): Promise<string | undefined> =>
	(await merged.place(path, 'value'))?.where;

test('merges tables key by key and replaces everything else', async (t) => {
	const merged = new Merged([
		layer('a', { log: { level: 'x', users: true }, listen: ['1', '2'], odd: 1 }),
		layer('b', { log: { level: 'y' }, listen: ['3'], odd: { inner: 1 } }),
	]);
	t.deepEqual(merged.data, { log: { level: 'y', users: true }, listen: ['3'], odd: { inner: 1 } });
	t.is(await where(merged, 'log', 'level'), 'b log.level');
	t.is(await where(merged, 'log', 'users'), 'a log.users');
	t.is(await where(merged, 'listen', 0), 'b listen[0]');
});

test('adds up rules and upstreams of files, and remembers where each came from', async (t) => {
	const files = [layer('a', { rule: [{ n: 1 }, { n: 2 }] }), layer('b', { rule: [{ n: 3 }], upstream: ['x'] })];
	const merged = new Merged(files);
	t.deepEqual(merged.data, { rule: [{ n: 1 }, { n: 2 }, { n: 3 }], upstream: ['x'] });
	t.is(await where(merged, 'rule', 1, 'n'), 'a rule[1].n');
	t.is(await where(merged, 'rule', 2, 'n'), 'b rule[0].n');
	const flags = new Merged([...files, layer('c', { rule: [{ n: 4 }] }, false)]);
	t.deepEqual(flags.data.rule, [{ n: 4 }]);
	t.is(await where(flags, 'rule', 1, 'n'), 'c rule[1].n');
});

test('nobody has said what is a default', async (t) => {
	t.is(await where(new Merged([layer('a', { log: {} })]), 'limits', 'burst'), undefined);
	t.is(await where(new Merged([layer('a', { log: {} })]), 'log', 'level'), 'a log.level');
});
