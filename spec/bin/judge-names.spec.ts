// The judge's DNS server, asked by node's own resolver and by hand.
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { connect } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { decode, encode, type Packet, streamDecode, streamEncode } from 'dns-packet';
import { NameServer } from '../../bin/judge/names.ts';

async function serve(t: ExecutionContext, address = '192.0.2.7'): Promise<NameServer> {
	const server = await NameServer.listen('127.0.0.1', 0, 'Zone.example.com', address);
	t.teardown(() => server.close());
	return server;
}

test('every name of the zone has the address of the origin, and who asked is kept', async (t) => {
	const server = await serve(t);
	const resolver = new Resolver({ tries: 1 });
	resolver.setServers([server.address]);
	t.deepEqual(await resolver.resolve4('A1.zone.example.com'), ['192.0.2.7']);
	await t.throwsAsync(resolver.resolve6('a2.zone.example.com'), { code: 'ENODATA' });
	t.deepEqual(server.asked, [
		{ name: 'a1.zone.example.com', type: 'A', by: '127.0.0.1', subnet: null },
		{ name: 'a2.zone.example.com', type: 'AAAA', by: '127.0.0.1', subnet: null },
	]);
	const six = new Resolver({ tries: 1 });
	six.setServers([(await serve(t, '2001:db8::7')).address]);
	t.deepEqual(await six.resolve6('zone.example.com'), ['2001:db8::7']);
});

test('a name outside of the zone of a type that hosts do not have is nobody', async (t) => {
	const resolver = new Resolver({ tries: 1 });
	resolver.setServers([(await serve(t)).address]);
	await t.throwsAsync(resolver.resolveTxt('azone.example.com'), { code: 'ENOTFOUND' });
});

const QUERY: Packet = { type: 'query', id: 7, questions: [{ type: 'A', name: 'x.zone.example.com' }] };

test("a client's network in a question is seen (RFC 7871)", async (t) => {
	const server = await serve(t);
	const socket = createSocket('udp4');
	t.teardown(() => void socket.close());
	const option = { code: 8, family: 1, sourcePrefixLength: 24, scopePrefixLength: 0, ip: '198.51.100.0' } as const;
	const additionals = [
		{
			type: 'OPT',
			name: '.',
			udpPayloadSize: 1_232,
			extendedRcode: 0,
			ednsVersion: 0,
			flags: 0,
			flag_do: false,
			options: [option],
		},
	];
	socket.send(Buffer.from('no question'), Number(server.address.split(':')[1]), '127.0.0.1');
	socket.send(encode({ ...QUERY, additionals } as Packet), Number(server.address.split(':')[1]), '127.0.0.1');
	const [reply] = (await once(socket, 'message')) as [Buffer];
	t.is(decode(reply).id, 7);
	t.is(server.asked[0]?.subnet, '198.51.100.0');
});

test('TCP is served, too', async (t) => {
	const server = await serve(t);
	const socket = connect(Number(server.address.split(':')[1]), '127.0.0.1');
	t.teardown(() => void socket.destroy());
	const query = streamEncode(QUERY);
	socket.write(query.subarray(0, 5));
	socket.write(query.subarray(5));
	const [reply] = (await once(socket, 'data')) as [Buffer];
	t.deepEqual(
		streamDecode(reply)?.answers?.map((answer) => 'data' in answer && answer.data),
		['192.0.2.7'],
	);
});
