// A list in a file, read again when it changes. The folder is watched and not the file: editors and config maps put a new
// file in the place of the old one.
import { type FSWatcher, watch } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Discovery, MAX_LIST_BYTES, type Note } from './discovery.ts';

/** A file is written in several steps, each of which is told. */
const SETTLE_MS = 100;

export class FileDiscovery implements Discovery {
	readonly #path: string;
	readonly #note: Note;
	#watcher: FSWatcher | null = null;
	#timer: NodeJS.Timeout | null = null;
	#found: (text: string) => boolean = () => false;
	/** What tells one state of the file from another. */
	#state = '';
	#closed = false;

	constructor(path: string, note: Note) {
		this.#path = path;
		this.#note = note;
	}

	async start(found: (text: string) => boolean): Promise<void> {
		this.#found = found;
		this.#watch();
		await this.#read();
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
			void this.#read();
		}, SETTLE_MS).unref();
	}

	async #read(): Promise<void> {
		try {
			const { mtimeMs, ino, size } = await stat(this.#path);
			const state = `${mtimeMs} ${ino} ${size}`;
			if (state === this.#state) return;
			this.#state = state;
			if (size > MAX_LIST_BYTES) return this.#note('warn', 'list not read', { why: 'too long' });
			const text = await readFile(this.#path, 'utf8');
			if (!this.#closed) this.#found(text);
		} catch (error) {
			this.#state = '';
			this.#note('warn', 'list not read', { why: (error as NodeJS.ErrnoException).code });
		}
	}

	close(): void {
		this.#closed = true;
		this.#watcher?.close();
		if (this.#timer) clearTimeout(this.#timer);
	}
}
