import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { formatIp } from '../../lib/core/ip.ts';
import { isLocal, localPrefixes } from '../../lib/io/local-routes.ts';
import { type Prefix, parsePrefix } from '../../lib/policy/prefix.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';

const TRIE = `Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     |-- 192.0.2.0
        /24 link UNICAST
Local:
  +-- 0.0.0.0/0 3 0 5
     |-- 127.0.0.0
        /8 host LOCAL
     |-- 192.0.2.2
        /32 host LOCAL
     |-- 192.0.2.255
        /32 link BROADCAST
     |-- 198.51.100.0
        /28 host LOCAL
        /32 link BROADCAST
`;
const ROUTES = `20010db8000100000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000400 00000001 00000000 80000001       lo
20010db8000200000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000400 00000001 00000000 00000001     eth0
00000000000000000000000000000001 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000003 00000000 80200001       lo
`;

function procOf(t: ExecutionContext, files: Readonly<Record<string, string>>): string {
	const folder = temporaryFolder(t);
	mkdirSync(join(folder, 'net'));
	for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, 'net', name), text);
	return folder;
}

test('local routes of both families are found, and no others', (t) => {
	const found = localPrefixes(procOf(t, { fib_trie: TRIE, ipv6_route: ROUTES }));
	t.deepEqual(
		found.map(({ ip, bits }) => `${formatIp(ip)}/${bits}`),
		['127.0.0.0/8', '192.0.2.2/32', '198.51.100.0/28', '2001:db8:1::/64', '::1/128'],
	);
});

test('a system that does not tell, or tells nonsense, has none that are known', (t) => {
	t.deepEqual(localPrefixes(procOf(t, {})), []);
	t.deepEqual(localPrefixes(procOf(t, { fib_trie: 'x\n/24 host LOCAL\n', ipv6_route: 'x y z\n\n' })), []);
});

test('this machine has its loopback', (t) => {
	const locals = localPrefixes();
	t.true(isLocal(parsePrefix('127.0.0.0/8') as Prefix, locals));
	t.true(isLocal(parsePrefix('127.3.0.0/16') as Prefix, locals));
	t.false(isLocal(parsePrefix('126.0.0.0/7') as Prefix, locals));
	t.false(isLocal(parsePrefix('192.0.2.1') as Prefix, []));
});
