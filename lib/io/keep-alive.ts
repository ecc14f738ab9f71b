// Asks a peer that has been silent for long whether it is still there (RFC 9293 section 3.8.4): a client whose battery died
// says neither FIN nor RST, and a tunnel in which nothing is sent would stand until its idle limit.
import { type Native, SOL_SOCKET } from './native.ts';

const SO_KEEPALIVE = 9;
const IPPROTO_TCP = 6;
/** Seconds of silence before the first question, and between two. */
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;

/** Linux asks so often (sysctl net.ipv4.tcp_keepalive_probes) unless a socket says otherwise, which is a call less. */
const QUESTIONS = 9;

/** Most that the kernel takes. */
const MOST_SECONDS = 32_767;

/**
 * From now on the socket's peer is asked after `silentMs` of silence, and gone when it has not answered for as long again.
 * 0: never. Who is accepted inherits it from a socket that listens. Whole seconds; a kernel that refuses keeps its own.
 */
export function keepAlive(calls: Pick<Native, 'setOption'>, fd: number, silentMs: number): void {
	if (silentMs === 0) return;
	calls.setOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	calls.setOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds(silentMs));
	calls.setOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, seconds(silentMs / QUESTIONS));
}

function seconds(ms: number): number {
	return Math.min(MOST_SECONDS, Math.max(1, Math.ceil(ms / 1_000)));
}
