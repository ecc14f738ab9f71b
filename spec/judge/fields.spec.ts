import test from 'ava';
import { identifies } from '../../lib/anonymity/identifying.ts';
import { IDENTIFYING_FIELDS, tells } from '../../lib/judge/fields.ts';

/** Names that request-head.ts treats by themselves. */
const ELSEWHERE: ReadonlySet<string> = new Set(['via', 'proxy-authorization', 'proxy-connection']);

test('each name is listed once', (t) => {
	const names = IDENTIFYING_FIELDS.map(([name]) => name.toLowerCase());
	t.true(names.length >= 200);
	t.is(new Set(names).size, names.length);
});

for (const [name] of IDENTIFYING_FIELDS) {
	test(`${name} is known to the gateway as well`, (t) => {
		t.true(identifies(name.toLowerCase()) || ELSEWHERE.has(name.toLowerCase()));
		t.true(tells(name.toUpperCase()));
	});
}

test('what clients write themselves tells nothing', (t) => {
	for (const name of ['Accept', 'Cookie', 'User-Agent', 'Connection', 'X-Requested-With', 'Trivial'])
		t.false(tells(name));
});
