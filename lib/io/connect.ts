// Opens TCP connections, to numeric addresses only: node is never given a name to look up. A name is resolved first, each
// of its addresses judged, and exactly the judged ones are dialled, one at a time, so nothing is connected to that policy
// did not see (no happy eyeballs, no second lookup that could answer differently).

import { Socket } from 'node:net';
import { abortError, type DialContext } from '../core/dialer.ts';
import { type Code, codeOfErrno, GatewayError, type Retry, type Side } from '../core/error.ts';
import { crowdOf, type Flow } from '../core/flow.ts';
import type { Halt } from '../core/halt.ts';
import { formatIp, type Ip } from '../core/ip.ts';
import type { Link } from '../core/link.ts';
import type { Session } from '../core/session.ts';
import type { Target } from '../core/target.ts';
import { connectRaw } from './connect-raw.ts';
import type { Datagrams } from './datagram.ts';
import { StreamLink } from './link.ts';
import type { Connecting, RawLink } from './link-raw.ts';
import { errnoName, type Result } from './native.ts';
import type { PortTurns } from './port-choice.ts';
import type { Reactor } from './reactor.ts';
import type { NameResolver } from './resolve.ts';
import { nodeBind, type Source, type SourceFailure, sourceSocket } from './source-socket.ts';

/** One address of several may take this long: Linux sends a second SYN after 1 s, and 1.5 s are left for its answer. */
const ATTEMPT_MS = 2_500;

/** Addresses of one name that are dialled: a hostile name could hold a thousand. */
const MAX_ATTEMPTS = 6;

const SOCKET = { allowHalfOpen: true, noDelay: true } as const;

export interface ConnectOptions {
	/** Whose end this is: the side of errors, now and of the link. */
	readonly side: Side;
	/** Closes the socket at once. */
	readonly signal: Halt;
	/** Gives this attempt up with `connection_timeout`. Without it the signal alone ends it. */
	readonly limitMs?: number;
	/** Connects without node's streams, where there is one. */
	readonly reactor?: Reactor | null;
	/** After so long of silence the peer is asked whether it is still there; 0, and by default: never. */
	readonly keepAliveMs?: number;
	/** Where it leaves from; what is wrong with that is a `SourceFault`. */
	readonly source?: Source;
}

/** The near end is at fault, and another one may do. */
export class SourceFault extends GatewayError {
	/** The address is not one of this machine's; else its ports are used up. */
	readonly isForeign: boolean;

	constructor({ errno, bind }: SourceFailure) {
		const code = bind || isPortless(errno) ? 'connection_limit_reached' : 'proxy_configuration_error';
		super(code, { side: 'gateway', phase: 'connect', retry: 'next', note: `source ${errno}` });
		this.isForeign = bind && errno === 'EADDRNOTAVAIL';
	}
}

/** bind(2) and connect(2) on an address whose ports are all in use. */
function isPortless(errno: string | undefined): boolean {
	return errno === 'EADDRINUSE' || errno === 'EADDRNOTAVAIL';
}

/**
 * A paused link to an address. Rejects with GatewayError, phase `connect`: the errno as a code and note, or why the signal
 * was aborted. Leaves no listener on the signal.
 */
export function connectTcp(ip: Ip, port: number, options: ConnectOptions): Promise<Link> {
	return new Promise((resolve, reject) => {
		if (options.signal.aborted) reject(abortError(options.signal));
		else new Attempt(options, resolve, reject).start(ip, port);
	});
}

class Attempt implements Connecting {
	readonly #options: ConnectOptions;
	readonly #resolve: (link: Link) => void;
	readonly #reject: (error: GatewayError) => void;
	/** What is to be closed when nobody waits any more. */
	#socket: Socket | RawLink | null = null;
	#timer: NodeJS.Timeout | null = null;

	constructor(options: ConnectOptions, resolve: (link: Link) => void, reject: (error: GatewayError) => void) {
		this.#options = options;
		this.#resolve = resolve;
		this.#reject = reject;
	}

	start(ip: Ip, port: number): void {
		const { signal, limitMs, reactor, source } = this.#options;
		signal.addEventListener('abort', this.#onAbort);
		if (limitMs !== undefined) this.#timer = setTimeout(onLimit, limitMs, this);
		// Without system calls it is node that binds.
		if (reactor && source?.calls !== null) this.#startPlain(ip, port, reactor, source);
		else this.#startStream(ip, port, source);
	}

	#startPlain(ip: Ip, port: number, reactor: Reactor, source: Source | undefined): void {
		const { side, keepAliveMs = 0 } = this.#options;
		const link = connectRaw(ip, port, { reactor, side, keepAliveMs, source }, this);
		if (typeof link === 'number') this.decided(link);
		else if ('errno' in link) this.#refuseSource(link);
		else this.#socket = link;
	}

	#refuseSource(failure: SourceFailure): void {
		this.#over();
		this.#reject(new SourceFault(failure));
	}

	#startStream(ip: Ip, port: number, source: Source | undefined): void {
		const socket = source ? sourceSocket(source, ip) : new Socket(SOCKET);
		if (!(socket instanceof Socket)) return this.#refuseSource(socket);
		this.#socket = socket;
		const onConnect = (): void => {
			socket.off('error', onError);
			if (this.#options.keepAliveMs) socket.setKeepAlive(true, this.#options.keepAliveMs);
			this.#over();
			this.#resolve(new StreamLink(socket, this.#options));
		};
		const onError = (error: NodeJS.ErrnoException): void => {
			socket.off('connect', onConnect);
			this.#over();
			this.#rejectErrno(error.code, error.syscall === 'bind');
		};
		socket.once('error', onError);
		socket.once('connect', onConnect);
		socket.connect({ host: formatIp(ip), port, autoSelectFamily: false, ...(source ? nodeBind(source) : {}) });
	}

	decided(result: Result): void {
		this.#over();
		if (result === 0) this.#resolve(this.#socket as RawLink);
		else this.#rejectErrno(errnoName(result), false);
	}

	#rejectErrno(errno: string | undefined, bind: boolean): void {
		const { side, source } = this.#options;
		const isSource = source !== undefined && source.ip !== null && errno !== undefined && isPortless(errno);
		this.#reject(isSource ? new SourceFault({ errno, bind }) : errnoError(errno, side));
	}

	readonly #onAbort = (): void => this.#fail(abortError(this.#options.signal));

	expire(): void {
		this.#fail(failure('connection_timeout', this.#options.side, 'attempt'));
	}

	#fail(error: GatewayError): void {
		this.#over();
		this.#socket?.destroy();
		this.#reject(error);
	}

	/** Nothing of the attempt hangs on the signal or the clock for as long as the link lives. */
	#over(): void {
		this.#options.signal.removeEventListener('abort', this.#onAbort);
		if (this.#timer) clearTimeout(this.#timer);
	}
}

function onLimit(attempt: Attempt): void {
	attempt.expire();
}

/** No cause: node puts the address into its message. The errno says the rest. */
function errnoError(errno: string | undefined, side: Side): GatewayError {
	const code = codeOfErrno(errno);
	// Descriptors and memory are ours, whoever was to be reached.
	return failure(code, code === 'connection_limit_reached' ? 'gateway' : side, errno);
}

function failure(code: Code, side: Side, note: string | undefined): GatewayError {
	return new GatewayError(code, {
		side,
		phase: 'connect',
		retry: retryOf(code),
		...(note === undefined ? {} : { note }),
	});
}

/** Whoever answers with RST has decided, and our own shortage is every way's: from elsewhere the end would be the same. */
const FINAL: readonly Code[] = ['connection_refused', 'connection_terminated', 'connection_limit_reached'];

function retryOf(code: Code): Retry {
	return FINAL.includes(code) ? 'no' : 'next';
}

/** Addresses of this machine to leave from. */
export interface Departures {
	/** Whether there is one for an address of this family. */
	reaches(ip: Ip): boolean;
	/** Opens something else from one of them that has the family of `like`: see io/egress.ts. */
	leave<T>(like: Ip, flow: Flow, open: (source: Source) => Promise<T>): Promise<T>;
	/** As `connectTcp`, from one of them. */
	connect(ip: Ip, port: number, options: ConnectOptions, flow: Flow): Promise<Link>;
	/** Whether two dials of one flow may leave from two addresses. */
	rotates?(session: Session | null): boolean;
}

export interface DialDeps {
	readonly resolver: NameResolver;
	/** Dials without node's streams, where there is one. */
	readonly reactor?: Reactor | null;
	/** As `ConnectOptions` has it. */
	readonly keepAliveMs?: number;
	/** For ways out that carry datagrams, too. */
	readonly datagrams?: Datagrams;
	/** For ways out that wait for peers, too: where they listen. */
	readonly waitPorts?: PortTurns;
	/** Absent: the kernel decides. */
	readonly egress?: Departures | null;
}

export interface DialOptions {
	readonly side: Side;
	/** Default 2,500. */
	readonly attemptMs?: number;
}

/**
 * A link to a target. A name is resolved here and its permitted addresses are dialled in turn, all but the last within a
 * share of the deadline, which the context's signal keeps. Rejects with GatewayError: the last attempt's, where a missing
 * route counts only if no attempt got further; a refusal by policy only if no address was permitted.
 */
export function dialTarget(target: Target, context: DialContext, deps: DialDeps, options: DialOptions): Promise<Link> {
	if (target.ip === null) return dialName(target, context, deps, options);
	const refusal = context.permits(target.ip);
	if (refusal) return Promise.reject(refusal);
	return connectFrom(
		deps,
		target.ip,
		target.port,
		{
			side: options.side,
			signal: context.signal,
			reactor: deps.reactor ?? null,
			keepAliveMs: deps.keepAliveMs ?? 0,
		},
		context,
	);
}

async function dialName(target: Target, context: DialContext, deps: DialDeps, options: DialOptions): Promise<Link> {
	const { signal, flow } = context;
	const found = await deps.resolver.resolve(target.host, signal, crowdOf(flow));
	const addresses = permitted(reached(found, deps), context);
	const { reactor = null, keepAliveMs = 0 } = deps;
	const { side, attemptMs = ATTEMPT_MS } = options;
	let failed: GatewayError | null = null;
	for (const [i, ip] of addresses.entries()) {
		const last = i === addresses.length - 1;
		try {
			const attempt = { side, signal, reactor, keepAliveMs, ...(last ? {} : { limitMs: attemptMs }) };
			return await connectFrom(deps, ip, target.port, attempt, context);
		} catch (thrown) {
			if (signal.aborted) throw thrown;
			const error = thrown as GatewayError;
			if (failed === null || error.code !== 'destination_ip_unroutable') failed = error;
		}
	}
	throw failed;
}

function connectFrom(
	{ egress }: DialDeps,
	ip: Ip,
	port: number,
	options: ConnectOptions,
	{ flow }: DialContext,
): Promise<Link> {
	return egress ? egress.connect(ip, port, options, flow) : connectTcp(ip, port, options);
}

/** Those that there is a source for; all of them if there is none for any, so that the dial says so. */
export function reached(addresses: readonly Ip[], { egress }: DialDeps): readonly Ip[] {
	if (!egress) return addresses;
	const reached = addresses.filter((ip) => egress.reaches(ip));
	return reached.length > 0 ? reached : addresses;
}

/** The addresses that may be dialled, in order. Throws the first refusal when there is none. */
export function permitted(addresses: readonly Ip[], context: Pick<DialContext, 'permits'>): Ip[] {
	const allowed: Ip[] = [];
	let refusal: GatewayError | null = null;
	for (const ip of addresses) {
		const refused = context.permits(ip);
		if (refused) refusal ??= refused;
		else if (allowed.push(ip) === MAX_ATTEMPTS) break;
	}
	if (allowed.length === 0) throw refusal ?? new GatewayError('destination_not_found', { side: 'target' });
	return allowed;
}
