// The manual: nothing of the program is missing in it, and the formatters of Debian find nothing wrong with it.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { nodeOf, withDescendants } from '../../bin/completion/tree.ts';
import { EXIT } from '../../bin/exit-codes.ts';
import { commands } from '../../bin/main.ts';
import { type JsonSchema, jsonSchema } from '../../lib/config/json-schema.ts';
import { commandPage } from '../../packaging/manual/command.ts';
import { configurationPage } from '../../packaging/manual/configuration.ts';
import { text } from '../../packaging/manual/roff.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';
import { run } from '../helpers/process.ts';
import { needs, program } from '../helpers/programs.ts';

const PROGRAM = nodeOf(commands());
const PAGES: Readonly<Record<string, string>> = {
	'bauta.1': commandPage(PROGRAM, '1.2.3'),
	'bauta.toml.5': configurationPage(jsonSchema(), '1.2.3'),
};

for (const [name, page] of Object.entries(PAGES)) {
	needs(
		test,
		'groff',
		'mandoc',
	)(`${name} has no fault that groff or mandoc sees`, async (t) => {
		const file = join(temporaryFolder(t), name);
		writeFileSync(file, page);
		const { code, stderr } = await run(t, program('groff'), ['-man', '-ww', '-b', '-z', file]);
		t.deepEqual([code, stderr], [0, '']);
		const lint = await run(t, program('mandoc'), ['-T', 'lint', '-W', 'warning', file]);
		// A date would be that of a build.
		const faults = lint.stdout
			.toString()
			.split('\n')
			.filter((line) => line !== '' && !line.includes('missing date'));
		t.deepEqual(faults, []);
	});

	needs(test, 'groff')(`${name} is shown as it was meant`, async (t) => {
		const shown = await run(t, program('groff'), ['-man', '-Tascii', '-P-cbou'], Buffer.from(page));
		const words = shown.stdout.toString();
		t.regex(words, name === 'bauta.1' ? /^ +-L, --listen <address:port>$/m : /^ +level = "elite"$/m);
		t.false(/\\[a-z(&]|`/.test(words), 'no escape and no backquote is left');
	});
}

test('every command, argument and flag is in bauta(1), told once', (t) => {
	const page = PAGES['bauta.1']!;
	for (const { path, commands: below, flags, arguments: taken } of withDescendants(PROGRAM)) {
		if (below.length === 0)
			t.true(page.includes(text([...path, ...taken.map(({ term }) => term)].join(' '))), path.join());
		for (const { term, description } of flags) {
			t.true(page.includes(text(term)), term);
			t.true(page.includes(text(description)), description);
		}
	}
	t.is(page.split(text('--listen <address:port>')).length, 2);
});

test('every exit code is in bauta(1)', (t) => {
	const [, after = ''] = PAGES['bauta.1']!.split('.SH EXIT STATUS');
	for (const code of Object.values(EXIT)) t.true(after.includes(`\\fB${code}\\fR\n`), String(code));
});

test('every key of the configuration is in bauta.toml(5)', (t) => {
	const page = PAGES['bauta.toml.5']!;
	const keys = keysOf(jsonSchema());
	t.true(keys.length > 100);
	for (const key of keys) t.true(page.includes(`${text(key)}\\fR`) || page.includes(`${text(key)}]`), key);
});

function keysOf({ properties, items, anyOf }: JsonSchema): string[] {
	const own = Object.entries(properties ?? {}).flatMap(([key, child]) => [key, ...keysOf(child)]);
	return [...own, ...[items, ...(anyOf ?? [])].flatMap((child) => (child ? keysOf(child) : []))];
}
