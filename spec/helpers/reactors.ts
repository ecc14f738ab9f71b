// Reactors as specs want them, with calls that count.
import type { ExecutionContext } from 'ava';
import type { Link } from '../../lib/core/link.ts';
import { connectTcp } from '../../lib/io/connect.ts';
import { listen } from '../../lib/io/listen.ts';
import { type Native, nativeCalls } from '../../lib/io/native.ts';
import { Reactor } from '../../lib/io/reactor.ts';

export const LOOPBACK = 0x7f000001;

/** Never aborted. */
export const live: AbortSignal = new AbortController().signal;

export function reactorOf(t: ExecutionContext, calls: Native | null = nativeCalls()): Reactor {
	const reactor = Reactor.create(calls);
	if (reactor) return reactor;
	t.fail('no native calls');
	throw new Error('no native calls');
}

export interface Counts {
	splices: number;
	/** Pipes that were closed with bytes of a tunnel in them. */
	lost: number;
}

/** Calls that count what happens to spliced bytes. */
export function counting(calls: Native | null, counts: Counts): Native | null {
	if (!calls) return null;
	/** Bytes in each pipe, by both of its ends. */
	const pipes = new Map<number, { bytes: number }>();
	return {
		...calls,
		pipe(ends) {
			const made = calls.pipe(ends);
			const pipe = { bytes: 0 };
			for (const end of ends) pipes.set(end, pipe);
			return made;
		},
		splice(from, to, length) {
			counts.splices++;
			const moved = calls.splice(from, to, length);
			const [source, target] = [pipes.get(from), pipes.get(to)];
			if (moved > 0 && source) source.bytes -= moved;
			if (moved > 0 && target) target.bytes += moved;
			return moved;
		},
		close(fd) {
			const pipe = pipes.get(fd);
			if (pipe && pipe.bytes > 0) counts.lost++;
			if (pipe) pipe.bytes = 0;
			pipes.delete(fd);
			return calls.close(fd);
		},
	};
}

/** Two ends of a connection in one reactor; `close` closes both, and what listens. */
export async function pair(reactor: Reactor): Promise<{ near: Link; far: Link; close(this: void): Promise<void> }> {
	const accepted = Promise.withResolvers<Link>();
	const listener = await listen({ host: '127.0.0.1', port: 0 }, { reactor, onLink: accepted.resolve });
	const near = await connectTcp(LOOPBACK, listener.address.port, { side: 'target', signal: live, reactor });
	const far = await accepted.promise;
	const close = async (): Promise<void> => {
		near.destroy();
		far.destroy();
		await listener.stop();
	};
	return { near, far, close };
}
