// Every subject with what is kept for it and a handful of new inputs, the same each time; `npm run fuzz` goes on from there. And
// the fuzzer itself: it finds what is planted, makes it small, and lives through a hang.
import { rmSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import test from 'ava';
import { temporaryFolder } from '../helpers/gateway-process.ts';
import { campaign, cuts } from './campaign.ts';
import { decoded, encoded, keep, kept, subjectsIn } from './corpus.ts';
import { count, look, newDesk, put } from './desk.ts';
import { dice } from './dice.ts';
import { mutate } from './mutate.ts';
import { HANGING, PLANTED } from './planted.ts';
import type { Subject } from './subject.ts';
import { SUBJECTS } from './subjects.ts';
import { supervise } from './supervise.ts';

const SEED = 20_261_127;

/** Of one subject; those that wait get by with fewer, and a configuration takes 3 ms. */
const RUNS = 600;
const WAITING_RUNS = 250;
const CONFIG_RUNS = 120;

test('the corpus is of subjects that exist', (t) => {
	const names = SUBJECTS.map(({ name }) => name);
	t.deepEqual(
		subjectsIn().filter((name) => !names.includes(name)),
		[],
	);
});

for (const subject of SUBJECTS) {
	test.serial(`${subject.name}: what is kept, and some new inputs`, async (t) => {
		const corpus = kept(subject.name).map(([, input]) => input);
		const more = subject.name === 'config' ? CONFIG_RUNS : subject.width === undefined ? RUNS : WAITING_RUNS;
		const runs = corpus.length + subject.seeds.length + more;
		const { findings, executions, reached } = await campaign(t, subject, { seed: SEED, runs, corpus });
		t.deepEqual(findings, []);
		t.true(executions >= runs);
		t.true(reached > 0);
	});
}

test('a planted bug is found once, and its input is made small', async (t) => {
	const { findings } = await campaign(t, PLANTED, { seed: 1, runs: 500 });
	t.is(findings.length, 1);
	t.is(findings[0]?.input?.bytes.toString(), 'bug');
});

test('the same seed is the same inputs, another one others', async (t) => {
	const inputsOf = async (seed: number): Promise<string[]> => {
		const seen: string[] = [];
		const start: Subject['start'] = () => ({
			try: (bytes, roll) => String(seen.push(`${bytes.toString('hex')} ${roll(99)}`) % 3),
		});
		await campaign(t, { ...PLANTED, start }, { seed, runs: 200 });
		return seen;
	};
	const [one, again, other] = await Promise.all([inputsOf(1), inputsOf(1), inputsOf(2)]);
	t.deepEqual(one, again);
	t.notDeepEqual(one, other);
});

test('what piles up is a finding without an input', async (t) => {
	const settle = (): Promise<void> => Promise.reject(new Error('it piles up'));
	const { findings } = await campaign(
		t,
		{ ...PLANTED, start: () => ({ try: () => '', settle }) },
		{ seed: 1, runs: 5 },
	);
	t.deepEqual(
		findings.map(({ input }) => input),
		[null],
	);
});

test('an input is kept and comes back as it was', (t) => {
	const folder = temporaryFolder(t);
	const input = { choice: 0xfffffffe, bytes: Buffer.from([0, 255, 10]) };
	const path = keep('planted', input, folder);
	t.is(keep('planted', input, folder), path);
	t.deepEqual(kept('planted', folder), [[basename(path), input]]);
	t.deepEqual(decoded(encoded(input)), input);
	rmSync(dirname(path), { recursive: true });
	t.deepEqual(kept('planted', folder), []);
});

test('cuts lose nothing, mutations keep to their limit', (t) => {
	const roll = dice(3);
	const bytes = Buffer.from('as much as it takes to be cut');
	for (let i = 0; i < 200; i++) {
		t.true(Buffer.concat(cuts(bytes, roll)).equals(bytes));
		t.true(mutate(roll, [bytes], ['word'], 40).length <= 40);
	}
});

test('what lies on the desk is seen from elsewhere, as far as it fits', (t) => {
	const desk = newDesk(4);
	put(desk, Buffer.from('abcdef'));
	t.is(look(desk).toString(), 'abcd');
	put(desk, null);
	t.deepEqual([look(desk).length, count(desk)], [0, 2]);
});

test('a campaign in a thread tells what it did, and a thread that cannot begin is a finding', async (t) => {
	const told = await supervise('session', { seed: 1, ms: 50, corpus: [] });
	t.true(told.executions > 0);
	t.deepEqual(told.findings, []);
	const { findings } = await supervise('no such subject', { seed: 1, ms: 50, corpus: [] });
	t.is(findings.length, 1);
});

test('an input that keeps the processor is found from outside, and kept', async (t) => {
	const module = new URL('planted.ts', import.meta.url);
	const { findings } = await supervise(HANGING.name, { seed: 1, ms: 60_000, corpus: [], module });
	t.is(findings.length, 1);
	t.regex(findings[0]!.symptom, /hangs/);
	t.true(decoded(Buffer.from(findings[0]!.input!)).bytes.includes('hang'));
});
