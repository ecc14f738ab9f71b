// The configurations of conf/, each started as it is but for ports, and used as its own comments say: one for each way of
// use. A hop on loopback stands for Tor and for the proxies of others; tor.spec.ts has Tor itself.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { bauta } from '../helpers/command.ts';
import type { GatewayProcess } from '../helpers/gateway-process.ts';
import { handshakeOf, type Login, type Reply, readReply } from '../helpers/handshakes.ts';
import { startMiniHop } from '../helpers/mini-hops.ts';
import { needs } from '../helpers/programs.ts';
import { connectRaw, type RawClient } from '../helpers/raw-client.ts';
import { startRedis } from '../helpers/redis.ts';
import { startService } from '../helpers/service-process.ts';
import { echo, refusingPort, startTcpOrigin } from '../helpers/tcp-origins.ts';

const CONF = join(import.meta.dirname, '../../conf');

/** Origins are on loopback. */
const HERE = ['--allow-private'];

/** Text of conf/NAME, with other words in the place of some. */
function textOf(name: string, replace: Readonly<Record<string, string | number>> = {}): string {
	let text = readFileSync(join(CONF, name), 'utf8');
	for (const [one, other] of Object.entries({ ...replace, '1080"': '0"', '1081"': '0"' })) {
		if (!text.includes(one) && one in replace) throw new Error(`${name} has no ${one}`);
		text = text.replaceAll(one, String(other));
	}
	return text;
}

/** Who asks for what, and how. */
interface Ask {
	readonly protocol?: 'socks4' | 'socks5' | 'socks5h' | 'connect';
	readonly host?: string;
	readonly port: number;
	readonly login?: Login;
}

async function ask(
	t: ExecutionContext,
	at: number,
	{ protocol = 'socks5h', host = '127.0.0.1', port, login }: Ask,
): Promise<Reply & { readonly client: RawClient }> {
	const client = await connectRaw(t, at);
	client.write(handshakeOf(protocol, host, port, login));
	return { ...(await readReply(client, protocol)), client };
}

/** Bytes go there and back. */
async function speaks(client: RawClient): Promise<boolean> {
	client.write('hello');
	const heard = String(await client.read(5));
	client.end();
	return heard === 'hello';
}

async function endsWell(t: ExecutionContext, gateway: GatewayProcess, target: string): Promise<void> {
	await gateway.record(({ msg, cause }) => msg === 'flow' && cause === 'closed');
	t.is(await gateway.stop(), 0);
	t.false(JSON.stringify(gateway.records).includes(target), 'nothing is written of where they went');
}

const TESTED = ['bauta.toml', 'public.toml', 'tor.toml', 'vps.toml', 'apps.toml'];

test('each configuration is here', (t) => {
	const files = readdirSync(CONF).filter((file) => file.endsWith('.toml'));
	t.deepEqual(files.toSorted(), TESTED.toSorted());
});

test('bauta.toml serves this machine', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const { gateway } = await startService(t, textOf('bauta.toml'), { args: [...HERE, '--allow-ports', 'all'] });
	for (const protocol of ['socks4', 'socks5', 'connect'] as const)
		t.true(await speaks((await ask(t, gateway.port, { protocol, port: origin.port })).client));
	await endsWell(t, gateway, `127.0.0.1:${origin.port}`);
});

needs(test, 'redis-server')('public.toml serves anybody, and its gateways hold one limit', async (t) => {
	const { port } = await startRedis(t);
	const origin = await startTcpOrigin(t, echo);
	const text = textOf('public.toml', {
		'127.0.0.1:6379': `127.0.0.1:${port}`,
		'connections_open = 128': 'connections_open = 2',
	});
	const gateways = [];
	for (let i = 0; i < 2; i++) {
		const { gateway } = await startService(t, text, { args: [...HERE, '--allow-ports', 'all'] });
		await gateway.record(({ msg }) => String(msg).includes('limits are shared'));
		gateways.push(gateway);
	}
	const [one, other] = gateways as [GatewayProcess, GatewayProcess];
	const first = await ask(t, one.port, { port: origin.port });
	const second = await ask(t, other.port, { port: origin.port });
	t.true(first.granted && second.granted);
	t.false((await ask(t, one.port, { port: origin.port })).granted, 'a third one is over the limit of both');
	t.true((await speaks(first.client)) && (await speaks(second.client)));
	await endsWell(t, one, `127.0.0.1:${origin.port}`);
});

test('tor.toml sends programs to Tor, and lets Tor alone out', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const tor = await startMiniHop(t, 'socks5', { lead: () => origin.port });
	const { gateway } = await startService(t, textOf('tor.toml', { '127.0.0.1:9050': `127.0.0.1:${tor.port}` }), {
		args: HERE,
	});
	const listening = (nth: number): number =>
		Number(/\d+$/.exec(String(gateway.records.filter(({ msg }) => msg === 'listening')[nth]!.address))![0]);
	const [programs, fromTor] = [listening(0), listening(1)];
	t.true(await speaks((await ask(t, programs, { host: 'example.onion', port: 443 })).client));
	t.true(await speaks((await ask(t, programs, { host: 'example.com', port: 443 })).client));
	t.deepEqual(tor.asked, ['example.onion:443', 'example.com:443']);
	t.true(
		tor.logins.every((login) => login.startsWith('<torS0X>0:')),
		'behind credentials of isolation',
	);
	t.false((await ask(t, programs, { host: 'example.com', port: origin.port })).granted, 'not to any port');
	t.true(await speaks((await ask(t, fromTor, { port: origin.port })).client), 'as a relay of Tor listens');
	t.is(tor.asked.length, 2);
	await endsWell(t, gateway, `127.0.0.1:${origin.port}`);
});

test('vps.toml lets in who has a name and a password, and nobody else', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const { stdout } = await bauta(t, ['user', 'hash', 'alice'], { input: 's3cret\n' });
	const { gateway } = await startService(t, textOf('vps.toml'), {
		args: [...HERE, '--allow-ports', 'all'],
		files: { users: stdout },
		env: { CREDENTIALS_DIRECTORY: 'FOLDER' },
	});
	const alice = { user: 'alice', password: 's3cret' };
	for (const protocol of ['socks5', 'connect'] as const) {
		t.true(await speaks((await ask(t, gateway.port, { protocol, port: origin.port, login: alice })).client));
		const wrong = { ...alice, password: 'guess' };
		t.false((await ask(t, gateway.port, { protocol, port: origin.port, login: wrong })).granted);
		t.false((await ask(t, gateway.port, { protocol, port: origin.port })).granted);
	}
	t.false((await ask(t, gateway.port, { protocol: 'socks4', port: origin.port })).granted);
	await endsWell(t, gateway, 'alice');
});

test('apps.toml sends each program its own way, by its name', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const lead = (): number => origin.port;
	const [tor, proxy] = [await startMiniHop(t, 'socks5', { lead }), await startMiniHop(t, 'socks5', { lead })];
	const text = textOf('apps.toml', {
		'127.0.0.1:9050': `127.0.0.1:${tor.port}`,
		'proxy-1.example.com:1080': `127.0.0.1:${await refusingPort()}`,
		'proxy-2.example.com:1080': `127.0.0.1:${proxy.port}`,
	});
	const { gateway } = await startService(t, text, { args: [...HERE, '--allow-ports', `default,${origin.port}`] });
	const as = async (user: string, port = 443, host = 'example.com'): Promise<boolean> => {
		const login = { user, password: user.split('-')[0]! };
		const { granted, client } = await ask(t, gateway.port, { protocol: 'connect', host, port, login });
		return granted && (await speaks(client));
	};
	t.true((await as('web-session-bank')) && (await as('web-session-bank')) && (await as('web-session-shop')));
	t.is(tor.asked.length, 3);
	t.is(tor.logins[0], tor.logins[1], 'one session, one circuit');
	t.not(tor.logins[0], tor.logins[2]);
	t.true(await as('mail', 993));
	t.deepEqual(proxy.asked, ['example.com:993'], 'by the second proxy, for the first is away');
	t.true(await as('git', origin.port, '127.0.0.1'), 'straight out');
	t.false(await as('git', 22), 'shells are for who has the rule');
	t.deepEqual([tor.asked.length, proxy.asked.length], [3, 1]);
	await endsWell(t, gateway, 'example.com');
});
