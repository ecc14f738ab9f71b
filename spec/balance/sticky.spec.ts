import test from 'ava';
import { siteOf } from '../../lib/balance/site.ts';
import { stickyKeyOf } from '../../lib/balance/sticky.ts';
import { targetOfHost } from '../../lib/core/target.ts';
import { flowOf, SITE } from '../helpers/groups.ts';

const site = (host: string): string => siteOf(targetOfHost(host, 443)!);

test('a site is the name that somebody registered', (t) => {
	t.is(site('www.example.com'), 'example.com');
	t.is(site('a.b.example.co.uk'), 'example.co.uk');
	t.is(site('one.github.io'), 'one.github.io');
	t.is(site('deep.two.github.io'), 'two.github.io');
	for (const host of ['192.0.2.1', '2001:db8::1', 'com', 'printer', 'co.uk', 'some_host.lan'])
		t.true(site(host).length > 0 && host.endsWith(site(host)), host);
	t.is(site('192.0.2.1'), '192.0.2.1');
	t.is(site('com'), 'com');
});

test('nothing sticks, or clients, sessions or sites do', (t) => {
	const flow = flowOf({ session: 's1' });
	t.is(stickyKeyOf('none', flow, SITE), null);
	t.is(stickyKeyOf('client', flow, SITE), stickyKeyOf('client', flowOf({ session: 's2' }), SITE));
	t.not(stickyKeyOf('session', flow, SITE), stickyKeyOf('session', flowOf({ session: 's2' }), SITE));
	t.is(stickyKeyOf('site', flow, SITE), 'example.com');
	t.is(stickyKeyOf('site', flowOf({ target: targetOfHost('a.other.example', 1) }), SITE), 'other.example');
});

test('without a session the client counts', (t) => {
	t.is(stickyKeyOf('session', flowOf(), SITE), stickyKeyOf('client', flowOf(), SITE));
});

test('nobody shares a key with another, whatever they call themselves and their sessions', (t) => {
	const flows = [
		flowOf(),
		flowOf({ client: '192.0.2.2' }),
		flowOf({ user: 'alice' }),
		flowOf({ user: '192.0.2.1' }),
		flowOf({ session: 'a' }),
		flowOf({ session: 'a', client: '192.0.2.2' }),
		flowOf({ session: 'a', user: 'alice' }),
		flowOf({ session: 'a', user: 'bob' }),
	];
	const keys = flows.map((flow) => stickyKeyOf('session', flow, SITE));
	t.is(new Set(keys).size, flows.length);
});

test('a user has the same key from everywhere', (t) => {
	const [here, there] = ['192.0.2.1', '192.0.2.2'].map((client) => flowOf({ client, user: 'alice', session: 's' }));
	t.is(stickyKeyOf('session', here!, SITE), stickyKeyOf('session', there!, SITE));
});
