// Tells the service manager how it goes: sd_notify(3), datagrams to the socket that $NOTIFY_SOCKET names. Node has no
// datagrams of AF_UNIX, so they go by system calls; where there are none, systemd-notify(1) carries them, which needs
// NotifyAccess=all in the unit. What cannot be told is not told: no service depends on it but the one of systemd.
import { spawn } from 'node:child_process';
import { AF_UNIX, EAGAIN, type Native, nativeCalls } from './native.ts';

/** systemd gives its socket a long queue; it is full for moments at most. */
const RETRY_MS = 20;

/** A second of a full queue; then a message is lost. */
const MOST_TRIES = 50;

export interface NotifyDeps {
	/** System calls, or null to do without. */
	readonly native?: Native | null;
}

/** One word of sd_notify(3) to a line. */
export type Notify = (lines: string) => void;

/** Null when nobody wants to know. Messages leave in the order they were given. */
export function notifier(socket: string | undefined, deps: NotifyDeps = {}): Notify | null {
	if (!socket || !/^[/@]/.test(socket)) return null;
	const native = deps.native === undefined ? nativeCalls() : deps.native;
	const fd = native ? connected(native, socket) : -1;
	return native && fd >= 0 ? bySystemCalls(native, fd) : byCommand(socket);
}

/** A descriptor, or a negative errno. */
function connected(native: Native, socket: string): number {
	const fd = native.unixDatagram();
	if (fd < 0) return fd;
	const failure = native.connect(fd, addressOf(socket));
	if (failure >= 0) return fd;
	native.close(fd);
	return failure;
}

/** struct sockaddr_un: the family, then a path with a NUL behind it, or a NUL and an abstract name. */
function addressOf(socket: string): Uint8Array {
	const abstract = socket.startsWith('@');
	const address = Buffer.from(abstract ? `\0\0\0${socket.slice(1)}` : `\0\0${socket}\0`);
	new Uint16Array(address.buffer, address.byteOffset, 1)[0] = AF_UNIX;
	return address;
}

function bySystemCalls(native: Native, fd: number): Notify {
	const waiting: Buffer[] = [];
	let tries = 0;
	const send = (): void => {
		while (waiting.length > 0) {
			const message = waiting[0] as Buffer;
			if (native.send(fd, message, message.length) === -EAGAIN && ++tries < MOST_TRIES) {
				setTimeout(send, RETRY_MS);
				return;
			}
			tries = 0;
			waiting.shift();
		}
	};
	return (lines) => {
		if (waiting.push(Buffer.from(lines)) === 1) send();
	};
}

function byCommand(socket: string): Notify {
	let last = Promise.resolve();
	return (lines) => {
		last = last.then(() => command(socket, lines));
	};
}

function command(socket: string, lines: string): Promise<void> {
	return new Promise((resolve) => {
		const env = { ...process.env, NOTIFY_SOCKET: socket };
		const child = spawn('systemd-notify', lines.split('\n').filter(Boolean), { stdio: 'ignore', env });
		child.on('error', () => resolve());
		child.on('exit', () => resolve());
	});
}
