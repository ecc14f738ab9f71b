// Asks the admin listener of a gateway that runs: found by a flag, the configuration or the place that systemd gives it.
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { AdminListen } from '../lib/config/config.ts';
import { loadConfig } from '../lib/config/load.ts';
import type { Secret } from '../lib/core/secret.ts';
import { EXIT } from './exit-codes.ts';
import { layerOf } from './flags.ts';
import { DEFAULT_SOCKET } from './service/admin-place.ts';

/** What flags say about where to ask. */
export interface Place {
	readonly config?: string;
	readonly admin?: string;
}

/** Why nobody could be asked, or what was answered, with the code to end with. */
export class AdminClientError extends Error {
	readonly exitCode: number;

	constructor(message: string, exitCode: number) {
		super(message);
		this.name = 'AdminClientError';
		this.exitCode = exitCode;
	}
}

/** Beyond it nobody is there: a gateway answers within a turn of its loop, but an upgrade takes as long as a start. */
const ANSWER_MS = 45_000;

interface Refused {
	readonly error: { readonly code: string; readonly message: string; readonly problems?: readonly string[] };
}

export class AdminClient {
	readonly #where: AdminListen;
	readonly #token: Secret | null;

	private constructor(where: AdminListen, token: Secret | null) {
		this.#where = where;
		this.#token = token;
	}

	/** One for the listener that flags, file and environment name. Throws ConfigError. */
	static async of({ config: file, admin }: Place): Promise<AdminClient> {
		const { config } = await loadConfig({ file, env: process.env, flags: layerOf({ admin }) });
		const { listen, token } = config.admin;
		return new AdminClient(listen.kind === 'default' ? { kind: 'unix', path: DEFAULT_SOCKET } : listen, token);
	}

	/** Throws AdminClientError. */
	async get<T>(path: string): Promise<T> {
		return this.#answer(await this.open(path));
	}

	/** Throws AdminClientError. */
	async post<T>(path: string, body: object = {}): Promise<T> {
		return this.#answer(await this.open(path, JSON.stringify(body)));
	}

	async #answer<T>(response: IncomingMessage): Promise<T> {
		const said = JSON.parse(await text(response)) as T | Refused;
		if (response.statusCode === 200) return said as T;
		const { code, message, problems = [] } = (said as Refused).error;
		const lines = problems.length > 0 ? [...problems, `bauta: ${message}`] : [`bauta: refused: ${message}`];
		throw new AdminClientError(lines.join('\n'), exitCodeOf(code));
	}

	/** Sends a request; resolves with the head of the answer, whatever it is. Throws AdminClientError. */
	open(path: string, body?: string): Promise<IncomingMessage> {
		return new Promise((resolve, reject) => {
			const token = this.#token === null ? {} : { Authorization: `Bearer ${this.#token.reveal()}` };
			const headers = { ...token, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) };
			const method = body === undefined ? 'GET' : 'POST';
			const asked = request({ ...this.#place(), path, method, headers, agent: false, timeout: ANSWER_MS }, resolve);
			asked.on('timeout', () => asked.destroy(Object.assign(new Error(), { code: 'ETIMEDOUT' })));
			asked.on('error', (error: NodeJS.ErrnoException) => reject(this.#unreached(error.code ?? 'error')));
			asked.end(body);
		});
	}

	#place(): { socketPath: string; host: string } | { host: string; port: number } {
		const where = this.#where;
		switch (where.kind) {
			case 'unix':
				return { socketPath: where.path, host: 'localhost' };
			case 'tcp':
				return { host: where.host ?? '127.0.0.1', port: where.port };
			default:
				throw new AdminClientError(
					'bauta: the configuration names no place to ask at: give --admin ADDR:PORT or --admin PATH',
					EXIT.usage,
				);
		}
	}

	#unreached(errno: string): AdminClientError {
		const { kind } = this.#where;
		const place = this.#where.kind === 'unix' ? this.#where.path : 'the admin listener';
		const hint = kind === 'unix' ? ': does it run, and with an admin listener there?' : '';
		const denied = errno === 'EACCES' || errno === 'EPERM';
		return new AdminClientError(
			denied
				? `bauta: ${place} is for its owner and root (${errno})`
				: `bauta: nobody answers at ${place} (${errno})${hint}`,
			denied ? EXIT.noPermission : EXIT.unavailable,
		);
	}
}

function exitCodeOf(code: string): number {
	switch (code) {
		case 'unauthorized':
			return EXIT.noPermission;
		case 'invalid_configuration':
			return EXIT.config;
		case 'invalid_request':
			return EXIT.usage;
		case 'internal':
			return EXIT.software;
		default:
			return EXIT.unavailable;
	}
}
