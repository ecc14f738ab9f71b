// Inputs that are kept: those that found something, and small ones that reach what the seeds do not. A file is the choice in
// four bytes, big-endian, and the bytes behind it.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Input } from './subject.ts';

export const CORPUS: string = join(import.meta.dirname, '../corpus/fuzz');

const CHOICE_BYTES = 4;

/** The inputs kept for that subject, by the names of their files; none when there is no folder. */
export function kept(subject: string, folder: string = CORPUS): [name: string, input: Input][] {
	return namesIn(join(folder, subject)).map((name) => [name, decoded(readFileSync(join(folder, subject, name)))]);
}

/** The subjects that have a folder. */
export function subjectsIn(folder: string = CORPUS): string[] {
	return namesIn(folder).filter((name) => !name.includes('.'));
}

function namesIn(folder: string): string[] {
	try {
		return readdirSync(folder).sort();
	} catch {
		return [];
	}
}

/** Writes it down; gives the path. The same input has the same name. */
export function keep(subject: string, input: Input, folder: string = CORPUS): string {
	const bytes = encoded(input);
	const name = createHash('sha256').update(bytes).digest('hex').slice(0, 12);
	mkdirSync(join(folder, subject), { recursive: true });
	const path = join(folder, subject, name);
	writeFileSync(path, bytes);
	return path;
}

export function encoded({ choice, bytes }: Input): Buffer {
	const file = Buffer.alloc(CHOICE_BYTES + bytes.length);
	file.writeUInt32BE(choice);
	file.set(bytes, CHOICE_BYTES);
	return file;
}

export function decoded(file: Buffer): Input {
	return { choice: file.readUInt32BE(0), bytes: file.subarray(CHOICE_BYTES) };
}
