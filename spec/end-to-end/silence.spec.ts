// The gateway writes down and tells nothing about who its clients are and where they go, unless it is told to. Every kind
// of flow is made, good and bad, and all is searched: what the process wrote (also when it crashes), every answer of its
// admin listener and its dashboard, what `bauta status` and `bauta exits` make of them, what systemd hears, what clients hear
// in refusals, what it keeps in files, and every word that it says to Redis.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { answerOf, askAdmin, post } from '../helpers/admin.ts';
import { bauta } from '../helpers/command.ts';
import { handshakeOf, PROTOCOLS, readReply } from '../helpers/handshakes.ts';
import { startMiniHop } from '../helpers/mini-hops.ts';
import { openNotifySocket } from '../helpers/notify-socket.ts';
import { until } from '../helpers/process.ts';
import { needs } from '../helpers/programs.ts';
import { connectRaw, type RawClient } from '../helpers/raw-client.ts';
import { startRedis } from '../helpers/redis.ts';
import type { Scope } from '../helpers/scope.ts';
import { OPEN_CONFIG, startService } from '../helpers/service-process.ts';
import { refusingPort, startTcpOrigin } from '../helpers/tcp-origins.ts';
import { startWebOrigin } from '../helpers/web-origins.ts';

/** The client's address, its user and password in every form they travel in, and the targets. */
const CLIENT = '127.9.8.7';
const LOGIN = { user: 'marcolini', password: 'tre-civette' };
const WRONG = { user: 'marcolini', password: 'due-gufi' };
const POOLED = { user: 'marcolini-session-pooled', password: LOGIN.password };
const TARGETS = ['127.0.0.1', 'nowhere.bauta-spec.invalid'];
const SECRETS = [CLIENT, LOGIN.user, LOGIN.password, WRONG.password, 'nowhere.bauta-spec', basic(LOGIN), basic(WRONG)];

function basic(login: typeof LOGIN): string {
	return Buffer.from(`${login.user}:${login.password}`).toString('base64');
}

/** Everything that the admin listener can be asked; the last ones are mistakes. */
const PATHS = [
	'/metrics',
	'/v1/status',
	'/v1/flows',
	'/v1/exits',
	'/v1/members?group=pool',
	'/v1/sources',
	'/v1/limits',
	'/v1/history',
	'/',
	'/dashboard/app.js',
	'/v1/members?group=none',
	'/nowhere',
];

/** All that it says, in one text; of the events the first one, and what the command makes of the status. */
async function toldByAdmin(scope: Scope, at: string): Promise<string> {
	const answers = await Promise.all(PATHS.map(async (path) => (await answerOf(at, path)).text));
	const events = await askAdmin(at, '/v1/events');
	const [event] = (await once(events, 'data')) as [Buffer];
	events.destroy();
	const commands = [['status'], ['exits'], ['exits', 'pool']].map(async (words) =>
		bauta(scope, [...words, '--admin', at]),
	);
	const said = (await Promise.all(commands)).map(({ stdout, stderr }) => stdout + stderr);
	const wrong = await post(at, '/v1/route', { target: 'nonsense' });
	return [...answers, event.toString(), ...said, wrong.text].join('\n');
}

/** A group whose list is fetched and kept: some flows leave by it. */
async function keptGroup(scope: Scope): Promise<string> {
	const hop = await startMiniHop(scope, 'socks5');
	const list = await startWebOrigin(scope, { handler: (_, response) => response.end(`127.0.0.1:${hop.port}\n`) });
	const rule = `[[rule]]\naction = "allow"\nclient = ["${CLIENT}"]\nsession = ["pooled"]\nroute = "pool"\n`;
	const group = `[[group]]\ntag = "pool"\nscheme = "socks5"\nurl = "http://127.0.0.1:${list.port}/"\nkeep = "FOLDER/kept"\n`;
	return `${rule}${group}`;
}

for (const clients of ['none', 'truncate', 'hash'] as const) {
	test(`nothing of clients and targets is in what the gateway writes and tells, with --log-clients ${clients}`, async (t) => {
		const [web, mute, refusing] = [await startWebOrigin(t), await startTcpOrigin(t), await refusingPort()];
		const login = `${LOGIN.user}:${LOGIN.password}`;
		const notify = openNotifySocket(t);
		const args = ['--user', login, '--log-level', 'debug', '--log-clients', clients];
		const env = notify ? { NOTIFY_SOCKET: notify.path, WATCHDOG_USEC: '100000' } : {};
		// Some are refused for their number, which is told too; nobody is kept waiting for passwords that were wrong.
		const limits = 'connections_open = 2\nfailures = { authentications = 0, destinations = 0 }';
		const config = `${OPEN_CONFIG.replace('connections_open = 0', limits)}\n${await keptGroup(t)}`;
		const { gateway, admin, write, folder } = await startService(t, config, { args, env });
		await gateway.record(({ msg }) => msg === 'list read');
		const refusals: Buffer[] = [];
		let flows = 0;
		const live: RawClient[] = [];
		for (const host of TARGETS) {
			for (const port of [web.port, mute.port, refusing]) {
				for (const protocol of PROTOCOLS) {
					// A name that is no address does not fit into these two.
					if (host !== TARGETS[0] && (protocol === 'socks4' || protocol === 'socks5')) continue;
					for (const [who, manner] of [
						[LOGIN, 'end'],
						[LOGIN, 'reset'],
						[WRONG, 'end'],
						[POOLED, 'end'],
					] as const) {
						const client = await connectRaw(t, gateway.port, { localAddress: CLIENT });
						client.write(handshakeOf(protocol, host, port, who));
						if (protocol !== 'http' || port !== mute.port) refusals.push((await readReply(client, protocol)).bytes);
						if (port === mute.port && manner === 'reset' && live.length < 2) live.push(client);
						else client[manner]();
						flows++;
					}
				}
			}
		}
		const told = await toldByAdmin(t, admin);
		for (const secret of [...SECRETS, ...[web.port, mute.port].map((port) => `127.0.0.1:${port}`)])
			t.false(told.includes(secret), `the admin listener told ${secret}`);
		t.regex(told, /bauta_connections_total\{.*result="authentication_required"\} [1-9]/);
		const kept = readFileSync(join(folder, 'kept'), 'utf8');
		for (const secret of SECRETS) {
			t.false(kept.includes(secret), `${secret} was kept`);
			t.false(Buffer.concat(refusals).includes(secret), `${secret} was said to a client`);
		}
		write('nonsense');
		await post(admin, '/v1/reload');
		for (const client of live) client.reset();
		for (const socket of mute.sockets) socket.end();
		t.is(await gateway.stop(), 0);
		t.true(gateway.records.length > flows, 'a line for each flow was written');
		for (const secret of SECRETS) {
			t.false(gateway.output.includes(secret), `${secret} was written`);
			t.false((notify?.heard ?? []).join('\n').includes(secret), `${secret} was told to systemd`);
		}
		const lines = gateway.records.filter(({ msg }) => msg !== 'listening');
		t.false(JSON.stringify(lines).includes(TARGETS[0]!), 'a target was written');
		const words = new Set(lines.filter(({ msg }) => msg === 'flow').map(({ client }) => client));
		t.deepEqual([...words].map(String).map(kindOf), [clients]);
	});
}

needs(test, 'redis-server')('Redis is told nothing of who clients are and where they go', async (t) => {
	const redis = await startRedis(t);
	const said: string[] = [];
	const monitor = await redis.admin.monitor();
	monitor.on('monitor', (_time: string, words: string[]) => said.push(words.join(' ')));
	t.teardown(() => monitor.disconnect());
	const web = await startWebOrigin(t);
	const limits = 'connections_open = 100\nbytes_per_day = "1GB"\nrequests_per_second = 1000\n';
	const config = OPEN_CONFIG.replace('connections_open = 0', limits).replace(
		'connections_per_second = 0',
		'connections_per_second = 900',
	);
	const { gateway } = await startService(
		t,
		`${config}[limits.user]\nbytes_per_month = "1GB"\n[redis]\nurl = ["${redis.url}"]\n`,
		{
			args: ['--user', `${LOGIN.user}:${LOGIN.password}`],
		},
	);
	await gateway.record(({ msg }) => String(msg).includes('limits are shared'));
	const before = said.length;
	for (const who of [LOGIN, WRONG, POOLED])
		for (const protocol of ['socks5', 'connect', 'http'] as const) {
			const client = await connectRaw(t, gateway.port, { localAddress: CLIENT });
			client.write(handshakeOf(protocol, '127.0.0.1', web.port, who));
			await readReply(client, protocol);
			client.end();
		}
	await until(
		'Redis has heard of it',
		() => said.length,
		(count) => count > before + 10,
	);
	t.is(await gateway.stop(), 0);
	const keys = await redis.admin.keys('*');
	const values = await Promise.all(keys.map((key) => redis.admin.dumpBuffer(key)));
	const all = Buffer.concat([
		Buffer.from([...said, ...keys].join('\n')),
		...values.map((value) => value ?? Buffer.alloc(0)),
	]);
	t.true(keys.length > 3);
	for (const secret of [...SECRETS, '127.0.0.1', String(web.port)]) t.false(all.includes(secret), secret);
});

test('a crash says what broke, and nothing of who was there', async (t) => {
	const trap = "data:text/javascript,process.once('SIGWINCH',()=>{throw%20new%20TypeError('cannot%20be')})";
	const mute = await startTcpOrigin(t);
	const { gateway } = await startService(t, OPEN_CONFIG, {
		args: ['--user', `${LOGIN.user}:${LOGIN.password}`],
		env: { NODE_OPTIONS: `--import ${trap}` },
	});
	const client = await connectRaw(t, gateway.port, { localAddress: CLIENT });
	client.write(handshakeOf('socks5', '127.0.0.1', mute.port, LOGIN));
	t.true((await readReply(client, 'socks5')).granted);
	gateway.signal('SIGWINCH');
	t.is(await gateway.exit(), 70);
	t.like(gateway.records.at(-1), { level: 'error', msg: 'bug', error: 'TypeError' });
	for (const secret of [...SECRETS, `:${mute.port}`]) t.false(gateway.output.includes(secret), secret);
});

/** Which way of naming clients a word is of. */
function kindOf(word: string): string {
	if (word === 'undefined') return 'none';
	return word === '127.9.8.0/24' ? 'truncate' : /^[0-9a-f]{16}$/.test(word) ? 'hash' : 'another';
}
