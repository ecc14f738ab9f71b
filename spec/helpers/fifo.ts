// A pipe with both ends in this process, so that a spec decides whether and when somebody reads.
import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './gateway-process.ts';
import { program } from './programs.ts';
import type { Scope } from './scope.ts';

export interface Fifo {
	/** Neither end is ever waited for: EAGAIN. */
	readonly reader: number;
	readonly writer: number;
	/** A writer for a child to inherit, which does wait: the way a shell makes them. */
	blockingWriter(): number;
}

export function openFifo(scope: Scope): Fifo {
	const path = join(temporaryFolder(scope), 'pipe');
	spawnSync(program('mkfifo'), [path]);
	const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
	const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
	return { reader, writer, blockingWriter: () => openSync(path, constants.O_WRONLY) };
}

/** Writes until the pipe takes not a byte more, and closes this end of it. */
export function fill({ writer }: Fifo): void {
	try {
		for (;;) writeSync(writer, '\n');
	} catch {
		closeSync(writer);
	}
}

/** All that the pipe holds now. */
export function readAll({ reader }: Fifo): Buffer {
	const chunks: Buffer[] = [];
	for (;;) {
		const chunk = Buffer.alloc(65_536);
		try {
			const length = readSync(reader, chunk);
			if (length === 0) break;
			chunks.push(chunk.subarray(0, length));
		} catch {
			break;
		}
	}
	return Buffer.concat(chunks);
}
