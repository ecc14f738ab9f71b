import test from 'ava';
import { type Ip, parseIp } from '../../lib/core/ip.ts';
import { type OwnAddresses, OwnMachine } from '../../lib/policy/own-addresses.ts';
import { type Prefix, parsePrefix } from '../../lib/policy/prefix.ts';

function ip(text: string): Ip {
	const parsed = parseIp(text);
	if (parsed === null) throw new Error(text);
	return parsed;
}

function own(
	listeners: readonly string[],
	interfaces: readonly string[],
	prefixes: readonly string[] = [],
): OwnAddresses {
	return {
		listeners: listeners.map((text) => {
			const colon = text.lastIndexOf(':');
			return { ip: ip(text.slice(0, colon)), port: Number(text.slice(colon + 1)) };
		}),
		interfaces: interfaces.map(ip),
		prefixes: prefixes.map((text) => parsePrefix(text) as Prefix),
	};
}

function machine(...args: Parameters<typeof own>): OwnMachine {
	const addresses = own(...args);
	return new OwnMachine(() => addresses);
}

test('a listener at one address is reached by that address and its port alone', (t) => {
	const here = machine(['192.0.2.1:1080', '2001:db8::1:1080'], ['192.0.2.1', '192.0.2.2', '2001:db8::1']);
	t.true(here.listens(ip('192.0.2.1'), 1080));
	t.true(here.listens(ip('2001:db8::1'), 1080));
	t.false(here.listens(ip('192.0.2.1'), 1081));
	t.false(here.listens(ip('192.0.2.2'), 1080));
	t.false(here.listens(ip('2001:db8::2'), 1080));
	t.false(here.listens(ip('127.0.0.1'), 1080));
});

for (const wildcard of ['0.0.0.0', '::']) {
	test(`a listener at ${wildcard} is reached by every address of the machine`, (t) => {
		const here = machine([`${wildcard}:1080`], ['192.0.2.1', '2001:db8::1'], ['2001:db8:9::/48', '198.51.100.0/24']);
		const local = ['192.0.2.1', '2001:db8::1', '127.0.0.1', '127.9.9.9', '::1', '2001:db8:9:1::7', '198.51.100.77'];
		for (const text of [...local, '0.0.0.0', '::']) {
			t.true(here.listens(ip(text), 1080), text);
			t.false(here.listens(ip(text), 1081), text);
		}
		for (const text of ['192.0.2.2', '2001:db8::2', '2001:db8:a::', '198.51.101.0'])
			t.false(here.listens(ip(text), 1080), text);
	});
}

test('the unspecified addresses lead to whatever listens on the port', (t) => {
	const here = machine(['127.0.0.1:9090'], []);
	t.true(here.listens(ip('0.0.0.0'), 9090));
	t.true(here.listens(ip('::'), 9090));
	t.false(here.listens(ip('0.0.0.0'), 9091));
});

test('loopback, interfaces and routed prefixes are local', (t) => {
	const here = machine([], ['192.0.2.1', 'fe80::1'], ['2001:db8:9::/48']);
	for (const text of ['127.0.0.1', '127.255.255.255', '::1', '0.0.0.0', '::', '192.0.2.1', 'fe80::1', '2001:db8:9::5'])
		t.true(here.isLocal(ip(text)), text);
	for (const text of ['128.0.0.0', '::2', '192.0.2.0', 'fe80::2', '2001:db8:8:ffff::'])
		t.false(here.isLocal(ip(text)), text);
});

test('new addresses count as soon as they are told', (t) => {
	let now = own([], ['192.0.2.1']);
	const here = new OwnMachine(() => now);
	t.true(here.isLocal(ip('192.0.2.1')));
	now = own(['0.0.0.0:1080'], ['192.0.2.2']);
	t.false(here.isLocal(ip('192.0.2.1')));
	t.true(here.isLocal(ip('192.0.2.2')));
	t.true(here.listens(ip('192.0.2.2'), 1080));
	now = { ...now, prefixes: [parsePrefix('192.0.2.0/24') as Prefix] };
	t.true(here.isLocal(ip('192.0.2.1')));
});
