// One exchange of the judge's client on an open connection: what it writes, and what it reads until that is complete.
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { headEnd, messageEnd } from '../../lib/judge/framing.ts';
import type { Probe } from '../../lib/judge/probe.ts';
import { CERTIFICATE } from './certificate.ts';
import { Tap } from './tap.ts';

/** A client that waits for 100 (Continue) does not wait for ever (RFC 9110 section 10.1.1). */
const CONTINUE_MS = 1_000;

/** What both ends send behind a 101. Every byte there is, more than once. */
export const BEHIND: Buffer = Buffer.from(Array.from({ length: 4_096 }, (_, i) => (i * 7 + (i >> 8)) & 255));

/** No answer to a probe is as long; a proxy that goes on is cut off. */
const MOST_BYTES = 1_048_576;

/** Reads a socket; the last one who reads it. */
export class Reader {
	bytes: Buffer = Buffer.alloc(0);
	ended = false;
	readonly #socket: Socket;
	#wake: () => void = () => {};

	constructor(socket: Socket) {
		this.#socket = socket;
		socket.on('data', (chunk: Buffer) => {
			this.bytes = Buffer.concat([this.bytes, chunk]);
			if (this.bytes.length > MOST_BYTES) socket.destroy();
			this.#wake();
		});
		const over = (): void => {
			this.ended = true;
			this.#wake();
		};
		socket.on('end', over).on('close', over).resume();
	}

	/** Resolves when `holds`, at the end, or `limitMs` later. */
	async until(holds: (bytes: Buffer) => boolean, limitMs: number): Promise<void> {
		const stop = new AbortController();
		const late = delay(limitMs, true, { signal: stop.signal, ref: false }).catch(() => true);
		for (let isLate = false; !isLate && !this.ended && !holds(this.bytes); ) {
			const woken = new Promise<false>((resolve) => {
				this.#wake = () => resolve(false);
			});
			isLate = await Promise.race([late, woken]);
		}
		stop.abort();
	}

	close(): void {
		this.#socket.destroy();
	}
}

export interface Exchange {
	readonly probe: Probe;
	/** The probe's bytes as they are written. */
	readonly request: Buffer;
	/** For an answer. */
	readonly limitMs: number;
	/** Resolves when what the origin has of it is complete, or it has waited long enough. */
	readonly there: (complete: (bytes: Buffer) => boolean) => Promise<void>;
}

/** Writes a probe and returns its reply, and behind a 101 what followed. */
export async function exchange(socket: Socket, { probe, request, limitMs, there }: Exchange): Promise<Buffer> {
	const reader = new Reader(socket);
	const toHead = request.toString('latin1', 0, 5) === 'HEAD ';
	const head = probe.waits ? (headEnd(request) as number) : request.length;
	socket.write(request.subarray(0, head));
	if (probe.waits) {
		await reader.until((bytes) => bytes.length > 0, CONTINUE_MS);
		socket.write(request.subarray(head));
	}
	await reader.until((bytes) => typeof messageEnd(bytes, { reply: true, toHead }) === 'number', limitMs);
	if (probe.upgrade && reader.bytes.toString('latin1', 0, 12) === 'HTTP/1.1 101') {
		const hasAll = (bytes: Buffer): boolean => bytes.length >= (headEnd(bytes) ?? 0) + BEHIND.length;
		socket.write(BEHIND);
		await reader.until(hasAll, limitMs);
		await there(hasAll);
	}
	reader.close();
	return reader.bytes;
}

export interface TlsRun {
	/** What the client wrote and read, below TLS. */
	readonly sent: Buffer;
	readonly received: Buffer;
	/** Why the handshake failed, null when it did not. */
	readonly failure: string | null;
}

/** A TLS connection that knows the origin by its certificate; `id` goes as the server's name. */
export async function tlsRun(socket: Socket, id: string, limitMs: number): Promise<TlsRun> {
	const [sent, received]: Buffer[][] = [[], []];
	const tap = new Tap(socket, {
		read: (bytes) => void received?.push(bytes),
		written: (bytes) => void sent?.push(bytes),
	});
	const options: ConnectionOptions = {
		socket: tap,
		servername: `${id}.example.com`,
		ca: CERTIFICATE,
		checkServerIdentity: () => undefined,
		ALPNProtocols: ['h2', 'http/1.1'],
	};
	const failure = await spoken(options, limitMs);
	socket.destroy();
	return { sent: Buffer.concat(sent ?? []), received: Buffer.concat(received ?? []), failure };
}

/** Says something and waits until it has come back. */
function spoken(options: ConnectionOptions, limitMs: number): Promise<string | null> {
	return new Promise((resolve) => {
		const secure = connectTls(options, () => secure.write('byte-true?'));
		secure.setTimeout(limitMs, () => resolve('no answer'));
		secure.on('data', () => resolve(null));
		secure.on('error', (error) => resolve(error.message));
		secure.on('close', () => resolve('closed'));
	});
}
