import test, { type ExecutionContext } from 'ava';
import { type FetchOptions, fetchOnce, parseHttpUrl } from '../../lib/io/fetch.ts';
import { Direct } from '../../lib/outbound/direct.ts';
import { localResolver } from '../helpers/chains.ts';
import { failureOf } from '../helpers/dial.ts';
import { left, startTcpOrigin } from '../helpers/tcp-origins.ts';
import { startWebOrigin } from '../helpers/web-origins.ts';

const OPTIONS: FetchOptions = { signal: new AbortController().signal, deadlineMs: 10_000, limitBytes: 1_000 };

function get(t: ExecutionContext, url: string, options: Partial<FetchOptions> = {}): ReturnType<typeof fetchOnce> {
	return fetchOnce(parseHttpUrl(url)!, new Direct({}, { resolver: localResolver(t) }), { ...OPTIONS, ...options });
}

test('reads a URL into what is asked for', (t) => {
	t.like(parseHttpUrl('https://a%20b:c%3Ad@Lists.example/x/y?z=1#f'), {
		secure: true,
		target: { host: 'lists.example', port: 443 },
		host: 'lists.example',
		path: '/x/y?z=1',
	});
	t.is(parseHttpUrl('https://a%20b:c%3Ad@lists.example')?.login?.reveal(), 'a b:c:d');
	t.like(parseHttpUrl('http://[2001:db8::1]:8080'), { host: '[2001:db8::1]:8080', path: '/', login: null });
	for (const text of ['', 'lists.example', 'ftp://lists.example/', 'http://', 'http://a b/', 'file:///etc/passwd'])
		t.is(parseHttpUrl(text), null, text);
});

test('a body within the limit is there whole, with its status', async (t) => {
	const origin = await startWebOrigin(t);
	const { status, body } = await get(t, `http://127.0.0.1:${origin.port}/bytes/1000`);
	t.deepEqual([status, body.length], [200, 1_000]);
	t.like(await failureOf(get(t, `http://127.0.0.1:${origin.port}/bytes/1001`)), { note: 'answer too long' });
});

test('a login is Basic', async (t) => {
	const origin = await startWebOrigin(t);
	await get(t, `http://user:p%40ss@127.0.0.1:${origin.port}/`);
	t.true(origin.requests[0]?.rawHeaders.includes(`Basic ${Buffer.from('user:p@ss').toString('base64')}`));
});

test('certificates are checked', async (t) => {
	const origin = await startWebOrigin(t, { secure: true });
	t.like(await failureOf(get(t, `https://127.0.0.1:${origin.port}/`)), { code: 'tls_certificate_error' });
});

test('its deadline and its owner end it, and every socket closes', async (t) => {
	const silent = await startTcpOrigin(t);
	const url = `http://127.0.0.1:${silent.port}/`;
	t.like(await failureOf(get(t, url, { deadlineMs: 20 })), { code: 'connection_timeout' });
	await left(await silent.take());
	const abort = new AbortController();
	const asked = failureOf(get(t, url, { signal: abort.signal }));
	const socket = await silent.take();
	abort.abort();
	t.like(await asked, { note: 'stopped' });
	await left(socket);
	t.like(await failureOf(get(t, url, { signal: AbortSignal.abort() })), { note: 'stopped' });
});

test('what is no HTTP fails, and nothing of it is in the error', async (t) => {
	const other = await startTcpOrigin(t, (socket) => socket.end('220 secret.example\r\n'));
	const error = await failureOf(get(t, `http://127.0.0.1:${other.port}/`));
	t.like(error, { code: 'http_protocol_error', note: 'no answer', cause: undefined });
});
