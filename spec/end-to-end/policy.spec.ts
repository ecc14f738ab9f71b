// What a port opened to the internet by default does not reach: this machine and its neighbours, however they are spelled
// and whatever name hides them. The refusal is looked at to the last byte.
import test, { type ExecutionContext } from 'ava';
import { startDns, zone } from '../helpers/dns-server.ts';
import { type GatewayProcess, startGateway } from '../helpers/gateway-process.ts';
import { handshakeOf, PROTOCOLS, readReply, type WireProtocol } from '../helpers/handshakes.ts';
import { connectRaw } from '../helpers/raw-client.ts';
import { type Scope, scopeOfFile } from '../helpers/scope.ts';
import { startTcpOrigin } from '../helpers/tcp-origins.ts';

const NAMES = {
	'private.test A': { addresses: ['10.0.0.1'] },
	'loopback.test A': { addresses: ['127.0.0.1'] },
	'loopback6.test AAAA': { addresses: ['::1'] },
	'mapped.test AAAA': { addresses: ['::ffff:127.0.0.1'] },
	'private.test AAAA': {},
	'loopback.test AAAA': {},
	'loopback6.test A': {},
	'mapped.test A': {},
};

/** By what a protocol's request can carry. */
const IP4 = ['127.0.0.1', '169.254.169.254', '10.0.0.1', '0.0.0.0', '255.255.255.255'];
const IP6 = ['::1', '::ffff:127.0.0.1', '64:ff9b::7f00:1', '::'];
const SPELLINGS = [
	'0x7f.1',
	'2130706433',
	'017700000001',
	'127.1',
	'localhost',
	'a.localhost',
	'printer.local',
	'x.onion',
];
const HOSTS: Readonly<Record<WireProtocol, readonly string[]>> = {
	socks4: IP4.filter((host) => host !== '0.0.0.0'),
	socks4a: [...IP4, ...IP6, ...SPELLINGS, ...namesOf(NAMES)],
	socks5: [...IP4, ...IP6],
	socks5h: [...IP4, ...IP6, ...SPELLINGS, ...namesOf(NAMES)],
	connect: [...IP4, ...IP6, ...SPELLINGS, ...namesOf(NAMES)],
	http: [...IP4, ...IP6, ...SPELLINGS, ...namesOf(NAMES)],
};

function namesOf(records: object): string[] {
	return [...new Set(Object.keys(records).map((key) => key.split(' ')[0]!))];
}

/** CD 91, and REP 02 behind the answer to the methods, with zeros for addresses. */
const SOCKS4_NO = '005b000000000000';
const SOCKS5_NO = '050005020001000000000000';
/** A tunnel's client is not told in a body; a plain request's connection goes on. */
const CONNECT_NO =
	/^HTTP\/1\.1 403 Forbidden\r\nProxy-Status: gateway; error=(\w+)\r\nConnection: close\r\nContent-Length: 0\r\n\r\n$/;
const HTTP_NO =
	/^HTTP\/1\.1 403 Forbidden\r\nProxy-Status: gateway; error=(\w+)\r\nConnection: keep-alive\r\nContent-Type: text\/plain\r\nContent-Length: \d+\r\n\r\n$/;

const scope: Scope = scopeOfFile(test);
const started: Promise<GatewayProcess> = startDns(scope, zone(NAMES)).then((dns) =>
	startGateway(scope, ['--allow-ports', 'all'], { config: `[resolver]\nservers = ["${dns.address}"]\n` }),
);

/** Asks for a target and holds what comes against the one refusal that the protocol has. */
async function isRefused(
	t: ExecutionContext,
	gateway: GatewayProcess,
	protocol: WireProtocol,
	host: string,
	port: number,
): Promise<void> {
	const client = await connectRaw(t, gateway.port);
	client.write(handshakeOf(protocol, host, port));
	if (protocol === 'http') {
		t.regex((await readReply(client, protocol)).bytes.toString('latin1'), HTTP_NO, host);
		return;
	}
	const { bytes, ending } = await client.readToEnd();
	if (protocol === 'connect') t.regex(bytes.toString('latin1'), CONNECT_NO, host);
	else t.is(bytes.toString('hex'), protocol.startsWith('socks4') ? SOCKS4_NO : SOCKS5_NO, host);
	t.is(ending, 'fin');
}

for (const protocol of PROTOCOLS) {
	test(`${protocol}: private and own addresses are refused in every spelling, and nothing is dialled`, async (t) => {
		const target = await startTcpOrigin(t);
		for (const host of HOSTS[protocol]) await isRefused(t, await started, protocol, host, target.port);
		t.is(target.sockets.length, 0);
	});
}

test('the gateway does not reach itself, even where private addresses are allowed', async (t) => {
	const gateway = await startGateway(t, ['--allow-private', '--allow-ports', 'all']);
	for (const protocol of PROTOCOLS) await isRefused(t, gateway, protocol, '127.0.0.1', gateway.port);
});

test('ports for mail are refused by default, before any hop is asked', async (t) => {
	const hop = await startTcpOrigin(t);
	const gateway = await startGateway(t, ['--allow-private', '-F', `socks5://127.0.0.1:${hop.port}`]);
	for (const protocol of PROTOCOLS) await isRefused(t, gateway, protocol, '127.0.0.1', 25);
	t.is(hop.sockets.length, 0);
});
