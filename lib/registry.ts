// The lists: every kind of way out there is, every strategy by which a group picks, every place a list of members comes
// from. A new kind is a file in its room and a line here; importing it starts nothing.

import { failoverStrategy } from './balance/failover.ts';
import { LowLatency } from './balance/latency.ts';
import { LeastFlows } from './balance/least-flows.ts';
import { randomStrategy } from './balance/random.ts';
import { Rendezvous } from './balance/rendezvous.ts';
import { RoundRobin } from './balance/round-robin.ts';
import type { Random, Strategy } from './balance/strategy.ts';
import { weightedStrategy } from './balance/weighted.ts';
import type { Clock } from './core/clock.ts';
import type { Dialer, Outbound } from './core/dialer.ts';
import type { Discovery, Note } from './discovery/discovery.ts';
import { FileDiscovery } from './discovery/file.ts';
import { UrlDiscovery } from './discovery/url.ts';
import type { DialDeps } from './io/connect.ts';
import { Egress, type EgressDeps, type EgressOptions } from './io/egress.ts';
import type { HttpUrl } from './io/fetch.ts';
import { Block } from './outbound/block.ts';
import { type ChainDeps, type ChainOptions, chain } from './outbound/chain.ts';
import { Direct } from './outbound/direct.ts';

/** Tags that are always there and that no upstream or group may take. */
export const DIRECT_TAG = 'direct';
export const BLOCK_TAG = 'block';

/** The ways out that are no group, by what their configuration is. */
export const OUTBOUNDS = {
	chain: (options: ChainOptions, deps: ChainDeps): Outbound => chain(options, deps),
	direct: (tag: string, deps: DialDeps): Outbound => new Direct({ tag }, deps),
	block: (): Outbound => new Block({ tag: BLOCK_TAG }),
} as const;

/** Near ends of one way straight out. Null where the kernel decides everything: that costs a dial nothing. */
export function egressOf(options: EgressOptions, deps: EgressDeps): Egress | null {
	const { source, mark, device } = options;
	return source.length === 0 && mark === 0 && device === '' ? null : new Egress(options, deps);
}

/** How a group picks one of its members. */
export const STRATEGIES = {
	random: (random: Random): Strategy<Outbound> => randomStrategy(random),
	weighted: (random: Random): Strategy<Outbound> => weightedStrategy(random),
	'round-robin': (): Strategy<Outbound> => new RoundRobin(),
	'least-flows': (random: Random): Strategy<Outbound> => new LeastFlows(random),
	latency: (random: Random, clock: Clock): Strategy<Outbound> => new LowLatency(random, clock),
	rendezvous: (random: Random): Strategy<Outbound> => new Rendezvous(random),
	failover: (): Strategy<Outbound> => failoverStrategy(),
} as const;

export type StrategyName = keyof typeof STRATEGIES;

/** Where a list of members may be. */
export type ListSource =
	| { readonly kind: 'file'; readonly path: string }
	| {
			readonly kind: 'url';
			readonly url: HttpUrl;
			/** Tag of the way out by which it is fetched. */
			readonly through: string;
			readonly refreshMs: number;
			readonly keep: string | null;
	  };

export interface DiscoveryDeps {
	/** Most that a list may have; what the discovery has by itself when left out. */
	readonly limitBytes?: number;
	readonly fetchMs?: number;
	readonly note: Note;
	through(tag: string): Dialer;
}

export const DISCOVERIES: {
	readonly [K in ListSource['kind']]: (source: ListSource & { kind: K }, deps: DiscoveryDeps) => Discovery;
} = {
	file: ({ path }, { note, limitBytes }) => new FileDiscovery(path, note, limitBytes),
	url: ({ through, kind: _kind, ...options }, { note, limitBytes, fetchMs, ...deps }) => {
		const limits = { ...(limitBytes && { limitBytes }), ...(fetchMs && { fetchMs }) };
		return new UrlDiscovery({ ...options, ...limits }, { through: deps.through(through), note });
	},
};
