// `npm run fuzz`: campaigns on every subject, one after the other, the time shared out evenly. A finding is minimised, printed
// with its seed and kept in spec/corpus/fuzz, where `npm test` tries it from then on; the exit code is then 1.
//
//   --minutes N   of all campaigns together; 30
//   --only NAME   subjects whose names begin so; repeatable
//   --seed N      the same inputs as another time; default: a new one, which is printed
//   --replay FILE one kept input, on the subject that its folder names
//   --grow        keeps small inputs that reached something new, too

import { readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { campaign } from './campaign.ts';
import { decoded, keep, kept } from './corpus.ts';
import type { Subject } from './subject.ts';
import { SUBJECTS, subjectOf } from './subjects.ts';
import { supervise } from './supervise.ts';
import type { Told } from './worker.ts';

/** Of new inputs, when they are kept: a spec tries them all. */
const MOST_NEWS = 12;
const MOST_NEWS_BYTES = 512;

const { values } = parseArgs({
	options: {
		minutes: { type: 'string', default: '30' },
		only: { type: 'string', multiple: true, default: [''] },
		seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
		replay: { type: 'string' },
		grow: { type: 'boolean', default: false },
	},
});

process.exitCode = values.replay === undefined ? await fuzz() : await replay(resolve(values.replay));

async function fuzz(): Promise<number> {
	const subjects = SUBJECTS.filter(({ name }) => values.only.some((prefix) => name.startsWith(prefix)));
	const [seed, minutes] = [Number(values.seed), Number(values.minutes)];
	if (subjects.length === 0 || !Number.isInteger(seed) || !(minutes > 0)) {
		console.error(`fuzz: wants a number for --minutes and --seed, and for --only one of ${namesOf(SUBJECTS)}`);
		return 64;
	}
	console.log(`fuzz: ${subjects.length} subjects, ${minutes} minutes, --seed ${seed}`);
	let findings = 0;
	for (const { name } of subjects) {
		const corpus = kept(name).map(([, input]) => input);
		const began = performance.now();
		const told = await supervise(name, { seed, ms: (minutes * 60_000) / subjects.length, corpus });
		const seconds = Math.round((performance.now() - began) / 1_000);
		console.log(`${name}: ${told.executions} inputs in ${seconds} s, ${told.reached} things reached`);
		findings += tell(name, told, seed);
	}
	console.log(`fuzz: ${findings} findings`);
	return findings === 0 ? 0 : 1;
}

/** How many findings there are. */
function tell(name: string, { findings, news }: Told, seed: number): number {
	for (const { symptom, text, input } of findings) {
		const path = input ? keep(name, decoded(Buffer.from(input))) : 'no single input';
		console.log(`FOUND ${name}: ${symptom}\n  --only ${name} --seed ${seed}; ${path}\n${text}`);
	}
	const small = news.filter(({ length }) => length <= MOST_NEWS_BYTES).slice(0, values.grow ? MOST_NEWS : 0);
	for (const input of small) keep(name, decoded(Buffer.from(input)));
	return findings.length;
}

async function replay(file: string): Promise<number> {
	const undos: (() => void | Promise<void>)[] = [];
	const subject = subjectOf(basename(dirname(file)));
	const corpus = [decoded(readFileSync(file))];
	const { findings } = await campaign({ teardown: (undo) => void undos.push(undo) }, subject, {
		seed: 0,
		runs: 0,
		corpus,
	});
	for (const { error } of findings) console.log(error);
	for (const undo of undos.reverse()) await undo();
	return findings.length === 0 ? 0 : 1;
}

function namesOf(subjects: readonly Subject[]): string {
	return subjects.map(({ name }) => name).join(', ');
}
