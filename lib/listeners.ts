// Changes what is listened at from one set of inbounds to the next one: what stands in both goes on without a gap, what is
// new starts before anything old ends, and when something cannot start all is as it was.
import type { ProxyInbound } from './inbound/proxy.ts';

/** A change that has been prepared: everything new listens, nothing old has ended. */
export interface ListenerChange {
	readonly started: readonly ProxyInbound[];
	readonly stopped: readonly ProxyInbound[];
	/** Ends what is over and hands on what stays. Within this call, so that no connection meets both or neither. */
	commit(): void;
}

/** Starts what `next` has and `before` has not. Rejects with ListenError, and then nothing has changed. */
export async function prepareListeners(
	before: readonly ProxyInbound[],
	next: readonly ProxyInbound[],
): Promise<ListenerChange> {
	const leaving = [...before];
	const kept: (readonly [ProxyInbound, ProxyInbound])[] = [];
	const started: ProxyInbound[] = [];
	for (const inbound of next) {
		const same = leaving.findIndex(({ place }) => place === inbound.place);
		if (same < 0) started.push(inbound);
		else kept.push([inbound, ...leaving.splice(same, 1)] as [ProxyInbound, ProxyInbound]);
	}
	await startAll(started, leaving);
	const commit = (): void => {
		for (const [inbound, old] of kept) inbound.takeOver(old);
		for (const old of leaving) void old.stop();
	};
	return { started, stopped: leaving, commit };
}

/**
 * A port that goes from one address to another, `127.0.0.1:1080` to `:1080`, cannot be had by both: there the old listener
 * ends first, and is started again if the new one does not.
 */
async function startAll(starting: readonly ProxyInbound[], leaving: readonly ProxyInbound[]): Promise<void> {
	const ended: ProxyInbound[] = [];
	try {
		for (const inbound of starting) {
			for (const old of leaving) {
				if (old.port === 0 || old.port !== inbound.port) continue;
				ended.push(old);
				await old.stop();
			}
			await inbound.start();
		}
	} catch (error) {
		for (const inbound of starting) await inbound.stop();
		for (const old of ended) await old.start();
		throw error;
	}
}
