// The socket that systemd gives its services, played by this process: a real datagram socket of AF_UNIX that hears what
// sd_notify(3) says.
import { join } from 'node:path';
import { nativeCalls } from '../../lib/io/native.ts';
import { temporaryFolder } from './gateway-process.ts';
import type { Scope } from './scope.ts';

export interface NotifySocket {
	/** For $NOTIFY_SOCKET. */
	readonly path: string;
	/** Every datagram so far, in order. */
	readonly heard: readonly string[];
	/** Resolves with the first datagram, past or to come, that matches. */
	readonly message: (pattern: RegExp) => Promise<string>;
}

/** Null where there are no system calls to make one with. `abstract`: without a file. */
export function openNotifySocket(scope: Scope, { abstract = false }: { abstract?: boolean } = {}): NotifySocket | null {
	const native = nativeCalls();
	if (!native) return null;
	const path = abstract ? `@bauta-spec-${process.pid}-${Math.random()}` : join(temporaryFolder(scope), 'notify');
	const fd = native.unixDatagram();
	const address = Buffer.from(abstract ? `\x01\0\0${path.slice(1)}` : `\x01\0${path}\0`);
	if (fd < 0 || native.bind(fd, address) < 0) throw new Error('no datagram socket');
	const heard: string[] = [];
	const waiting = new Set<() => void>();
	const buffer = Buffer.alloc(8_192);
	const watch = native.watch(fd, () => {
		for (let length = native.recv(fd, buffer, buffer.length); length >= 0; ) {
			heard.push(buffer.toString('utf8', 0, length));
			length = native.recv(fd, buffer, buffer.length);
		}
		// Out of node's callbacks promises wait; whoever waits here is told within one.
		setImmediate(() => {
			for (const look of waiting) look();
		});
	});
	scope.teardown(() => {
		watch.close();
		native.close(fd);
	});
	const message = (pattern: RegExp): Promise<string> =>
		new Promise((resolve) => {
			const look = (): void => {
				const found = heard.find((text) => pattern.test(text));
				if (found === undefined) return;
				waiting.delete(look);
				resolve(found);
			};
			waiting.add(look);
			look();
		});
	return { path, heard, message };
}
