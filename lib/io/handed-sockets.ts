// Sockets that another process made and that this one finds open when it starts: of systemd (sd_listen_fds(3)), or of the
// gateway that it takes over from, which says so in the same way but cannot know our process number.
import { closeSync } from 'node:fs';
import type { HandedSocket } from './bind.ts';

/** Where they begin: behind standard input, output and error. */
const FIRST_FD = 3;

/** What is taken for a mistake: one process has a few listeners. */
const MOST = 1_024;

/** Its own process number, in the environment of the one that shall take over. */
export const PREDECESSOR = 'LISTEN_PPID';

type Environment = Record<string, string | undefined>;

/** The variables that hand `sockets` to a child, which gets them as descriptors 3, 4 and so on. */
export function handingOver(sockets: readonly HandedSocket[]): Environment {
	return {
		LISTEN_FDS: String(sockets.length),
		LISTEN_FDNAMES: sockets.map(({ name }) => encodeURIComponent(name)).join(':'),
		LISTEN_PID: undefined,
		[PREDECESSOR]: String(process.pid),
		// For the one before; the next one is watched as soon as it is the main process.
		WATCHDOG_PID: undefined,
	};
}

export class HandedSockets {
	/** There is a gateway that this one takes over from. */
	readonly fromPredecessor: boolean;
	readonly #left: HandedSocket[] = [];

	/** Reads the variables and takes them out of `env`, so that no child of ours believes they were meant for it. */
	constructor(env: Environment = process.env, ids: { pid: number; ppid: number } = process) {
		this.fromPredecessor = Number(env[PREDECESSOR]) === ids.ppid;
		const count = this.fromPredecessor || Number(env.LISTEN_PID) === ids.pid ? Number(env.LISTEN_FDS) : 0;
		const names = (env.LISTEN_FDNAMES ?? '').split(':');
		for (let i = 0; i < Math.min(count, MOST); i++)
			this.#left.push({ name: decoded(names[i] || 'unknown'), fd: FIRST_FD + i });
		for (const name of ['LISTEN_FDS', 'LISTEN_FDNAMES', 'LISTEN_PID', PREDECESSOR]) delete env[name];
	}

	/** One that goes by this name; each is given once. */
	take(name: string): HandedSocket | null {
		const index = this.#left.findIndex((socket) => socket.name === name);
		return index < 0 ? null : (this.#left.splice(index, 1)[0] as HandedSocket);
	}

	/** Closes those that nobody took; gives back what they are called. */
	closeRest(): string[] {
		const rest = this.#left.splice(0);
		for (const { fd } of rest) {
			try {
				closeSync(fd);
			} catch {} // systemd said there was one, and there is none
		}
		return rest.map(({ name }) => name);
	}
}

function decoded(name: string): string {
	try {
		return decodeURIComponent(name);
	} catch {
		return name;
	}
}
