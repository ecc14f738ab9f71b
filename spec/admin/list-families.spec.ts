import test from 'ava';
import { listFamilies } from '../../lib/admin/list-families.ts';
import type { ListStatus } from '../../lib/lists.ts';
import { Metrics } from '../../lib/observe/metrics.ts';
import { Tally } from '../../lib/observe/tally.ts';

const ADS: ListStatus = {
	tag: 'ads',
	hits: 7,
	readAtMs: 1_700_000_000_500,
	names: 1_000_000,
	prefixes: 2,
	patterns: 3,
	exceptions: 4,
	otherLines: 5,
	badLines: 6,
};

test('lists are told by their tags, with what is in them and what they decided', async (t) => {
	const metrics = new Metrics(new Tally(), { version: '1.2.3' });
	t.teardown(() => metrics.close());
	const lists = [ADS, { ...ADS, tag: 'new', hits: 0, readAtMs: null }];
	for (const family of listFamilies(() => lists)) metrics.add(family);
	const samples = (await metrics.text()).split('\n').filter((line) => line.startsWith('bauta_list_'));
	t.deepEqual(
		samples.filter((line) => line.includes('"ads"')),
		[
			'bauta_list_hits_total{list="ads"} 7',
			'bauta_list_entries{list="ads",kind="name"} 1000000',
			'bauta_list_entries{list="ads",kind="prefix"} 2',
			'bauta_list_entries{list="ads",kind="expression"} 3',
			'bauta_list_entries{list="ads",kind="exception"} 4',
			'bauta_list_ignored_lines{list="ads",why="other_kind"} 5',
			'bauta_list_ignored_lines{list="ads",why="bad"} 6',
			'bauta_list_read_timestamp_seconds{list="ads"} 1700000000.5',
		],
	);
	t.false(samples.includes('bauta_list_read_timestamp_seconds{list="new"}'));
});
