// Runs a campaign in a thread and watches it: an input that keeps the processor for seconds is a hang, and is kept.
import { Worker } from 'node:worker_threads';
import { HANG_MS } from './campaign.ts';
import { count, look, newDesk } from './desk.ts';
import type { Input } from './subject.ts';
import type { Task, Told } from './worker.ts';

/** Longer than any input, with its choice. */
const DESK_BYTES = 131_072;

const LOOK_MS = 500;

const ALL: URL = new URL('subjects.ts', import.meta.url);

export interface SuperviseOptions {
	readonly seed: number;
	readonly ms: number;
	readonly corpus: readonly Input[];
	/** Default: all that is fuzzed. */
	readonly module?: URL;
}

/** Never rejects: a thread that ends badly is a finding. */
export function supervise(subject: string, { seed, ms, corpus, module = ALL }: SuperviseOptions): Promise<Told> {
	const desk = newDesk(DESK_BYTES);
	const workerData: Task = { module: module.href, subject, seed, ms, corpus, desk };
	const worker = new Worker(new URL('worker.ts', import.meta.url), { workerData });
	const { promise, resolve } = Promise.withResolvers<Told>();
	const bad = (symptom: string, text: string = symptom): void =>
		resolve({
			executions: 0,
			reached: 0,
			news: [],
			findings: [{ symptom, text, input: count(desk) > 0 ? look(desk) : null }],
		});
	worker.on('message', resolve);
	worker.on('error', (error) => bad('an error that nobody catches', (error as Error).stack));
	worker.on('exit', (code) => bad(`the thread ends with ${code}`));
	let [seen, busyMs] = [-1, 0];
	const lookAt = async (): Promise<void> => {
		const usedMs = await cpuMs(worker);
		if (count(desk) !== seen) [seen, busyMs] = [count(desk), usedMs];
		else if (usedMs - busyMs > HANG_MS && look(desk).length > 0) bad('it hangs: an input keeps the processor');
	};
	const timer = setInterval(() => void lookAt(), LOOK_MS);
	return promise.finally(() => {
		clearInterval(timer);
		worker.removeAllListeners();
		void worker.terminate();
	});
}

/** CPU that the thread has used; 0 when it is no more. */
async function cpuMs(worker: Worker): Promise<number> {
	try {
		const { user, system } = await worker.cpuUsage();
		return (user + system) / 1_000;
	} catch {
		return 0;
	}
}
