import test from 'ava';
import { GUARDED, nominatedBy, passedOptions, withValue } from '../../lib/anonymity/connection.ts';
import type { Field } from '../../lib/protocol/http1-head.ts';
import { requestHead } from '../helpers/heads.ts';

function fields(...lines: string[]): readonly Field[] {
	return requestHead('GET http://example.com/ HTTP/1.1', ...lines).fields;
}

function field(line: string): Field {
	return fields(line)[0] as Field;
}

const NOMINATIONS: readonly (readonly [lines: string[], names: string[] | null])[] = [
	[['Host: example.com'], null],
	[['Connection: keep-alive'], null],
	[['Connection: Close'], null],
	[['Connection: X-One'], ['x-one']],
	[['CONNECTION:X-ONE,x-two'], ['x-one', 'x-two']],
	[['connection: \t x-one ,\tx-two,, '], ['x-one', 'x-two']],
	[['Connection: keep-alive', 'X-One: 1', 'Connection: X-One'], ['x-one']],
	[
		['Connection: X-One', 'Connection: X-Two', 'Proxy-Connection: X-Three'],
		['x-one', 'x-two', 'x-three'],
	],
	[['Connection: keep-alive, X-One'], ['x-one']],
];

for (const [lines, names] of NOMINATIONS) {
	test(`${lines.join(' and ')} names ${names?.join(', ') ?? 'no field'}`, (t) => {
		const nominated = nominatedBy(fields(...lines));
		if (names === null) return t.is(nominated, null);
		for (const name of names) t.true(nominated?.has(name), name);
		t.false(nominated?.has('x-other'));
	});
}

const OPTIONS: readonly (readonly [line: string, plain: string | null, upgrade: string | null])[] = [
	['Connection: keep-alive', 'Connection: keep-alive', 'Connection: keep-alive'],
	['connection:KEEP-ALIVE \t', 'connection:KEEP-ALIVE \t', 'connection:KEEP-ALIVE \t'],
	['Connection:  Close', 'Connection:  Close', 'Connection:  Close'],
	['Connection: close , keep-alive', 'Connection: close , keep-alive', 'Connection: close , keep-alive'],
	['Connection: Upgrade', null, 'Connection: Upgrade'],
	['Connection: keep-alive, Upgrade', 'Connection: keep-alive', 'Connection: keep-alive, Upgrade'],
	['Connection: Upgrade, HTTP2-Settings', null, 'Connection: Upgrade'],
	['Connection:\t TE,  Keep-Alive', 'Connection:\t Keep-Alive', 'Connection:\t Keep-Alive'],
	['Connection: X-One', null, null],
	['Connection: Host, Content-Length', null, null],
	['Connection:', null, null],
	['Connection: , ,', null, null],
	['Connection: keep-alive,', 'Connection: keep-alive', 'Connection: keep-alive'],
];

for (const [line, plain, upgrade] of OPTIONS) {
	test(`${JSON.stringify(line)} goes on as ${JSON.stringify(plain)}, with an upgrade as ${JSON.stringify(upgrade)}`, (t) => {
		t.is(passedOptions(field(line), false), plain);
		t.is(passedOptions(field(line), true), upgrade);
	});
}

test('another value takes the place of a value, and the white space before it stays', (t) => {
	t.is(withValue(field('HOST:example.com'), 'a'), 'HOST:a');
	t.is(withValue(field('Host: \texample.com '), 'a'), 'Host: \ta');
	t.is(withValue(field('host:'), 'a'), 'host:a');
});

test('what frames, routes, admits and caches a message is guarded', (t) => {
	for (const name of [
		'host',
		'content-length',
		'transfer-encoding',
		'authorization',
		'cookie',
		'cache-control',
		'set-cookie',
	]) {
		t.true(GUARDED.includes(name), name);
	}
	t.is(new Set(GUARDED).size, GUARDED.length);
	for (const name of ['connection', 'proxy-authorization', 'keep-alive', 'te', 'via'])
		t.false(GUARDED.includes(name), name);
});
