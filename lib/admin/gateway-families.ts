// What Prometheus is told of the gateway as it is now, beside what was counted: groups, sources, who keeps the limits. A
// group is a few samples however many members it has, and sources beyond the first dozens are one.
import type { LimitsMode } from '../core/observer.ts';
import type { ListStatus } from '../lists.ts';
import type { Family } from '../observe/metrics.ts';
import { listFamilies } from './list-families.ts';
import { sourceStatuses, type Watched } from './snapshot.ts';

/** The families; read at each scrape. `tally` has the mode. */
export function gatewayFamilies(
	gateway: Pick<Watched, 'exits' | 'sources' | 'config'> & { readonly lists: readonly ListStatus[] },
	tally: { readonly limitsMode: LimitsMode },
): Family[] {
	return [
		{
			name: 'bauta_group_members',
			help: 'Exits of a group: in use, left alone because they failed, on trial after that.',
			type: 'gauge',
			labels: ['group', 'state'],
			together: 'first',
			read: () =>
				gateway.exits.flatMap(({ tag: group, members }) =>
					members === null
						? []
						: [
								[{ group, state: 'open' }, members.open],
								[{ group, state: 'ejected' }, members.ejected],
								[{ group, state: 'half-open' }, members.halfOpen],
							],
				),
		},
		{
			name: 'bauta_source_ports_in_use',
			help: 'TCP connections that leave from a source, each with a port.',
			type: 'gauge',
			labels: ['outbound', 'source'],
			read: () => sourceStatuses(gateway).map(({ tag, source, open }) => [{ outbound: tag, source }, open]),
		},
		{
			name: 'bauta_source_resting',
			help: 'Whether a source is passed over because none of its addresses did.',
			type: 'gauge',
			labels: ['outbound', 'source'],
			together: 'max',
			read: () => sourceStatuses(gateway).map(({ tag, source, rests }) => [{ outbound: tag, source }, rests ? 1 : 0]),
		},
		{
			name: 'bauta_redis_up',
			help: 'Whether the Redis that should keep the limits does; nothing where there is none.',
			type: 'gauge',
			together: 'min',
			read: () => (gateway.config.redis === null ? [] : [[{}, tally.limitsMode === 'shared' ? 1 : 0]]),
		},
		...listFamilies(() => gateway.lists),
	];
}
