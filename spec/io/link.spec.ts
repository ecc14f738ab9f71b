import { once } from 'node:events';
import { Duplex } from 'node:stream';
import test from 'ava';
import { GatewayError } from '../../lib/core/error.ts';
import type { Sink } from '../../lib/core/link.ts';
import { StreamLink } from '../../lib/io/link.ts';
import { engines } from '../helpers/engines.ts';
import { closed, linkPair, readAll } from '../helpers/link-pair.ts';

/** A sink that records what it was told and lets a spec wait for it. */
function recorder(): Sink & { told: string[]; until(what: string): Promise<void> } {
	const told: string[] = [];
	const waiting = new Map<string, () => void>();
	const tell = (what: string) => {
		told.push(what);
		waiting.get(what.split(' ')[0] as string)?.();
	};
	return {
		told,
		until: (what) => new Promise((resolve) => waiting.set(what, resolve)),
		data: (chunk) => tell(`data ${String(chunk)}`),
		end: () => tell('end'),
		drain: () => tell('drain'),
		closed: (error) => tell(`closed ${error?.code ?? 'well'}`),
	};
}

for (const { name, reactor } of engines) {
	test(`${name}: tells the sink data, end and close in this order`, async (t) => {
		const { link, peer } = await linkPair({ reactor });
		const sink = recorder();
		link.attach(sink);
		peer.end('hello');
		await sink.until('end');
		t.true(link.ended);
		link.closeWrite();
		await sink.until('closed');
		t.deepEqual(sink.told, ['data hello', 'end', 'closed well']);
		t.true(link.closed);
		peer.destroy();
	});

	test(`${name}: a sink that took over hears everything from then on, the one before nothing`, async (t) => {
		const { link, peer } = await linkPair({ reactor });
		const first = recorder();
		const second = recorder();
		link.attach(first);
		peer.write('one');
		await first.until('data');
		link.attach(second);
		peer.end('two');
		await second.until('end');
		t.deepEqual(first.told, ['data one']);
		t.deepEqual(second.told, ['data two', 'end']);
		link.destroy();
		peer.destroy();
	});

	test(`${name}: a reset of the peer is connection_terminated on the side of the link`, async (t) => {
		const { link, peer } = await linkPair({ side: 'target', reactor });
		const error = new Promise<GatewayError | null>((resolve) => {
			link.attach({ data() {}, end() {}, drain() {}, closed: resolve });
		});
		peer.resetAndDestroy();
		const told = await error;
		t.true(told instanceof GatewayError);
		t.is(told?.code, 'connection_terminated');
		t.is(told?.side, 'target');
	});

	test(`${name}: finish delivers what was written although the client goes on sending`, async (t) => {
		const { link, peer } = await linkPair({ reactor });
		peer.write(Buffer.alloc(200_000));
		link.write(Buffer.from('refused'));
		link.finish();
		t.is(String(await readAll(peer)), 'refused');
		peer.end();
		await closed(peer);
	});

	test(`${name}: finish closes a client that never sends its FIN`, async (t) => {
		const { link, peer } = await linkPair({ reactor });
		peer.resume();
		link.finish(20);
		await once(peer, 'end');
		const write = setInterval(() => peer.write('still here'), 5);
		await closed(peer);
		clearInterval(write);
		t.true(link.closed);
	});

	test(`${name}: finish resets a client that has sent its FIN and takes no more, for it must not think that this was all`, async (t) => {
		const { link, peer } = await linkPair({ reactor });
		t.teardown(() => void peer.destroy());
		const sink = recorder();
		link.attach(sink);
		peer.end();
		await sink.until('end');
		link.write(Buffer.alloc(64 * 1024 * 1024));
		link.finish(20);
		await link.gone();
		const failed = once(peer, 'error');
		peer.resume();
		t.is(((await failed)[0] as NodeJS.ErrnoException).code, 'ECONNRESET');
	});

	test(`${name}: gone resolves when the link is closed, and at once when it was`, async (t) => {
		const { link, peer } = await linkPair({ reactor });
		const gone = link.gone();
		link.destroy();
		await gone;
		t.true(link.closed);
		await link.gone();
		peer.destroy();
	});

	for (const bytes of [0, 1, 64 * 1024 * 1024]) {
		test(`${name}: reset right behind a FIN and ${bytes} bytes closes the link`, async (t) => {
			const { link, peer } = await linkPair({ reactor });
			const sink = recorder();
			link.attach(sink);
			if (bytes > 0) link.write(Buffer.alloc(bytes));
			link.closeWrite();
			link.reset();
			await link.gone();
			t.deepEqual(sink.told, ['closed well']);
			peer.destroy();
		});
	}

	test(`${name}: writing to a link that is closed does nothing`, async (t) => {
		const { link, peer } = await linkPair({ reactor });
		const sink = recorder();
		link.attach(sink);
		link.destroy();
		await sink.until('closed');
		t.true(link.write(Buffer.from('late')));
		link.closeWrite();
		link.finish();
		link.reset();
		t.deepEqual(sink.told, ['closed well']);
		peer.destroy();
	});

	test(`${name}: a sink that throws loses its link, and is told why`, async (t) => {
		const { link, peer } = await linkPair({ reactor });
		const bug = new Error('a bug');
		const error = new Promise<GatewayError | null>((resolve) => {
			link.attach({
				data() {
					throw bug;
				},
				end() {},
				drain() {},
				closed: resolve,
			});
		});
		peer.resume();
		const ended = once(peer, 'end');
		peer.write('x');
		const told = await error;
		t.is(told?.code, 'proxy_internal_error');
		t.is(told?.cause, bug);
		await ended;
		peer.destroy();
	});
}

test('wraps any duplex, and reset of one without RST is destroy', async (t) => {
	const duplex = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done(), allowHalfOpen: true });
	const link = new StreamLink(duplex, { side: 'hop' });
	const sink = recorder();
	link.attach(sink);
	link.reset();
	await sink.until('closed');
	t.true(duplex.destroyed);
});

/** Enough turns of the loop for a stream to say all that it has to say. */
async function turns(): Promise<void> {
	for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

for (const half of ['one direction is', 'both directions are'] as const) {
	test(`what came while the link was paused is given before the end when ${half} over`, async (t) => {
		const duplex = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done(), allowHalfOpen: true });
		const link = new StreamLink(duplex, { side: 'target' });
		const sink = recorder();
		link.attach(sink);
		if (half === 'both directions are') link.closeWrite();
		duplex.push('one');
		await turns();
		link.pause();
		duplex.push('two');
		await turns();
		duplex.push(null);
		duplex.read(0); // as a socket does at EOF
		await turns();
		link.resume();
		await turns();
		const closed = half === 'both directions are' ? ['closed well'] : [];
		t.deepEqual(sink.told, ['data one', 'data two', 'end', ...closed]);
		link.destroy();
	});
}
