import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import test, { type ExecutionContext } from 'ava';
import { LinkDuplex } from '../../lib/io/link-duplex.ts';
import type { Reactor } from '../../lib/io/reactor.ts';
import { engines } from '../helpers/engines.ts';
import { closed, linkPair, readAll } from '../helpers/link-pair.ts';

async function pair(t: ExecutionContext, reactor: Reactor | null) {
	const { link, peer } = await linkPair({ side: 'hop', reactor });
	t.teardown(() => {
		link.destroy();
		peer.destroy();
	});
	return { link, peer };
}

for (const { name, reactor } of engines) {
	test(`${name}: early bytes come first, then what the peer sends, then its end`, async (t) => {
		const { link, peer } = await pair(t, reactor);
		link.early = Buffer.from('early, ');
		peer.end('then the rest');
		const duplex = new LinkDuplex(link).setEncoding('utf8');
		let text = '';
		duplex.on('data', (chunk: string) => {
			text += chunk;
		});
		await once(duplex, 'end');
		t.is(text, 'early, then the rest');
		t.is(link.early.length, 0);
		const reading = readAll(peer);
		duplex.end('a FIN ends one direction');
		t.is((await reading).toString(), 'a FIN ends one direction');
	});

	test(`${name}: what is written arrives, and the end is a FIN`, async (t) => {
		const { link, peer } = await pair(t, reactor);
		const bytes = Buffer.alloc(3_000_000, 'payload ');
		const reading = readAll(peer);
		const duplex = new LinkDuplex(link);
		duplex.resume();
		duplex.end(bytes);
		t.true(bytes.equals(await reading));
		t.false(duplex.destroyed);
		peer.end();
		await once(duplex, 'close');
		await closed(peer);
	});

	test(`${name}: a link that had ended before is read to its end`, async (t) => {
		const { link, peer } = await pair(t, reactor);
		peer.end();
		const ended = new Promise<void>((resolve) =>
			link.attach({ data: () => {}, end: resolve, drain: () => {}, closed: () => {} }),
		);
		await ended;
		link.early = Buffer.from('kept');
		t.is((await new LinkDuplex(link).setEncoding('utf8').toArray()).join(''), 'kept');
	});

	test(`${name}: a peer that does not read stops the writer, and goes on where it was`, async (t) => {
		const { link, peer } = await pair(t, reactor);
		const duplex = new LinkDuplex(link);
		duplex.resume();
		let written = 0;
		while (duplex.write(Buffer.alloc(1_000_000, 'x'))) written++;
		t.true(written < 100);
		const drained = once(duplex, 'drain');
		peer.resume();
		await drained;
		t.false(duplex.writableNeedDrain);
	});

	test(`${name}: a reader that stops stops the peer`, async (t) => {
		const { link, peer } = await pair(t, reactor);
		const duplex = new LinkDuplex(link);
		const bytes = Buffer.alloc(20_000_000, 'payload ');
		duplex.once('readable', () => {});
		peer.end(bytes);
		await once(duplex, 'readable');
		t.true(duplex.readableLength < 1_000_000);
		let got = 0;
		await pipeline(duplex, async (source) => {
			for await (const chunk of source) got += chunk.length;
		});
		t.is(got, bytes.length);
	});

	test(`${name}: a reset of the peer is an error, also to a writer that waits`, async (t) => {
		const { link, peer } = await pair(t, reactor);
		const duplex = new LinkDuplex(link);
		duplex.resume();
		const writing = new Promise<Error | null | undefined>((resolve) => duplex.write(Buffer.alloc(20_000_000), resolve));
		const failed = once(duplex, 'error');
		peer.resetAndDestroy();
		t.like((await failed)[0], { side: 'hop' });
		t.truthy(await writing);
		t.true(duplex.destroyed);
	});

	test(`${name}: destroying it destroys the link`, async (t) => {
		const { link, peer } = await pair(t, reactor);
		const duplex = new LinkDuplex(link);
		peer.resume();
		peer.on('end', () => peer.end());
		duplex.destroy();
		await closed(peer);
		t.true(link.closed);
	});

	test(`${name}: a link that is closed already gives a closed stream`, async (t) => {
		const { link, peer } = await pair(t, reactor);
		link.destroy();
		peer.resume();
		peer.on('end', () => peer.end());
		await closed(peer);
		const duplex = new LinkDuplex(link);
		duplex.resume();
		await once(duplex, 'close');
		t.true(duplex.destroyed);
	});
}
