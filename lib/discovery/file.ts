// A list in a file, read again when it changes. The folder is watched and not the file: editors and config maps put a new
// file in the place of the old one.
import { type FSWatcher, watch } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Discovery, type Found, MAX_LIST_BYTES, type Note } from './discovery.ts';

/** A file is written in several steps, each of which is told. */
const SETTLE_MS = 100;

export class FileDiscovery implements Discovery {
	readonly #path: string;
	readonly #note: Note;
	#watcher: FSWatcher | null = null;
	#timer: NodeJS.Timeout | null = null;
	#found: Found = () => false;
	/** What tells one state of the file from another. */
	#state = '';
	#closed = false;
	readonly #limitBytes: number;
	/** Reads, one after the other. */
	#work: Promise<void> = Promise.resolve();
	/** Why it could not be read, as was said last: the same is said once. */
	#said: string | null = null;

	/** A file of more than `limitBytes` is not read. */
	constructor(path: string, note: Note, limitBytes: number = MAX_LIST_BYTES) {
		this.#path = path;
		this.#note = note;
		this.#limitBytes = limitBytes;
	}

	start(found: Found): Promise<void> {
		this.#found = found;
		this.#watch();
		return this.#readNext();
	}

	#readNext(settleMs = 0): Promise<void> {
		this.#work = this.#work.then(() => this.#read(settleMs));
		return this.#work;
	}

	#watch(): void {
		try {
			this.#watcher = watch(dirname(this.#path), { persistent: false }, () => this.#changed());
			this.#watcher.on('error', () => this.#note('warn', 'list not watched'));
		} catch {
			this.#note('warn', 'list not watched');
		}
	}

	#changed(): void {
		this.#timer ??= setTimeout(() => {
			this.#timer = null;
			void this.#readNext(SETTLE_MS);
		}, SETTLE_MS).unref();
	}

	/** A file that has changed within the last `settleMs` may be half of what it is going to be. */
	async #read(settleMs: number): Promise<void> {
		if (this.#closed) return;
		try {
			const { mtimeMs, ino, size } = await stat(this.#path);
			const state = `${mtimeMs} ${ino} ${size}`;
			if (state === this.#state) return;
			const ageMs = Date.now() - mtimeMs;
			if (ageMs >= 0 && ageMs < settleMs) return this.#changed();
			this.#state = state;
			if (size > this.#limitBytes) return this.#say('too long');
			const bytes = await readFile(this.#path);
			this.#said = null;
			if (!this.#closed) await this.#found(bytes);
		} catch (error) {
			this.#state = '';
			this.#say((error as NodeJS.ErrnoException).code ?? 'error');
		}
	}

	#say(why: string): void {
		if (why !== this.#said) this.#note('warn', 'list not read', { why });
		this.#said = why;
	}

	close(): void {
		this.#closed = true;
		this.#watcher?.close();
		if (this.#timer) clearTimeout(this.#timer);
	}
}
