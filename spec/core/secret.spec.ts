import { format, inspect } from 'node:util';
import test from 'ava';
import { Secret } from '../../lib/core/secret.ts';

const VALUE = 'correct horse';

test('a secret is given back when asked for', (t) => t.is(new Secret(VALUE).reveal(), VALUE));

test('every way of making text of a secret gives asterisks', (t) => {
	const secret = new Secret(VALUE);
	const texts = [
		String(secret),
		[secret].join(),
		secret.toString(),
		JSON.parse(JSON.stringify(secret)),
		inspect(secret),
		inspect(secret, { showHidden: true, depth: null }),
		format('%s', secret),
		format('%o', secret),
	];
	for (const text of texts) t.is(text, '***');
});

test('no view of an object with a secret in it shows the value', (t) => {
	const holder = { deep: [{ secret: new Secret(VALUE) }] };
	const views = [
		JSON.stringify(holder),
		inspect(holder, { depth: null, showHidden: true }),
		inspect(holder, { depth: null, showHidden: true, customInspect: false }),
		format('%j %O', holder, holder),
		JSON.stringify(Object.assign({}, holder.deep[0]!.secret)),
		JSON.stringify(Object.getOwnPropertyDescriptors(new Secret(VALUE))),
	];
	for (const view of views) t.false(view.includes('horse'), view);
});
