import test from 'ava';
import { positionsOf } from '../../lib/config/positions.ts';

const TEXT = [
	'listen = ["a",', // 1
	'  "b"]', // 2
	'exit.mode = "x"', // 3
	'log = { level = "x", "a b" = 1 }', // 4
	'[limits]', // 5
	'  burst = 3', // 6
	'[[rule]]', // 7
	'action = "x"', // 8
	'[[rule]]', // 9
	'client = [["x"], [{ y = 1 }]]', // 10
].join('\n');

const at = (path: (string | number)[], end: 'key' | 'value' = 'value'): string => {
	const { line, column } = positionsOf(TEXT)!.of(path, end);
	return `${line}:${column}`;
};

test('finds values in every notation', (t) => {
	t.is(at(['listen', 0]), '1:11');
	t.is(at(['listen', 1]), '2:3');
	t.is(at(['exit', 'mode']), '3:13');
	t.is(at(['log', 'level']), '4:17');
	t.is(at(['log', 'a b']), '4:30');
	t.is(at(['limits', 'burst']), '6:11');
	t.is(at(['rule', 0, 'action']), '8:10');
	t.is(at(['rule', 1, 'client', 1, 0, 'y']), '10:25');
});

test('finds keys, and tables by their header', (t) => {
	t.is(at(['listen'], 'key'), '1:1');
	t.is(at(['exit'], 'key'), '3:1');
	t.is(at(['exit', 'mode'], 'key'), '3:6');
	t.is(at(['log', 'a b'], 'key'), '4:22');
	t.is(at(['limits']), '5:1');
	t.is(at(['rule', 1]), '9:1');
});

test('what is not there is at what is around it', (t) => {
	t.is(at(['rule', 1, 'action']), '9:1');
	t.is(at(['limits', 'none', 'deeper']), '5:1');
	t.is(at(['log', 'none']), '4:7');
	t.is(at(['none']), '1:1');
});

test('says nothing of a text that it cannot read', (t) => {
	t.is(positionsOf('a = '), null);
});
