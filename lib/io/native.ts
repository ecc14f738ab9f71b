// The system calls that node has no word for, straight from libc by koffi's platform package: sockets as plain descriptors.
// The one file that loads native code. Linux on x64 or arm64 alone; anywhere else, and where the package is missing,
// `nativeCalls()` is null and everything goes by node:net. Holds no state but the loaded functions.
//
// A descriptor is a number that the kernel gives to the next one as soon as it is closed: whoever closes one must forget it
// in the same breath (io/reactor.ts says how). Every call here returns at once on the sockets that are made here.
import { createRequire } from 'node:module';
import { getSystemErrorName } from 'node:util';

/** Of every call here: what the call gives, or the negative errno when it failed, as the kernel itself returns it. */
export type Result = number;

/** System calls as they are in section 2 of the manual; sockets are non-blocking and close on exec. */
export interface Native {
	/** `family`: `AF_INET` or `AF_INET6`. A TCP socket. */
	socket(family: number): Result;
	/** For a descriptor that somebody else made. */
	setNonBlocking(fd: number): Result;
	/** A UDP socket of that family. */
	datagramSocket(family: number): Result;
	/** Of the `count` struct mmsghdr in `headers` as many as came, at least one. Their pointers must point at living memory. */
	receiveMany(fd: number, headers: Uint8Array, count: number): Result;
	/** How many of the first `count` were sent; the failure of the first when none was. Never raises SIGPIPE. */
	sendMany(fd: number, headers: Uint8Array, count: number): Result;
	/** Where `bytes` are, for a pointer in another structure: it does not keep them alive. */
	addressOf(bytes: Uint8Array): number;
	/** A datagram socket of AF_UNIX, for `connect` and `send`. */
	unixDatagram(): Result;
	/** An option that is an int. */
	setOption(fd: number, level: number, option: number, value: number): Result;
	/** An option that is bytes or text. */
	setOptionBytes(fd: number, level: number, option: number, value: Uint8Array): Result;
	/** An option that is an int; its value, or a negative errno. */
	getOption(fd: number, level: number, option: number): Result;
	/** `address`: a sockaddr of io/sockaddr.ts. */
	bind(fd: number, address: Uint8Array): Result;
	/** -EINPROGRESS: under way, the socket becomes writable when it is decided. */
	connect(fd: number, address: Uint8Array): Result;
	listen(fd: number, backlog: number): Result;
	/** Writes the peer's sockaddr into `address`. */
	accept(fd: number, address: Uint8Array): Result;
	/** Writes the socket's own sockaddr into `address`. */
	localAddress(fd: number, address: Uint8Array): Result;
	recv(fd: number, into: Uint8Array, length: number): Result;
	/** Never raises SIGPIPE. */
	send(fd: number, bytes: Uint8Array, length: number): Result;
	/** A pipe, its ends written into `ends`: reading, writing. */
	pipe(ends: Int32Array): Result;
	/** How much a pipe holds, of which the kernel makes whole pages; -EPERM beyond what pipe(7) grants. */
	setPipeBytes(pipe: number, bytes: number): Result;
	/** Moves up to `length` bytes from one descriptor to another, one of which is a pipe. -EAGAIN when nothing can move. */
	splice(from: number, to: number, length: number): Result;
	/** `how`: `SHUT_WR`. */
	shutdown(fd: number, how: number): Result;
	close(fd: number): Result;
	epollCreate(): Result;
	/** `event`: a struct epoll_event, see `EPOLL_EVENT_BYTES`. */
	epollControl(epoll: number, operation: number, fd: number, event: Uint8Array): Result;
	epollWait(epoll: number, events: Uint8Array, count: number, timeoutMs: number): Result;
	/** Gives free memory of the C library back to the system, where it has a call for that. */
	trimMemory(): void;
	/** Calls back from node's own loop for as long as `fd` is readable. Outside of node's callbacks: promises wait meanwhile. */
	watch(fd: number, readable: () => void): Watch;
}

/** Keeps the process alive unless `unref` was called. */
export interface Watch {
	ref(): void;
	unref(): void;
	/** Before the descriptor is closed. */
	close(): void;
}

/** The same on both architectures. */
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOL_SOCKET = 1;
export const SHUT_WR = 1;
export const EAGAIN = 11;
export const EINPROGRESS = 115;

/** Packed on x64 (epoll_ctl(2), `__EPOLL_PACKED`): events at 0, data behind it. */
export const EPOLL_EVENT_BYTES: number = process.arch === 'x64' ? 12 : 16;
export const EPOLL_DATA_OFFSET: number = process.arch === 'x64' ? 4 : 8;

const SOCK_STREAM_NONBLOCK_CLOEXEC = 1 | 0o4000 | 0o2000000;
const SOCK_DGRAM_NONBLOCK_CLOEXEC = 2 | 0o4000 | 0o2000000;
/** O_NONBLOCK and O_CLOEXEC, too. */
const SOCK_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;
const EPOLL_CLOEXEC = 0o2000000;
const SPLICE_MOVE_NONBLOCK = 1 | 2;
const MSG_NOSIGNAL = 0x4000;
const FIONBIO = 0x5421;
const F_SETPIPE_SZ = 1031;

/** As much of koffi as is used here; its platform packages bring no types. */
interface Koffi {
	load(path: null): { func(prototype: string): (...args: (number | Uint8Array | Int32Array | null)[]) => number };
	errno(): number;
	address(bytes: Uint8Array): bigint;
	readonly node: { poll(fd: number, events: { readable: true }, callback: () => void): Watch };
}

let loaded: Native | null | undefined;

/** Null where there are none. Looked for once. */
export function nativeCalls(): Native | null {
	if (loaded === undefined) loaded = load();
	return loaded;
}

function load(): Native | null {
	if (process.platform !== 'linux') return null;
	try {
		return callsOf(koffiOfThisMachine());
	} catch {
		return null;
	}
}

function koffiOfThisMachine(): Koffi {
	const require = createRequire(import.meta.url);
	return process.arch === 'arm64' ? require('@koromix/koffi-linux-arm64') : require('@koromix/koffi-linux-x64');
}

function callsOf(koffi: Koffi): Native {
	const libc = koffi.load(null);
	const socket = libc.func('int socket(int, int, int)');
	const ioctl = libc.func('int ioctl(int, unsigned long, void *)');
	const setsockopt = libc.func('int setsockopt(int, int, int, const void *, uint32_t)');
	const getsockopt = libc.func('int getsockopt(int, int, int, void *, void *)');
	const bind = libc.func('int bind(int, const void *, uint32_t)');
	const connect = libc.func('int connect(int, const void *, uint32_t)');
	const listen = libc.func('int listen(int, int)');
	const accept4 = libc.func('int accept4(int, void *, void *, int)');
	const getsockname = libc.func('int getsockname(int, void *, void *)');
	const recv = libc.func('int64_t recv(int, void *, uint64_t, int)');
	const send = libc.func('int64_t send(int, const void *, uint64_t, int)');
	const pipe2 = libc.func('int pipe2(void *, int)');
	const fcntl = libc.func('int fcntl(int, int, int)');
	const splice = libc.func('int64_t splice(int, void *, int, void *, uint64_t, unsigned int)');
	const shutdown = libc.func('int shutdown(int, int)');
	const close = libc.func('int close(int)');
	// A timeout of zero is the null pointer: the call does not wait for more.
	const recvmmsg = libc.func('int recvmmsg(int, void *, unsigned int, int, int64_t)');
	const sendmmsg = libc.func('int sendmmsg(int, void *, unsigned int, int)');
	const epollCreate = libc.func('int epoll_create1(int)');
	const epollControl = libc.func('int epoll_ctl(int, int, int, void *)');
	const epollWait = libc.func('int epoll_wait(int, void *, int, int)');
	const mallocTrim = optional(libc, 'int malloc_trim(size_t)');
	const result = (value: number): number => (value < 0 ? -koffi.errno() : value);
	// Where the kernel reads and writes an int or a length: the calls are synchronous, so one of each does for all.
	const int = new Int32Array(1);
	const intBytes = new Uint8Array(int.buffer);
	const length = new Uint32Array(1);
	const lengthBytes = new Uint8Array(length.buffer);
	return {
		socket: (family) => result(socket(family, SOCK_STREAM_NONBLOCK_CLOEXEC, 0)),
		setNonBlocking(fd) {
			int[0] = 1;
			return result(ioctl(fd, FIONBIO, intBytes));
		},
		datagramSocket: (family) => result(socket(family, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0)),
		receiveMany: (fd, headers, count) => result(recvmmsg(fd, headers, count, 0, 0)),
		sendMany: (fd, headers, count) => result(sendmmsg(fd, headers, count, MSG_NOSIGNAL)),
		addressOf: (bytes) => Number(koffi.address(bytes)),
		unixDatagram: () => result(socket(AF_UNIX, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0)),
		setOption(fd, level, option, value) {
			int[0] = value;
			return result(setsockopt(fd, level, option, intBytes, 4));
		},
		setOptionBytes: (fd, level, option, value) => result(setsockopt(fd, level, option, value, value.length)),
		getOption(fd, level, option) {
			length[0] = 4;
			const got = result(getsockopt(fd, level, option, intBytes, lengthBytes));
			return got < 0 ? got : (int[0] as number);
		},
		bind: (fd, address) => result(bind(fd, address, address.length)),
		connect: (fd, address) => result(connect(fd, address, address.length)),
		listen: (fd, backlog) => result(listen(fd, backlog)),
		accept(fd, address) {
			length[0] = address.length;
			return result(accept4(fd, address, lengthBytes, SOCK_NONBLOCK_CLOEXEC));
		},
		localAddress(fd, address) {
			length[0] = address.length;
			return result(getsockname(fd, address, lengthBytes));
		},
		recv: (fd, into, size) => result(recv(fd, into, size, 0)),
		send: (fd, bytes, size) => result(send(fd, bytes, size, MSG_NOSIGNAL)),
		pipe: (ends) => result(pipe2(ends, SOCK_NONBLOCK_CLOEXEC)),
		setPipeBytes: (pipe, bytes) => result(fcntl(pipe, F_SETPIPE_SZ, bytes)),
		splice: (from, to, size) => result(splice(from, null, to, null, size, SPLICE_MOVE_NONBLOCK)),
		shutdown: (fd, how) => result(shutdown(fd, how)),
		close: (fd) => result(close(fd)),
		epollCreate: () => result(epollCreate(EPOLL_CLOEXEC)),
		epollControl: (epoll, operation, fd, event) => result(epollControl(epoll, operation, fd, event)),
		epollWait: (epoll, events, count, timeoutMs) => result(epollWait(epoll, events, count, timeoutMs)),
		trimMemory: () => void mallocTrim?.(0),
		watch: (fd, readable) => koffi.node.poll(fd, { readable: true }, readable),
	};
}

/** Null where this C library has no such function. */
function optional(libc: ReturnType<Koffi['load']>, prototype: string): ReturnType<typeof libc.func> | null {
	try {
		return libc.func(prototype);
	} catch {
		return null;
	}
}

/** The name of a negative errno: ECONNREFUSED ... */
export function errnoName(failure: Result): string {
	return getSystemErrorName(failure);
}
