import test from 'ava';
import { environmentLayer } from '../../lib/config/environment.ts';

const dataOf = (env: Record<string, string>): unknown => environmentLayer(env).layer?.data;

test('a variable is the path of a key in capitals', (t) => {
	t.deepEqual(
		dataOf({ BAUTA_LOG__LEVEL: 'warn', BAUTA_LIMITS__CONNECTIONS_OPEN: '10', BAUTA_EXIT__ALLOW_PRIVATE: 'true' }),
		{ log: { level: 'warn' }, limits: { connections_open: 10 }, exit: { allow_private: true } },
	);
});

test('a list is words with white space between them, or a list of TOML', (t) => {
	t.deepEqual(dataOf({ BAUTA_LISTEN: ' :1080\n[::1]:1 ' }), { listen: [':1080', '[::1]:1'] });
	t.deepEqual(dataOf({ BAUTA_LISTEN: '[::1]:1080' }), { listen: ['[::1]:1080'] });
	t.deepEqual(dataOf({ BAUTA_USERS__LIST: '["a:b c", "d:e"]' }), { users: { list: ['a:b c', 'd:e'] } });
	t.deepEqual(dataOf({ BAUTA_UPSTREAM: '[]' }), { upstream: [] });
	t.deepEqual(dataOf({ BAUTA_RULE: '[{ action = "deny" }]' }), { rule: [{ action: 'deny' }] });
});

test('what is no value of its kind is left for the schema to refuse', (t) => {
	t.deepEqual(dataOf({ BAUTA_LIMITS__BURST: '1e3', BAUTA_LOG__USERS: 'yes' }), {
		limits: { burst: '1e3' },
		log: { users: 'yes' },
	});
});

test("an empty variable is none, and neither are other programs' variables", (t) => {
	const { layer, problems } = environmentLayer({ BAUTA_LISTEN: '', PATH: '/bin', BAUTASCH: '1', XBAUTA_LISTEN: ':1' });
	t.is(layer, null);
	t.deepEqual(problems, []);
});

test('what Kubernetes says about a service called bauta is no mistake of the operator', (t) => {
	const { layer, problems } = environmentLayer({
		BAUTA_SERVICE_HOST: '10.96.0.17',
		BAUTA_SERVICE_PORT: '1080',
		BAUTA_SERVICE_PORT_SOCKS: '1080',
		BAUTA_PORT: 'tcp://10.96.0.17:1080',
		BAUTA_PORT_1080_TCP: 'tcp://10.96.0.17:1080',
		BAUTA_PORT_1080_TCP_ADDR: '10.96.0.17',
		BAUTA_ADMIN_SERVICE_HOST: '10.96.0.18',
		BAUTA_ADMIN_PORT_9090_TCP_PROTO: 'tcp',
	});
	t.deepEqual(layer?.data, {});
	t.deepEqual(problems, []);
});

test('a name that is no key is a problem, a section alone as well', (t) => {
	const { problems } = environmentLayer({ BAUTA_LIMITS: '1', BAUTA_LIMITS__BRUST: '1', BAUTA___PROTO____X: '1' });
	t.deepEqual(
		problems.map(({ where, message }) => `${where}: ${message}`),
		[
			'environment BAUTA_LIMITS: expected BAUTA_ and a known key, found another, did you mean "BAUTA_LIST"?',
			'environment BAUTA_LIMITS__BRUST: expected BAUTA_ and a known key, found another, did you mean "BAUTA_LIMITS__BURST"?',
			'environment BAUTA___PROTO____X: expected BAUTA_ and a known key, found another',
		],
	);
});
