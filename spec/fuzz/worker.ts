// One campaign in a thread of its own, which can be ended when an input never comes back. What is tried at the moment is in
// shared memory, for whoever has to say what it was.
import { inspect } from 'node:util';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { campaign, type Summary } from './campaign.ts';
import { encoded } from './corpus.ts';
import { type Desk, put } from './desk.ts';
import type { Input, Subject } from './subject.ts';

export interface Task {
	/** The module that lists the subjects. */
	readonly module: string;
	readonly subject: string;
	readonly seed: number;
	readonly ms: number;
	readonly corpus: readonly Input[];
	readonly desk: Desk;
}

/** A campaign's summary as it can be sent: errors are text. */
export interface Told extends Pick<Summary, 'executions' | 'reached'> {
	readonly news: readonly Uint8Array[];
	readonly findings: readonly { readonly symptom: string; readonly text: string; readonly input: Uint8Array | null }[];
}

async function work({ module, subject: name, seed, ms, corpus, desk }: Task): Promise<Told> {
	const { SUBJECTS } = (await import(module)) as { readonly SUBJECTS: readonly Subject[] };
	const subject = SUBJECTS.find((one) => one.name === name);
	if (!subject) throw new Error(`no subject ${name}`);
	const undos: (() => void | Promise<void>)[] = [];
	// Bytes come out of a message as plain arrays.
	const inputs = corpus.map(({ choice, bytes }) => ({ choice, bytes: Buffer.from(bytes) }));
	const watch = (input: Input | null): void => put(desk, input && encoded(input));
	const scope = { teardown: (undo: () => void | Promise<void>) => void undos.push(undo) };
	try {
		const { findings, news, ...counts } = await campaign(scope, subject, {
			seed,
			ms,
			corpus: inputs,
			watch,
		});
		return {
			...counts,
			news: news.map(encoded),
			findings: findings.map(({ symptom, error, input }) => ({
				symptom,
				text: inspect(error),
				input: input && encoded(input),
			})),
		};
	} finally {
		for (const undo of undos.reverse()) await undo();
	}
}

if (!isMainThread) {
	// An error that nobody catches is a finding, too: it would end the gateway.
	process.on('uncaughtException', (error) => {
		throw error;
	});
	parentPort?.postMessage(await work(workerData as Task));
	parentPort?.close();
}
