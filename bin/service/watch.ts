// Looks after the files of a configuration. Folders are watched, not files: editors and package managers put a new file in
// the place of the old one, and Kubernetes a new folder. What counts is whether the bytes are other ones than before.
import { createHash } from 'node:crypto';
import { type FSWatcher, readdirSync, readFileSync, watch } from 'node:fs';
import { dirname, join } from 'node:path';

/** Whoever writes several files is through by then. */
const SETTLE_MS = 200;

export class ConfigWatch {
	readonly #file: string;
	readonly #changed: () => void;
	#others: readonly string[] = [];
	#watchers: FSWatcher[] = [];
	#digest = '';
	#timer: NodeJS.Timeout | null = null;

	/** Watches `file` and `conf.d` beside it from `look` on. */
	constructor(file: string, changed: () => void) {
		this.#file = file;
		this.#changed = changed;
	}

	/** Takes what is there now for known, `others` (files that the configuration names) too. */
	look(others: readonly string[]): void {
		this.#others = others;
		this.#digest = this.#digestNow();
		this.#unwatch();
		const folders = new Set([...[this.#file, ...others].map((path) => dirname(path)), this.#dropIns]);
		for (const folder of folders) this.#watch(folder);
	}

	get #dropIns(): string {
		return join(dirname(this.#file), 'conf.d');
	}

	#watch(folder: string): void {
		try {
			const watcher = watch(folder, { persistent: false }, () => this.#stir());
			watcher.on('error', () => watcher.close());
			this.#watchers.push(watcher);
		} catch {} // there is no conf.d, or it has gone
	}

	#stir(): void {
		this.#timer ??= setTimeout(() => {
			this.#timer = null;
			if (this.#digestNow() !== this.#digest) this.#changed();
		}, SETTLE_MS).unref();
	}

	#digestNow(): string {
		const hash = createHash('sha256');
		for (const path of [this.#file, ...this.#dropInFiles(), ...this.#others])
			hash.update(`${path}\0`).update(contentOf(path));
		return hash.digest('hex');
	}

	#dropInFiles(): string[] {
		try {
			const names = readdirSync(this.#dropIns).filter((name) => name.endsWith('.toml'));
			return names.sort().map((name) => join(this.#dropIns, name));
		} catch {
			return [];
		}
	}

	#unwatch(): void {
		for (const watcher of this.#watchers.splice(0)) watcher.close();
	}

	close(): void {
		this.#unwatch();
		if (this.#timer) clearTimeout(this.#timer);
	}
}

function contentOf(path: string): Buffer | string {
	try {
		return readFileSync(path);
	} catch (error) {
		return (error as NodeJS.ErrnoException).code ?? 'error';
	}
}
