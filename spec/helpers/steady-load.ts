// Clients that come, talk and go without a pause, and notice everything that goes wrong.
import { once } from 'node:events';
import { connect } from 'node:net';
import { handshakeOf } from './handshakes.ts';
import type { Scope } from './scope.ts';
import { echo, startTcpOrigin } from './tcp-origins.ts';

export interface SteadyLoad {
	/** Conversations that went well so far. */
	readonly done: number;
	/** What went wrong. */
	readonly failures: readonly string[];
	/** Ends it; resolves when the last client has gone. */
	stop(): Promise<void>;
}

const ASK = 'ping';

/** `width` clients at once, each a CONNECT to an echo, a few bytes there and back, and a close. */
export async function startLoad(scope: Scope, port: number, width = 8): Promise<SteadyLoad> {
	const origin = await startTcpOrigin(scope, echo);
	const handshake = handshakeOf('connect', '127.0.0.1', origin.port);
	const failures: string[] = [];
	const load = { done: 0, failures, stop };
	let running = true;
	const worker = async (): Promise<void> => {
		while (running) {
			const wrong = await converse(port, handshake);
			if (wrong === null) load.done++;
			else failures.push(wrong);
		}
	};
	const workers = Array.from({ length: width }, worker);
	async function stop(): Promise<void> {
		running = false;
		await Promise.all(workers);
	}
	scope.teardown(stop);
	return load;
}

/** Null when all went well. */
async function converse(port: number, handshake: Buffer): Promise<string | null> {
	const socket = connect(port, '127.0.0.1');
	let heard = '';
	socket.on('data', (chunk: Buffer) => {
		const before = heard.includes('\r\n\r\n');
		heard += chunk.toString('latin1');
		if (!before && heard.includes('\r\n\r\n')) socket.end(ASK);
	});
	const ended = once(socket, 'close');
	socket.write(handshake);
	try {
		await Promise.race([once(socket, 'end'), ended]);
		await ended;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code ?? 'error';
	}
	return /^HTTP\/1\.1 200 .*\r\n\r\nping$/s.test(heard) ? null : `heard ${heard.slice(0, 40)}`;
}
