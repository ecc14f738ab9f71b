import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { formatIp, type Ip } from '../../lib/core/ip.ts';
import type { StreamLink } from '../../lib/io/link.ts';
import { ListenError, type Listener, listen } from '../../lib/io/listen.ts';
import { startProcess } from '../helpers/process.ts';
import { connectRaw } from '../helpers/raw-client.ts';

const withIp6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));

interface Accepted {
	readonly link: StreamLink;
	readonly remote: Ip;
}

/** A listener and what it accepts, in order. */
async function open(t: ExecutionContext, host = '127.0.0.1', port = 0) {
	const accepted: Accepted[] = [];
	let wake = (): void => {};
	const listener = await listen(
		{ host, port },
		{
			onLink: (link, remote) => {
				accepted.push({ link, remote });
				wake();
			},
		},
	);
	t.teardown(async () => {
		await listener.stop();
		for (const { link } of accepted) link.destroy();
	});
	const next = async (): Promise<Accepted> => {
		while (accepted.length === 0) await new Promise<void>((resolve) => (wake = resolve));
		return accepted.shift()!;
	};
	return { listener, next };
}

function echo(link: StreamLink): void {
	link.attach({
		data: (chunk) => void link.write(chunk),
		end: () => link.closeWrite(),
		drain: () => {},
		closed: () => {},
	});
}

test('gives the port that the kernel picked and a link for each connection', async (t) => {
	const { listener, next } = await open(t);
	t.is(listener.address.host, '127.0.0.1');
	t.true(listener.address.port > 0);
	const client = await connectRaw(t, listener.address.port);
	const { link, remote } = await next();
	t.is(remote, 0x7f000001);
	echo(link);
	client.end('there and back');
	t.deepEqual(await client.readToEnd(), { bytes: Buffer.from('there and back'), ending: 'fin' });
});

test('the client is known by its address, every digit of it', async (t) => {
	const { listener, next } = await open(t);
	for (const localAddress of ['127.0.0.1', '127.10.200.255', '127.255.255.254']) {
		await connectRaw(t, listener.address.port, { localAddress });
		t.is(formatIp((await next()).remote), localAddress);
	}
});

(withIp6 ? test : test.skip)('an IPv4 client of a listener on :: is an IPv4 client', async (t) => {
	const { listener, next } = await open(t, '::');
	await connectRaw(t, listener.address.port);
	t.is((await next()).remote, 0x7f000001);
	await connectRaw(t, listener.address.port, { host: '::1' });
	t.is(formatIp((await next()).remote), '::1');
});

test('nothing is lost that came before anybody read the link', async (t) => {
	const { listener, next } = await open(t);
	const client = await connectRaw(t, listener.address.port);
	client.end('early');
	const { link } = await next();
	const late = await connectRaw(t, listener.address.port);
	late.write('x');
	await next();
	echo(link);
	t.is((await client.readToEnd()).bytes.toString(), 'early');
});

test('a client that is gone before it was accepted is no link', async (t) => {
	const { listener, next } = await open(t);
	// The child comes and goes while our own loop stands still.
	const script = `require('node:net').connect(${listener.address.port}, '127.0.0.1', function () { this.resetAndDestroy(); })`;
	execFileSync(process.execPath, ['-e', script]);
	await connectRaw(t, listener.address.port, { localAddress: '127.0.0.9' });
	t.is(formatIp((await next()).remote), '127.0.0.9');
});

test('stop frees the address and leaves what was accepted alone', async (t) => {
	const { listener, next } = await open(t);
	const client = await connectRaw(t, listener.address.port);
	const { link } = await next();
	await listener.stop();
	await listener.stop();
	const error = await t.throwsAsync(connectRaw(t, listener.address.port));
	t.is((error as NodeJS.ErrnoException).code, 'ECONNREFUSED');
	const again = await open(t, '127.0.0.1', listener.address.port);
	t.is(again.listener.address.port, listener.address.port);
	echo(link);
	client.end('still here');
	t.is((await client.readToEnd()).bytes.toString(), 'still here');
});

async function refusal(starting: Promise<Listener>): Promise<ListenError> {
	try {
		await (await starting).stop();
	} catch (error) {
		if (error instanceof ListenError) return error;
		throw error;
	}
	throw new Error('it listens');
}

test('says why it cannot listen', async (t) => {
	const { listener } = await open(t);
	const taken = await refusal(listen(listener.address, { onLink: () => {} }));
	t.is(taken.code, 'EADDRINUSE');
	t.true(taken.message.includes(`port ${listener.address.port}`));
	t.is((await refusal(listen({ host: '192.0.2.77', port: 0 }, { onLink: () => {} }))).code, 'EADDRNOTAVAIL');
});

const STARVED = `
	import { listen } from ${JSON.stringify(join(import.meta.dirname, '../../lib/io/listen.ts'))};
	const links = [];
	const onLink = (link) => {
		links.push(link);
		link.write(Buffer.from('hello'));
	};
	const listener = await listen({ host: '127.0.0.1', port: 0 }, { onLink });
	process.on('message', () => {
		for (const link of links.splice(0)) link.destroy();
	});
	process.send({ port: listener.address.port });
`;

test('out of descriptors it closes new connections, keeps the old, and accepts again when there are some', async (t) => {
	const child = startProcess(
		t,
		'/bin/sh',
		['-c', 'ulimit -n 60; exec "$0" "$@"', process.execPath, '--input-type=module', '-e', STARVED],
		{ stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
	);
	const [{ port }] = (await once(child, 'message')) as [{ port: number }];
	const clients = await Promise.all(Array.from({ length: 100 }, () => connectRaw(t, port)));
	const heard = await Promise.all(clients.map((client) => client.read(5).catch(() => null)));
	const served = heard.filter((bytes) => bytes?.toString() === 'hello').length;
	t.true(served > 10 && served < 60, `${served} served`);
	child.send('free');
	for (const client of clients) await client.readToEnd();
	const client = await connectRaw(t, port);
	t.is((await client.read(5)).toString(), 'hello');
	t.is(child.exitCode, null);
});
