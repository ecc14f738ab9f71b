// Whether there is a Redis to ask, and the questions themselves. A connection lives until the first thing goes wrong; then
// it is thrown away, every question that is open gets null at once, and so does every later one until a new connection has
// shown that it reads, writes and answers in time. One switch is one log line, however many questions it cost.
import type { Redis } from 'ioredis';
import type { Clock } from '../core/clock.ts';
import { causeOf, isForeignKey, StoreProblem } from './redis-causes.ts';
import { type RedisServers, redisClient, type StoreClient } from './redis-client.ts';

export interface StoreOptions extends RedisServers {
	/** The longest that a question waits for its answer. */
	readonly waitMs: number;
}

export interface StoreDeps {
	readonly clock: Clock;
	note(level: 'info' | 'warn', event: string, facts: Record<string, string>): void;
	/** Called once a switch; the cause is empty when the store is back. */
	modeChanged(up: boolean, cause: string): void;
	/** Says everything again that the store may have forgotten, before it counts as up. A rejection keeps it down. */
	recover(client: StoreClient): Promise<void>;
}

/** Of a whole try: to find the master, to connect, to recover. */
const TRY_MS = 2_000;

/** Between two tries: the first pause and the longest; a store that was up for `STEADY_MS` begins anew. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 800;
const STEADY_MS = 10_000;

const OLDEST: readonly [major: number, minor: number] = [6, 2];

const UNANSWERED: Promise<null> = Promise.resolve(null);

/** A question that has been asked: settles once, whichever comes first. */
interface Open {
	readonly settle: (value: null) => void;
}

export class RedisStore {
	readonly #options: StoreOptions;
	readonly #deps: StoreDeps;
	readonly #open: Set<Open> = new Set();
	/** Null while down. */
	#client: StoreClient | null = null;
	/** The one that is being tried. */
	#candidate: StoreClient | null = null;
	/** Null before the first try has ended: then either outcome is a switch. */
	#wasUp: boolean | null = null;
	#upSinceMs = 0;
	#pauseMs: number = FIRST_PAUSE_MS;
	#retry: NodeJS.Timeout | undefined;
	#asCluster = false;
	#closed = false;
	#foreignNoted = false;

	constructor(options: StoreOptions, deps: StoreDeps) {
		this.#options = options;
		this.#deps = deps;
	}

	get up(): boolean {
		return this.#client !== null;
	}

	/** Resolves when the first try has ended, well or not; further ones follow by themselves. */
	start(): Promise<void> {
		return this.#try();
	}

	/** What is open is answered with null. Nothing is tried again. */
	close(): void {
		this.#closed = true;
		clearTimeout(this.#retry);
		this.#candidate?.disconnect();
		this.#drop();
	}

	/**
	 * Resolves to what `question` does, or to null: at once while down, after `waitMs` or an error, which put the store down.
	 * A key that is not ours answers null as well, and leaves the store up. Never rejects.
	 */
	ask<T>(question: (client: StoreClient) => Promise<T>): Promise<T | null> {
		const client = this.#client;
		if (client === null) return UNANSWERED;
		return new Promise((resolve) => {
			const settle = (value: T | null): void => {
				clearTimeout(timer);
				this.#open.delete(open);
				resolve(value);
			};
			const open: Open = { settle };
			this.#open.add(open);
			const timer = setTimeout(() => this.#late(client, open), this.#options.waitMs);
			question(client).then(settle, (error: unknown) => this.#failed(client, open, error));
		});
	}

	/** This process may have been busy itself: an answer that is here already, and only not read, is in time. */
	#late(client: StoreClient, open: Open): void {
		setImmediate(() => {
			if (this.#open.has(open)) this.#fall(client, 'no answer in time');
		});
	}

	#failed(client: StoreClient, open: Open, error: unknown): void {
		if (!this.#open.has(open)) return;
		open.settle(null);
		if (isForeignKey(error)) this.noteForeignKey();
		else this.#fall(client, causeOf(error));
	}

	/** One line a connection; which key it is would say too much. */
	noteForeignKey(): void {
		if (!this.#foreignNoted)
			this.#deps.note('warn', 'limits: a key under our prefix in Redis holds something that is not ours', {});
		this.#foreignNoted = true;
	}

	#fall(client: StoreClient, cause: string): void {
		if (this.#client !== client) return;
		this.#drop();
		if (this.#deps.clock.nowMs() - this.#upSinceMs > STEADY_MS) this.#pauseMs = FIRST_PAUSE_MS;
		this.#switched(false, cause);
		this.#tryLater();
	}

	#drop(): void {
		const client = this.#client;
		this.#client = null;
		client?.disconnect();
		for (const open of this.#open) open.settle(null);
	}

	#switched(up: boolean, cause: string): void {
		if (this.#wasUp === up || this.#closed) return;
		this.#wasUp = up;
		if (up) this.#deps.note('info', 'limits: Redis answers, limits are shared', {});
		else this.#deps.note('warn', 'limits: Redis does not answer, limits are no longer shared', { cause });
		this.#deps.modeChanged(up, cause);
	}

	#tryLater(): void {
		if (this.#closed) return;
		// Many gateways lose one Redis at the same moment; they do not come back at the same moment.
		const pauseMs = this.#pauseMs * (0.75 + Math.random() / 2);
		this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
		this.#retry = setTimeout(() => void this.#try(), pauseMs);
		this.#retry.unref();
	}

	async #try(): Promise<void> {
		const client = redisClient(this.#options, this.#asCluster);
		const errors: unknown[] = [];
		this.#candidate = client;
		const gather = (error: unknown): unknown => this.#candidate === client && errors.push(error);
		client.on('error', gather).on('node error', gather);
		try {
			await within(TRY_MS, this.#connected(client));
			this.#rise(client);
		} catch (error) {
			client.disconnect();
			this.#candidate = null;
			this.#switched(false, causeOf(error, ...errors));
			this.#tryLater();
		}
	}

	async #connected(client: StoreClient): Promise<void> {
		await new Promise<void>((resolve, reject) => {
			client.once('end', () => reject(new Error('closed')));
			client.connect().then(resolve, reject);
		});
		if (client.nodes) await checkCluster(client.nodes('master'));
		else await this.#checkServer(client);
		await this.#deps.recover(client);
		const beforeMs = this.#deps.clock.nowMs();
		await client.ping();
		if (this.#deps.clock.nowMs() - beforeMs > this.#options.waitMs) throw new StoreProblem('answers too slowly');
	}

	/** One URL may lead to a cluster: the next try takes it as one. */
	async #checkServer(client: StoreClient): Promise<void> {
		const info = await client.info('server');
		checkVersion(info);
		this.#asCluster = /^redis_mode:cluster/m.test(info);
		if (this.#asCluster) throw new StoreProblem('a node of a cluster');
	}

	#rise(client: StoreClient): void {
		if (this.#closed || client.status !== 'ready') throw new Error('closed');
		this.#candidate = null;
		this.#client = client;
		this.#foreignNoted = false;
		this.#upSinceMs = this.#deps.clock.nowMs();
		client.on('close', () => this.#fall(client, CLOSED));
		this.#switched(true, '');
	}
}

const CLOSED = 'connection closed';

/** Valkey says here which Redis it is compatible with. */
function checkVersion(info: string): void {
	const [, major, minor] = /^redis_version:(\d+)\.(\d+)/m.exec(info) ?? [];
	const [oldMajor, oldMinor] = OLDEST;
	const isNewEnough = Number(major) > oldMajor || (Number(major) === oldMajor && Number(minor) >= oldMinor);
	if (!isNewEnough) throw new StoreProblem('older than Redis 6.2');
}

/** Every master answers, is new enough and sees every slot served. */
async function checkCluster(masters: readonly Redis[]): Promise<void> {
	const answers = await Promise.allSettled(
		masters.map((master) => Promise.all([master.info('server'), master.cluster('INFO')])),
	);
	for (const answer of answers) {
		if (answer.status === 'rejected') throw replyOr(answer.reason, PART_DOWN);
		const [server, cluster] = answer.value;
		checkVersion(server);
		if (!/^cluster_state:ok/m.test(cluster) || !/^cluster_slots_ok:16384/m.test(cluster))
			throw new StoreProblem(PART_DOWN);
	}
}

const PART_DOWN = 'part of the cluster is down';

/** What Redis says about it, or a cause of ours where it says nothing. */
function replyOr(error: unknown, cause: string): Error {
	return error instanceof Error && error.name === 'ReplyError' ? error : new StoreProblem(cause);
}

async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<never>((_, reject) => {
		timer = setTimeout(() => reject(new StoreProblem('no answer')), limitMs);
	});
	try {
		return await Promise.race([work, late]);
	} finally {
		clearTimeout(timer);
	}
}
