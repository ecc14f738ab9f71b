import { once } from 'node:events';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import type { Link } from '../../lib/core/link.ts';
import { connectTcp } from '../../lib/io/connect.ts';
import { listen } from '../../lib/io/listen.ts';
import { AF_INET } from '../../lib/io/native.ts';
import { EPOLLIN, Reactor } from '../../lib/io/reactor.ts';
import { portOfSockaddr, SOCKADDR_IN6_BYTES, sockaddrOf } from '../../lib/io/sockaddr.ts';
import { sinkOf } from '../helpers/keyed-stream.ts';
import { startProcess } from '../helpers/process.ts';
import { LOOPBACK, live, pair, reactorOf } from '../helpers/reactors.ts';

const native = process.platform === 'linux' ? test : test.skip;
const alone = process.platform === 'linux' ? test.serial : test.serial.skip;

alone('an event of one that is gone does not reach the one in its place', async (t) => {
	const reactor = reactorOf(t);
	const { calls } = reactor;
	const listening = (): number => {
		const fd = calls.socket(AF_INET);
		calls.bind(fd, sockaddrOf(LOOPBACK, 0));
		calls.listen(fd, 8);
		return fd;
	};
	const fds = [listening(), listening()];
	const places: number[] = [];
	const told: string[] = [];
	const replaced = { place: -1 };
	/** Whoever is told first takes the other one away and puts somebody in its place, with its very descriptor. */
	const replace = (mine: number): void => {
		told.push('one of both');
		const other = 1 - mine;
		const [fd, place] = [fds[other] as number, places[other] as number];
		reactor.remove(place);
		calls.close(fd);
		const next = listening();
		t.is(next, fd);
		t.is(reactor.add(next, EPOLLIN, { ready: () => told.push('the one in its place') }), place);
		fds[other] = next;
		replaced.place = place;
		reactor.remove(places[mine] as number);
		calls.close(fds[mine] as number);
	};
	const address = new Uint8Array(SOCKADDR_IN6_BYTES);
	for (const i of [0, 1]) {
		places.push(reactor.add(fds[i] as number, EPOLLIN, { ready: () => replace(i) }));
		calls.localAddress(fds[i] as number, address);
		const client = calls.socket(AF_INET);
		calls.connect(client, sockaddrOf(LOOPBACK, portOfSockaddr(address)));
		t.teardown(() => void calls.close(client));
	}
	await new Promise((resolve) => setTimeout(resolve, 20));
	t.deepEqual(told, ['one of both']);
	t.is(reactor.live, 1);
	for (const at of [0, 1]) if (places[at] === replaced.place) calls.close(fds[at] as number);
	reactor.remove(replaced.place);
});

native('timers and promises go on while bytes never stop', async (t) => {
	const { near, far, close } = await pair(reactorOf(t));
	let flows = true;
	const chunk = Buffer.alloc(65_536);
	const pump = (): void => {
		while (flows && near.write(chunk));
	};
	near.attach(sinkOf({ drain: pump }));
	let bytes = 0;
	far.attach(
		sinkOf({
			data: ({ length }) => {
				bytes += length;
			},
		}),
	);
	pump();
	for (let i = 0; i < 10; i++) await new Promise((resolve) => setTimeout(resolve, 1));
	flows = false;
	t.true(bytes > 0);
	await close();
});

native(
	'who moves much waits for its turn: small things are told in between, in order, and nobody is left out',
	async (t) => {
		const reactor = reactorOf(t);
		const { near, far, close } = await pair(reactor);
		const told: string[] = [];
		const bulky = (name: string) => ({
			left: 3,
			later(): void {
				if (told.length === 0) near.write(Buffer.of(1));
				told.push(name);
				reactor.moved(4_194_304);
				if (--this.left > 0) reactor.laterBulky(this);
			},
		});
		const heard = Promise.withResolvers<void>();
		far.attach(
			sinkOf({
				data: () => {
					told.push('small');
					heard.resolve();
				},
			}),
		);
		for (const name of ['a', 'b', 'c']) reactor.laterBulky(bulky(name));
		await heard.promise;
		t.is(told.indexOf('small'), 1, told.join(' '));
		while (told.length < 10) await turn();
		t.deepEqual(
			told.filter((name) => name !== 'small'),
			['a', 'b', 'c', 'a', 'b', 'c', 'a', 'b', 'c'],
		);
		await close();
	},
);

alone('nothing runs while nothing happens', async (t) => {
	const { near, far, close } = await pair(reactorOf(t));
	near.attach(sinkOf({}));
	far.attach(sinkOf({}));
	// Other threads of this process start programs, whose first moments share our descriptors: rest may come a little later.
	let turns = Number.POSITIVE_INFINITY;
	for (let i = 0; i < 10 && turns >= 50; i++) {
		const before = performance.nodeTiming.uvMetricsInfo.loopCount;
		await new Promise((resolve) => setTimeout(resolve, 100));
		turns = performance.nodeTiming.uvMetricsInfo.loopCount - before;
	}
	t.true(turns < 50, `${turns} turns of the loop`);
	await close();
});

const IO = join(import.meta.dirname, '../../lib/io');

/** Says `echo` to itself over two links, closes everything, and is done. */
const ONCE = `
	import { connectTcp } from ${JSON.stringify(join(IO, 'connect.ts'))};
	import { listen } from ${JSON.stringify(join(IO, 'listen.ts'))};
	import { EPOLLIN, Reactor } from ${JSON.stringify(join(IO, 'reactor.ts'))};
	const reactor = Reactor.create();
	const sink = { data() {}, end() {}, drain() {}, closed() {} };
	const onLink = (link) => link.attach({ ...sink, data: (chunk) => link.write(chunk), end: () => link.closeWrite() });
	const listener = await listen({ host: '127.0.0.1', port: 0 }, { reactor, onLink });
	const signal = new AbortController().signal;
	const link = await connectTcp(0x7f000001, listener.address.port, { side: 'target', signal, reactor });
	const heard = new Promise((resolve) => link.attach({ ...sink, data: resolve }));
	link.write(Buffer.from('echo'));
	const text = String(await heard);
	link.closeWrite();
	await link.gone();
	await listener.stop();
`;

native('a process ends when no descriptor is left', async (t) => {
	const child = startProcess(t, process.execPath, ['--input-type=module', '-e', `${ONCE}console.log(text);`]);
	const said: Buffer[] = [];
	child.stdout?.on('data', (chunk: Buffer) => said.push(chunk));
	const [code] = (await once(child, 'close')) as [number | null];
	t.is(code, 0);
	t.is(Buffer.concat(said).toString(), 'echo\n');
});

native('a worker thread has a reactor of its own', async (t) => {
	const source = `${ONCE}const { parentPort } = await import('node:worker_threads'); parentPort.postMessage(text);`;
	const worker = new Worker(
		new URL(`data:text/javascript,${encodeURIComponent(source.replaceAll(IO, `file://${IO}`))}`),
	);
	const [[said]] = (await Promise.all([once(worker, 'message'), once(worker, 'exit')])) as [[string], unknown];
	t.is(said, 'echo');
});

native(
	"a bug in what hears of a link's end is told, costs that link alone, and who waits for the end hears of it",
	async (t) => {
		const bugs: unknown[] = [];
		const reactor = Reactor.create(undefined, (thrown) => bugs.push(thrown));
		if (!reactor) return t.fail();
		const accepted: Link[] = [];
		const listener = await listen({ host: '127.0.0.1', port: 0 }, { reactor, onLink: (link) => accepted.push(link) });
		const dial = (): Promise<Link> =>
			connectTcp(LOOPBACK, listener.address.port, { side: 'target', signal: live, reactor });
		const [broken, sound] = [await dial(), await dial()];
		const bug = new Error('a bug');
		broken.attach({
			...sinkOf({}),
			closed() {
				throw bug;
			},
		});
		const heard = new Promise<void>((resolve) => sound.attach(sinkOf({ closed: () => resolve() })));
		broken.destroy();
		sound.destroy();
		await Promise.all([broken.gone(), heard]);
		t.deepEqual(bugs, [bug]);
		for (const link of accepted) link.destroy();
		await listener.stop();
	},
);
