import test, { type ExecutionContext } from 'ava';
import { Metrics } from '../../lib/observe/metrics.ts';
import { observers } from '../../lib/observe/observers.ts';
import { Tally } from '../../lib/observe/tally.ts';
import { flowOf } from '../helpers/flows.ts';

function metricsOf(t: ExecutionContext): { tally: Tally; metrics: Metrics; told: ReturnType<typeof observers> } {
	const tally = new Tally();
	const metrics = new Metrics(tally, { version: '1.2.3' });
	t.teardown(() => metrics.close());
	return { tally, metrics, told: observers(tally, metrics) };
}

/** The samples of a family, as they stand in the text. */
async function samples(metrics: Metrics, name: string): Promise<string[]> {
	return (await metrics.text()).split('\n').filter((line) => line.startsWith(name));
}

test('what was counted is in the text, each time it is asked for', async (t) => {
	const { metrics, told } = metricsOf(t);
	const flow = flowOf({ upBytes: 3, downBytes: 4 });
	told.flowStarted!(flow);
	told.flowOpened!(flow);
	t.deepEqual(await samples(metrics, 'bauta_connections_open'), ['bauta_connections_open 1']);
	told.flowEnded!(flow);
	told.dropped!('listen-1', 'handshakes');
	for (let i = 0; i < 2; i++) {
		t.deepEqual(await samples(metrics, 'bauta_connections_open'), ['bauta_connections_open 0']);
		t.deepEqual(await samples(metrics, 'bauta_connections_total'), [
			'bauta_connections_total{listener="listen-1",protocol="socks5",result="closed"} 1',
			'bauta_connections_total{listener="listen-1",protocol="unknown",result="dropped"} 1',
		]);
		t.deepEqual(await samples(metrics, 'bauta_bytes_total'), [
			'bauta_bytes_total{direction="up"} 3',
			'bauta_bytes_total{direction="down"} 4',
		]);
		t.deepEqual(await samples(metrics, 'bauta_rate_limited_total'), ['bauta_rate_limited_total{limit="handshakes"} 1']);
	}
	t.deepEqual(await samples(metrics, 'bauta_build_info'), [
		`bauta_build_info{version="1.2.3",node="${process.versions.node}"} 1`,
	]);
});

test('the times of handshake and dial are histograms in seconds', async (t) => {
	const { metrics, told } = metricsOf(t);
	told.flowOpened!(flowOf({ startedMs: 0, askedMs: 20, openedMs: 320 }));
	const handshake = await samples(metrics, 'bauta_handshake_seconds');
	t.true(handshake.includes('bauta_handshake_seconds_bucket{le="0.01",protocol="socks5"} 0'));
	t.true(handshake.includes('bauta_handshake_seconds_bucket{le="0.025",protocol="socks5"} 1'));
	t.true(handshake.includes('bauta_handshake_seconds_sum{protocol="socks5"} 0.02'));
	const dial = await samples(metrics, 'bauta_dial_seconds');
	t.true(dial.includes('bauta_dial_seconds_sum{outbound="upstream-1"} 0.3'));
	t.true(dial.includes('bauta_dial_seconds_count{outbound="upstream-1"} 1'));
});

test('who keeps the limits is one of four', async (t) => {
	const { metrics, told } = metricsOf(t);
	told.limits!('closed', 'no answer');
	t.deepEqual(await samples(metrics, 'bauta_limits_mode'), [
		'bauta_limits_mode{mode="shared"} 0',
		'bauta_limits_mode{mode="local"} 0',
		'bauta_limits_mode{mode="open"} 0',
		'bauta_limits_mode{mode="closed"} 1',
	]);
});

test('the process tells of itself: event loop, descriptors, memory, CPU', async (t) => {
	const { metrics } = metricsOf(t);
	const text = await metrics.text();
	for (const name of [
		'bauta_event_loop_delay_seconds{percentile="99"}',
		'process_open_fds',
		'process_max_fds',
		'process_resident_memory_bytes',
		'process_cpu_seconds_total',
		'process_start_time_seconds',
	]) {
		const line = text.split('\n').find((one) => one.startsWith(name));
		t.true(Number(line?.split(' ')[1]) >= 0, name);
	}
});

test('families of others are read at each scrape, and names are taken once', async (t) => {
	const { metrics } = metricsOf(t);
	let value = 0;
	const read = (): [[Record<string, string>, number]] => [[{ source: 'a' }, ++value]];
	metrics.add({ name: 'bauta_other', help: 'x', type: 'gauge', labels: ['source'], read });
	t.deepEqual(await samples(metrics, 'bauta_other'), ['bauta_other{source="a"} 1']);
	t.deepEqual(await samples(metrics, 'bauta_other'), ['bauta_other{source="a"} 2']);
	t.throws(() => metrics.add({ name: 'bauta_other', help: 'x', type: 'gauge', read }));
});

test('two registries know nothing of each other', async (t) => {
	const [one, other] = [metricsOf(t), metricsOf(t)];
	one.told.dropped!('listen-1', 'handshakes');
	t.deepEqual(await samples(other.metrics, 'bauta_connections_total'), []);
});
