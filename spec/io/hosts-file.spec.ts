import { renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { formatIp } from '../../lib/core/ip.ts';
import { HostsFile, parseHosts } from '../../lib/io/hosts-file.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';

const shown = (addresses: readonly (number | Uint8Array)[] | null) => addresses?.map(formatIp) ?? null;

test('reads what hosts(5) allows: comments, tabs, aliases, case, both families, repeated names', (t) => {
	const names = parseHosts(
		[
			'# 192.0.2.9 comment.example',
			'127.0.0.1\tlocalhost',
			'::1   localhost ip6-localhost # and its alias',
			'  192.0.2.1 WWW.Example.org www#no',
			'192.0.2.2 www.example.org.\r',
			'',
		].join('\n'),
	);
	t.deepEqual(shown(names.get('localhost')!), ['127.0.0.1', '::1']);
	t.deepEqual(shown(names.get('ip6-localhost')!), ['::1']);
	t.deepEqual(shown(names.get('www.example.org')!), ['192.0.2.1', '192.0.2.2']);
	t.deepEqual(shown(names.get('www')!), ['192.0.2.1']);
	t.false(names.has('comment.example'));
	t.false(names.has('no'));
});

test('skips lines without an address and takes no odd spelling for one', (t) => {
	const names = parseHosts('nonsense a.example\n127.1 b.example\n0x7f000001 c.example\n1.2.3.4\n\u0000\n');
	t.is(names.size, 0);
});

test('unwraps an IPv4 address in IPv6 dress and takes a zone off', (t) => {
	const names = parseHosts('::ffff:192.0.2.1 a.example\nfe80::1%eth0 b.example\n');
	t.deepEqual(names.get('a.example'), [0xc0000201]);
	t.deepEqual(shown(names.get('b.example')!), ['fe80::1']);
});

test('looks at the file again after five seconds, not before', (t) => {
	const path = join(temporaryFolder(t), 'hosts');
	let nowMs = 0;
	const hosts = new HostsFile(path, { nowMs: () => nowMs });
	t.is(hosts.addresses('a.example'), null);
	writeFileSync(path, '192.0.2.1 a.example\n');
	t.is(hosts.addresses('a.example'), null);
	nowMs = 5_000;
	t.deepEqual(hosts.addresses('a.example'), [0xc0000201]);
	// Replaced as editors do it: another file under the name.
	writeFileSync(`${path}.new`, '192.0.2.2 a.example\n');
	renameSync(`${path}.new`, path);
	nowMs = 9_999;
	t.deepEqual(hosts.addresses('a.example'), [0xc0000201]);
	nowMs = 10_000;
	t.deepEqual(hosts.addresses('a.example'), [0xc0000202]);
	unlinkSync(path);
	nowMs = 15_000;
	t.is(hosts.addresses('a.example'), null);
});

test('does not read an unchanged file twice', (t) => {
	const path = join(temporaryFolder(t), 'hosts');
	writeFileSync(path, '192.0.2.1 a.example\n');
	let nowMs = 0;
	const hosts = new HostsFile(path, { nowMs: () => nowMs });
	const first = hosts.addresses('a.example');
	nowMs = 6_000;
	t.is(hosts.addresses('a.example'), first);
});
