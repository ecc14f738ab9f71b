import test from 'ava';
import { Canaries } from '../../lib/judge/canaries.ts';
import { IDENTIFYING_FIELDS } from '../../lib/judge/fields.ts';
import { ambiguity, messageEnd } from '../../lib/judge/framing.ts';
import { httpProbes, tunnelProbes } from '../../lib/judge/probes.ts';
import { tricks } from '../../lib/judge/tricks.ts';

const AUTHORITY = '192.0.2.1:80';

test('every probe is whole, unambiguous, and found by an id of its own', (t) => {
	const canaries = new Canaries('abc123');
	const probes = [...httpProbes(canaries, false), ...tunnelProbes(canaries)];
	t.is(new Set(probes.map(({ id }) => id)).size, probes.length);
	t.is(new Set(probes.map(({ name }) => name)).size, probes.length);
	for (const { name, id, direct, proxied } of probes) {
		for (const bytes of [direct(AUTHORITY), proxied(AUTHORITY)]) {
			t.is(messageEnd(bytes, { reply: false }), bytes.length, name);
			t.is(canaries.idPattern.exec(bytes.toString('latin1'))?.[0], id, name);
		}
		t.is(ambiguity(direct(AUTHORITY)), null, name);
	}
});

test('each identifying field is tried as it is written and in swapped case, with values that occur nowhere else', (t) => {
	const canaries = new Canaries('abc123');
	const probes = httpProbes(canaries, false);
	const text = (of: 'direct' | 'proxied'): string =>
		probes.map((probe) => probe[of](AUTHORITY).toString('latin1')).join('');
	const owners = canaries.foundIn(text('proxied'));
	for (const [name] of IDENTIFYING_FIELDS) t.is(owners.filter((owner) => owner === name).length, 2, name);
	t.deepEqual(canaries.foundIn(text('direct')), []);
	t.regex(text('proxied'), /\r\nX-Forwarded-For: /);
	t.regex(text('proxied'), /\r\nx-fORWARDED-fOR: /);
});

test('a client with credentials for the proxy tries no others', (t) => {
	const names = (login: boolean): string =>
		httpProbes(new Canaries('abc123'), login)
			.map(({ proxied }) => proxied(AUTHORITY).toString('latin1'))
			.join('');
	t.regex(names(false), /\r\nProxy-Authorization: Basic /);
	t.notRegex(names(true), /\r\nProxy-Authorization: /);
});

test('every trick can be read in two ways', (t) => {
	for (const { name, bytes } of tricks(new Canaries('abc123'))) {
		const arrived = bytes(AUTHORITY).toString('latin1').replace(' http://192.0.2.1:80/', ' /');
		t.not(ambiguity(Buffer.from(arrived, 'latin1')), null, name);
	}
});
