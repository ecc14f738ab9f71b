// The list: every kind of way out there is. A new kind is a file in outbound/ and a line here; importing it starts nothing.
import type { Outbound } from './core/dialer.ts';
import type { DialDeps } from './io/connect.ts';
import { Block } from './outbound/block.ts';
import { type ChainOptions, chain } from './outbound/chain.ts';
import { Direct } from './outbound/direct.ts';

/** Tags that are always there and that no upstream may take. */
export const DIRECT_TAG = 'direct';
export const BLOCK_TAG = 'block';

/** The ways out of a gateway, the default route first: the first upstream, or `direct` when there is none. */
export function outboundsOf(upstreams: readonly ChainOptions[], deps: DialDeps): readonly Outbound[] {
	const chains = upstreams.map((upstream) => chain(upstream, deps));
	return [...chains, new Direct({ tag: DIRECT_TAG }, deps), new Block({ tag: BLOCK_TAG })];
}
