import test from 'ava';
import { type NameReach, specialNameOf } from '../../lib/policy/special-names.ts';

const EXPECTED: Readonly<Record<NameReach, readonly string[]>> = {
	elsewhere: [
		'onion',
		'x.onion',
		'a.b.onion',
		'duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad.onion',
		'x.alt',
	],
	private: [
		'localhost',
		'a.localhost',
		'localhost.localdomain',
		'printer.local',
		'local',
		'metadata.google.internal',
		'router.lan',
		'nas.home',
		'intranet',
		'wiki.intranet',
		'x.private',
		'mail.corp',
		'router.home.arpa',
		'home.arpa',
		'x.service.arpa',
		'x.test',
		'x.example',
		'metadata',
		'com',
	],
	no: ['x.invalid', 'arpa', '1.0.0.10.in-addr.arpa', 'x.ip6.arpa', 'resolver.arpa', 'ipv4only.arpa', 'xhome.arpa'],
};

for (const [reach, names] of Object.entries(EXPECTED)) {
	for (const name of names) {
		test(`${name} is for ${reach}`, (t) => {
			t.is(specialNameOf(name)?.reach, reach as NameReach);
		});
	}
}

for (const name of [
	'example.com',
	'www.example.org',
	'xn--bcher-kva.example.net',
	'notlocalhost.com',
	'onion.com',
	'x.onions',
	'internal.example.com',
	'home.arpa.com',
	'local.host',
]) {
	test(`${name} is ordinary`, (t) => {
		t.is(specialNameOf(name), null);
	});
}

test('a name without a dot has the empty suffix, unless it is special itself', (t) => {
	t.is(specialNameOf('wiki')?.suffix, '');
	t.is(specialNameOf('localhost')?.suffix, 'localhost');
	t.is(specialNameOf('a.b.home.arpa')?.suffix, 'home.arpa');
	t.is(specialNameOf('b.arpa')?.suffix, 'arpa');
});
