// Gives a socket its own end: the address it leaves from, a mark, a device. By system calls the port stays open until
// connect(2), so one address carries a connection for each port and target (IP_BIND_ADDRESS_NO_PORT), where bind(2) alone
// would give out each port once. Without them node binds, which takes the port at once.
import { Socket } from 'node:net';
import { formatIp, type Ip } from '../core/ip.ts';
import { errnoName, type Native, type Result, SOL_SOCKET } from './native.ts';
import { familyOf, sockaddrOf } from './sockaddr.ts';

/** The near end of a connection. */
export interface Source {
	/** Null: the kernel takes one. */
	readonly ip: Ip | null;
	/** SO_MARK; 0: none. */
	readonly mark: number;
	/** SO_BINDTODEVICE; empty: none. */
	readonly device: string;
	/** Bind although no interface has the address: for prefixes that are routed to this machine as a whole. */
	readonly freebind: boolean;
	/** The system calls; null: node binds, and knows neither mark nor device. */
	readonly calls: SourceCalls | null;
}

/** The calls that a source needs. */
export type SourceCalls = Pick<Native, 'socket' | 'setOption' | 'setOptionBytes' | 'bind' | 'close'>;

/** Of ip(7) and socket(7). IP_FREEBIND holds for sockets of both families; it needs no capability. */
const IPPROTO_IP = 0;
const IP_FREEBIND = 15;
const IP_BIND_ADDRESS_NO_PORT = 24;
const SO_BINDTODEVICE = 25;
const SO_MARK = 36;

/** Why a socket could not have that near end. `bind`: nothing but bind(2) failed. */
export interface SourceFailure {
	readonly errno: string;
	readonly bind: boolean;
}

const OPTIONS = { allowHalfOpen: true, noDelay: true } as const;

/** A socket that is not connected yet, for `Socket.connect`; without system calls node binds it then. Failing closes it. */
export function sourceSocket(source: Source, to: Ip): Socket | SourceFailure {
	const { calls } = source;
	if (calls === null) return source.mark === 0 && source.device === '' ? new Socket(OPTIONS) : NO_CALLS;
	const fd = calls.socket(familyOf(to));
	if (fd < 0) return { errno: errnoName(fd), bind: false };
	const failure = bindSource(fd, source, calls);
	if (failure === null)
		return new Socket({ ...OPTIONS, fd, manualStart: true } as ConstructorParameters<typeof Socket>[0]);
	calls.close(fd);
	return failure;
}

/** What `Socket.connect` has to be told where node binds. */
export function nodeBind({ ip, calls }: Source): { readonly localAddress?: string } {
	return calls === null && ip !== null ? { localAddress: formatIp(ip) } : {};
}

/** Node knows neither mark nor device. */
export const NO_CALLS: SourceFailure = { errno: 'ENOSYS', bind: false };

/** Gives a new TCP socket its near end; null when it has it. The caller closes it in either case. */
export function bindSource(fd: number, source: Omit<Source, 'calls'>, calls: SourceCalls): SourceFailure | null {
	const prepared = prepareSource(fd, source, calls);
	if (prepared < 0) return { errno: errnoName(prepared), bind: false };
	if (source.ip === null) return null;
	calls.setOption(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	const bound = calls.bind(fd, sockaddrOf(source.ip, 0));
	return bound < 0 ? { errno: errnoName(bound), bind: true } : null;
}

/** What a new socket of any kind has to be told before bind(2). */
export function prepareSource(
	fd: number,
	{ mark, device, freebind }: Omit<Source, 'calls' | 'ip'>,
	calls: Pick<SourceCalls, 'setOption' | 'setOptionBytes'>,
): Result {
	let result: Result = 0;
	if (mark !== 0) result = calls.setOption(fd, SOL_SOCKET, SO_MARK, mark | 0);
	if (result >= 0 && device !== '')
		result = calls.setOptionBytes(fd, SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${device}\0`, 'latin1'));
	if (result >= 0 && freebind) calls.setOption(fd, IPPROTO_IP, IP_FREEBIND, 1);
	return result;
}
