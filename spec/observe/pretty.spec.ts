import { stripVTControlCharacters } from 'node:util';
import test from 'ava';
import { prettyLine } from '../../lib/observe/pretty.ts';

const line = (record: object): string =>
	stripVTControlCharacters(prettyLine(`${JSON.stringify({ time: '2026-01-02T03:04:05.678Z', ...record })}\n`));

test('puts time, level and message first, then the facts', (t) => {
	t.is(
		line({ level: 'info', cause: 'closed', upBytes: 12, reports: ['port'], msg: 'flow' }),
		'03:04:05.678 info  flow cause=closed upBytes=12 reports=["port"]\n',
	);
});

test('quotes texts that could be read as several facts', (t) => {
	t.is(
		line({ level: 'warn', note: 'a b', empty: '', forged: 'x\ny=1', msg: 'm' }),
		'03:04:05.678 warn  m note="a b" empty="" forged="x\\ny=1"\n',
	);
});

test('shows a stack below its line', (t) => {
	t.is(line({ level: 'error', msg: 'bug', stack: '    at x' }), '03:04:05.678 error bug\n    at x\n');
});
