// Tor's RESOLVE and RESOLVE_PTR through a whole gateway.
import test, { type ExecutionContext } from 'ava';
import { type ConfigInput, createGateway, type Gateway } from '../../lib/index.ts';
import { startDns } from '../helpers/dns-server.ts';
import { connectRaw } from '../helpers/raw-client.ts';
import { ask, readSocksReply, type SocksReply } from '../helpers/udp.ts';

const RESOLVE = 0xf0;
const RESOLVE_PTR = 0xf1;

const RECORDS: Readonly<Record<string, readonly string[]>> = {
	'both.example.com A': ['93.184.216.34'],
	'both.example.com AAAA': ['2606:2800:220:1::1'],
	'six.example.com AAAA': ['2606:2800:220:1::1'],
	'inside.example.com A': ['10.0.0.1'],
};

async function started(t: ExecutionContext, config: ConfigInput = {}): Promise<number> {
	const dns = await startDns(t, ({ name, type }) => {
		const addresses = RECORDS[`${name} ${type}`];
		return addresses ? { addresses } : Object.keys(RECORDS).some((key) => key.startsWith(name)) ? {} : { rcode: 3 };
	});
	const gateway: Gateway = createGateway({
		listen: ['127.0.0.1:0'],
		resolver: { servers: [dns.address], hosts_file: false },
		...config,
	});
	await gateway.start();
	t.teardown(() => gateway.close());
	return Number(gateway.addresses[0]!.split(':').at(-1));
}

function name(text: string): number[] {
	return [3, text.length, ...Buffer.from(text), 0, 0];
}

async function answer(
	t: ExecutionContext,
	port: number,
	command: number,
	address: readonly number[],
): Promise<SocksReply> {
	const client = await ask(t, port, command, address);
	const reply = await readSocksReply(client);
	t.is((await client.readToEnd()).ending, 'fin', 'the connection ends with the reply');
	return reply;
}

test('a name has its address, whatever the port and the list of ports', async (t) => {
	const port = await started(t, { exit: { ports: '443' } });
	t.like(await answer(t, port, RESOLVE, name('both.example.com')), { rep: 0, port: 0 });
	t.deepEqual(await answer(t, port, RESOLVE, name('six.example.com')), {
		rep: 0,
		host: '26062800022000010000000000000001',
		port: 0,
	});
	t.deepEqual(await answer(t, port, RESOLVE, [1, 93, 184, 216, 34, 0, 0]), { rep: 0, host: '93.184.216.34', port: 0 });
});

test('socks4a: a name has its IPv4 address, or none', async (t) => {
	const port = await started(t);
	for (const [host, reply] of [
		['both.example.com', '005a00005db8d822'],
		['six.example.com', '005b000000000000'],
	] as const) {
		const client = await connectRaw(t, port);
		client.write(Buffer.concat([Buffer.from('04f0000000000001', 'hex'), Buffer.from(`\0${host}\0`)]));
		t.is((await client.readToEnd()).bytes.toString('hex'), reply);
	}
});

test('a private answer is refused, a name that leads nowhere is not found', async (t) => {
	const port = await started(t);
	t.is((await answer(t, port, RESOLVE, name('inside.example.com'))).rep, 2);
	t.is((await answer(t, port, RESOLVE, name('nowhere.example.com'))).rep, 4);
	t.is((await answer(t, port, RESOLVE, name('x.onion'))).rep, 2);
	t.is((await answer(t, port, RESOLVE, [1, 127, 0, 0, 1, 0, 0])).rep, 2);
	t.is((await answer(t, port, RESOLVE_PTR, [1, 10, 0, 0, 1, 0, 0])).rep, 2);
	t.is((await answer(t, port, RESOLVE_PTR, [1, 93, 184, 216, 34, 0, 0])).rep, 4);
	t.is(
		(await answer(t, await started(t, { exit: { allow_private: true } }), RESOLVE, name('inside.example.com'))).host,
		'10.0.0.1',
	);
});

test('a SOCKS5 hop is asked, and what it answers is judged', async (t) => {
	const hop = await started(t, { exit: { allow_private: true } });
	const port = await started(t, { upstream: [`socks5://127.0.0.1:${hop}`] });
	t.is((await answer(t, port, RESOLVE, name('both.example.com'))).rep, 0);
	t.is((await answer(t, port, RESOLVE, name('inside.example.com'))).rep, 2);
	t.is((await answer(t, port, RESOLVE, name('nowhere.example.com'))).rep, 4);
	t.is((await answer(t, port, RESOLVE_PTR, [1, 93, 184, 216, 34, 0, 0])).rep, 4);
});

test('another hop cannot be asked', async (t) => {
	for (const upstream of ['http://127.0.0.1:1', 'socks4a://127.0.0.1:1']) {
		t.is((await answer(t, await started(t, { upstream: [upstream] }), RESOLVE, name('both.example.com'))).rep, 7);
	}
});
