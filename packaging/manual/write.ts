// Writes the manual and the completions into dist/share, where the packages take them from. Part of `npm run build`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { completionOf } from '../../bin/commands/completion.ts';
import { nodeOf } from '../../bin/completion/tree.ts';
import { commands } from '../../bin/main.ts';
import { manifest } from '../../bin/manifest.ts';
import { jsonSchema } from '../../lib/config/json-schema.ts';
import { commandPage } from './command.ts';
import { configurationPage } from './configuration.ts';

const SHARE = join(import.meta.dirname, '../../dist/share');

const { version } = manifest();
const program = commands();

write('man/bauta.1', commandPage(nodeOf(program), version));
write('man/bauta.toml.5', configurationPage(jsonSchema(), version));
write('completions/bauta.bash', completionOf(program, 'bash'));
write('completions/_bauta', completionOf(program, 'zsh'));
write('completions/bauta.fish', completionOf(program, 'fish'));

function write(path: string, text: string): void {
	const file = join(SHARE, path);
	mkdirSync(dirname(file), { recursive: true });
	writeFileSync(file, text);
}
