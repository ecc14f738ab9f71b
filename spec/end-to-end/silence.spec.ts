// The gateway writes down and tells nothing about who its clients are and where they go, unless it is told to. Every kind
// of flow is made, good and bad, and all is searched: what the process wrote, every answer of its admin listener, what
// `bauta status` makes of them, and what systemd hears.
import { once } from 'node:events';
import test from 'ava';
import { answerOf, askAdmin, post } from '../helpers/admin.ts';
import { bauta } from '../helpers/command.ts';
import { handshakeOf, PROTOCOLS, readReply } from '../helpers/handshakes.ts';
import { openNotifySocket } from '../helpers/notify-socket.ts';
import { connectRaw, type RawClient } from '../helpers/raw-client.ts';
import type { Scope } from '../helpers/scope.ts';
import { OPEN_CONFIG, startService } from '../helpers/service-process.ts';
import { refusingPort, startTcpOrigin } from '../helpers/tcp-origins.ts';
import { startWebOrigin } from '../helpers/web-origins.ts';

/** The client's address, its user and password in every form they travel in, and the targets. */
const CLIENT = '127.9.8.7';
const LOGIN = { user: 'marcolini', password: 'tre-civette' };
const WRONG = { user: 'marcolini', password: 'due-gufi' };
const TARGETS = ['127.0.0.1', 'nowhere.bauta-spec.invalid'];
const SECRETS = [CLIENT, LOGIN.user, LOGIN.password, WRONG.password, 'nowhere.bauta-spec', basic(LOGIN), basic(WRONG)];

function basic(login: typeof LOGIN): string {
	return Buffer.from(`${login.user}:${login.password}`).toString('base64');
}

/** Everything that the admin listener can be asked. */
const PATHS = ['/metrics', '/v1/status', '/v1/flows', '/v1/exits', '/v1/limits'];

/** All that it says, in one text; of the events the first one, and what the command makes of the status. */
async function toldByAdmin(scope: Scope, at: string): Promise<string> {
	const answers = await Promise.all(PATHS.map(async (path) => (await answerOf(at, path)).text));
	const events = await askAdmin(at, '/v1/events');
	const [event] = (await once(events, 'data')) as [Buffer];
	events.destroy();
	return [...answers, event.toString(), (await bauta(scope, ['status', '--admin', at])).stdout].join('\n');
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
		const config = OPEN_CONFIG.replace('connections_open = 0', limits);
		const { gateway, admin, write } = await startService(t, config, { args, env });
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
					] as const) {
						const client = await connectRaw(t, gateway.port, { localAddress: CLIENT });
						client.write(handshakeOf(protocol, host, port, who));
						if (protocol !== 'http' || port !== mute.port) await readReply(client, protocol);
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

/** Which way of naming clients a word is of. */
function kindOf(word: string): string {
	if (word === 'undefined') return 'none';
	return word === '127.9.8.0/24' ? 'truncate' : /^[0-9a-f]{16}$/.test(word) ? 'hash' : 'another';
}
