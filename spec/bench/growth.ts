// `npm run bench:growth`: whether a connection costs more when much is open or much is configured. README.md says how to read it.
// What a pool of exits costs as it grows is `npm run bench:choose`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../helpers/gateway-process.ts';
import type { Scope } from '../helpers/scope.ts';
import { type Kind, LoadGenerator, median, tunnelsUpTo } from './load.ts';
import { madeUpNames, madeUpPrefixes } from './made-up-lists.ts';
import { type Candidate, ROOM, startBauta } from './proxies.ts';

const ROUNDS = 5;
const SECONDS = 2;
const AT_ONCE = 32;
const MANY: number = tunnelsUpTo(10_000);

function rules(count: number): string {
	const one = (i: number): string =>
		i % 2 === 0
			? `[[rule]]\naction = "deny"\ntarget = ["name-${i}.example"]\n`
			: `[[rule]]\naction = "deny"\naddress = ["203.${i % 256}.${i >> 8}.0/24"]\n`;
	return ROOM + Array.from({ length: count }, (_, i) => one(i)).join('');
}

/** A rule that denies what is on a list of these lines. */
function listed(scope: Scope, lines: Iterable<string>): string {
	const file = join(temporaryFolder(scope), 'list.txt');
	writeFileSync(file, [...lines, ''].join('\n'));
	return `${ROOM}[[list]]\ntag = "made-up"\nfile = "${file}"\n[[rule]]\naction = "deny"\nlist = ["made-up"]\n`;
}

interface Case {
	readonly title: string;
	readonly proxy: Candidate;
	readonly hold: number;
	readonly kind?: Kind;
	/** What it is measured against. */
	readonly base: string | null;
}

async function cases(scope: Scope): Promise<Case[]> {
	const open = (count: number): string => `${count} tunnels open`;
	const proxy = await startBauta(scope);
	const written = (count: number): Promise<Candidate> => startBauta(scope, `${count} rules`, rules(count));
	const names = await startBauta(scope, 'names', listed(scope, madeUpNames(1_000_000)));
	const prefixes = await startBauta(scope, 'prefixes', listed(scope, madeUpPrefixes(100_000)));
	return [
		{ title: open(100), proxy, hold: 100, base: null },
		{ title: open(MANY), proxy: await startBauta(scope), hold: MANY, base: open(100) },
		{ title: '10 rules', proxy: await written(10), hold: 0, base: null },
		{ title: '1000 rules', proxy: await written(1_000), hold: 0, base: '10 rules' },
		{ title: 'no list, asked by name', proxy, hold: 0, kind: 'name', base: null },
		{ title: 'a list of a million names', proxy: names, hold: 0, kind: 'name', base: 'no list, asked by name' },
		{ title: 'no list', proxy, hold: 0, base: null },
		{ title: 'a list of 100000 prefixes', proxy: prefixes, hold: 0, base: 'no list' },
	];
}

const undos: (() => void | Promise<void>)[] = [];
const scope: Scope = { teardown: (undo) => void undos.push(undo) };
try {
	const load = await LoadGenerator.start(scope);
	const all = await cases(scope);
	const seen = new Map(all.map(({ title }) => [title, [] as number[]]));
	for (let round = 0; round <= ROUNDS; round++) {
		for (const { title, proxy, hold, kind = 'socks5' } of all) {
			const options = { kind, mode: 'c', atOnce: AT_ONCE, seconds: SECONDS, hold } as const;
			const { cpuSeconds, done, failures } = await load.run(proxy, options);
			if (failures > 0) console.error(`${title}: ${failures} connections failed`);
			if (round > 0) seen.get(title)?.push((1e6 * cpuSeconds) / done);
		}
	}
	console.log(`\n| with | µs a connection | to | least of ${ROUNDS} rounds |\n|---|---|---|---|`);
	for (const { title, base } of all) {
		const costs = seen.get(title) ?? [];
		const ratio = base === null ? '' : `${(median(costs) / median(seen.get(base) ?? [])).toFixed(2)} × ${base}`;
		console.log(`| ${title} | ${median(costs).toFixed(1)} | ${ratio} | ${Math.min(...costs).toFixed(1)} |`);
	}
} finally {
	for (const undo of undos.reverse()) await undo();
}
