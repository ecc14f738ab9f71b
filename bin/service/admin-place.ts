// Where the admin listener goes: what the configuration says, made of what the surroundings offer.
import { join } from 'node:path';
import type { AdminListen } from '../../lib/config/config.ts';
import { ListenError, type Where } from '../../lib/io/bind.ts';
import type { HandedSockets } from '../../lib/io/handed-sockets.ts';

/** The file in the folder that systemd makes for the service (RuntimeDirectory=). */
const FILE = 'admin.sock';

/** What `bauta status` and the like try when nothing else is said. */
export const DEFAULT_SOCKET = '/run/bauta/admin.sock';

/** Where to listen; null for nowhere. Throws ListenError for a socket that nobody handed over. */
export function whereOf(listen: AdminListen, handed: HandedSockets, takeOver: boolean): Where | null {
	switch (listen.kind) {
		case 'off':
			return null;
		case 'default': {
			const folder = process.env.RUNTIME_DIRECTORY?.split(':')[0];
			return folder ? { path: join(folder, FILE), takeOver } : null;
		}
		case 'unix':
			return { path: listen.path, takeOver };
		case 'tcp':
			return handed.take(handedName(listen)) ?? { host: listen.host ?? '::', port: listen.port };
		case 'fd': {
			const given = handed.take(listen.name);
			if (given) return given;
			throw new ListenError('ENOENT', `socket ${listen.name}, which nobody handed over`);
		}
	}
}

/** What the listener's socket is called when it is handed over: no proxy listener can be called so. */
export function handedName(listen: AdminListen): string {
	if (listen.kind === 'fd') return listen.name;
	return listen.kind === 'tcp' ? `admin ${listen.host ?? ''}:${listen.port}` : 'admin';
}
