import test from 'ava';
import { until } from '../helpers/process.ts';
import { needs } from '../helpers/programs.ts';
import { startCable, startRedis, startShared } from '../helpers/redis.ts';

const CLIENT = { kind: 'client', name: '192.0.2.1' } as const;
const withRedis = needs(test, 'redis-server');

withRedis('two gateways that fight for ten places have ten together', async (t) => {
	const { url } = await startRedis(t);
	const fleet = await Promise.all([0, 1].map(() => startShared(t, { url })));
	const held = [0, 0];
	for (let round = 0; round < 40; round++) {
		const i = round % 2;
		const got = await fleet[i]!.shared.places(CLIENT, {
			limit: 10,
			held: held[i]!,
			need: held[i]! + 1,
			want: held[i]! + 1,
		});
		t.true(got! >= held[i]!);
		held[i] = got!;
	}
	t.is(held[0]! + held[1]!, 10);
});

withRedis('what one gateway keeps in hand leaves half of what is free to the others', async (t) => {
	const { url } = await startRedis(t);
	const [one, other] = await Promise.all([0, 1].map(() => startShared(t, { url })));
	t.is(await one!.shared.places(CLIENT, { limit: 10, held: 0, need: 0, want: 10 }), 5);
	t.is(await other!.shared.places(CLIENT, { limit: 10, held: 0, need: 0, want: 10 }), 2);
	t.is(await one!.shared.places(CLIENT, { limit: 10, held: 5, need: 6, want: 6 }), 6);
});

withRedis('what is held is held, also above the limit', async (t) => {
	const { url } = await startRedis(t);
	const [one, other] = await Promise.all([0, 1].map(() => startShared(t, { url })));
	t.is(await one!.shared.places(CLIENT, { limit: 2, held: 4, need: 5, want: 5 }), 4);
	t.is(await other!.shared.places(CLIENT, { limit: 2, held: 0, need: 1, want: 1 }), 0);
});

withRedis('places given back are free for the others within a second', async (t) => {
	const { url } = await startRedis(t);
	const [one, other] = await Promise.all([0, 1].map(() => startShared(t, { url })));
	await one!.shared.places(CLIENT, { limit: 1, held: 0, need: 1, want: 1 });
	t.is(await other!.shared.places(CLIENT, { limit: 1, held: 0, need: 1, want: 1 }), 0);
	one!.shared.hold(CLIENT, 0);
	await until(
		'free',
		() => other!.shared.places(CLIENT, { limit: 1, held: 0, need: 1, want: 1 }),
		(got) => got === 1,
	);
	t.pass();
});

withRedis('a gateway that lives keeps its places for longer than a lease, and frees them when it closes', async (t) => {
	const { url, admin } = await startRedis(t);
	const [one, other] = await Promise.all([0, 1].map(() => startShared(t, { url, leaseMs: 300 })));
	await one!.shared.places(CLIENT, { limit: 1, held: 0, need: 1, want: 1 });
	const [before] = await admin.time();
	await until(
		'two seconds of Redis',
		() => admin.time(),
		([now]) => Number(now) >= Number(before) + 2,
	);
	t.is(await other!.shared.places(CLIENT, { limit: 1, held: 0, need: 1, want: 1 }), 0);
	await one!.shared.close();
	t.is(await other!.shared.places(CLIENT, { limit: 1, held: 0, need: 1, want: 1 }), 1);
});

withRedis(
	'the places of a gateway that is cut off are free when its lease is over, and it is told when it is back',
	async (t) => {
		const { url, port } = await startRedis(t);
		const cable = await startCable(t, port);
		const one = await startShared(t, { url: cable.url, waitMs: 300, leaseMs: 600 });
		const other = await startShared(t, { url, leaseMs: 600 });
		t.is(await one.shared.places(CLIENT, { limit: 6, held: 4, need: 5, want: 5 }), 5);
		cable.cut();
		const ask = (): Promise<number | null> => other.shared.places(CLIENT, { limit: 6, held: 1, need: 6, want: 6 });
		await until('the lease is over', ask, (got) => got! >= 3);
		await until(
			'the loss is seen',
			() => one.shared.up,
			(up) => !up,
		);
		cable.mend();
		await until(
			'it is back',
			() => one.shared.up,
			(up) => up,
		);
		t.is(await other.shared.places(CLIENT, { limit: 6, held: 1, need: 6, want: 6 }), 1);
	},
);
