// Tries inputs on one subject, seeds and corpus first, then mutations of what reached something new; and notes what breaks.
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Scope } from '../helpers/scope.ts';
import { dice, pick, type Roll } from './dice.ts';
import { minimise } from './minimise.ts';
import { mutate } from './mutate.ts';
import type { Input, Subject, Trial } from './subject.ts';

/** An input that keeps the processor for longer hangs the event loop, and everybody with it. */
export const HANG_MS = 1_000;

/** An input that is waited for so long is never answered: every deadline of a subject is far shorter. */
export const WAIT_MS = 60_000;

const LIMIT_BYTES = 4_096;

/** Inputs that are mutated; then a new one takes the place of an old one. */
const MOST_POOL = 1_024;

/** What was reached and is remembered. */
const MOST_REACHED = 50_000;

/** Once so many different things are broken the rest is for another day. */
const MOST_FINDINGS = 8;

const SETTLE_MS = 20_000;

/** Above what a campaign of this subject had when it was warm. */
const GROWTH_BYTES = 48 * 1_048_576;

export interface Finding {
	/** Of the error, without what differs from run to run. */
	readonly symptom: string;
	readonly error: unknown;
	/** Minimised; null for what no single input did. */
	readonly input: Input | null;
}

export interface CampaignOptions {
	readonly seed: number;
	/** Ends after so many inputs ... */
	readonly runs?: number;
	/** ... or after this time, whichever comes first. */
	readonly ms?: number;
	/** Tried before anything else. */
	readonly corpus?: readonly Input[];
	/** Told before an input is tried and, with null, when it is over. */
	readonly watch?: (input: Input | null) => void;
}

export interface Summary {
	readonly executions: number;
	/** Different things that were reached. */
	readonly reached: number;
	/** Inputs that reached something first, those of the corpus left out; the shortest of them first. */
	readonly news: readonly Input[];
	readonly findings: readonly Finding[];
}

/** Never rejects for what a subject does; does for a subject that cannot be started. */
export async function campaign(scope: Scope, subject: Subject, options: CampaignOptions): Promise<Summary> {
	const trial = await subject.start(scope);
	return new Campaign(subject, trial, options).run();
}

class Campaign {
	readonly #subject: Subject;
	readonly #trial: Trial;
	readonly #options: CampaignOptions;
	readonly #pool: Buffer[];
	readonly #reached: Set<string> = new Set();
	readonly #news: Input[] = [];
	readonly #findings: Map<string, Finding> = new Map();
	#executions = 0;

	constructor(subject: Subject, trial: Trial, options: CampaignOptions) {
		this.#subject = subject;
		this.#trial = trial;
		this.#options = options;
		this.#pool = [...subject.seeds, ...(options.corpus ?? []).map(({ bytes }) => bytes)];
	}

	async run(): Promise<Summary> {
		const { runs = Number.POSITIVE_INFINITY, ms = Number.POSITIVE_INFINITY, seed, corpus = [] } = this.#options;
		for (const input of corpus) await this.#try(input, false);
		for (const bytes of this.#subject.seeds) await this.#try({ choice: seed >>> 0, bytes }, false);
		const end = performance.now() + ms;
		const roll = dice(seed);
		const goesOn = (): boolean =>
			this.#executions < runs && performance.now() < end && this.#findings.size < MOST_FINDINGS;
		let warmBytes = 0;
		while (goesOn()) {
			const pause = performance.now() + SETTLE_MS;
			const runner = async (): Promise<void> => {
				while (goesOn() && performance.now() < pause) await this.#try(this.#next(roll), true);
			};
			await Promise.all(Array.from({ length: this.#subject.width ?? 1 }, runner));
			if (goesOn()) warmBytes = await this.#settle(warmBytes);
		}
		await this.#settle(warmBytes);
		const news = this.#news.toSorted((a, b) => a.bytes.length - b.bytes.length);
		return { executions: this.#executions, reached: this.#reached.size, news, findings: [...this.#findings.values()] };
	}

	#next(roll: Roll): Input {
		const { words, limitBytes = LIMIT_BYTES } = this.#subject;
		return { choice: roll(2 ** 32), bytes: mutate(roll, this.#pool, words, limitBytes) };
	}

	async #try(input: Input, isNew: boolean): Promise<void> {
		this.#executions++;
		try {
			this.#learn(await this.#run(input), input, isNew);
		} catch (error) {
			await this.#found(error, input);
		}
	}

	/** What it reached; rejects with what is wrong, a hang included. */
	async #run(input: Input): Promise<string> {
		this.#options.watch?.(input);
		const before = process.threadCpuUsage();
		const running = this.#trial.try(input.bytes, dice(input.choice));
		const reached = typeof running === 'string' ? running : await inTime(running);
		const { user, system } = process.threadCpuUsage(before);
		this.#options.watch?.(null);
		if ((this.#subject.width ?? 1) === 1 && (user + system) / 1_000 > HANG_MS) throw new Error(`it hangs`);
		return reached;
	}

	#learn(reached: string, input: Input, isNew: boolean): void {
		if (this.#reached.has(reached) || this.#reached.size >= MOST_REACHED) return;
		this.#reached.add(reached);
		if (!isNew) return;
		if (this.#news.length < MOST_POOL) this.#news.push(input);
		if (this.#pool.length < MOST_POOL) this.#pool.push(input.bytes);
		else this.#pool[input.choice % MOST_POOL] = input.bytes;
	}

	async #found(error: unknown, input: Input): Promise<void> {
		const symptom = symptomOf(error);
		if (this.#findings.has(symptom)) return;
		this.#findings.set(symptom, { symptom, error, input });
		const shows = async (other: Input): Promise<boolean> => {
			const failure = await this.#failureOf(other);
			if (failure === null || symptomOf(failure) !== symptom) return false;
			this.#findings.set(symptom, { symptom, error: failure, input: other });
			return true;
		};
		await minimise(input, shows);
	}

	/** Null for an input that does no harm. */
	async #failureOf(input: Input): Promise<unknown> {
		try {
			await this.#run(input);
			return null;
		} catch (error) {
			return error;
		}
	}

	/** Looks at what has piled up; gives the bytes in use when the campaign was warm. */
	async #settle(warmBytes: number): Promise<number> {
		try {
			await this.#trial.settle?.();
			const bytes = await usedBytes();
			if (warmBytes > 0 && bytes > warmBytes + GROWTH_BYTES)
				throw new Error(`it grows: ${warmBytes} bytes were in use, ${bytes} are`);
			return warmBytes || bytes;
		} catch (error) {
			const symptom = symptomOf(error);
			this.#findings.set(symptom, { symptom, error, input: null });
			return warmBytes;
		}
	}
}

/** Rejects when it takes for ever. */
async function inTime(running: Promise<string>): Promise<string> {
	const over = new AbortController();
	const late = delay(WAIT_MS, null, { signal: over.signal }).catch(() => null);
	try {
		const first = await Promise.race([running, late]);
		if (first === null) throw new Error('it is never over');
		return first;
	} finally {
		over.abort();
	}
}

/** First lines of an error and of where it came from, without numbers and received text. */
function symptomOf(error: unknown): string {
	if (!(error instanceof Error)) return String(error);
	const [, where = ''] = /\n\s+at (?!.*node:)(.*)/.exec(error.stack ?? '') ?? [];
	const what = (error.message.split('\n')[0] as string).replace(/"(\\.|[^"\\])*"|'[^']*'/g, '""').replace(/\d+/g, '0');
	return `${error.name}: ${what.slice(0, 120)} ${where.replace(/^.*[/(]([^/]+:\d+):\d+\)?$/, '$1')}`;
}

/** Of this thread, after everything that can be collected was. */
async function usedBytes(): Promise<number> {
	setFlagsFromString('--expose-gc');
	const collect = runInNewContext('gc') as () => void;
	// What a finalizer lets go of is there to be collected the next time.
	for (let i = 0; i < 3; i++) {
		collect();
		await delay(1);
	}
	const { heapUsed, external } = process.memoryUsage();
	return heapUsed + external;
}

/** Cuts `bytes` at up to `most` places, or each by itself. */
export function cuts(bytes: Buffer, roll: Roll, most: number = 8): Buffer[] {
	if (bytes.length <= 4_096 && roll(8) === 0) return Array.from(bytes, (byte) => Buffer.of(byte));
	const places = Array.from({ length: roll(most + 1) }, () => pick(roll, [roll(bytes.length + 1), roll(32)]));
	const sorted = [0, ...places.map((at) => Math.min(at, bytes.length)), bytes.length].sort((a, b) => a - b);
	return sorted.slice(1).map((end, i) => bytes.subarray(sorted[i], end));
}
