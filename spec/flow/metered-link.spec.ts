import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { GatewayError } from '../../lib/core/error.ts';
import { metered } from '../../lib/flow/metered-link.ts';
import type { Reactor } from '../../lib/io/reactor.ts';
import { Relay, type RelayEnd } from '../../lib/io/relay.ts';
import { Sweep } from '../../lib/io/sweep.ts';
import { Budget } from '../../lib/limits/budget.ts';
import type { Bytes } from '../../lib/limits/bytes.ts';
import { byteLimits } from '../helpers/byte-limits.ts';
import { engines } from '../helpers/engines.ts';
import { KeyedCheck, keyed } from '../helpers/keyed-stream.ts';
import { closed, type LinkPair, linkPair, ran, readAll } from '../helpers/link-pair.ts';

interface Tunnel {
	readonly near: LinkPair;
	readonly far: LinkPair;
	readonly end: Promise<RelayEnd>;
}

/** A running tunnel of a client whose bytes are counted by `bytes`. */
async function tunnel(t: ExecutionContext, reactor: Reactor | null, bytes: Bytes): Promise<Tunnel> {
	const near = await linkPair({ side: 'client', reactor });
	const far = await linkPair({ side: 'target', reactor });
	const sweep = new Sweep(60_000);
	const budget = new Budget([bytes]);
	t.teardown(() => {
		for (const { link, peer } of [near, far]) {
			link.destroy();
			peer.destroy();
		}
		budget.close();
		sweep.close();
	});
	return { near, far, end: ran(new Relay(metered(near.link, budget), far.link, { sweep })) };
}

/** Checks all that comes against the stream of `key`, to its FIN. */
async function checked(pair: LinkPair, key: number): Promise<KeyedCheck> {
	const check = new KeyedCheck(key);
	pair.peer.on('data', (chunk: Buffer) => check.take(chunk));
	await once(pair.peer, 'end');
	check.settle();
	return check;
}

/** Bytes that the peer has received in all, as they come. */
function received(pair: LinkPair): { bytes: number } {
	const seen = { bytes: 0 };
	pair.peer.on('data', ({ length }: Buffer) => {
		seen.bytes += length;
	});
	return seen;
}

const MEGABYTE = 1_000_000;

for (const { name, reactor } of engines) {
	test(`${name}: paced bytes are whole and in order both ways, and each way ends by itself`, async (t) => {
		const bytes = byteLimits({ upBytesPerSecond: 20 * MEGABYTE, downBytesPerSecond: 30 * MEGABYTE });
		const { near, far, end } = await tunnel(t, reactor, bytes);
		near.peer.end(keyed(1, 0, 3 * MEGABYTE));
		const up = await checked(far, 1);
		far.peer.end(keyed(2, 0, 4 * MEGABYTE));
		const down = await checked(near, 2);
		t.deepEqual([up.wrongAt, up.seen, down.wrongAt, down.seen], [null, 3 * MEGABYTE, null, 4 * MEGABYTE]);
		t.deepEqual(await end, { cause: 'closed', upBytes: 3 * MEGABYTE, downBytes: 4 * MEGABYTE });
	});

	for (const direction of ['up', 'down'] as const) {
		test(`${name}: a pace ${direction} holds for the tunnels of one client together`, async (t) => {
			const perSecond = 8 * MEGABYTE;
			const bytes = byteLimits({ [`${direction}BytesPerSecond`]: perSecond });
			const tunnels = await Promise.all([1, 2, 3].map(() => tunnel(t, reactor, bytes)));
			const fromMs = performance.now();
			const seen = tunnels.map(({ near, far }) => {
				const [source, target] = direction === 'up' ? [near, far] : [far, near];
				source.peer.write(Buffer.alloc(20 * MEGABYTE));
				return received(target);
			});
			const total = (): number => seen.reduce((sum, { bytes }) => sum + bytes, 0);
			while (total() < 4 * MEGABYTE) await turn();
			// A full bucket (a tenth of a second) and a chunk for each tunnel may come at once.
			const most = (perSecond * (performance.now() - fromMs)) / 1_000 + perSecond / 10 + 3 * 65_536;
			t.true(total() <= most, `${total()} of ${most}`);
			for (const { bytes } of seen) t.true(bytes > MEGABYTE / 2, `${bytes} of ${total()}: each has its part`);
		});

		test(`${name}: a quota that is used up ${direction} resets a live tunnel and says why`, async (t) => {
			const bytes = byteLimits({ dayBytes: 2 * MEGABYTE });
			const { near, far, end } = await tunnel(t, reactor, bytes);
			const [source, target] = direction === 'up' ? [near, far] : [far, near];
			const seen = received(target);
			source.peer.write(Buffer.alloc(30 * MEGABYTE));
			const { cause, upBytes, downBytes } = await end;
			t.true(cause instanceof GatewayError && cause.code === 'client_limit_reached' && cause.note === 'bytes a day');
			const moved = upBytes + downBytes;
			t.true(moved >= 2 * MEGABYTE && moved <= 2 * MEGABYTE + 2 * 65_536, String(moved));
			await Promise.all([closed(near.peer), closed(far.peer)]);
			t.true(seen.bytes <= moved, `${seen.bytes} of ${moved}`);
		});
	}

	test(`${name}: a client that does not read holds its own tunnel up, and its other one goes on`, async (t) => {
		const bytes = byteLimits({ downBytesPerSecond: 60 * MEGABYTE });
		const stalled = await tunnel(t, reactor, bytes);
		const reading = await tunnel(t, reactor, bytes);
		stalled.near.peer.pause();
		stalled.far.peer.write(Buffer.alloc(60 * MEGABYTE));
		reading.far.peer.end(Buffer.alloc(20 * MEGABYTE));
		t.is((await readAll(reading.near.peer)).length, 20 * MEGABYTE);
		t.true(stalled.near.link.pendingBytes <= 131_072, `${stalled.near.link.pendingBytes} bytes wait here`);
		t.true(stalled.far.peer.writableLength > 30 * MEGABYTE, 'the rest waits with whoever sends it');
		stalled.near.peer.destroy();
		await stalled.end;
	});
}
