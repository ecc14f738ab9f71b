import test, { type ExecutionContext } from 'ava';
import { gatewayFamilies } from '../../lib/admin/gateway-families.ts';
import type { WatchedExit, WatchedSource } from '../../lib/admin/snapshot.ts';
import { Metrics } from '../../lib/observe/metrics.ts';
import { Tally } from '../../lib/observe/tally.ts';

interface Setting {
	readonly exits?: readonly WatchedExit[];
	readonly sources?: readonly WatchedSource[];
	readonly redis?: object | null;
}

/** The samples of what a gateway is, and the tally behind them. */
function told(t: ExecutionContext, { exits = [], sources = [], redis = null }: Setting) {
	const tally = new Tally();
	const metrics = new Metrics(tally, { version: '1.2.3' });
	t.teardown(() => metrics.close());
	for (const family of gatewayFamilies({ exits, sources, lists: [], config: { redis } }, tally)) metrics.add(family);
	const samples = async (name: string): Promise<string[]> =>
		(await metrics.text()).split('\n').filter((line) => line.startsWith(name));
	return { tally, samples };
}

function groupOf(tag: string, total: number): WatchedExit {
	return {
		tag,
		type: 'group',
		members: { open: total - 3, ejected: 2, halfOpen: 1, total },
		reports: () => {
			throw new Error('nobody walks through members for a metric');
		},
	};
}

test('a group of ten thousand exits is three samples', async (t) => {
	const direct: WatchedExit = { tag: 'direct', type: 'direct', members: null, reports: () => [] };
	const { samples } = told(t, { exits: [groupOf('pool', 10_000), direct] });
	t.deepEqual(await samples('bauta_group_members'), [
		'bauta_group_members{group="pool",state="open"} 9997',
		'bauta_group_members{group="pool",state="ejected"} 2',
		'bauta_group_members{group="pool",state="half-open"} 1',
	]);
});

test('ports in use are told by source, and of thousands of sources by the busiest and the rest', async (t) => {
	const source = (i: number): WatchedSource => ({
		tag: 'direct',
		source: `192.0.2.${i}/32`,
		addresses: 1,
		open: i,
		rests: i === 2,
	});
	const few = told(t, { sources: [source(1), source(2)] });
	t.deepEqual(await few.samples('bauta_source_ports_in_use'), [
		'bauta_source_ports_in_use{outbound="direct",source="192.0.2.1/32"} 1',
		'bauta_source_ports_in_use{outbound="direct",source="192.0.2.2/32"} 2',
	]);
	t.deepEqual(
		(await few.samples('bauta_source_resting')).map((line) => line.at(-1)),
		['0', '1'],
	);
	const many = told(t, { sources: Array.from({ length: 3_000 }, (_, i) => source(i)) });
	const samples = await many.samples('bauta_source_ports_in_use');
	t.is(samples.length, 64);
	t.is(samples[0], 'bauta_source_ports_in_use{outbound="direct",source="192.0.2.2999/32"} 2999');
	t.is(samples[63], `bauta_source_ports_in_use{outbound="other",source="other"} ${(2_936 * 2_937) / 2}`);
});

test('whether Redis does its work is told where there should be one', async (t) => {
	t.deepEqual(await told(t, {}).samples('bauta_redis_up'), []);
	const { tally, samples } = told(t, { redis: {} });
	t.deepEqual(await samples('bauta_redis_up'), ['bauta_redis_up 0']);
	tally.limits('shared');
	t.deepEqual(await samples('bauta_redis_up'), ['bauta_redis_up 1']);
	t.deepEqual(await samples('bauta_limits_switches_total'), ['bauta_limits_switches_total{mode="shared"} 1']);
});
