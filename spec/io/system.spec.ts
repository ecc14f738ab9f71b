import { readFileSync } from 'node:fs';
import test from 'ava';
import { systemFacts } from '../../lib/io/system.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';

test('this machine tells', (t) => {
	const facts = systemFacts();
	const [first, last] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'latin1')
		.trim()
		.split(/\s+/)
		.map(Number);
	t.is(facts.ports, last! - first! + 1);
	t.true(facts.descriptors! > 0 && facts.somaxconn! > 0);
	t.is(typeof facts.netAdmin, 'boolean');
});

test('a machine that tells nothing is unknown, not bad', (t) => {
	const { native, ...facts } = systemFacts(temporaryFolder(t));
	t.is(typeof native, 'boolean');
	t.deepEqual(new Set(Object.values(facts)), new Set([null]));
});
