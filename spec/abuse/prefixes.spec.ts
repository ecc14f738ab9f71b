// Attackers who hold whole IPv6 prefixes, and peers whose machine is gone, in a network of their own.
import { join } from 'node:path';
import test from 'ava';
import { inNamespace } from '../helpers/namespace.ts';
import { needs } from '../helpers/programs.ts';
import { assertSurvived, type SiegeReport } from '../helpers/siege.ts';

const SCRIPT = join(import.meta.dirname, '../helpers/siege-world.ts');

/** The whole prefix is local: any address of it may be bound. */
const SETUP = 'ip -6 route add local 2001:db8::/32 dev lo; echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind';

const SIEGES = [
	['handshakes', 'handshakes from 4,000 subnets of one /48 leave places for others'],
	['keys', 'more subnets than are remembered, each of which has failed once, lock nobody out'],
	['vanish', 'clients and targets that are gone without a word are noticed by TCP keep-alive'],
] as const;

for (const [name, title] of SIEGES) {
	needs(
		test.serial,
		'unshare',
		'ip',
	)(title, async (t) => {
		t.timeout(240_000);
		assertSurvived(t, await inNamespace<SiegeReport>(t, SETUP, SCRIPT, [name]));
	});
}
