import { once } from 'node:events';
import net, { createServer, type Server } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { addPorts, bindPorts, type PortSocket } from '../../lib/io/port-sockets.ts';
import { connectRaw } from '../helpers/raw-client.ts';

const ANY = { host: '127.0.0.1', port: 0 };

/** One server for each; gives back how many clients each has got. */
async function accepting(
	t: ExecutionContext,
	sockets: readonly PortSocket[],
): Promise<{ port: number; counts: number[] }> {
	const counts = sockets.map(() => 0);
	let port = 0;
	for (const [i, { fd }] of sockets.entries()) {
		const server: Server = createServer((socket) => {
			counts[i]!++;
			socket.end();
		}).listen({ fd });
		await once(server, 'listening');
		t.teardown(() => void server.close());
		port = (server.address() as { port: number }).port;
	}
	return { port, counts };
}

async function visit(t: ExecutionContext, port: number, times: number): Promise<void> {
	for (let i = 0; i < times; i++) await (await connectRaw(t, port)).readToEnd();
}

test('clients are spread over the sockets of one address', async (t) => {
	const { port, counts } = await accepting(t, bindPorts(ANY, 3));
	await visit(t, port, 60);
	t.true(
		counts.every((count) => count > 3),
		counts.join(),
	);
	t.is(
		counts.reduce((sum, count) => sum + count),
		60,
	);
});

test('an address that is taken is taken, also by sockets that share', async (t) => {
	const { port } = await accepting(t, bindPorts(ANY, 2));
	t.throws(() => bindPorts({ ...ANY, port }, 2), { code: 'EADDRINUSE' });
	t.throws(() => bindPorts({ host: '192.0.2.1', port: 0 }, 2), { code: 'EADDRNOTAVAIL' });
});

test('a socket that listens already gets company, and one that has enough none', async (t) => {
	const bound = new net.BoundSocket(ANY);
	const handed = { name: 'x', fd: bound.fd() };
	t.is(addPorts([handed], 1).length, 1);
	const all = addPorts([handed], 2);
	const { port, counts } = await accepting(t, all);
	await visit(t, port, 40);
	t.true(
		counts.every((count) => count > 3),
		counts.join(),
	);
});

test('what is no socket of TCP stays alone', (t) => {
	t.is(addPorts([{ name: 'x', fd: 0 }], 3).length, 1);
});
