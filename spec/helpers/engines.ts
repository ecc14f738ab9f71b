// The two ways that bytes go: node's streams, and plain descriptors where there are native calls.
import { Reactor } from '../../lib/io/reactor.ts';

export interface Engine {
	readonly name: 'streams' | 'descriptors';
	readonly reactor: Reactor | null;
}

/** On Linux both of them, or specs would pass without having looked. */
export const engines: readonly Engine[] = [{ name: 'streams', reactor: null }, ...plain()];

function plain(): Engine[] {
	if (process.platform !== 'linux') return [];
	const reactor = Reactor.create();
	if (!reactor) throw new Error('no native calls: is the platform package of koffi installed?');
	return [{ name: 'descriptors', reactor }];
}
