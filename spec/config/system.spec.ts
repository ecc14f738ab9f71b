import test from 'ava';
import { resolveConfig } from '../../lib/config/resolve.ts';
import type { ConfigInput } from '../../lib/config/schema.ts';
import { systemLines } from '../../lib/config/system.ts';
import type { SystemFacts } from '../../lib/io/system.ts';
import { type Prefix, parsePrefix } from '../../lib/policy/prefix.ts';

const GOOD: SystemFacts = {
	native: true,
	ports: 28_232,
	somaxconn: 4_096,
	nonlocalBind6: false,
	descriptors: 65_536,
	netAdmin: false,
};
const LOCALS = ['127.0.0.0/8', '203.0.113.0/28', '2001:db8:1::/64'].map((text) => parsePrefix(text) as Prefix);

function lines(input: ConfigInput, facts: Partial<SystemFacts> = {}): string[] {
	const all = systemLines(resolveConfig(input), { ...GOOD, ...facts }, LOCALS);
	return all.map(({ level, text }) => (level === 'ok' ? text : `${level}: ${text}`));
}

const warnings = (input: ConfigInput, facts: Partial<SystemFacts> = {}) =>
	lines(input, facts).filter((line) => line.startsWith('warning'));

test('a machine that can do what is asked is said to', (t) => {
	t.deepEqual(lines({ egress: { source: ['203.0.113.0/28,2001:db8:1::/64'] } }), [
		'system calls: yes',
		'source 203.0.113.0/28: local, 14 addresses',
		'source 2001:db8:1::/64: local, more addresses than can be used up',
		'ports: 28232 from each address to each target',
		'descriptors: 65536',
	]);
});

test('a prefix without a local route is named with the command that makes one', (t) => {
	const input: ConfigInput = {
		egress: { source: ['198.51.100.0/24'] },
		source: [{ tag: 'six', from: ['2001:db8:2::/64'] }],
	};
	t.deepEqual(warnings(input), [
		'warning: source 198.51.100.0/24: no local route: ip route add local 198.51.100.0/24 dev lo',
		'warning: source 2001:db8:2::/64: no local route: ip -6 route add local 2001:db8:2::/64 dev lo',
	]);
});

test('without system calls the sysctls and the ports that are missing are said', (t) => {
	const input: ConfigInput = { egress: { source: ['2001:db8:1::/64'] } };
	t.deepEqual(warnings(input, { native: false }), [
		'warning: source 2001:db8:1::/64: without system calls it needs sysctl net.ipv6.ip_nonlocal_bind=1',
	]);
	t.deepEqual(warnings(input, { native: false, nonlocalBind6: true }), []);
	t.deepEqual(warnings({ egress: { source: ['127.0.0.1'] } }, { native: false, ports: 100 }), [
		'warning: ports: 100 from each source in all (sysctl net.ipv4.ip_local_port_range), fewer than limits.total_connections',
	]);
	t.deepEqual(warnings({ egress: { device: 'wg0', mark: 1 } }, { native: false }), [
		'warning: mark: wants system calls',
		'warning: device: wants system calls',
	]);
});

test('descriptors, queues and rights that are too few are said', (t) => {
	t.deepEqual(warnings({}, { descriptors: 1_024, somaxconn: 128 }), [
		'warning: descriptors: 1024, for 384 connections at once; limits.total_connections wants 20256',
		"warning: sysctl net.core.somaxconn=128: bursts of more are refused; 4096 is the kernel's default",
	]);
	t.deepEqual(warnings({ egress: { mark: 1 } }), ['warning: mark: wants CAP_NET_ADMIN']);
	t.deepEqual(warnings({ egress: { mark: 1 } }, { netAdmin: true }), []);
});

test('what the system does not tell is not complained about', (t) => {
	const unknown = { ports: null, somaxconn: null, nonlocalBind6: null, descriptors: null, netAdmin: null };
	t.deepEqual(warnings({ egress: { mark: 1, source: ['2001:db8:1::/64'] } }, unknown), []);
});
