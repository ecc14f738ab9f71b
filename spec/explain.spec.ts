import test from 'ava';
import { resolveConfig } from '../lib/config/resolve.ts';
import type { ConfigInput } from '../lib/config/schema.ts';
import { GatewayError } from '../lib/core/error.ts';
import { parseIp } from '../lib/core/ip.ts';
import { targetOfHost } from '../lib/core/target.ts';
import { type Explanation, explain, type Question } from '../lib/explain.ts';

function asked(input: ConfigInput, host: string, port = 443, more: Partial<Question> = {}): Explanation {
	return explain(resolveConfig(input), {
		target: targetOfHost(host, port)!,
		user: null,
		client: parseIp('192.0.2.1')!,
		inbound: 'listen-1',
		at: new Date('2026-11-23T12:00:00'),
		...more,
	});
}

/** The way out, or why there is none. */
function short({ refusal, route, rule }: Explanation): string {
	const why = refusal instanceof GatewayError ? refusal.code : refusal;
	return `${why ?? route?.tag} by ${rule ?? 'none'}`;
}

const TOR: ConfigInput = { upstream: ['http://h.example:3128', { tag: 'tor', via: ['tor://127.0.0.1:9050'] }] };

test('the default route, the first rule that matches, and the exit policy', (t) => {
	t.is(short(asked({}, 'example.com')), 'direct by none');
	t.is(short(asked(TOR, 'example.com')), 'upstream-1 by none');
	const rule = [
		{ action: 'deny', target: ['bad.example'] },
		{ action: 'allow', target: ['example.com'], route: 'block' },
		{ action: 'allow', time: ['mon 11:00-13:00'], route: 'direct' },
	] as const;
	t.is(short(asked({ ...TOR, rule }, 'www.bad.example')), 'http_request_denied by 0');
	t.is(short(asked({ ...TOR, rule }, 'example.com')), 'block by 1');
	t.is(short(asked({ ...TOR, rule }, 'example.net')), 'direct by 2');
	t.is(
		short(asked({ ...TOR, rule }, 'example.net', 443, { at: new Date('2026-11-23T13:00:00') })),
		'upstream-1 by none',
	);
	t.is(short(asked({}, '10.0.0.1')), 'destination_ip_prohibited by none');
	t.is(short(asked({}, 'example.com', 25)), 'http_request_denied by none');
});

test('a name that is resolved here has its addresses judged later', (t) => {
	t.true(asked({}, 'example.com').awaitsAddress);
	t.false(asked({}, '93.184.216.34').awaitsAddress);
	t.false(asked(TOR, 'example.com').awaitsAddress);
});

test('names under .onion go to Tor whatever the default route is, and nowhere else', (t) => {
	t.is(short(asked(TOR, 'x.onion')), 'tor by none');
	t.is(short(asked({}, 'x.onion')), 'http_request_denied by none');
	t.is(short(asked({ upstream: ['socks5://127.0.0.1:9050'] }, 'x.onion')), 'http_request_denied by none');
	const alice = { ...TOR, rule: [{ action: 'allow', client: ['192.0.2.1'], route: 'direct' }] } as const;
	t.is(short(asked(alice, 'x.onion')), 'http_request_denied by none');
	const everybody = { ...TOR, rule: [{ action: 'allow', client: ['192.0.2.1'] }] } as const;
	t.is(short(asked(everybody, 'x.onion')), 'tor by 0');
	t.is(short(asked({ ...TOR, exit: { mode: 'report' } }, 'x.onion')), 'tor by none');
	t.is(short(asked({ exit: { mode: 'report', allow_private: true } }, 'x.onion')), 'http_request_denied by none');
	const two = {
		upstream: ['tor://127.0.0.1:1', 'tor://127.0.0.1:2'],
		rule: [{ action: 'allow', target: ['x.onion'], route: 'upstream-2' }],
	} as const;
	t.is(short(asked(two, 'x.onion')), 'upstream-2 by 0');
	t.is(short(asked(two, 'y.onion')), 'upstream-1 by none');
	t.is(short(asked({ ...TOR, rule: [{ action: 'deny', target: ['onion'] }] }, 'x.onion')), 'http_request_denied by 0');
});

test('a user counts where there are users, and is nobody where there are none', (t) => {
	const rule = [{ action: 'allow', user: ['alice'], route: 'direct' }] as const;
	const users = { list: ['alice:x'] };
	t.is(short(asked({ ...TOR, users, rule }, 'example.com', 443, { user: 'alice' })), 'direct by 0');
	t.is(short(asked({ ...TOR, users, rule }, 'example.com', 443, { user: 'alice-session-a' })), 'direct by 0');
	t.is(short(asked({ ...TOR, users, rule }, 'example.com', 443, { user: 'bob' })), 'unknown user by none');
	t.is(short(asked({ ...TOR, users, rule }, 'example.com')), 'unknown user by none');
	t.is(short(asked({ ...TOR, rule }, 'example.com', 443, { user: 'alice' })), 'upstream-1 by none');
	t.is(short(asked({ users }, 'example.com', 443, { user: 'alice-session' })), 'session parameters by none');
	t.like(asked({ users }, 'example.com', 443, { user: 'alice-session-a-ttl-1h' }).session, {
		name: 'a',
		ttlMs: 3_600_000,
	});
});

test('a wish for an exit is a rule\u2019s to fulfil', (t) => {
	const rule = [{ action: 'allow', exit: ['de'], route: 'direct' }] as const;
	t.is(short(asked({ ...TOR, rule }, 'example.com', 443, { user: 'x-exit-de' })), 'direct by 0');
	t.is(short(asked({ ...TOR, rule }, 'example.com', 443, { user: 'x-exit-nl' })), 'no such exit by none');
	t.is(short(asked({ ...TOR, rule }, 'example.com')), 'upstream-1 by none');
});

test('a prefix that is left from is this machine\u2019s own, so it is no target', (t) => {
	t.is(short(asked({ egress: { source: ['93.184.216.0/24'] } }, '93.184.216.34')), 'destination_ip_prohibited by none');
});
