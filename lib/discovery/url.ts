// A list fetched by HTTP, again and again, through a way out that has a name. What was good last is kept in a file, so that
// a gateway that starts while the list cannot be had begins with that; nothing takes its place that is no better.
import { randomUUID } from 'node:crypto';
import { readFile, rename, unlink, writeFile } from 'node:fs/promises';
import type { Dialer } from '../core/dialer.ts';
import { asGatewayError } from '../core/error.ts';
import { fetchOnce, type HttpUrl, type Validators } from '../io/fetch.ts';
import { type Discovery, MAX_LIST_BYTES, type Note } from './discovery.ts';

export interface UrlDiscoveryOptions {
	readonly url: HttpUrl;
	/** From the end of one fetch to the next; one that failed is tried again sooner. */
	readonly refreshMs: number;
	/** Where the last good list is kept; null: nowhere. */
	readonly keep: string | null;
}

export interface UrlDiscoveryDeps {
	readonly through: Dialer;
	readonly note: Note;
}

/** One fetch, dial included: a list of a megabyte over a slow proxy takes so long. */
const FETCH_MS = 60_000;

/** The wait behind the first failure; each further one doubles it. */
const RETRY_MS = 10_000;

export class UrlDiscovery implements Discovery {
	readonly #options: UrlDiscoveryOptions;
	readonly #deps: UrlDiscoveryDeps;
	readonly #abort: AbortController = new AbortController();
	#found: (text: string) => boolean = () => false;
	#validators: Validators = {};
	#failures = 0;
	#timer: NodeJS.Timeout | null = null;

	constructor(options: UrlDiscoveryOptions, deps: UrlDiscoveryDeps) {
		this.#options = options;
		this.#deps = deps;
	}

	async start(found: (text: string) => boolean): Promise<void> {
		this.#found = found;
		await this.#readKept();
		void this.#refresh();
	}

	async #readKept(): Promise<void> {
		if (this.#options.keep === null) return;
		try {
			this.#found(await readFile(this.#options.keep, 'utf8'));
		} catch (error) {
			const { code } = error as NodeJS.ErrnoException;
			if (code !== 'ENOENT') this.#deps.note('warn', 'kept list not read', { why: code });
		}
	}

	async #refresh(): Promise<void> {
		const why = await this.#fetch();
		if (this.#abort.signal.aborted) return;
		this.#failures = why === null ? 0 : this.#failures + 1;
		if (why !== null) this.#deps.note('warn', 'list not fetched', { why, failures: this.#failures });
		const retryMs = RETRY_MS * 2 ** Math.min(20, this.#failures - 1);
		const waitMs = why === null ? this.#options.refreshMs : Math.min(retryMs, this.#options.refreshMs);
		this.#timer = setTimeout(() => void this.#refresh(), waitMs).unref();
	}

	/** Why it was of no use, as constant text; null when all is well. */
	async #fetch(): Promise<string | null> {
		const limits = { signal: this.#abort.signal, deadlineMs: FETCH_MS, limitBytes: MAX_LIST_BYTES };
		try {
			const { status, body, validators } = await fetchOnce(this.#options.url, this.#deps.through, {
				...limits,
				validators: this.#validators,
			});
			if (status === 304) return null;
			if (status !== 200) return `status ${status}`;
			const text = body.toString('utf8');
			if (!this.#found(text)) return 'no list of members';
			this.#validators = validators;
			await this.#keep(text);
			return null;
		} catch (thrown) {
			const { code, note } = asGatewayError(thrown);
			return note ?? code;
		}
	}

	/** In one step, or a reader could see half of it; for its owner alone, because it may hold passwords. */
	async #keep(text: string): Promise<void> {
		const { keep } = this.#options;
		if (keep === null) return;
		const file = `${keep}.${randomUUID()}`;
		try {
			await writeFile(file, text, { mode: 0o600 });
			await rename(file, keep);
		} catch (error) {
			this.#deps.note('warn', 'list not kept', { why: (error as NodeJS.ErrnoException).code });
			await unlink(file).catch(() => {});
		}
	}

	close(): void {
		this.#abort.abort();
		if (this.#timer) clearTimeout(this.#timer);
	}
}
