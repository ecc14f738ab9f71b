// UDP ASSOCIATE, BIND and RESOLVE as programs of other people ask for them.
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { startDns, zone } from '../helpers/dns-server.ts';
import { startGateway, temporaryFolder } from '../helpers/gateway-process.ts';
import { accepting, descriptors, freePort, run, startProcess, until } from '../helpers/process.ts';
import { type Declare, needs, program } from '../helpers/programs.ts';
import { associate, udpEnd } from '../helpers/udp.ts';

const OPEN = ['--allow-private', '--allow-ports', 'all'];

const ASK_DNS = `
import socks, socket, struct, sys
port, dns = int(sys.argv[1]), int(sys.argv[2])
s = socks.socksocket(socket.AF_INET, socket.SOCK_DGRAM)
s.set_proxy(socks.SOCKS5, '127.0.0.1', port)
s.settimeout(20)
name = b''.join(bytes([len(p)]) + p for p in b'www.example.com'.split(b'.')) + b'\\0'
s.sendto(struct.pack('>HHHHHH', 4660, 256, 1, 0, 0, 0) + name + struct.pack('>HH', 1, 1), ('127.0.0.1', dns))
answer, peer = s.recvfrom(4096)
print(socket.inet_ntoa(answer[-4:]), peer[0], peer[1] == dns)
`;

needs(test, 'python3-socks')('PySocks asks a DNS server by UDP', async (t) => {
	const dns = await startDns(t, zone({ 'www.example.com A': { addresses: ['192.0.2.80'] } }));
	const gateway = await startGateway(t, OPEN);
	const dnsPort = dns.address.split(':')[1]!;
	const { stdout, stderr } = await run(t, '/usr/bin/python3', ['-c', ASK_DNS, `${gateway.port}`, dnsPort]);
	t.is(stdout.toString(), '192.0.2.80 127.0.0.1 True\n', stderr);
	const record = await gateway.record(({ msg }) => msg === 'flow');
	t.like(record, { protocol: 'socks5', command: 'associate', cause: 'closed' });
});

needs(test, 'tor-resolve')('tor-resolve has names and addresses, by SOCKS4 and by SOCKS5', async (t) => {
	const dns = await startDns(t, ({ name, type }) => {
		if (name === 'www.example.com') return { addresses: type === 'A' ? ['93.184.216.34'] : [] };
		return { rcode: 3 };
	});
	const gateway = await startGateway(t, [], { config: `[resolver]\nservers = ["${dns.address}"]\n` });
	const ask = async (...args: string[]): Promise<string> =>
		(await run(t, program('tor-resolve'), [...args, gateway.address])).stdout.toString().trim();
	t.is(await ask('-4', 'www.example.com'), '93.184.216.34');
	t.is(await ask('-5', 'www.example.com'), '93.184.216.34');
	t.is(await ask('nowhere.example.com'), '');
	t.is(await ask('-x', '10.0.0.1'), '', 'a private address has no name for clients');
});

/** An address of this machine that is not loopback: dante's client goes past the proxy for loopback. */
function ownAddress(): string | null {
	const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
	return all.find(({ internal, family }) => !internal && family === 'IPv4')?.address ?? null;
}

const SERVE_FTP = `
import sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer
authorizer = DummyAuthorizer()
authorizer.add_anonymous(sys.argv[3])
FTPHandler.authorizer = authorizer
FTPHandler.permit_foreign_addresses = True
FTPServer((sys.argv[1], int(sys.argv[2])), FTPHandler).serve_forever()
`;

const ftp: Declare = ownAddress() === null ? test.skip : needs(test, 'socksify', 'tnftp', 'python3-pyftpdlib');
ftp('socksify tnftp fetches a file in active mode, which needs BIND', async (t) => {
	const host = ownAddress() as string;
	const folder = temporaryFolder(t);
	mkdirSync(join(folder, 'served'));
	writeFileSync(join(folder, 'served/hello.txt'), 'by a port of the gateway');
	const gateway = await startGateway(t, OPEN);
	const port = await freePort();
	const server = startProcess(t, '/usr/bin/python3', ['-c', SERVE_FTP, '0.0.0.0', `${port}`, join(folder, 'served')], {
		stdio: 'ignore',
	});
	await accepting(port, server);
	writeFileSync(
		join(folder, 'socks.conf'),
		`route {
 from: 0.0.0.0/0 to: ${host}/32 via: 127.0.0.1 port = ${gateway.port}
 proxyprotocol: socks_v5
 method: none
 command: bind connect
}
`,
	);
	const client = startProcess(t, program('socksify'), ['tnftp', '-A', '-n', host, `${port}`], {
		env: { ...process.env, SOCKS_CONF: join(folder, 'socks.conf') },
		stdio: ['pipe', 'ignore', 'ignore'],
	});
	client.stdin!.end(`user anonymous x\nget hello.txt ${join(folder, 'got.txt')}\nbye\n`);
	await once(client, 'exit');
	t.is(readFileSync(join(folder, 'got.txt'), 'utf8'), 'by a port of the gateway');
	const record = await gateway.record(({ command }) => command === 'bind');
	t.like(record, { cause: 'closed', downBytes: 24 });
});

test('associations that come and go leave no descriptor behind', async (t) => {
	const limits = '[limits]\nconnections_per_second = 0\nconnections_open = 0\n';
	const gateway = await startGateway(t, OPEN, { config: limits });
	const echo = (await udpEnd(t)).echo();
	const one = async (): Promise<void> => {
		const client = await associate(t, gateway.port);
		await client.send('127.0.0.1', echo.port, 'x');
		await client.answer();
		client.control.end();
		await client.control.readToEnd();
	};
	await one();
	const before = descriptors(gateway.pid);
	for (let i = 0; i < 20; i++) await Promise.all(Array.from({ length: 10 }, one));
	// Above the first one: the set that all sockets of datagrams are watched with is gone while there is none.
	await until(
		'descriptors as before',
		() => descriptors(gateway.pid),
		(count) => count <= before,
	);
	t.true(descriptors(gateway.pid) <= before);
});
