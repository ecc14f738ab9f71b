import test from 'ava';
import {
	type PathPattern,
	parseMediaType,
	parsePathPattern,
	RequestCondition,
	TypeCondition,
} from '../../lib/policy/request-condition.ts';

function holds(methods: string[], paths: string[], method: string, path: string): boolean {
	const parsed = paths.map(parsePathPattern);
	return new RequestCondition(methods, parsed as PathPattern[]).holds({ method, path });
}

test('methods are compared as they are', (t) => {
	t.true(holds(['POST', 'PUT'], [], 'PUT', '/'));
	t.false(holds(['POST'], [], 'post', '/'));
	t.false(holds(['POST'], [], 'GET', '/'));
});

test('a path begins with one of those, however it is spelled', (t) => {
	for (const path of [
		'/admin/',
		'/admin/x?y',
		'/%61dmin/x',
		'//admin/x',
		'/./admin/x',
		'/x/../admin/',
		'/a/%2e%2e/admin/x',
		'/admin//',
	])
		t.true(holds([], ['/admin/'], 'GET', path), path);
	for (const path of ['/', '/Admin/', '/admin', '/administration', '/x/admin/', '/?/admin/', '/admin/..', '/admin%2Fx'])
		t.false(holds([], ['/admin/'], 'GET', path), path);
	t.true(holds([], ['/%7euser'], 'GET', '/~user/x'));
	t.true(holds([], ['/a%2fb'], 'GET', '/a%2Fb'));
});

test('an expression is looked for in path and query, as far as anybody writes by hand', (t) => {
	t.true(holds([], ['~\\.exe$'], 'GET', '/x/setup.exe'));
	t.true(holds([], ['~\\.exe(\\?|$)'], 'GET', '/x/setup.%65xe?a'));
	t.false(holds([], ['~\\.exe$'], 'GET', '/x/setup.exe?a'));
	t.false(holds([], ['~z$'], 'GET', `/${'a'.repeat(8_000)}z`));
	t.true(holds(['GET'], ['/a/', '~b'], 'GET', '/xb'));
});

test('a path or an expression is wanted', (t) => {
	t.regex(parsePathPattern('admin') as string, /expected a path/);
	t.regex(parsePathPattern('~(') as string, /"\)"/);
});

test('a media type is itself, or all of a kind', (t) => {
	const films = new TypeCondition(['video/*', 'application/zip']);
	for (const value of ['video/mp4', 'Video/MP4; codecs="x"', ' application/zip ', 'application/zip;a=b'])
		t.true(films.holds([value]), value);
	for (const value of ['text/html', 'application/zipped', 'video', '', '*/*']) t.false(films.holds([value]), value);
	t.true(films.holds(['text/html', 'video/mp4']), 'one of several');
	t.false(films.holds([]));
	t.deepEqual(parseMediaType('Video/*'), { type: 'video/*' });
	for (const text of ['video', '*/*', 'video/', 'a b/c', 'video/mp4; a=b'])
		t.is(typeof parseMediaType(text), 'string', text);
});
