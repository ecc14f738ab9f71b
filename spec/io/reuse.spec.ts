// A descriptor's number is used again at once: it must never join two clients' bytes.
import { readdirSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import fc from 'fast-check';
import type { Link } from '../../lib/core/link.ts';
import { metered } from '../../lib/flow/metered-link.ts';
import { connectTcp } from '../../lib/io/connect.ts';
import { type Listener, listen } from '../../lib/io/listen.ts';
import { type Native, nativeCalls, SOL_SOCKET } from '../../lib/io/native.ts';
import type { Reactor } from '../../lib/io/reactor.ts';
import { Relay } from '../../lib/io/relay.ts';
import { SpliceMover } from '../../lib/io/relay-splice.ts';
import { Sweep } from '../../lib/io/sweep.ts';
import { Budget } from '../../lib/limits/budget.ts';
import type { Bytes } from '../../lib/limits/bytes.ts';
import { dice, pick, type Roll } from '../fuzz/dice.ts';
import { byteLimits } from '../helpers/byte-limits.ts';
import { KeyedCheck, keyed, sinkOf } from '../helpers/keyed-stream.ts';
import { ran } from '../helpers/link-pair.ts';
import { type Counts, counting, LOOPBACK, live, pair, reactorOf } from '../helpers/reactors.ts';

const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const EMFILE = 24;
const native = process.platform === 'linux' ? test : test.skip;
const alone = process.platform === 'linux' ? test.serial : test.serial.skip;

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

/** All have room, none has, or every other one: then much comes where little can go. */
const NARROW: readonly ((fd: number) => boolean)[] = [() => false, () => true, (fd) => fd % 2 === 0];

/** Calls that make so many pipes and no more: tunnels that find none copy, and splice when there is one again. */
function fewPipes(calls: Native | null, most: number): Native | null {
	let made = 0;
	return calls && { ...calls, pipe: (ends) => (made++ < most ? calls.pipe(ends) : -EMFILE) };
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
	readonly #roll: Roll;
	readonly #sweep: Sweep = new Sweep(3_600_000);
	readonly #paced: Bytes = byteLimits({ upBytesPerSecond: 100_000_000, downBytesPerSecond: 20_000_000 });
	readonly #dials: Promise<unknown>[] = [];
	readonly #budgets: Budget[] = [];
	#listeners: Listener[] = [];
	#keys = 0;

	constructor(reactor: Reactor, roll: Roll) {
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
		const roll = dice(seed);
		const some = roll(2) === 0 ? fewPipes(calls, 2) : calls;
		const reactor = reactorOf(t, narrow(some, pick(roll, NARROW)));
		const world = new World(reactor, roll);
		await world.start();
		for (let round = 0; round < 80; round++) {
			for (let i = roll(8); i >= 0; i--) world.act();
			await turn();
		}
		await world.stop();
		while (reactor.live > 0) await turn();
		for (const { check } of world.ends) {
			check.settle();
			bytes += check.seen;
		}
		return world.ends.every(({ check }) => check.wrongAt === null);
	};
	await fc.assert(fc.asyncProperty(fc.integer(), run), { numRuns: 16 });

	t.true(counts.splices > 500, `${counts.splices} times spliced`);
	t.true(counts.lost > 0, 'tunnels ended with bytes in their pipes');
	t.true(bytes > 10_000_000, `${bytes} bytes were checked`);
	await new Promise((resolve) => setTimeout(resolve, 1)); // node closes what watched the set in a turn of its own
	t.is(descriptors(), before);
});

/** A tunnel that runs: what is sent into one end is checked at the other. */
async function tunnel(reactor: Reactor) {
	const [outer, inner] = [await pair(reactor), await pair(reactor)];
	const sweep = new Sweep(60_000);
	const over = ran(new Relay(outer.far, inner.near, { sweep }));
	const check = new KeyedCheck(7);
	let [sent, came] = [0, 0];
	outer.near.attach(sinkOf({}));
	inner.far.attach(
		sinkOf({
			data: (chunk) => {
				came += chunk.length;
				check.take(chunk);
			},
		}),
	);
	const write = (length: number): boolean => {
		const more = outer.near.write(keyed(7, sent, length));
		sent += length;
		return more;
	};
	const arrived = async (): Promise<void> => {
		while (came < sent) await turn();
	};
	return {
		inner,
		write,
		arrived,
		/** One after the other has arrived. */
		send: async (length: number, times: number): Promise<void> => {
			for (let i = 0; i < times; i++) {
				write(length);
				await arrived();
			}
		},
		/** Ends it; where the first byte stood that was wrong, null for none. */
		end: async (): Promise<number | null> => {
			outer.near.closeWrite();
			inner.far.closeWrite();
			await over;
			sweep.close();
			await outer.close();
			await inner.close();
			check.settle();
			return check.wrongAt;
		},
	};
}

native('a tunnel is spliced while large pieces come, and copied again when only small ones do', async (t) => {
	const counts: Counts = { splices: 0, lost: 0 };
	const { send, end } = await tunnel(reactorOf(t, counting(nativeCalls(), counts)));
	const splices = async (length: number, times: number): Promise<number> => {
		const before = counts.splices;
		await send(length, times);
		return counts.splices - before;
	};
	t.true((await splices(65_536, 16)) > 0, 'large pieces are spliced');
	await send(64, 64);
	t.is(await splices(64, 64), 0, 'small ones are not');
	t.true((await splices(65_536, 16)) > 0, 'large ones are again');
	t.is(await end(), null);
});

native('a tunnel is copied while too much stands in the pipes of others', async (t) => {
	const counts: Counts = { splices: 0, lost: 0 };
	const reactor = reactorOf(t, counting(nativeCalls(), counts));
	const { send, end } = await tunnel(reactor);
	await send(65_536, 16);
	reactor.pipes.parkedBytes += 67_108_864;
	const before = counts.splices;
	await send(65_536, 16);
	t.is(counts.splices, before);
	reactor.pipes.parkedBytes -= 67_108_864;
	await send(65_536, 16);
	t.true(counts.splices > before);
	t.is(await end(), null);
	t.is(reactor.pipes.parkedBytes, 0);
});

native('what stands in a pipe is counted until its target has taken it', async (t) => {
	const reactor = reactorOf(t);
	const { inner, write, send, arrived, end } = await tunnel(reactor);
	await send(65_536, 16);
	inner.far.pause();
	while (reactor.pipes.parkedBytes === 0) {
		while (write(65_536));
		await turn();
	}
	inner.far.resume();
	await arrived();
	t.is(reactor.pipes.parkedBytes, 0);
	t.is(await end(), null);
});

native('nothing is spliced past bytes that are still to leave', async (t) => {
	const reactor = reactorOf(t);
	const [source, target] = [await pair(reactor), await pair(reactor)];
	const mover = SpliceMover.between(source.far, target.near, { bytes: 0, thinned() {} });
	target.near.attach(sinkOf({}));
	t.true(mover?.ready());
	const empty = new Promise<void>((resolve) => target.near.attach(sinkOf({ drain: resolve })));
	while (target.near.write(Buffer.alloc(65_536)));
	t.true(target.near.pendingBytes > 0);
	t.false(mover?.ready());
	target.far.attach(sinkOf({}));
	await empty;
	t.true(mover?.ready());
	mover?.close();
	await source.close();
	await target.close();
});
