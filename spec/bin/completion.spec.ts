// Lines typed into real shells, tabs and all, after what `bauta completion` prints has been read.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { nodeOf, withDescendants } from '../../bin/completion/tree.ts';
import { commands } from '../../bin/main.ts';
import { bauta } from '../helpers/command.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';
import { run } from '../helpers/process.ts';
import { needs, program } from '../helpers/programs.ts';

/** What is typed, and what the command then gets. */
const LINES: readonly (readonly [typed: string, got: string])[] = [
	['bauta che\t', 'check'],
	['bauta conf\tpr\t', 'config print'],
	['bauta config print --anonymity el\t', 'config print --anonymity elite'],
	['bauta --log-clients=tr\t', '--log-clients=truncate'],
	['bauta -L 127.0.0.1:1080 limits un\t', '-L 127.0.0.1:1080 limits unban'],
	['bauta completion f\t', 'completion fish'],
	['bauta limits show --redis redis://a --js\t', 'limits show --redis redis://a --json'],
	['bauta check --config my\t--sys\t', 'check --config my bauta.toml --system'],
];

/** A folder with the script as `completion`, and a file whose name wants quoting. */
async function folderFor(t: ExecutionContext, shell: string): Promise<string> {
	const folder = temporaryFolder(t);
	const { code, stdout, stderr } = await bauta(t, ['completion', shell]);
	t.deepEqual([code, stderr], [0, '']);
	writeFileSync(join(folder, 'completion'), stdout);
	writeFileSync(join(folder, 'my bauta.toml'), '');
	return folder;
}

/** Types into a shell, on a terminal, where `bauta` says what it was called with. */
async function typed(t: ExecutionContext, folder: string, shell: string, before: string): Promise<string[]> {
	const called = `bauta() { printf '%s,' called "$@"; echo; }`;
	const lines = [`cd ${folder}; ${before} source ./completion; ${called}`, ...LINES.map(([keys]) => keys), 'exit', ''];
	const shown = await run(t, program('script'), ['-qec', shell, '/dev/null'], Buffer.from(lines.join('\n')));
	return [...shown.stdout.toString().matchAll(/^(?:\x1b\[J)?called,(.*),\r$/gm)].map(([, words]) =>
		words!.replaceAll(',', ' '),
	);
}

for (const [shell, line, before] of [
	['bash', 'bash --noprofile --norc -i', "bind 'set enable-bracketed-paste off';"],
	['zsh', 'zsh -f -i', 'autoload -U compinit; compinit -u -D;'],
] as const) {
	needs(
		test,
		'script',
		shell,
	)(`${shell} completes what is typed`, async (t) => {
		const folder = await folderFor(t, shell);
		const got = await typed(t, folder, line, before);
		t.deepEqual(
			got,
			LINES.map(([, words]) => words),
		);
	});
}

needs(test, 'fish')('fish completes what is typed', async (t) => {
	const folder = await folderFor(t, 'fish');
	const typed = LINES.map(([keys]) =>
		keys.slice(0, -1).replace('my\t', 'my\\ bauta.toml ').replace('conf\t', 'config '),
	);
	const asked = typed.map((words) => `complete -C ${JSON.stringify(words)}; echo`);
	const lines = [`cd ${folder}; source ./completion`, ...asked, 'complete -C "bauta check -c my"', ''];
	const { code, stdout, stderr } = await run(t, program('fish'), ['--no-config', '-c', lines.join('\n')]);
	t.deepEqual([code, stderr], [0, '']);
	const offered = stdout
		.toString()
		.split('\n')
		.filter(Boolean)
		.map((offer) => offer.split('\t')[0]);
	t.deepEqual(offered, [
		'check',
		'print',
		'elite',
		'--log-clients=truncate',
		'unban',
		'fish',
		'--json',
		'--system',
		'my bauta.toml',
	]);
});

test('every command, flag and choice is in every script', async (t) => {
	const nodes = withDescendants(nodeOf(commands()));
	for (const shell of ['bash', 'zsh', 'fish']) {
		const { stdout } = await bauta(t, ['completion', shell]);
		const words = new Set(stdout.match(/[\w-]+/g));
		for (const { path, flags } of nodes) {
			t.true(words.has(path.at(-1)!), `${shell}: ${path.join(' ')}`);
			for (const { long } of flags) t.true(words.has(shell === 'fish' ? long : `--${long}`), `${shell}: ${long}`);
		}
		for (const word of ['truncate', 'debug', 'anonymous', 'zsh']) t.true(words.has(word), `${shell}: ${word}`);
	}
});

test('a shell that is none of them is a wrong command line', async (t) => {
	t.is((await bauta(t, ['completion', 'tcsh'])).code, 64);
});
