import test from 'ava';
import { ConfigError, formatProblem, pathText, placeOf } from '../../lib/config/problem.ts';

test('writes a path as TOML has it', (t) => {
	t.is(pathText(['rule', 2, 'client', 0]), 'rule[2].client[0]');
	t.is(pathText(['log', 'a b']), 'log."a b"');
	t.is(pathText(['a\nb']), '"a\\nb"');
	t.is(pathText([]), '');
});

test('a problem is one line, with as much of its place as there is', (t) => {
	const problem = { where: 'f', line: 2, column: 3, path: 'a.b', message: 'expected x, found y' };
	t.is(formatProblem(problem), 'f:2:3: a.b: expected x, found y');
	t.is(formatProblem({ ...problem, ...placeOf('--flag') }), '--flag: a.b: expected x, found y');
	t.is(formatProblem({ ...problem, path: '' }), 'f:2:3: expected x, found y');
});

test('the error says them all', (t) => {
	const problem = { ...placeOf('f'), path: 'a', message: 'm' };
	const error = new ConfigError([problem, problem]);
	t.is(error.message, 'f: a: m\nf: a: m');
	t.is(error.kind, 'invalid');
});
