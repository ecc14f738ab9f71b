// What serves: a gateway in this process, or workers that are one together. Who does the one does not load what the other
// takes.
import type { LastReload } from '../../lib/admin/snapshot.ts';
import type { View } from '../../lib/admin/view.ts';
import type { Config, ConfigInput } from '../../lib/config/config.ts';
import type { Observer } from '../../lib/core/observer.ts';
import type { Gateway } from '../../lib/gateway.ts';
import type { HandedSockets } from '../../lib/io/handed-sockets.ts';
import type { Log } from '../../lib/observe/log.ts';
import type { Family } from '../../lib/observe/metrics.ts';
import { observers } from '../../lib/observe/observers.ts';
import { EXIT } from '../exit-codes.ts';
import { manifest } from '../manifest.ts';

/** A gateway, or several as one. */
type AnyGateway = Pick<
	Gateway,
	'state' | 'config' | 'addresses' | 'liveFlows' | 'sockets' | 'start' | 'protect' | 'drain' | 'close'
> & {
	/** As a gateway reloads; `input` is the same configuration as it was written. */
	reload(config: Config, input: ConfigInput): Promise<void>;
	decide(...asked: Parameters<Gateway['decide']>): object;
};

/** What counts and measures. */
export interface Measured {
	readonly view: View;
	readonly metrics: {
		readonly contentType: string;
		add(family: Family): void;
		text(): Promise<string>;
	};
}

export interface Serving {
	readonly gateway: AnyGateway;
	/** Every event loop that serves turns. */
	readonly alive: () => boolean;
	/** Counts from now on. Once. */
	measure(lastReload: () => LastReload | null): Promise<Measured>;
}

export interface ServingDeps {
	readonly log: Log;
	/** Its verbs are other ones from `measure` on. */
	readonly observer: Observer;
	readonly handed: HandedSockets;
}

/** Not yet listening. Throws ConfigError. */
export function servingOf(config: Config, input: ConfigInput, deps: ServingDeps): Promise<Serving> {
	return config.workers === 1 ? alone(config, deps) : together(config, input, deps);
}

async function alone(config: Config, { log, observer, handed }: ServingDeps): Promise<Serving> {
	const { createGateway } = await import('../../lib/gateway.ts');
	const gateway = createGateway(config, { observer, handed: (name) => handed.take(name) });
	const measure = async (lastReload: () => LastReload | null): Promise<Measured> => {
		const [{ gatewayFamilies }, { Metrics }, { Tally }, { viewOf }] = await Promise.all([
			import('../../lib/admin/gateway-families.ts'),
			import('../../lib/observe/metrics.ts'),
			import('../../lib/observe/tally.ts'),
			import('../../lib/admin/view.ts'),
		]);
		const { version } = manifest();
		const tally = new Tally();
		const metrics = new Metrics(tally, { version });
		for (const family of gatewayFamilies(gateway, tally)) metrics.add(family);
		// The gateway looks its observer's verbs up each time.
		Object.assign(observer, observers(log, tally, metrics));
		return { view: viewOf({ gateway, tally, version, lastReload }), metrics };
	};
	return { gateway, alive: () => true, measure };
}

async function together(config: Config, input: ConfigInput, { log, observer, handed }: ServingDeps): Promise<Serving> {
	const { Crew } = await import('./crew.ts');
	const giveUp = (): void => {
		log.note('error', 'no worker can be kept alive');
		process.exit(EXIT.software);
	};
	const crew = new Crew(config, input, { observer, handed, version: manifest().version, giveUp });
	const measure = async (lastReload: () => LastReload | null): Promise<Measured> => ({
		view: crew.view(lastReload),
		metrics: await crew.measure(),
	});
	return { gateway: crew, alive: () => crew.alive, measure };
}
