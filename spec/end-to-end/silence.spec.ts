// The gateway writes down nothing about who its clients are and where they go, unless it is told to. Every kind of flow is
// made, good and bad, and all that the process wrote is searched.
import test from 'ava';
import { startGateway } from '../helpers/gateway-process.ts';
import { handshakeOf, PROTOCOLS, readReply } from '../helpers/handshakes.ts';
import { connectRaw } from '../helpers/raw-client.ts';
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

test('nothing of clients and targets is in what the gateway writes', async (t) => {
	const [web, mute, refusing] = [await startWebOrigin(t), await startTcpOrigin(t), await refusingPort()];
	const login = `${LOGIN.user}:${LOGIN.password}`;
	const gateway = await startGateway(t, [
		'--allow-private',
		'--allow-ports',
		'all',
		'--user',
		login,
		'--log-level',
		'debug',
	]);
	let flows = 0;
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
					client[manner]();
					flows++;
				}
			}
		}
	}
	for (const socket of mute.sockets) socket.end();
	t.is(await gateway.stop(), 0);
	t.true(gateway.records.length > flows, 'a line for each flow was written');
	for (const secret of SECRETS) t.false(gateway.output.includes(secret), `${secret} was written`);
	const listening = gateway.records.find((record) => record.msg === 'listening');
	const lines = gateway.records.filter((record) => record !== listening);
	t.false(JSON.stringify(lines).includes(TARGETS[0]!), 'a target was written');
});
