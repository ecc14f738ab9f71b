// What Prometheus is told of the service: how reloads went, and a limit to compare with.
import type { Config } from '../../lib/config/config.ts';
import type { Family } from '../../lib/observe/metrics.ts';
import type { Reloads } from './reloads.ts';

/** The families; read at each scrape. */
export function serviceFamilies(reloads: Reloads, gateway: { readonly config: Config }): Family[] {
	return [
		{
			name: 'bauta_config_last_reload_successful',
			help: 'Whether the last reload was applied; 1 before the first.',
			type: 'gauge',
			read: () => [[{}, reloads.last?.ok === false ? 0 : 1]],
		},
		{
			name: 'bauta_config_reloads_total',
			help: 'Reloads that were asked for.',
			type: 'counter',
			labels: ['result'],
			read: () => [
				[{ result: 'applied' }, reloads.succeeded],
				[{ result: 'refused' }, reloads.failed],
			],
		},
		{
			name: 'bauta_connections_limit',
			help: 'Most connections that may be open, of all clients; 0 for no limit.',
			type: 'gauge',
			read: () => [[{}, gateway.config.limits.ceilings.totalConnections]],
		},
	];
}
