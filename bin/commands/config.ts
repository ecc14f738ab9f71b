// `bauta config print` and `bauta config schema`: what the flags, the environment and the files come to, as a file.
import { jsonSchema } from '../../lib/config/json-schema.ts';
import { loadConfig } from '../../lib/config/load.ts';
import { printConfig } from '../../lib/config/print.ts';
import { type FlagValues, layerOf } from '../flags.ts';

/** Prints a file that does what these flags do. Throws ConfigError. */
export async function print(values: FlagValues): Promise<void> {
	const { input } = await loadConfig({ file: values.config, env: process.env, flags: layerOf(values) });
	process.stdout.write(printConfig(input));
}

export function schema(): void {
	process.stdout.write(`${JSON.stringify(jsonSchema(), null, '\t')}\n`);
}
