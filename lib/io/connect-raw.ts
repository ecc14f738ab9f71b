// Opens TCP connections as plain descriptors: what node's socket is to streams.
import type { Side } from '../core/error.ts';
import type { Ip } from '../core/ip.ts';
import { keepAlive } from './keep-alive.ts';
import { type Connecting, RawLink } from './link-raw.ts';
import { EINPROGRESS, type Result } from './native.ts';
import type { Reactor } from './reactor.ts';
import { familyOf, sockaddrOf } from './sockaddr.ts';
import { bindSource, type Source, type SourceFailure } from './source-socket.ts';

const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;

export interface RawConnectOptions {
	readonly reactor: Reactor;
	/** Whose end this is: the side of the link's errors. */
	readonly side: Side;
	/** After so long of silence the peer is asked whether it is still there; 0: never. */
	readonly keepAliveMs: number;
	/** Where it leaves from. */
	readonly source?: Source | undefined;
}

/**
 * A link that connects: `waiting` is told when that is decided, `destroy` gives it up and tells nobody. A negative errno
 * when it failed at once, or why it cannot leave from there: then nothing is open, and nothing more is told.
 */
export function connectRaw(
	ip: Ip,
	port: number,
	options: RawConnectOptions,
	waiting: Connecting,
): RawLink | Result | SourceFailure {
	const { reactor, side, source, keepAliveMs } = options;
	const { calls } = reactor;
	const fd = calls.socket(familyOf(ip));
	if (fd < 0) return fd;
	calls.setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	keepAlive(calls, fd, keepAliveMs);
	const failed = source ? bindSource(fd, source, calls) : null;
	if (failed !== null) {
		calls.close(fd);
		return failed;
	}
	const connected = calls.connect(fd, sockaddrOf(ip, port));
	if (connected < 0 && connected !== -EINPROGRESS) {
		calls.close(fd);
		return connected;
	}
	const link = new RawLink(reactor, fd, side);
	const failure = link.open(waiting);
	return failure < 0 ? failure : link;
}
