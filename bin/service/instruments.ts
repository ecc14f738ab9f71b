// What counts and measures: made when there is an admin listener to tell it, and kept from then on.
import { gatewayFamilies } from '../../lib/admin/gateway-families.ts';
import type { Gateway } from '../../lib/gateway.ts';
import { Metrics } from '../../lib/observe/metrics.ts';
import { Tally } from '../../lib/observe/tally.ts';
import type { Reloads } from './reloads.ts';

export class Instruments {
	readonly tally: Tally = new Tally();
	readonly metrics: Metrics;

	constructor(version: string, reloads: Reloads, gateway: Gateway) {
		this.metrics = new Metrics(this.tally, { version });
		for (const family of gatewayFamilies(gateway, this.tally)) this.metrics.add(family);
		this.metrics.add({
			name: 'bauta_config_last_reload_successful',
			help: 'Whether the last reload was applied; 1 before the first.',
			type: 'gauge',
			read: () => [[{}, reloads.last?.ok === false ? 0 : 1]],
		});
		this.metrics.add({
			name: 'bauta_config_reloads_total',
			help: 'Reloads that were asked for.',
			type: 'counter',
			labels: ['result'],
			read: () => [
				[{ result: 'applied' }, reloads.succeeded],
				[{ result: 'refused' }, reloads.failed],
			],
		});
		this.metrics.add({
			name: 'bauta_connections_limit',
			help: 'Most connections that may be open, of all clients; 0 for no limit.',
			type: 'gauge',
			read: () => [[{}, gateway.config.limits.ceilings.totalConnections]],
		});
	}
}
