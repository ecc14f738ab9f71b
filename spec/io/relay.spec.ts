import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import { GatewayError } from '../../lib/core/error.ts';
import type { Reactor } from '../../lib/io/reactor.ts';
import { Relay } from '../../lib/io/relay.ts';
import { Sweep } from '../../lib/io/sweep.ts';
import { engines } from '../helpers/engines.ts';
import { closed, linkPair, ran, readAll, readBytes } from '../helpers/link-pair.ts';

async function relayed(t: ExecutionContext, reactor: Reactor | null, idleMs = 60_000) {
	const near = await linkPair({ side: 'client', reactor });
	const far = await linkPair({ side: 'target', reactor });
	const sweep = new Sweep(idleMs);
	t.teardown(() => {
		near.peer.destroy();
		far.peer.destroy();
		sweep.close();
	});
	return { near, far, relay: new Relay(near.link, far.link, { sweep }) };
}

for (const { name, reactor } of engines) {
	test(`${name}: carries bytes both ways and counts them`, async (t) => {
		const { near, far, relay } = await relayed(t, reactor);
		const end = ran(relay);
		const up = randomBytes(300_000);
		const down = randomBytes(700_000);
		near.peer.end(up);
		far.peer.end(down);
		t.deepEqual(await Promise.all([readAll(far.peer), readAll(near.peer)]), [up, down]);
		t.deepEqual(await end, { cause: 'closed', upBytes: up.length, downBytes: down.length });
	});

	test(`${name}: gives early bytes of both links before anything else`, async (t) => {
		const { near, far, relay } = await relayed(t, reactor);
		near.link.early = Buffer.from('first ');
		far.link.early = Buffer.from('banner ');
		const end = ran(relay);
		near.peer.end('second');
		far.peer.end('body');
		t.is(String(await readAll(far.peer)), 'first second');
		t.is(String(await readAll(near.peer)), 'banner body');
		t.is((await end).upBytes, 12);
	});

	test(`${name}: passes a FIN on and lets the other direction go on`, async (t) => {
		const { near, far, relay } = await relayed(t, reactor);
		const end = ran(relay);
		near.peer.end('question');
		t.is(String(await readAll(far.peer)), 'question');
		far.peer.write('answer');
		t.is(String(await readBytes(near.peer, 6)), 'answer');
		far.peer.end();
		await readAll(near.peer);
		t.is((await end).cause, 'closed');
	});

	test(`${name}: passes on a FIN that came before the relay began`, async (t) => {
		const { near, far, relay } = await relayed(t, reactor);
		near.peer.end();
		const ended = new Promise<void>((resolve) => {
			near.link.attach({ data() {}, end: resolve, drain() {}, closed() {} });
		});
		await ended;
		near.link.early = Buffer.from('all there is');
		const end = ran(relay);
		t.is(String(await readAll(far.peer)), 'all there is');
		far.peer.end('reply');
		t.is(String(await readAll(near.peer)), 'reply');
		t.is((await end).cause, 'closed');
	});

	test(`${name}: turns a reset into a reset`, async (t) => {
		const { near, far, relay } = await relayed(t, reactor);
		const end = ran(relay);
		far.peer.write('x');
		await readBytes(near.peer, 1);
		const failed = once(near.peer, 'error');
		far.peer.resetAndDestroy();
		const [error] = (await failed) as [NodeJS.ErrnoException];
		t.is(error.code, 'ECONNRESET');
		const { cause } = await end;
		t.true(cause instanceof GatewayError && cause.code === 'connection_terminated' && cause.side === 'target');
	});

	test(`${name}: holds no more than buffers when a side does not read, and resumes when it does`, async (t) => {
		const { near, far, relay } = await relayed(t, reactor);
		void ran(relay);
		near.peer.pause();
		const total = 64 * 1024 * 1024;
		const chunk = Buffer.alloc(1024 * 1024, 7);
		let sent = 0;
		const stalled = new Promise<void>((resolve) => {
			const more = () => {
				while (sent < total && far.peer.write(chunk)) sent += chunk.length;
				sent += sent < total ? chunk.length : 0;
				if (sent >= total) far.peer.end();
				else far.peer.once('drain', more);
			};
			// The sender stalls once kernel and stream buffers are full: no drain within many turns of the loop.
			let quiet = 0;
			let last = -1;
			const look = setInterval(() => {
				quiet = last === far.peer.bytesWritten - far.peer.writableLength ? quiet + 1 : 0;
				last = far.peer.bytesWritten - far.peer.writableLength;
				if (quiet < 10) return;
				clearInterval(look);
				resolve();
			}, 10);
			more();
		});
		await stalled;
		t.true(near.link.pendingBytes < 1024 * 1024, `${near.link.pendingBytes} bytes wait for the client`);
		t.true(sent < total, 'the sender was held back');
		near.peer.resume();
		let got = 0;
		near.peer.on('data', (data: Buffer) => {
			got += data.length;
		});
		await once(near.peer, 'end');
		t.is(got, sent);
	});

	test(`${name}: ends both sides when no byte moves for the idle limit`, async (t) => {
		const { near, far, relay } = await relayed(t, reactor, 50);
		const hold = setInterval(() => {}, 1000);
		t.is((await ran(relay)).cause, 'idle');
		clearInterval(hold);
		await Promise.all([closed(near.peer), closed(far.peer)]);
		t.true(near.link.closed && far.link.closed);
	});

	test(`${name}: stop closes both links`, async (t) => {
		const { near, far, relay } = await relayed(t, reactor);
		const end = ran(relay);
		relay.stop();
		t.is((await end).cause, 'aborted');
		await Promise.all([closed(near.peer), closed(far.peer)]);
	});

	test(`${name}: a client link that is closed from elsewhere behind its FIN takes the far side with it`, async (t) => {
		const { near, far, relay } = await relayed(t, reactor);
		const end = ran(relay);
		near.peer.end('question');
		t.is(String(await readAll(far.peer)), 'question');
		near.link.destroy();
		await end;
		t.true(far.link.closed);
	});

	test(`${name}: stop ends a relay whose client has gone and whose far side does not take the rest`, async (t) => {
		const { near, far, relay } = await relayed(t, reactor);
		far.peer.pause();
		const end = ran(relay);
		far.peer.end();
		near.peer.resume();
		// Until kernel and stream buffers, or the pipe between, are full: the FIN behind it then finds bytes that do not leave.
		while (far.link.pendingBytes === 0 && near.peer.writableLength === 0) {
			near.peer.write(Buffer.alloc(16_384));
			await new Promise((resolve) => setImmediate(resolve));
		}
		near.peer.end();
		if (reactor === null) await near.link.gone(); // else its FIN is behind what is in the kernel
		t.false(far.link.closed);
		relay.stop();
		t.is((await end).cause, 'aborted');
		t.true(far.link.closed);
	});

	test(`${name}: a client link that is already gone ends the relay and the far side`, async (t) => {
		const { near, far, relay } = await relayed(t, reactor);
		const gone = new Promise<void>((resolve) => {
			near.link.attach({ data() {}, end() {}, drain() {}, closed: () => resolve() });
		});
		near.link.destroy();
		await gone;
		await ran(relay);
		await closed(far.peer);
		t.true(far.link.closed);
	});

	/** A tunnel that has carried a megabyte each way: spliced, where there is splicing. */
	async function bulky(t: ExecutionContext) {
		const { near, far, relay } = await relayed(t, reactor);
		const end = ran(relay);
		const bulk = Buffer.alloc(1_000_000, 7);
		for (const [from, to] of [
			[near.peer, far.peer],
			[far.peer, near.peer],
		] as const) {
			from.write(bulk);
			t.deepEqual(await readBytes(to, bulk.length), bulk);
		}
		return { near, far, relay, end };
	}

	test(`${name}: a bulky tunnel passes a FIN on, and the other direction goes on`, async (t) => {
		const { near, far, end } = await bulky(t);
		near.peer.end('question');
		t.is(String(await readAll(far.peer)), 'question');
		far.peer.end(Buffer.alloc(500_000, 8));
		t.is((await readAll(near.peer)).length, 500_000);
		t.deepEqual(await end, { cause: 'closed', upBytes: 1_000_008, downBytes: 1_500_000 });
	});

	for (const side of ['near', 'far'] as const) {
		test(`${name}: a bulky tunnel turns a reset of its ${side} side into a reset`, async (t) => {
			const tunnel = await bulky(t);
			const other = side === 'near' ? tunnel.far : tunnel.near;
			const failed = once(other.peer, 'error');
			other.peer.resume();
			tunnel[side].peer.resetAndDestroy();
			const [error] = (await failed) as [NodeJS.ErrnoException];
			t.is(error.code, 'ECONNRESET');
			const { cause } = await tunnel.end;
			t.true(cause instanceof GatewayError && cause.code === 'connection_terminated');
		});
	}

	test(`${name}: a bulky tunnel whose client takes nothing more is stopped at once`, async (t) => {
		const { near, far, relay, end } = await bulky(t);
		near.peer.pause();
		far.peer.write(Buffer.alloc(30_000_000));
		while (relay.downBytes < 1_500_000) await new Promise((resolve) => setImmediate(resolve));
		relay.stop();
		t.is((await end).cause, 'aborted');
		t.true(near.link.closed && far.link.closed);
	});

	test(`${name}: a bulky tunnel that stands still is ended`, async (t) => {
		const { near, far, relay, end } = await bulky(t);
		t.is(relay.progress(), 2_000_000);
		relay.idle(); // what the sweep does
		t.is((await end).cause, 'idle');
		t.true(near.link.closed && far.link.closed);
	});
}
