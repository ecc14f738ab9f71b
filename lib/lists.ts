// The lists that rules name. They outlive a configuration: a reload that names the same list finds it read, and its
// counts go on. A list is made aside and put in the place of the one before in one step; one that is empty or something
// else (a page of HTML) changes nothing, and is in the log once. What is in a list is never in the log.
import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { DialContext, Dialer } from './core/dialer.ts';
import type { Link } from './core/link.ts';
import type { Observer } from './core/observer.ts';
import { Secret } from './core/secret.ts';
import type { Target } from './core/target.ts';
import type { Discovery } from './discovery/discovery.ts';
import { inSlices } from './io/in-slices.ts';
import { atOnce, compileList, emptyList, type FilterList, type ListCounts } from './policy/list.ts';
import { LiveList } from './policy/list-condition.ts';
import { DISCOVERIES, type ListSource } from './registry.ts';

export interface ListSpec {
	readonly tag: string;
	readonly source: { readonly kind: 'items'; readonly items: readonly string[] } | ListSource;
}

/** Three million names; an endless answer ends here. */
export const MOST_LIST_BYTES = 67_108_864;

/** For one fetch: the longest list over a proxy of a megabit a second. */
const FETCH_MS = 600_000;

/** A list as it is told about: counts, and nothing of what it lists. */
export interface ListStatus extends ListCounts {
	readonly tag: string;
	/** Decisions that it has made. */
	readonly hits: number;
	/** When what it has was read, in milliseconds since 1970; null: nothing was. */
	readonly readAtMs: number | null;
}

/** A text as lists are written, of what stands in a configuration. */
export function textOfItems(items: readonly string[]): Buffer {
	return Buffer.from(items.join('\n'));
}

/** Whether it is a list: there is something in it, and no more lines that are nothing. */
export function isSound({ isEmpty, counts }: FilterList): boolean {
	const { names, prefixes, patterns, exceptions, badLines } = counts;
	return !isEmpty && badLines <= names + prefixes + patterns + exceptions;
}

/** A list as a gateway would have it that starts now, and where it comes from. */
export interface ReadList {
	readonly list: FilterList;
	readonly bytes: Buffer;
	/** File of the list, or of its last good copy; null: it stands in the configuration, or is nowhere on this machine. */
	readonly path: string | null;
	/** Why it could not be read; null: it was. */
	readonly why: string | null;
}

/** Reads a list once; what is not on this machine is empty. */
export async function readListNow({ source }: ListSpec): Promise<ReadList> {
	const path = source.kind === 'items' ? null : source.kind === 'file' ? source.path : source.keep;
	try {
		const bytes = source.kind === 'items' ? textOfItems(source.items) : path ? await readFile(path) : Buffer.alloc(0);
		return { list: atOnce(compileList(bytes)), bytes, path, why: null };
	} catch (error) {
		return { list: emptyList(), bytes: Buffer.alloc(0), path, why: (error as NodeJS.ErrnoException).code ?? 'error' };
	}
}

/** All lists of one gateway. */
export class ListStore {
	readonly #note: Observer['note'];
	readonly #feeds: Map<string, Feed> = new Map();
	/** One list is made at a time: each takes memory aside, and all of them a slice of every turn. */
	#work: Promise<unknown> = Promise.resolve();

	constructor(note: Observer['note']) {
		this.#note = note;
	}

	/** Those that one configuration names. To be closed. */
	open(specs: readonly ListSpec[]): Lists {
		const feeds = specs.map((spec) => {
			const key = keyOf(spec);
			const feed = this.#feeds.get(key) ?? new Feed(spec, (bytes) => this.#compile(bytes), this.#note);
			this.#feeds.set(key, feed);
			feed.users++;
			return feed;
		});
		return new Lists(feeds, () => this.#sweep());
	}

	#compile(bytes: Buffer): Promise<FilterList> {
		const made = this.#work.then(() => inSlices(compileList(bytes)));
		this.#work = made.catch(() => {});
		return made;
	}

	#sweep(): void {
		for (const [key, feed] of this.#feeds) {
			if (feed.users > 0) continue;
			feed.close();
			this.#feeds.delete(key);
		}
	}
}

/** The same for the same list from the same place. */
function keyOf(spec: ListSpec): string {
	const text = JSON.stringify(spec, (_, value: unknown) => (value instanceof Secret ? value.reveal() : value));
	return hash('sha256', text, 'base64url');
}

/** The lists of one configuration. */
export class Lists {
	readonly byTag: ReadonlyMap<string, LiveList>;
	readonly #feeds: readonly Feed[];
	readonly #closed: () => void;
	#open = true;

	/** To be made by ListStore. */
	constructor(feeds: readonly Feed[], closed: () => void) {
		this.#feeds = feeds;
		this.#closed = closed;
		this.byTag = new Map(feeds.map(({ live }) => [live.tag, live]));
	}

	/** Resolves when those of this machine have been read. `through` gives a way out by its tag. */
	async start(through: (tag: string) => Dialer): Promise<void> {
		await Promise.all(this.#feeds.map((feed) => feed.start(through)));
	}

	/** The configuration is in force: from now on lists are fetched by its ways out. */
	commit(through: (tag: string) => Dialer): void {
		for (const feed of this.#feeds) feed.fetchThrough(through);
	}

	get status(): readonly ListStatus[] {
		return this.#feeds.map(({ live, readAtMs }) => {
			const { tag, hits, current } = live;
			return { tag, hits, readAtMs, ...current.counts };
		});
	}

	/** Again does nothing. */
	close(): void {
		if (!this.#open) return;
		this.#open = false;
		for (const feed of this.#feeds) feed.users--;
		this.#closed();
	}
}

/** One list and where it comes from. */
class Feed {
	readonly live: LiveList;
	readAtMs: number | null = null;
	/** Configurations that name it. */
	users = 0;
	readonly #source: ListSpec['source'];
	readonly #compile: (bytes: Buffer) => Promise<FilterList>;
	readonly #note: Observer['note'];
	readonly #through: Through = new Through();
	#discovery: Discovery | null = null;
	#started: Promise<void> | null = null;
	#closed = false;
	#complaint = '';

	constructor(spec: ListSpec, compile: (bytes: Buffer) => Promise<FilterList>, note: Observer['note']) {
		this.live = new LiveList(spec.tag);
		this.#source = spec.source;
		this.#compile = compile;
		this.#note = note;
		if (spec.source.kind === 'items') this.#place(atOnce(compileList(textOfItems(spec.source.items))));
	}

	/** Begins once. */
	start(through: (tag: string) => Dialer): Promise<void> {
		this.#started ??= this.#start(through);
		return this.#started;
	}

	async #start(through: (tag: string) => Dialer): Promise<void> {
		if (this.#source.kind === 'items') return;
		this.fetchThrough(through);
		const deps = {
			through: () => this.#through,
			note: this.#say.bind(this),
			limitBytes: MOST_LIST_BYTES,
			fetchMs: FETCH_MS,
		};
		const source = this.#source;
		this.#discovery = source.kind === 'file' ? DISCOVERIES.file(source, deps) : DISCOVERIES.url(source, deps);
		await this.#discovery.start((bytes) => this.#read(bytes));
		if (this.live.current.isEmpty) this.#say('warn', 'list is empty');
	}

	fetchThrough(through: (tag: string) => Dialer): void {
		if (this.#source.kind === 'url') this.#through.way = through(this.#source.through);
	}

	#say(level: 'debug' | 'info' | 'warn', event: string, facts: Readonly<Record<string, unknown>> = {}): void {
		this.#note?.(level, event, { list: this.live.tag, ...facts });
	}

	/** The same is said once. */
	#complain(event: string, facts: Readonly<Record<string, unknown>>): void {
		const complaint = JSON.stringify([event, facts]);
		if (complaint !== this.#complaint) this.#say('warn', event, facts);
		this.#complaint = complaint;
	}

	/** False for a list that is none. */
	async #read(bytes: Buffer): Promise<boolean> {
		const list = await this.#compile(bytes);
		if (this.#closed) return false;
		const { counts, badLines } = list;
		const isGood = isSound(list);
		if (!isGood) this.#complain('list refused', { ...counts, lines: badLines });
		else if (counts.badLines === 0) this.#complaint = '';
		else this.#complain('lines of a list left out', { badLines: counts.badLines, lines: badLines });
		if (!isGood) return false;
		this.#say('info', 'list read', { ...counts });
		this.#place(list);
		return true;
	}

	#place(list: FilterList): void {
		this.live.current = list;
		this.readAtMs = Date.now();
	}

	close(): void {
		this.#closed = true;
		this.#discovery?.close();
	}
}

/** A way out that another one takes the place of with each configuration. */
class Through implements Dialer {
	way: Dialer | null = null;

	dial(target: Target, context: DialContext): Promise<Link> {
		if (this.way === null) throw new Error('no way out yet');
		return this.way.dial(target, context);
	}
}
