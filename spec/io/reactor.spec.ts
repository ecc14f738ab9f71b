import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { Link } from '../../lib/core/link.ts';
import { metered } from '../../lib/flow/metered-link.ts';
import { connectTcp } from '../../lib/io/connect.ts';
import { type Listener, listen } from '../../lib/io/listen.ts';
import { AF_INET, type Native, nativeCalls, SOL_SOCKET } from '../../lib/io/native.ts';
import { EPOLLIN, Reactor } from '../../lib/io/reactor.ts';
import { Relay } from '../../lib/io/relay.ts';
import { portOfSockaddr, SOCKADDR_IN6_BYTES, sockaddrOf } from '../../lib/io/sockaddr.ts';
import { Sweep } from '../../lib/io/sweep.ts';
import { Budget } from '../../lib/limits/budget.ts';
import type { Bytes } from '../../lib/limits/bytes.ts';
import { byteLimits } from '../helpers/byte-limits.ts';
import { KeyedCheck, keyed, sinkOf } from '../helpers/keyed-stream.ts';
import { ran } from '../helpers/link-pair.ts';
import { startProcess } from '../helpers/process.ts';

const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const LOOPBACK = 0x7f000001;
const live = new AbortController().signal;
const native = process.platform === 'linux' ? test : test.skip;
const alone = process.platform === 'linux' ? test.serial : test.serial.skip;

function reactorOf(t: ExecutionContext, calls: Native | null = nativeCalls()): Reactor {
	const reactor = Reactor.create(calls);
	if (reactor) return reactor;
	t.fail('no native calls');
	throw new Error('no native calls');
}

interface Counts {
	splices: number;
	/** Pipes that were closed with bytes of a tunnel in them. */
	lost: number;
}

/** Calls that count what happens to spliced bytes. */
function counting(calls: Native | null, counts: Counts): Native | null {
	if (!calls) return null;
	/** Bytes in each pipe, by both of its ends. */
	const pipes = new Map<number, { bytes: number }>();
	return {
		...calls,
		pipe(ends) {
			const made = calls.pipe(ends);
			const pipe = { bytes: 0 };
			for (const end of ends) pipes.set(end, pipe);
			return made;
		},
		splice(from, to, length) {
			counts.splices++;
			const moved = calls.splice(from, to, length);
			const [source, target] = [pipes.get(from), pipes.get(to)];
			if (moved > 0 && source) source.bytes -= moved;
			if (moved > 0 && target) target.bytes += moved;
			return moved;
		},
		close(fd) {
			const pipe = pipes.get(fd);
			if (pipe && pipe.bytes > 0) counts.lost++;
			if (pipe) pipe.bytes = 0;
			pipes.delete(fd);
			return calls.close(fd);
		},
	};
}

/** Calls of which such sockets have little room, so that writes are cut short and queues build up. */
function narrow(calls: Native | null, isNarrow: (fd: number) => boolean): Native | null {
	if (!calls) return null;
	const narrowed = (fd: number): number => {
		if (fd >= 0 && isNarrow(fd))
			for (const option of [SO_SNDBUF, SO_RCVBUF]) calls.setOption(fd, SOL_SOCKET, option, 4_096);
		return fd;
	};
	return {
		...calls,
		socket: (family) => narrowed(calls.socket(family)),
		accept: (fd, address) => narrowed(calls.accept(fd, address)),
	};
}

/** Numbers from a seed, the same for the same one. */
function dice(seed: number): (sides: number) => number {
	let state = seed | 0;
	return (sides) => {
		state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
		return ((state ^ (state >>> 13)) >>> 0) % sides;
	};
}

/** One end of a tunnel, which sends the stream of one key and expects that of another. */
class End {
	readonly link: Link;
	readonly #sends: number;
	readonly check: KeyedCheck;
	#sent = 0;

	constructor(link: Link, sends: number, expects: number) {
		this.link = link;
		this.#sends = sends;
		this.check = new KeyedCheck(expects);
	}

	send(length: number): void {
		if (this.link.pendingBytes > 500_000 || this.link.closed) return;
		this.link.write(keyed(this.#sends, this.#sent, length));
		this.#sent += length;
	}
}

/** Clients, relays between links, and an origin, all in one reactor. */
class World {
	readonly ends: End[] = [];
	/** Every link that ever was. */
	readonly links: Link[] = [];
	readonly #reactor: Reactor;
	readonly #roll: (sides: number) => number;
	readonly #sweep: Sweep = new Sweep(3_600_000);
	readonly #paced: Bytes = byteLimits({ upBytesPerSecond: 100_000_000, downBytesPerSecond: 20_000_000 });
	readonly #dials: Promise<unknown>[] = [];
	readonly #budgets: Budget[] = [];
	#listeners: Listener[] = [];
	#keys = 0;

	constructor(reactor: Reactor, roll: (sides: number) => number) {
		this.#reactor = reactor;
		this.#roll = roll;
	}

	async start(): Promise<void> {
		const reactor = this.#reactor;
		const origin = await listen({ host: '127.0.0.1', port: 0 }, { reactor, onLink: (link) => this.#greet(link) });
		const proxy = await listen(
			{ host: '127.0.0.1', port: 0 },
			{ reactor, onLink: (near) => void this.#relay(near, origin.address.port) },
		);
		this.#listeners = [origin, proxy];
	}

	/** The origin learns from the first four bytes whose stream follows. */
	#greet(link: Link): void {
		this.links.push(link);
		let head: Buffer = Buffer.alloc(0);
		link.attach(
			sinkOf({
				data: (chunk) => {
					head = Buffer.concat([head, chunk]);
					if (head.length < 4) return;
					const key = head.readUInt32BE();
					const end = new End(link, key + 1, key);
					this.ends.push(end);
					end.check.take(head.subarray(4));
					this.#move(end);
				},
			}),
		);
	}

	async #relay(near: Link, port: number): Promise<void> {
		this.links.push(near);
		const far = await this.#dial(port);
		if (far) await ran(new Relay(metered(near, this.#budget()), far, { sweep: this.#sweep }));
		else near.destroy();
	}

	/** Every third client has none; others share a pace, or have a quota that ends them. */
	#budget(): Budget | null {
		const subjects = [null, this.#paced, byteLimits({ dayBytes: 1 + this.#roll(1_500_000) })];
		const bytes = subjects[this.#roll(subjects.length)] ?? null;
		if (bytes === null) return null;
		const budget = new Budget([bytes]);
		this.#budgets.push(budget);
		return budget;
	}

	async #dial(port: number): Promise<Link | null> {
		try {
			const link = await connectTcp(LOOPBACK, port, { side: 'target', signal: live, reactor: this.#reactor });
			this.links.push(link);
			return link;
		} catch {
			return null;
		}
	}

	open(): void {
		this.#keys += 2;
		const key = this.#keys;
		const dialling = this.#dial(this.#listeners[1]?.address.port ?? 0).then((link) => {
			if (!link) return;
			const head = Buffer.alloc(4);
			head.writeUInt32BE(key);
			link.write(head);
			const end = new End(link, key, key + 1);
			this.ends.push(end);
			this.#move(end);
		});
		this.#dials.push(dialling);
	}

	/** Another reader for the same link, who does things to others from inside its events. */
	#move(end: End): void {
		end.link.attach(
			sinkOf({
				data: (chunk) => {
					end.check.take(chunk);
					if (this.#roll(4) === 0) this.act();
				},
				end: () => {
					if (this.#roll(2) === 0) end.link.closeWrite();
				},
				drain: () => end.send(this.#roll(10_000)),
			}),
		);
	}

	act(): void {
		const end = this.ends[this.#roll(Math.max(1, this.ends.length))];
		const what = this.#roll(40);
		if (what < 3 || !end) return this.open();
		if (what < 18) return end.send(1 + this.#roll(30_000));
		if (what < 29) return end.send(this.#roll(800_000));
		if (what < 30) return end.link.closeWrite();
		if (what < 32) return end.link.pause();
		if (what < 36) return end.link.resume();
		if (what < 37) return this.#move(end);
		const link = what < 38 ? end.link : this.links[this.#roll(this.links.length)];
		if (this.#roll(2) === 0) link?.reset();
		else link?.destroy();
		// Its number is taken by the next one at once.
		this.open();
	}

	async stop(): Promise<void> {
		for (const listener of this.#listeners) await listener.stop();
		await Promise.all(this.#dials);
		for (let i = 0; i < this.links.length; i++) {
			this.links[i]?.destroy();
			await this.links[i]?.gone();
		}
		for (const budget of this.#budgets) budget.close();
		this.#sweep.close();
	}
}

const descriptors = (): number => readdirSync('/proc/self/fd').length;

alone('whatever is opened, moved, metered, killed and used again, every stream gets its own bytes', async (t) => {
	const before = descriptors();
	let bytes = 0;
	const counts: Counts = { splices: 0, lost: 0 };
	const calls = counting(nativeCalls(), counts);
	const run = async (seed: number): Promise<boolean> => {
		// All have room, none has, or every other one: then much comes where little can go.
		const narrowness = [() => false, () => true, (fd: number) => fd % 2 === 0][Math.abs(seed) % 3] ?? (() => false);
		const reactor = reactorOf(t, narrow(calls, narrowness));
		const roll = dice(seed);
		const world = new World(reactor, roll);
		await world.start();
		for (let turn = 0; turn < 80; turn++) {
			for (let i = roll(8); i >= 0; i--) world.act();
			await new Promise((resolve) => setImmediate(resolve));
		}
		await world.stop();
		while (reactor.live > 0) await new Promise((resolve) => setImmediate(resolve));
		for (const { check } of world.ends) {
			check.settle();
			bytes += check.seen;
		}
		return world.ends.every(({ check }) => check.wrongAt === null);
	};
	await fc.assert(fc.asyncProperty(fc.integer(), run), { numRuns: 16 });

	t.true(counts.splices > 300, `${counts.splices} times spliced`);
	t.true(counts.lost > 0, 'tunnels ended with bytes in their pipes');
	t.true(bytes > 10_000_000, `${bytes} bytes were checked`);
	await new Promise((resolve) => setTimeout(resolve, 1)); // node closes what watched the set in a turn of its own
	t.is(descriptors(), before);
});

native('a tunnel is spliced while large pieces come, and copied again when only small ones do', async (t) => {
	const counts: Counts = { splices: 0, lost: 0 };
	const reactor = reactorOf(t, counting(nativeCalls(), counts));
	const [outer, inner] = [await pair(reactor), await pair(reactor)];
	const sweep = new Sweep(60_000);
	const over = ran(new Relay(outer.far, inner.near, { sweep }));
	const check = new KeyedCheck(7);
	let [sent, came] = [0, 0];
	const take = (chunk: Buffer): void => {
		came += chunk.length;
		check.take(chunk);
	};
	outer.near.attach(sinkOf({}));
	inner.far.attach(sinkOf({ data: take }));
	const send = async (length: number, times: number): Promise<number> => {
		const before = counts.splices;
		for (let i = 0; i < times; i++) {
			outer.near.write(keyed(7, sent, length));
			sent += length;
			while (came < sent) await new Promise((resolve) => setImmediate(resolve));
		}
		return counts.splices - before;
	};
	t.true((await send(65_536, 16)) > 0, 'large pieces are spliced');
	await send(64, 64);
	t.is(await send(64, 64), 0, 'small ones are not');
	t.true((await send(65_536, 16)) > 0, 'large ones are again');
	check.settle();
	t.is(check.wrongAt, null);
	outer.near.closeWrite();
	inner.far.closeWrite();
	t.is((await over).cause, 'closed');
	sweep.close();
	for (const { near, far, listener } of [outer, inner]) {
		near.destroy();
		far.destroy();
		await listener.stop();
	}
});

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

/** Two ends of a connection in one reactor, and what listens. */
async function pair(reactor: Reactor): Promise<{ near: Link; far: Link; listener: Listener }> {
	const accepted = Promise.withResolvers<Link>();
	const listener = await listen({ host: '127.0.0.1', port: 0 }, { reactor, onLink: accepted.resolve });
	const near = await connectTcp(LOOPBACK, listener.address.port, { side: 'target', signal: live, reactor });
	return { near, far: await accepted.promise, listener };
}

native('timers and promises go on while bytes never stop', async (t) => {
	const { near, far, listener } = await pair(reactorOf(t));
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
	near.destroy();
	far.destroy();
	await listener.stop();
});

native(
	'who moves much waits for its turn: small things are told in between, in order, and nobody is left out',
	async (t) => {
		const reactor = reactorOf(t);
		const { near, far, listener } = await pair(reactor);
		const told: string[] = [];
		const bulky = (name: string) => ({
			left: 3,
			later(): void {
				if (told.length === 0) near.write(Buffer.of(1));
				told.push(name);
				reactor.moved(4_194_304);
				if (--this.left > 0) reactor.later(this);
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
		for (const name of ['a', 'b', 'c']) reactor.later(bulky(name));
		await heard.promise;
		t.is(told.indexOf('small'), 1, told.join(' '));
		while (told.length < 10) await new Promise((resolve) => setImmediate(resolve));
		t.deepEqual(
			told.filter((name) => name !== 'small'),
			['a', 'b', 'c', 'a', 'b', 'c', 'a', 'b', 'c'],
		);
		near.destroy();
		far.destroy();
		await listener.stop();
	},
);

alone('nothing runs while nothing happens', async (t) => {
	const { near, far, listener } = await pair(reactorOf(t));
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
	near.destroy();
	far.destroy();
	await listener.stop();
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
