// Clients who mean harm, by the thousand: sockets that nobody waits for and whose end, whatever it is, is no news.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** An address of 127.0.0.0/8, by number: each is a client of its own. */
export function addressOf(index: number): string {
	return `127.1.${index >> 8}.${index & 255}`;
}

export interface Attacker {
	readonly socket: Socket;
	/** Everything it has heard, up to `HEARD_BYTES`. */
	heard: string;
	/** Resolves when it is gone. */
	readonly gone: Promise<void>;
}

const HEARD_BYTES = 4_096;

/** Connects and says that; null: says nothing. Resolves when it is connected, or gone. */
export async function attacker(
	port: number,
	from: string,
	says: Uint8Array | string | null = null,
	host = '127.0.0.1',
): Promise<Attacker> {
	const socket = connect({ host, port, localAddress: from });
	const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
	const one: Attacker = { socket, heard: '', gone };
	socket.on('error', () => {});
	socket.on('data', (chunk: Buffer) => {
		if (one.heard.length < HEARD_BYTES) one.heard += chunk.toString('latin1');
	});
	await Promise.race([once(socket, 'connect'), gone]).catch(() => {});
	if (says !== null) socket.write(says);
	return one;
}

/** Resolves when it has heard something that matches, or is gone. */
export async function hears(one: Attacker, what: RegExp): Promise<boolean> {
	while (!what.test(one.heard)) {
		const more = await Promise.race([once(one.socket, 'data').then(() => true), one.gone.then(() => false)]).catch(
			() => false,
		);
		if (!more) return what.test(one.heard);
	}
	return true;
}

/** Does something `count` times, so many at once; resolves with all that came of it. */
export async function many<T>(count: number, make: (index: number) => Promise<T>, atOnce = 100): Promise<T[]> {
	const made: T[] = [];
	let next = 0;
	const work = async (): Promise<void> => {
		while (next < count) {
			const index = next++;
			made[index] = await make(index);
		}
	};
	await Promise.all(Array.from({ length: Math.min(count, atOnce) }, work));
	return made;
}

/** Lets go of all of them; resolves when they are gone. */
export async function dismiss(all: readonly Attacker[], manner: 'close' | 'reset' = 'close'): Promise<void> {
	for (const { socket } of all) {
		if (manner === 'reset') socket.resetAndDestroy();
		else socket.destroy();
	}
	await Promise.all(all.map(({ gone }) => gone));
}
