import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import test, { type ExecutionContext } from 'ava';
import { formatIp, type Ip } from '../../lib/core/ip.ts';
import type { Link } from '../../lib/core/link.ts';
import { ListenError, type Listener, listen } from '../../lib/io/listen.ts';
import type { Reactor } from '../../lib/io/reactor.ts';
import { engines } from '../helpers/engines.ts';
import { startProcess } from '../helpers/process.ts';
import { connectRaw } from '../helpers/raw-client.ts';

const withIp6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));

interface Accepted {
	readonly link: Link;
	readonly remote: Ip;
}

/** A listener and what it accepts, in order. */
async function open(t: ExecutionContext, reactor: Reactor | null, host = '127.0.0.1', port = 0) {
	const accepted: Accepted[] = [];
	const links: Link[] = [];
	let wake = (): void => {};
	const listener = await listen(
		{ host, port },
		{
			reactor,
			onLink: (link, remote) => {
				accepted.push({ link, remote });
				links.push(link);
				wake();
			},
		},
	);
	t.teardown(async () => {
		await listener.stop();
		for (const link of links) link.destroy();
	});
	const next = async (): Promise<Accepted> => {
		while (accepted.length === 0) await new Promise<void>((resolve) => (wake = resolve));
		return accepted.shift()!;
	};
	return { listener, next };
}

function echo(link: Link): void {
	link.attach({
		data: (chunk) => void link.write(chunk),
		end: () => link.closeWrite(),
		drain: () => {},
		closed: () => {},
	});
}

async function refusal(starting: Promise<Listener>): Promise<ListenError> {
	try {
		await (await starting).stop();
	} catch (error) {
		if (error instanceof ListenError) return error;
		throw error;
	}
	throw new Error('it listens');
}

const LIB = join(import.meta.dirname, '../../lib/io');

/** A process that listens, says `hello`, and closes its clients when it is told to. `where`: source of it. */
const listening = (where: string, plain: boolean): string => `
	import { listen } from ${JSON.stringify(join(LIB, 'listen.ts'))};
	import { Reactor } from ${JSON.stringify(join(LIB, 'reactor.ts'))};
	const links = [];
	const onLink = (link) => {
		links.push(link);
		link.write(Buffer.from('hello'));
	};
	const listener = await listen(${where}, { onLink, reactor: ${plain} ? Reactor.create() : null });
	process.on('message', () => {
		for (const link of links.splice(0)) link.destroy();
	});
	process.send({ port: listener.address.port });
`;

for (const { name, reactor } of engines) {
	test(`${name}: gives the port that the kernel picked and a link for each connection`, async (t) => {
		const { listener, next } = await open(t, reactor);
		t.is(listener.address.host, '127.0.0.1');
		t.true(listener.address.port > 0);
		const client = await connectRaw(t, listener.address.port);
		const { link, remote } = await next();
		t.is(remote, 0x7f000001);
		echo(link);
		client.end('there and back');
		t.deepEqual(await client.readToEnd(), { bytes: Buffer.from('there and back'), ending: 'fin' });
	});

	test(`${name}: the client is known by its address, every digit of it`, async (t) => {
		const { listener, next } = await open(t, reactor);
		for (const localAddress of ['127.0.0.1', '127.10.200.255', '127.255.255.254']) {
			await connectRaw(t, listener.address.port, { localAddress });
			t.is(formatIp((await next()).remote), localAddress);
		}
	});

	(withIp6 ? test : test.skip)(`${name}: an IPv4 client of a listener on :: is an IPv4 client`, async (t) => {
		const { listener, next } = await open(t, reactor, '::');
		await connectRaw(t, listener.address.port);
		t.is((await next()).remote, 0x7f000001);
		await connectRaw(t, listener.address.port, { host: '::1' });
		t.is(formatIp((await next()).remote), '::1');
	});

	test(`${name}: nothing is lost that came before anybody read the link`, async (t) => {
		const { listener, next } = await open(t, reactor);
		const client = await connectRaw(t, listener.address.port);
		client.end('early');
		const { link } = await next();
		const late = await connectRaw(t, listener.address.port);
		late.write('x');
		await next();
		echo(link);
		t.is((await client.readToEnd()).bytes.toString(), 'early');
	});

	test(`${name}: a client that reads late gets everything that was written, and the end`, async (t) => {
		const { listener, next } = await open(t, reactor);
		const client = await connectRaw(t, listener.address.port);
		const { link } = await next();
		link.write(Buffer.alloc(16 * 1024 * 1024, 'x'));
		t.true(link.pendingBytes > 0);
		link.closeWrite();
		const { bytes, ending } = await client.readToEnd();
		t.deepEqual([bytes.length, ending], [16 * 1024 * 1024, 'fin']);
	});

	test.serial(
		`${name}: a listening socket goes on in the process it was handed to, and is over in this one`,
		async (t) => {
			const { listener } = await open(t, reactor);
			if (listener.fd === null) return t.pass(); // this Node.js does not tell
			await open(t, reactor);
			const child = startProcess(
				t,
				process.execPath,
				['--input-type=module', '-e', listening("{ name: 'handed', fd: 4 }", reactor !== null)],
				{ stdio: ['ignore', 'inherit', 'inherit', 'ipc', listener.fd] },
			);
			t.deepEqual(await once(child, 'message').then(([message]) => message), { port: listener.address.port });
			await listener.stop();
			const before = performance.nodeTiming.uvMetricsInfo.loopCount;
			// Nobody accepts while the child stands still: clients wait, and no loop of ours turns for them.
			process.kill(child.pid as number, 'SIGSTOP');
			const client = await connectRaw(t, listener.address.port);
			await new Promise((resolve) => setTimeout(resolve, 50));
			const turns = performance.nodeTiming.uvMetricsInfo.loopCount - before;
			t.true(turns < 500, `${turns} turns of the loop`);
			process.kill(child.pid as number, 'SIGCONT');
			t.is((await client.read(5)).toString(), 'hello');
		},
	);

	test(`${name}: a client that is gone before it was accepted is no link, or one that ends`, async (t) => {
		const { listener, next } = await open(t, reactor);
		// The child comes and goes while our own loop stands still.
		const script = `require('node:net').connect(${listener.address.port}, '127.0.0.1', function () { this.resetAndDestroy(); })`;
		execFileSync(process.execPath, ['-e', script]);
		await connectRaw(t, listener.address.port, { localAddress: '127.0.0.9' });
		let first = await next();
		if (reactor !== null) {
			// The kernel gives such a client away like any other.
			first.link.attach({ data() {}, end() {}, drain() {}, closed() {} });
			await first.link.gone();
			first = await next();
		}
		t.is(formatIp(first.remote), '127.0.0.9');
	});

	test(`${name}: stop frees the address and leaves what was accepted alone`, async (t) => {
		const { listener, next } = await open(t, reactor);
		const client = await connectRaw(t, listener.address.port);
		const { link } = await next();
		await listener.stop();
		await listener.stop();
		const error = await t.throwsAsync(connectRaw(t, listener.address.port));
		t.is((error as NodeJS.ErrnoException).code, 'ECONNREFUSED');
		const again = await open(t, reactor, '127.0.0.1', listener.address.port);
		t.is(again.listener.address.port, listener.address.port);
		echo(link);
		client.end('still here');
		t.is((await client.readToEnd()).bytes.toString(), 'still here');
	});

	test(`${name}: says why it cannot listen`, async (t) => {
		const { listener } = await open(t, reactor);
		const taken = await refusal(listen(listener.address, { onLink: () => {}, reactor }));
		t.is(taken.code, 'EADDRINUSE');
		t.true(taken.message.includes(`port ${listener.address.port}`));
		t.is((await refusal(listen({ host: '192.0.2.77', port: 0 }, { onLink: () => {}, reactor }))).code, 'EADDRNOTAVAIL');
	});

	test(`${name}: out of descriptors it closes new connections, keeps the old, and accepts again when there are some`, async (t) => {
		const child = startProcess(
			t,
			'/bin/sh',
			[
				'-c',
				'ulimit -n 60; exec "$0" "$@"',
				process.execPath,
				'--input-type=module',
				'-e',
				listening(`{ host: '127.0.0.1', port: 0 }`, reactor !== null),
			],
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
}
