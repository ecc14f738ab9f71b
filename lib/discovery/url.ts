// A list fetched by HTTP, again and again, through a way out that has a name. What was good last is kept in a file, so that
// a gateway that starts while the list cannot be had begins with that; nothing takes its place that is no better.
import { randomUUID } from 'node:crypto';
import { readFile, rename, unlink, writeFile } from 'node:fs/promises';
import type { Dialer } from '../core/dialer.ts';
import { asGatewayError } from '../core/error.ts';
import { fetchOnce, type HttpUrl, type Validators } from '../io/fetch.ts';
import { type Discovery, type Found, MAX_LIST_BYTES, type Note } from './discovery.ts';

export interface UrlDiscoveryOptions {
	readonly url: HttpUrl;
	/** From the end of one fetch to the next; one that failed is tried again sooner. */
	readonly refreshMs: number;
	/** Where the last good list is kept; null: nowhere. */
	readonly keep: string | null;
	/** A longer one is none; MAX_LIST_BYTES when left out. */
	readonly limitBytes?: number;
	/** For one fetch, dial included; a minute when left out, in which a megabyte comes over a slow proxy. */
	readonly fetchMs?: number;
}

export interface UrlDiscoveryDeps {
	readonly through: Dialer;
	readonly note: Note;
}

/** As `fetchMs` says. */
const FETCH_MS = 60_000;

/** The wait behind the first failure; each further one doubles it. */
const RETRY_MS = 10_000;

export class UrlDiscovery implements Discovery {
	readonly #options: UrlDiscoveryOptions;
	readonly #deps: UrlDiscoveryDeps;
	readonly #abort: AbortController = new AbortController();
	#found: Found = () => false;
	#validators: Validators = {};
	#failures = 0;
	/** What was said last: the same is said once. */
	#said: string | null = null;
	#timer: NodeJS.Timeout | null = null;

	constructor(options: UrlDiscoveryOptions, deps: UrlDiscoveryDeps) {
		this.#options = options;
		this.#deps = deps;
	}

	async start(found: Found): Promise<void> {
		this.#found = found;
		await this.#readKept();
		void this.#refresh();
	}

	async #readKept(): Promise<void> {
		if (this.#options.keep === null) return;
		try {
			await this.#found(await readFile(this.#options.keep));
		} catch (error) {
			const { code } = error as NodeJS.ErrnoException;
			if (code !== 'ENOENT') this.#deps.note('warn', 'kept list not read', { why: code });
		}
	}

	async #refresh(): Promise<void> {
		const why = await this.#fetch();
		if (this.#abort.signal.aborted) return;
		this.#failures = why === null ? 0 : this.#failures + 1;
		if (why !== null && why !== this.#said)
			this.#deps.note('warn', 'list not fetched', { why, failures: this.#failures });
		this.#said = why;
		const retryMs = RETRY_MS * 2 ** Math.min(20, this.#failures - 1);
		const waitMs = why === null ? this.#options.refreshMs : Math.min(retryMs, this.#options.refreshMs);
		this.#timer = setTimeout(() => void this.#refresh(), waitMs).unref();
	}

	/** Why it was of no use, as constant text; null when all is well. */
	async #fetch(): Promise<string | null> {
		const { limitBytes = MAX_LIST_BYTES, fetchMs = FETCH_MS } = this.#options;
		const limits = { signal: this.#abort.signal, deadlineMs: fetchMs, limitBytes };
		try {
			const { status, body, validators } = await fetchOnce(this.#options.url, this.#deps.through, {
				...limits,
				validators: this.#validators,
			});
			if (status === 304) return null;
			if (status !== 200) return `status ${status}`;
			if (!(await this.#found(body))) return 'no list';
			this.#validators = validators;
			await this.#keep(body);
			return null;
		} catch (thrown) {
			const { code, note } = asGatewayError(thrown);
			return note ?? code;
		}
	}

	/** In one step, or a reader could see half of it; for its owner alone, because it may hold passwords. */
	async #keep(bytes: Buffer): Promise<void> {
		const { keep } = this.#options;
		if (keep === null) return;
		const file = `${keep}.${randomUUID()}`;
		try {
			await writeFile(file, bytes, { mode: 0o600 });
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
