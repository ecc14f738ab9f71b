// What Prometheus is told of the lists that rules name: how much is in them, when that was read, and what they decided. The
// labels are tags of the configuration; nothing of what is listed or asked for. Each worker has every list.
import type { ListStatus } from '../lists.ts';
import type { Family } from '../observe/metrics.ts';

/** The families; read at each scrape. */
export function listFamilies(lists: () => readonly ListStatus[]): Family[] {
	return [
		{
			name: 'bauta_list_hits_total',
			help: 'Decisions of rules that a list has made, reports among them.',
			type: 'counter',
			labels: ['list'],
			read: () => lists().map(({ tag, hits }) => [{ list: tag }, hits]),
		},
		{
			name: 'bauta_list_entries',
			help: 'What a list has, by kind; the same name twice is one.',
			type: 'gauge',
			labels: ['list', 'kind'],
			together: 'max',
			read: () =>
				lists().flatMap(({ tag: list, names, prefixes, patterns, exceptions }) => [
					[{ list, kind: 'name' }, names],
					[{ list, kind: 'prefix' }, prefixes],
					[{ list, kind: 'expression' }, patterns],
					[{ list, kind: 'exception' }, exceptions],
				]),
		},
		{
			name: 'bauta_list_ignored_lines',
			help: 'Lines of a list that were left out: filters of other kinds, and what is nothing.',
			type: 'gauge',
			labels: ['list', 'why'],
			together: 'max',
			read: () =>
				lists().flatMap(({ tag: list, otherLines, badLines }) => [
					[{ list, why: 'other_kind' }, otherLines],
					[{ list, why: 'bad' }, badLines],
				]),
		},
		{
			name: 'bauta_list_read_timestamp_seconds',
			help: 'When what a list has was read; nothing before the first time.',
			type: 'gauge',
			labels: ['list'],
			together: 'min',
			read: () =>
				lists().flatMap(({ tag, readAtMs }) => (readAtMs === null ? [] : [[{ list: tag }, readAtMs / 1_000]])),
		},
	];
}
