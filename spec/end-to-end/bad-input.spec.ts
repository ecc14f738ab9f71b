// What an operator gets wrong, and who looks too often: each has its words and its exit code, and clients are served all the
// while. The other cases are where their parts are: bin/reload.spec.ts, bin/serve.spec.ts, admin/server.spec.ts.
import test, { type ExecutionContext } from 'ava';
import { answerOf, askAdmin } from '../helpers/admin.ts';
import { bauta } from '../helpers/command.ts';
import type { GatewayProcess } from '../helpers/gateway-process.ts';
import { handshakeOf, readReply } from '../helpers/handshakes.ts';
import { startMiniHop } from '../helpers/mini-hops.ts';
import { residentBytes, until } from '../helpers/process.ts';
import { needs } from '../helpers/programs.ts';
import { connectRaw } from '../helpers/raw-client.ts';
import { startRedis } from '../helpers/redis.ts';
import { OPEN_CONFIG, startService } from '../helpers/service-process.ts';
import { echo, startTcpOrigin } from '../helpers/tcp-origins.ts';
import { startWebOrigin } from '../helpers/web-origins.ts';

/** A client gets through. */
async function serves(t: ExecutionContext, { port }: GatewayProcess): Promise<void> {
	const origin = await startTcpOrigin(t, echo);
	const client = await connectRaw(t, port);
	client.write(handshakeOf('socks5', '127.0.0.1', origin.port));
	t.true((await readReply(client, 'socks5')).granted);
	client.write('ping');
	t.is(String(await client.read(4)), 'ping');
	client.end();
}

const withRedis = needs(test, 'redis-server');

withRedis('a wrong password of Redis is said to be one, never which, and each gateway grants its share', async (t) => {
	const redis = await startRedis(t, ['--requirepass', 'the-right-one']);
	const config = `${OPEN_CONFIG}\n[redis]\nurl = ["redis://127.0.0.1:${redis.port}"]\npassword_file = "password"\n`;
	const { gateway, file, status, admin, write } = await startService(t, config, {
		files: { password: 'a-wrong-one\n' },
	});
	const { cause } = await gateway.record(({ msg }) => String(msg).startsWith('limits: Redis does not answer'));
	t.is(cause, 'WRONGPASS');
	await serves(t, gateway);
	t.like((await status()).limits, { mode: 'local', redis: true });
	const asked = await bauta(t, ['limits', 'show', '192.0.2.7', '-c', file]);
	t.deepEqual([asked.code, asked.stderr], [69, 'bauta: Redis does not answer: WRONGPASS\n']);
	// A reload cannot mend it, because the store outlives one, and says so.
	write(config.replace('password_file = "password"', ''));
	t.is((await bauta(t, ['reload', '--admin', admin])).code, 0);
	await gateway.record(({ msg }) => msg === 'redis: another store takes a restart, the one before goes on');
	t.false(gateway.output.includes('a-wrong-one'));
	t.is(await gateway.stop(), 0);
});

withRedis('no password where Redis wants one is said, too', async (t) => {
	const redis = await startRedis(t, ['--requirepass', 'the-right-one']);
	const { gateway } = await startService(t, `${OPEN_CONFIG}\n[redis]\nurl = ["${redis.url}"]\n`);
	const { cause } = await gateway.record(({ msg }) => String(msg).startsWith('limits: Redis does not answer'));
	t.is(cause, 'NOAUTH');
	await serves(t, gateway);
});

test('a state folder that cannot be written costs the file and nothing else, and is told', async (t) => {
	const hop = await startMiniHop(t, 'socks5');
	const list = await startWebOrigin(t, { handler: (_, response) => response.end(`socks5://127.0.0.1:${hop.port}\n`) });
	// A file system of the kernel: nobody makes a file there, root neither.
	const group = `[[group]]\ntag = "pool"\nurl = "http://127.0.0.1:${list.port}/"\nkeep = "/sys/kernel/bauta-list"\n`;
	const { gateway } = await startService(t, `${OPEN_CONFIG}\n${group}`);
	t.like(await gateway.record(({ msg }) => msg === 'list not kept'), { level: 'warn', group: 'pool', why: 'EACCES' });
	await serves(t, gateway);
	t.is(hop.asked.length, 1);
	t.is(await gateway.stop(), 0);
});

test('a start without a credential that the configuration names ends with 78 and says which', async (t) => {
	const started = await bauta(t, ['serve', '-L', '127.0.0.1:0'], { env: { BAUTA_USERS__FILE: 'credential:users' } });
	t.is(started.code, 78);
	t.regex(started.stderr, /expected a credential called "users" \(LoadCredential= in the unit\)/);
});

const DASHBOARDS = 1_000;
const AT_ONCE = 100;

test('a thousand dashboards: so many are served, each other one is told, and it costs next to nothing', async (t) => {
	const { gateway, admin, status } = await startService(t);
	const { pid } = await status();
	const ask = async (): Promise<string> => {
		const response = await askAdmin(admin, '/v1/events');
		// Nobody reads: what is sent to those that are served piles up, and is bounded.
		if (response.statusCode === 200) {
			t.teardown(() => void response.destroy());
			return 'served';
		}
		let said = '';
		for await (const chunk of response) said += String(chunk);
		return `${response.statusCode} ${response.headers.connection} ${(JSON.parse(said) as { error: { code: string } }).error.code}`;
	};
	for (let i = 0; i < 64; i++) t.is(await ask(), 'served');
	const before = residentBytes(pid);
	const heard: string[] = [];
	while (heard.length < DASHBOARDS - 64) heard.push(...(await Promise.all(Array.from({ length: AT_ONCE }, ask))));
	t.deepEqual([...new Set(heard)], ['503 close too_many_streams']);
	await serves(t, gateway);
	const grownMb = (residentBytes(pid) - before) / 2 ** 20;
	t.log(`${grownMb.toFixed(1)} MB more`);
	t.true(grownMb < 40, `${grownMb} MB`);
	t.is((await answerOf(admin, '/healthz')).status, 200);
	t.is((await status()).state, 'serving');
});

test('what the admin listener is asked wrongly changes nothing, and has its words', async (t) => {
	const config = `${OPEN_CONFIG}\n[admin]\nlisten = "127.0.0.1:0"\ntoken = "a-token-of-this-spec"\n`;
	const { gateway } = await startService(t, config, { args: ['--admin', '127.0.0.1:0'] });
	const at = String((await gateway.record(({ msg }) => msg === 'admin listening')).address);
	const headers = { Authorization: 'Bearer a-token-of-this-spec', 'Content-Type': 'application/json' };
	const drain = async (more: object, body = '{}'): Promise<string> => {
		const { status, json } = await answerOf(
			at,
			'/v1/drain',
			{ method: 'POST', headers: { ...headers, ...more } },
			body,
		);
		return `${status} ${(json as { error: { code: string } }).error.code}`;
	};
	t.is(await drain({ Authorization: '' }), '401 unauthorized');
	t.is(await drain({ Host: 'evil.example' }), '421 misdirected');
	t.is(await drain({ Origin: 'http://evil.example' }), '403 forbidden_origin');
	t.is(await drain({}, `{"deadline":"${'9'.repeat(20_000)}s"}`), '413 body_too_large');
	t.is(await drain({ 'Content-Type': 'text/plain' }), '415 unsupported_media_type');
	await serves(t, gateway);
	const ended = await until(
		'the end of the flow',
		async () => (await answerOf(at, '/v1/flows', { headers })).json as { ended: number },
		({ ended }) => ended === 1,
	);
	t.like(ended, { open: 0 });
});
