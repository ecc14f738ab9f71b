import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ADMIN_ERRORS } from '../../lib/admin/admin-error.ts';
import { type ConfigInput, ListenError } from '../../lib/index.ts';
import { answerOf, askAdmin, post } from '../helpers/admin.ts';
import { SHOWN, staged, TOKEN } from '../helpers/admin-stage.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';
import { handshakeOf, readReply } from '../helpers/handshakes.ts';
import { connectRaw } from '../helpers/raw-client.ts';
import { echo, startTcpOrigin } from '../helpers/tcp-origins.ts';

const ROOT = join(import.meta.dirname, '../..');

async function tunnel(t: ExecutionContext, port: number): Promise<void> {
	const origin = await startTcpOrigin(t, echo);
	const client = await connectRaw(t, port);
	client.write(handshakeOf('socks5', '127.0.0.1', origin.port));
	await readReply(client, 'socks5');
	client.write('ping');
	await client.read(4);
}

test('the status counts what is open and what went through', async (t) => {
	const { at, port, bugs } = await staged(t);
	await tunnel(t, port);
	const { status, json } = await answerOf(at, '/v1/status', SHOWN);
	t.is(status, 200);
	t.like(json, {
		version: '1.2.3',
		state: 'serving',
		pid: process.pid,
		listening: [`127.0.0.1:${port}`],
		reload: null,
	});
	t.like(json.flows, { open: 1, openByProtocol: { socks5: 1 }, openByExit: { direct: 1 } });
	t.deepEqual(json.bytes, { up: 4, down: 4 });
	t.like(json.exits[0], { tag: 'direct', type: 'direct', default: true, open: 1, opened: 1, failed: 0 });
	t.deepEqual(json.limits, { mode: 'local', redis: false, refused: {} });
	t.deepEqual((await answerOf(at, '/v1/flows', SHOWN)).json, json.flows);
	t.deepEqual((await answerOf(at, '/v1/limits', SHOWN)).json, json.limits);
	t.is((await answerOf(at, '/v1/exits', SHOWN)).json.length, 2);
	t.deepEqual(bugs, []);
});

test('metrics are there for Prometheus, health and readiness for anybody', async (t) => {
	const { at } = await staged(t);
	const { text, headers } = await answerOf(at, '/metrics', SHOWN);
	t.regex(text, /^bauta_build_info\{version="1\.2\.3",node="[\d.]+"\} 1$/m);
	t.regex(headers['content-type']!, /^text\/plain; version=0\.0\.4/);
	t.is((await answerOf(at, '/healthz')).text, 'ok\n');
	t.is((await answerOf(at, '/readyz')).text, 'ready\n');
	await post(at, '/v1/drain', {}, SHOWN.headers);
	t.like(await answerOf(at, '/readyz'), { status: 503, text: 'draining\n' });
	t.is((await answerOf(at, '/healthz')).status, 200);
	t.like(await post(at, '/v1/reload', {}, SHOWN.headers), { status: 409, json: { error: { code: 'conflict' } } });
});

test('asks of the rules where a target would go', async (t) => {
	const rule: ConfigInput['rule'] = [
		{ name: 'ads', action: 'deny', target: ['ads.example'] },
		{ name: 'alice', action: 'allow', user: ['alice'], route: 'tor' },
	];
	const upstream = [{ tag: 'tor', via: ['socks5://127.0.0.1:9050'] }];
	const { at } = await staged(t, { config: { rule, upstream, exit: { ports: '443' } } });
	const asked = async (body: object): Promise<object> => (await post(at, '/v1/route', body, SHOWN.headers)).json;
	t.like(await asked({ target: 'example.com:443' }), { allow: true, route: 'tor', code: null });
	t.like(await asked({ target: 'www.ads.example:443' }), { allow: false, route: null, rules: ['ads'] });
	t.like(await asked({ target: 'example.com:25' }), { allow: false, rules: ['port'] });
	t.like(await asked({ target: '10.0.0.1:443', user: 'bob' }), { allow: false, code: 'destination_ip_prohibited' });
	for (const body of [
		{},
		{ target: 'x' },
		{ target: 'a b:1' },
		{ target: 'a:0' },
		{ target: 7 },
		{ target: 'a:1', client: 'x' },
	])
		t.like(await asked(body), { error: { code: 'invalid_request' } });
});

test('without the token nothing is told, and nothing done', async (t) => {
	let drained = 0;
	const { at } = await staged(t, { deps: { drain: () => drained++ } });
	for (const Authorization of ['', 'Bearer', `Bearer ${TOKEN}x`, `Basic ${TOKEN}`, `Bearer x ${TOKEN}`]) {
		for (const path of ['/metrics', '/v1/status', '/v1/events', '/v1/nothing']) {
			const { status, json, headers } = await answerOf(at, path, { headers: { Authorization } });
			t.deepEqual([status, json.error.code, headers['www-authenticate']], [401, 'unauthorized', 'Bearer']);
		}
		t.is((await post(at, '/v1/drain', {}, { Authorization })).status, 401);
	}
	t.is(drained, 0);
	t.is((await post(at, '/v1/drain', {}, SHOWN.headers)).status, 200);
	t.is(drained, 1);
});

test('a page that rebinds its own name to our address gets nothing', async (t) => {
	const { at } = await staged(t, { access: { hosts: ['gate.example'] } });
	const called = async (Host: string): Promise<number> =>
		(await answerOf(at, '/v1/status', { headers: { ...SHOWN.headers, Host } })).status;
	for (const host of ['evil.example', 'evil.example:80', '127.0.0.1.evil.example', 'localhost.evil.example', 'a:b:c'])
		t.is(await called(host), 421, host);
	for (const host of ['127.0.0.1:9090', '[::1]:9090', 'localhost', 'LOCALHOST:1', 'gate.example', 'GATE.example:9090'])
		t.is(await called(host), 200, host);
});

test('a page of another origin gets nothing and changes nothing', async (t) => {
	let drained = 0;
	const { at } = await staged(t, { deps: { drain: () => drained++ } });
	const own = { ...SHOWN.headers, Host: 'localhost:9090' };
	for (const headers of [
		{ Origin: 'http://evil.example' },
		{ Origin: 'null' },
		{ Origin: 'https://localhost:9090' },
		{ Origin: 'http://localhost:9091' },
		{ 'Sec-Fetch-Site': 'cross-site' },
		{ 'Sec-Fetch-Site': 'same-site' },
	]) {
		t.is((await answerOf(at, '/v1/status', { headers: { ...own, ...headers } })).json.error.code, 'forbidden_origin');
		t.is((await post(at, '/v1/drain', {}, { ...own, ...headers })).status, 403);
	}
	for (const headers of [{ Origin: 'http://localhost:9090' }, { 'Sec-Fetch-Site': 'same-origin' }, {}])
		t.is((await answerOf(at, '/v1/status', { headers: { ...own, ...headers } })).status, 200);
	for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])
		t.is((await post(at, '/v1/drain', {}, { ...own, 'Content-Type': type })).status, 415);
	t.is(drained, 0);
});

test('what cannot be served has its own error', async (t) => {
	const { at, bugs } = await staged(t);
	t.like((await answerOf(at, '/nothing', SHOWN)).json, { error: { code: 'not_found' } });
	const wrong = await answerOf(at, '/v1/drain', SHOWN);
	t.deepEqual([wrong.status, wrong.headers.allow], [405, 'POST']);
	t.is((await post(at, '/v1/status', {}, SHOWN.headers)).status, 405);
	t.is((await answerOf(at, '/v1/status', { ...SHOWN, method: 'HEAD' })).text, '');
	const sent = (body: string) =>
		answerOf(
			at,
			'/v1/route',
			{ method: 'POST', headers: { ...SHOWN.headers, 'Content-Type': 'application/json' } },
			body,
		);
	for (const body of ['{', '[]', '7', 'null', '"x"']) t.is((await sent(body)).status, 400, body);
	t.like(await sent(`{"target":"${'x'.repeat(20_000)}"}`), {
		status: 413,
		json: { error: { code: 'body_too_large' } },
	});
	t.deepEqual(bugs, []);
});

test('a head that is too long or never ends is not waited for', async (t) => {
	const { at } = await staged(t);
	t.is((await answerOf(at, '/healthz', { headers: { X: 'x'.repeat(9_000) } })).status, 431);
	const slow = await connectRaw(t, Number(at.split(':')[1]));
	slow.write('GET /healthz HTTP/1.1\r\nHost: x\r\nX: ');
	const { bytes } = await slow.readToEnd();
	t.regex(String(bytes), /^HTTP\/1\.1 408 /);
});

test('a reload that is refused says every problem', async (t) => {
	const problems = ['a.toml:1:1: listen: expected x, found y', 'a.toml:2:1: more'];
	const { at } = await staged(t, { deps: { reload: () => Promise.resolve(problems) } });
	const { status, json } = await post(at, '/v1/reload', {}, SHOWN.headers);
	t.is(status, 422);
	t.deepEqual(json.error, { code: 'invalid_configuration', message: 'nothing has changed', problems });
});

test('an upgrade that fails says why', async (t) => {
	const { at } = await staged(t, { deps: { upgrade: () => Promise.resolve(['it ended with code 78']) } });
	const { status, json } = await post(at, '/v1/upgrade', {}, SHOWN.headers);
	t.is(status, 500);
	t.like(json.error, { code: 'upgrade_failed', problems: ['it ended with code 78'] });
	t.deepEqual((await post((await staged(t)).at, '/v1/upgrade', {}, SHOWN.headers)).json, { ok: true });
});

test('a bug answers 500 and is told, and the next request is served', async (t) => {
	const { at, bugs } = await staged(t, { deps: { reload: () => Promise.reject(new TypeError('cannot be')) } });
	const { status, json } = await post(at, '/v1/reload', {}, SHOWN.headers);
	t.deepEqual([status, json.error], [500, { code: 'internal', message: 'a bug of the gateway' }]);
	t.is(bugs.length, 1);
	t.is((await answerOf(at, '/healthz')).status, 200);
});

test('a deadline for the drain is a duration', async (t) => {
	const deadlines: (number | null)[] = [];
	const { at } = await staged(t, { deps: { drain: (deadlineMs) => deadlines.push(deadlineMs) } });
	t.is((await post(at, '/v1/drain', { deadline: 'soon' }, SHOWN.headers)).status, 400);
	await post(at, '/v1/drain', { deadline: '5s' }, SHOWN.headers);
	await post(at, '/v1/drain', {}, SHOWN.headers);
	t.deepEqual(deadlines, [5_000, null]);
});

test('events tell the status at once and again, and end when the listener does', async (t) => {
	const { admin, at, port } = await staged(t);
	const response = await askAdmin(at, '/v1/events', SHOWN);
	t.is(response.headers['content-type'], 'text/event-stream');
	response.setEncoding('utf8');
	const [first] = (await once(response, 'data')) as [string];
	t.regex(first, /^retry: 1000\n\nevent: status\ndata: \{.*"open":0.*\}\n\n$/s);
	await tunnel(t, port);
	const [second] = (await once(response, 'data')) as [string];
	t.is((JSON.parse(/data: (.*)/.exec(second)![1]!) as { flows: { open: number } }).flows.open, 1);
	const ended = once(response.resume(), 'end');
	await admin.stop();
	await ended;
});

test('a thousand that look cost the others nothing: there is a most for streams', async (t) => {
	const { at } = await staged(t);
	const statuses: (number | undefined)[] = [];
	for (let i = 0; i < 100; i++) {
		const response = await askAdmin(at, '/v1/events', SHOWN);
		t.teardown(() => void response.destroy());
		statuses.push(response.statusCode);
	}
	t.deepEqual(statuses, [...Array<number>(64).fill(200), ...Array<number>(36).fill(503)]);
	t.is((await answerOf(at, '/v1/status', SHOWN)).status, 200);
});

test('there is a most for connections, and those that say nothing are not waited for', async (t) => {
	const { at } = await staged(t);
	const clients = await Promise.all(Array.from({ length: 270 }, () => connectRaw(t, Number(at.split(':')[1]))));
	const ends = clients.map(async (client) => String((await client.readToEnd()).bytes));
	const said = await Promise.all(ends);
	const late = said.filter((text) => text.startsWith('HTTP/1.1 408 ')).length;
	// The first may be over, on a slow machine, before the last has come.
	t.true(late >= 256 && late < 270, String(late));
	t.is(said.filter((text) => text === '').length, 270 - late);
	t.is((await answerOf(at, '/v1/status', SHOWN)).status, 200);
});

test('a socket in the file system is for its owner, needs no token, and goes away', async (t) => {
	const path = join(temporaryFolder(t), 'admin.sock');
	const { admin, at } = await staged(t, { where: { path }, access: { token: null } });
	t.is(at, path);
	t.is(statSync(path).mode & 0o777, 0o600);
	t.is((await answerOf(at, '/v1/status')).status, 200);
	t.is(admin.tcpAddress, null);
	// A browser gets there by a tunnel: the checks that keep web pages out hold here, too.
	t.is((await answerOf(at, '/v1/status', { headers: { Host: 'evil.example' } })).status, 421);
	const evil = { Host: 'localhost:9090', Origin: 'http://evil.example' };
	t.is((await post(at, '/v1/drain', {}, evil)).status, 403);
	await admin.stop();
	t.false(existsSync(path));
});

test('a socket file of one that died is replaced, of one that lives is not', async (t) => {
	const path = join(temporaryFolder(t), 'admin.sock');
	writeFileSync(path, '');
	const first = await staged(t, { where: { path } });
	t.is((await answerOf(first.at, '/healthz')).status, 200);
	await t.throwsAsync(staged(t, { where: { path } }), { code: 'EADDRINUSE' });
	t.is((await answerOf(first.at, '/healthz')).status, 200);
	// Whoever takes over is there before the one before leaves, and stays when it does.
	const second = await staged(t, { where: { path, takeOver: true } });
	await first.admin.stop();
	t.is((await answerOf(second.at, '/healthz')).status, 200);
});

test('a folder that is not there or not ours is told by its errno', async (t) => {
	const folder = temporaryFolder(t);
	await t.throwsAsync(staged(t, { where: { path: join(folder, 'none/admin.sock') } }), { code: 'ENOENT' });
	await t.throwsAsync(staged(t, { where: { path: '/proc/admin.sock' } }), { instanceOf: ListenError });
});

test('a socket of TCP that was handed over needs a token, too', async (t) => {
	const handed = (): { name: string; fd: number } => {
		const bound = new net.BoundSocket({ host: '127.0.0.1', port: 0 });
		return { name: 'admin', fd: bound.fd() };
	};
	await t.throwsAsync(staged(t, { where: handed(), access: { token: null } }), { code: 'EACCES' });
	const { at } = await staged(t, { where: handed() });
	t.is((await answerOf(at, '/v1/status')).status, 401);
	t.is((await answerOf(at, '/v1/status', SHOWN)).status, 200);
});

test('the page about it lists every path and every error', (t) => {
	const page = readFileSync(join(ROOT, 'docs/admin.md'), 'utf8');
	for (const [code, status] of Object.entries(ADMIN_ERRORS)) t.true(page.includes(`| ${status} | \`${code}\``), code);
	const paths = [
		'/healthz',
		'/readyz',
		'/metrics',
		'/v1/status',
		'/v1/flows',
		'/v1/exits',
		'/v1/limits',
		'/v1/history',
	];
	for (const path of [...paths, '/v1/events', '/v1/route', '/v1/reload', '/v1/upgrade', '/v1/drain'])
		t.true(page.includes(`${path}\``), path);
	for (const path of ['/v1/members?group=TAG', '/v1/sources']) t.true(page.includes(`${path}\``), path);
});
