import test from 'ava';
import type { ConfigInput } from '../../lib/config/config.ts';
import { resolveConfig } from '../../lib/config/resolve.ts';
import { warningsOf } from '../../lib/config/warnings.ts';

const warnings = (input: ConfigInput): string[] => warningsOf(resolveConfig(input));

test('the defaults are safe, on every address as well', (t) => {
	t.deepEqual(warnings({}), []);
	t.deepEqual(warnings({ listen: [':1080'] }), []);
});

test('warns where anybody can connect and something that protects is off', (t) => {
	const open = { listen: ['127.0.0.1:1', '192.0.2.1:1080'] };
	t.is(warnings({ ...open, limits: { connections_open: 0 } }).length, 1);
	t.is(warnings({ ...open, limits: { connections_per_second: 0 } }).length, 1);
	t.is(warnings({ ...open, exit: { allow_private: true, mode: 'report' } }).length, 2);
});

test('does not warn about what only this machine, or only users, can do', (t) => {
	const loose: ConfigInput = { limits: { connections_open: 0 }, exit: { allow_private: true, mode: 'report' } };
	t.deepEqual(warnings({ ...loose, listen: ['127.1.2.3:1', '[::1]:1'] }), []);
	t.is(warnings({ ...loose, listen: [':1'], users: { list: ['a:b'] } }).length, 1);
});

test('warns of passwords in clear', (t) => {
	t.regex(warnings({ users: { list: ['a:b'] } })[0]!, /user hash/);
});

test('warns of a token that can be guessed', (t) => {
	t.regex(warnings({ admin: { token: 'letmein' } })[0]!, /openssl rand/);
	t.deepEqual(warnings({ admin: { token: '6b1e7d0c5f3a4e2b' } }), []);
});
