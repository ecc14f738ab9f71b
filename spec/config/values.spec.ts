import test from 'ava';
import {
	parseAdminListen,
	parseAdvertised,
	parseDuration,
	parseDurationOrOff,
	parseListen,
	parsePort,
	parsePortChoice,
	parseServer,
	parseTag,
} from '../../lib/config/values.ts';

const value = (parsed: object): unknown => ('value' in parsed ? parsed.value : null);

test('reads durations with one unit and no others', (t) => {
	t.is(value(parseDuration('250ms')), 250);
	t.is(value(parseDuration('30s')), 30_000);
	t.is(value(parseDuration('5m')), 300_000);
	t.is(value(parseDuration('1h')), 3_600_000);
	t.is(value(parseDuration('2d')), 172_800_000);
	for (const text of ['', '30', 's', '1.5s', '-1s', '1h30m', ' 1s', '1 s', '1S', '1e3s', 'off']) {
		t.is(value(parseDuration(text)), null, text);
	}
});

test('refuses a duration of nothing and one that no timer can wait', (t) => {
	t.is(value(parseDuration('0s')), null);
	t.is(value(parseDuration('24d')), 2_073_600_000);
	t.is(value(parseDuration('25d')), null);
	t.is(value(parseDuration('999999999h')), null);
});

test('reads "off" as 0 only where a duration may be off', (t) => {
	t.is(value(parseDurationOrOff('off')), 0);
	t.is(value(parseDurationOrOff('1s')), 1_000);
	t.is(value(parseDurationOrOff('0s')), null);
	t.is(value(parseDuration('off')), null);
});

test('reads an address with its port in canonical form', (t) => {
	t.deepEqual(value(parseListen('127.0.0.1:1080')), { host: '127.0.0.1', port: 1080 });
	t.deepEqual(value(parseListen('[::1]:1080')), { host: '::1', port: 1080 });
	t.deepEqual(value(parseListen('[2001:DB8:0:0::1]:0')), { host: '2001:db8::1', port: 0 });
});

test('reads a port alone, behind its colon, as every address', (t) => {
	t.deepEqual(value(parseListen(':1080')), { host: null, port: 1080 });
});

test('refuses addresses that say no port, no number or another thing than they mean', (t) => {
	for (const text of [
		'',
		'1080',
		'127.0.0.1',
		'127.0.0.1:',
		'127.0.0.1:65536',
		'127.0.0.1:-1',
		'127.1:80',
		'0x7f.0.0.1:80',
		'::1:1080',
		'[::1]',
		'[127.0.0.1]:80',
		'[]:80',
		'localhost:80',
		'*:80',
		'127.0.0.1:80 ',
		'1.2.3.4:5:6',
	]) {
		t.is(value(parseListen(text)), null, text);
	}
});

test('reads ports as decimal numbers', (t) => {
	t.is(parsePort('0'), 0);
	t.is(parsePort('65535'), 65_535);
	for (const text of ['', '65536', '-1', '+1', '0x50', '80a', '100000']) t.is(parsePort(text), null, text);
});

test('reads DNS servers by address, with a port where it is not 53', (t) => {
	for (const text of ['9.9.9.9', '2620:fe::fe', '127.0.0.1:5353', '[2620:fe::fe]:53']) {
		t.is(value(parseServer(text)), text);
	}
	for (const text of ['', 'dns.example', ':53', '[::1]', '127.0.0.1:0']) t.is(value(parseServer(text)), null, text);
});

test('leaves the tags that are always there to those that have them', (t) => {
	t.is(value(parseTag('tor-1.b_c')), 'tor-1.b_c');
	for (const text of ['', 'direct', 'block', '-a', 'a b', 'ä', 'a'.repeat(65)]) t.is(value(parseTag(text)), null, text);
});

test('a listener can be a socket that is handed over', (t) => {
	t.deepEqual(value(parseListen('fd:proxy.v4-1')), { host: null, port: 0, descriptor: 'proxy.v4-1' });
	for (const text of ['fd:', 'fd:a b', 'fd:a:b', `fd:${'a'.repeat(65)}`, 'FD:a'])
		t.is(value(parseListen(text)), null, text);
});

test('reads where the admin listener is', (t) => {
	t.deepEqual(value(parseAdminListen('')), { kind: 'default' });
	t.deepEqual(value(parseAdminListen('off')), { kind: 'off' });
	t.deepEqual(value(parseAdminListen('/run/bauta/admin.sock')), { kind: 'unix', path: '/run/bauta/admin.sock' });
	t.deepEqual(value(parseAdminListen('127.0.0.1:9090')), { kind: 'tcp', host: '127.0.0.1', port: 9090 });
	t.deepEqual(value(parseAdminListen('[::1]:0')), { kind: 'tcp', host: '::1', port: 0 });
	t.deepEqual(value(parseAdminListen('fd:admin')), { kind: 'fd', name: 'admin' });
	for (const text of ['on', 'admin.sock', '9090', 'localhost:9090', 'fd:', `/${'a'.repeat(96)}`, '/a\0b'])
		t.is(value(parseAdminListen(text)), null, text);
});

test('an advertised address is one, for all listeners or for one', (t) => {
	t.deepEqual(parseAdvertised('192.0.2.1'), { value: { inbound: null, ip: 0xc0000201 } });
	t.like(parseAdvertised('listen-2=2001:db8::1'), { value: { inbound: 'listen-2' } });
	for (const text of ['', 'host.example', '=192.0.2.1', '192.0.2.1:80', '127.1', 'a=b=192.0.2.1'])
		t.true('wrong' in parseAdvertised(text), text);
});

test('a choice of ports is a range, or any', (t) => {
	t.deepEqual(parsePortChoice(''), { value: null });
	t.deepEqual(parsePortChoice('20000-20999'), { value: [20_000, 20_999] });
	for (const text of ['20000', '0-10', '5-4', '1-65536', 'all', '1-2,4-5'])
		t.true('wrong' in parsePortChoice(text), text);
});
