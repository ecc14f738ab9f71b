import test from 'ava';
import fc from 'fast-check';
import { targetOfHost } from '../../lib/core/target.ts';
import { type IsolationOptions, isolationOf, type TorIsolation } from '../../lib/policy/tor-isolation.ts';

interface Asker {
	readonly client: string;
	readonly user: string | null;
	readonly session: string | null;
	readonly host: string;
}

const ASKER: Asker = { client: '192.0.2.1', user: 'alice', session: null, host: 'www.example.com' };

function of(asker: Asker, by: readonly TorIsolation[], nowMs = 0, rotateMs = 0, secret = 's'): string {
	const options: IsolationOptions = { by, rotateMs };
	return isolationOf(asker, targetOfHost(asker.host, 443)!, options, secret, nowMs, asker.session);
}

test('who differs in what isolates has another value, and only who does', (t) => {
	const others: readonly (readonly [TorIsolation, Asker])[] = [
		['client', { ...ASKER, client: '192.0.2.2' }],
		['user', { ...ASKER, user: 'bob' }],
		['user', { ...ASKER, user: null }],
		['target', { ...ASKER, host: 'example.org' }],
	];
	for (const [what, other] of others) {
		t.not(of(ASKER, [what]), of(other, [what]), what);
		t.is(of(ASKER, []), of(other, []), what);
	}
	t.not(of({ ...ASKER, session: 'a' }, []), of({ ...ASKER, session: 'b' }, []));
});

test('parts cannot run into each other', (t) => {
	const text = fc.string({ unit: fc.constantFrom('a', ':', '1', 'user'), maxLength: 4 });
	const pair = fc.tuple(text, text);
	fc.assert(
		fc.property(pair, pair, ([client, user], [client2, user2]) => {
			const same = client === client2 && user === user2;
			const value = of({ ...ASKER, client, user }, ['client', 'user']);
			t.is(value === of({ ...ASKER, client: client2, user: user2 }, ['client', 'user']), same);
		}),
	);
});

test('a turn of the clock changes the value, a session\u2019s only by its own secret', (t) => {
	const by = ['client', 'user', 'session'] as const;
	t.is(of(ASKER, by, 999, 1_000), of(ASKER, by, 0, 1_000));
	t.not(of(ASKER, by, 1_000, 1_000), of(ASKER, by, 0, 1_000));
	t.is(of(ASKER, by, 10 ** 9, 0), of(ASKER, by, 0, 0));
	const session = { ...ASKER, session: 'a' };
	t.is(of(session, by, 1_000, 1_000), of(session, by, 0, 1_000));
	t.not(of(session, by, 0, 0, 's'), of(session, by, 0, 0, 't'));
});

test('the value tells nothing without the secret, and fits RFC 1929', (t) => {
	t.regex(of(ASKER, ['client', 'user']), /^[0-9a-f]{32}$/);
	t.not(of(ASKER, ['client'], 0, 0, 's'), of(ASKER, ['client'], 0, 0, 't'));
});
