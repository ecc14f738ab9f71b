import test, { type ExecutionContext } from 'ava';
import { OriginPool, type OriginPoolOptions, originKeyOf } from '../../lib/flow/origin-pool.ts';
import { until } from '../helpers/exchange-stage.ts';
import { linkPair, readAll } from '../helpers/link-pair.ts';

function pooled(t: ExecutionContext, options?: OriginPoolOptions) {
	const pool = new OriginPool(options);
	t.teardown(() => pool.close());
	return {
		pool,
		/** A link in use, and the origin at its other end. */
		open: async (key: string, endsMs?: number) => {
			const { link, peer } = await linkPair({ side: 'target' });
			t.teardown(() => {
				peer.destroy();
				link.destroy();
			});
			peer.resume();
			return { origin: pool.adopt(link, key, endsMs), peer };
		},
	};
}

const OWNER = {
	exit: 'direct',
	host: 'a.example',
	port: 80,
	clientKey: '192.0.2.1',
	user: 'u',
	flow: null,
	session: null,
};

test('a key differs by way out, origin, client, user and flow', (t) => {
	const keys = [
		OWNER,
		{ ...OWNER, exit: 'other' },
		{ ...OWNER, session: 's' },
		{ ...OWNER, user: 'u\ns' },
		{ ...OWNER, host: 'b.example' },
		{ ...OWNER, port: 8080 },
		{ ...OWNER, clientKey: '192.0.2.2' },
		{ ...OWNER, user: 'v' },
		{ ...OWNER, user: null },
		{ ...OWNER, user: '' },
		{ ...OWNER, flow: 1 },
	].map((owner) => originKeyOf(owner));
	t.is(new Set(keys).size, keys.length);
	t.is(originKeyOf({ ...OWNER }), keys[0]!);
});

test('a link that was put is taken by its key alone, once', async (t) => {
	const { pool, open } = pooled(t);
	const { origin } = await open('a');
	t.false(origin.reused);
	pool.put(origin);
	t.is(pool.take('b', 0), null);
	t.is(pool.take('a', 0), origin);
	t.true(origin.reused);
	t.is(pool.take('a', 0), null);
	t.is(pool.idleCount, 0);
});

test('a link whose exit is no more its session\u2019s is closed instead of taken', async (t) => {
	const { pool, open } = pooled(t);
	const [fresh, old] = [await open('a', 200), await open('a', 100)];
	for (const { origin } of [fresh, old]) pool.put(origin);
	t.is(pool.take('a', 100), fresh.origin);
	t.is(pool.idleCount, 0);
	await old.origin.link.gone();
	pool.put(fresh.origin);
	t.is(pool.take('a', 200), null);
});

test('the link that idled last is taken first', async (t) => {
	const { pool, open } = pooled(t);
	const links = [await open('a'), await open('a'), await open('a')];
	for (const { origin } of links) pool.put(origin);
	t.is(pool.take('a', 0), links[2]!.origin);
	t.is(pool.take('a', 0), links[1]!.origin);
	pool.put(links[2]!.origin);
	t.is(pool.take('a', 0), links[2]!.origin);
	t.is(pool.take('a', 0), links[0]!.origin);
});

test('of one key no more than the limit are kept, the newest ones', async (t) => {
	const { pool, open } = pooled(t, { limitPerKey: 2 });
	const links = [await open('a'), await open('a'), await open('a')];
	for (const { origin } of links) pool.put(origin);
	await until(() => links[0]!.peer.readableEnded);
	t.is(pool.idleCount, 2);
	t.is(pool.take('a', 0), links[2]!.origin);
	t.is(pool.take('a', 0), links[1]!.origin);
	t.is(pool.take('a', 0), null);
});

test('in all no more than the limit are kept; the one idle longest makes room', async (t) => {
	const { pool, open } = pooled(t, { limit: 2 });
	const links = [await open('a'), await open('b'), await open('c')];
	pool.put(links[0]!.origin);
	pool.put(links[1]!.origin);
	pool.put(pool.take('a', 0)!);
	pool.put(links[2]!.origin);
	await until(() => links[1]!.peer.readableEnded);
	t.is(pool.take('b', 0), null);
	t.is(pool.take('a', 0), links[0]!.origin);
	t.is(pool.take('c', 0), links[2]!.origin);
});

test('a link whose origin closes, resets or speaks is dropped', async (t) => {
	const { pool, open } = pooled(t);
	for (const act of ['end', 'resetAndDestroy', 'write'] as const) {
		const { origin, peer } = await open('a');
		pool.put(origin);
		t.is(pool.idleCount, 1);
		if (act === 'write') peer.write('HTTP/1.1 408 Request Timeout\r\n\r\n');
		else peer[act]();
		await until(() => pool.idleCount === 0);
		t.is(pool.take('a', 0), null);
		await until(() => origin.link.closed);
	}
});

test('a link that is over already is not kept', async (t) => {
	const { pool, open } = pooled(t);
	const { origin, peer } = await open('a');
	origin.link.attach(origin);
	peer.end();
	await until(() => origin.link.ended);
	pool.put(origin);
	t.is(pool.idleCount, 0);
});

test('a link that idles too long is closed; one in use, and one used now and then, is not', async (t) => {
	const { pool, open } = pooled(t, { idleMs: 200 });
	const [idle, busy, often] = [await open('a'), await open('b'), await open('c')];
	pool.put(idle.origin);
	pool.put(often.origin);
	const using = setInterval(() => pool.put(pool.take('c', 0)!), 20);
	t.teardown(() => clearInterval(using));
	await until(() => idle.peer.readableEnded);
	t.false(busy.origin.link.closed);
	t.is(pool.take('c', 0), often.origin);
	clearInterval(using);
});

test("a released link is nobody's business any more", async (t) => {
	const { pool, open } = pooled(t, { idleMs: 20 });
	const { origin, peer } = await open('a');
	pool.release(origin);
	pool.close();
	const rest = readAll(peer);
	origin.link.write(Buffer.from('still here'));
	origin.link.closeWrite();
	t.is(String(await rest), 'still here');
});

test('closing the pool closes what idles, and what comes back later', async (t) => {
	const { pool, open } = pooled(t);
	const [idle, busy] = [await open('a'), await open('a')];
	pool.put(idle.origin);
	pool.close();
	await until(() => idle.peer.readableEnded);
	t.false(busy.origin.link.closed);
	pool.put(busy.origin);
	await until(() => busy.peer.readableEnded);
	t.is(pool.idleCount, 0);
});

test('discarding twice is discarding once', async (t) => {
	const { pool, open } = pooled(t);
	const { origin, peer } = await open('a');
	pool.put(origin);
	origin.discard();
	origin.discard();
	await until(() => peer.readableEnded);
	t.is(pool.idleCount, 0);
});
