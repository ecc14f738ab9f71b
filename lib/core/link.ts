// A two-way stream of bytes as the gateway sees it: one reader at a time, half-close, reset, and the bytes that were read
// too far. io/link.ts makes one of any Duplex.
import type { GatewayError } from './error.ts';
import type { Ip } from './ip.ts';

/** Whoever reads a link now. A link calls these one at a time, never from inside `attach`. One that throws loses its link. */
export interface Sink {
	/** The chunk is the sink's to keep. */
	data(chunk: Buffer): void;
	/** The peer has sent its FIN: no more data, writing may go on. */
	end(): void;
	/** What was written has gone to the kernel after `write` had said false. */
	drain(): void;
	/** Once, the last call: both directions are gone. null when nothing failed (or we closed it ourselves). */
	closed(error: GatewayError | null): void;
}

/** Of a link that counts what passes it and may hold it back: for who moves bytes past it, instead of by it. */
export interface Meter {
	/** The link that the bytes move on. */
	readonly link: Link;
	/** Most that should move at once: what is passed a limit by. */
	most(way: 'in' | 'out'): number;
	/**
	 * So much has moved, `in` from the peer or `out` to it. False: no more of that way for now. `in` goes on by itself, as
	 * long as the reader has not paused; of `out` its reader hears by `drain`.
	 */
	moved(way: 'in' | 'out', bytes: number): boolean;
}

export interface Link {
	/** Absent where nobody counts. */
	readonly meter?: Meter;
	/** Bytes already read that belong to the next reader, who must take them before any `data`. Never unshifted. */
	early: Buffer;
	/** The peer's FIN was read. A sink that attaches later is not told again: it looks here. */
	readonly ended: boolean;
	/** Gone in both directions. A sink that attaches later is not told again: it looks here. */
	readonly closed: boolean;
	/** Bytes written and not yet with the kernel. */
	readonly pendingBytes: number;
	/** The address of this machine that the peer is connected to, IPv4-mapped ones unwrapped; null where there is none, or no more. */
	localIp(): Ip | null;
	/** Makes `sink` the reader and resumes reading. The sink before hears nothing more. */
	attach(sink: Sink): void;
	/** Stops reading; at most one stream buffer (64 KiB) is read on behind it. */
	pause(): void;
	resume(): void;
	/** False: more than the buffer's worth is waiting, wait for `drain`. Writing to a closed link does nothing. */
	write(bytes: Uint8Array): boolean;
	/** Sends FIN after what was written. */
	closeWrite(): void;
	/** Says goodbye: sends what was written and FIN, discards input until the peer's FIN, and closes, after `lingerMs` at most. */
	finish(lingerMs?: number): void;
	/** Closes at once and drops what was not sent. */
	destroy(): void;
	/** Closes at once with RST where the transport has one. */
	reset(): void;
	/** Resolves when it is closed: for whoever counts links and does not read this one. */
	gone(): Promise<void>;
}
