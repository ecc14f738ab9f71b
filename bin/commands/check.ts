// `bauta check`: loads the configuration and stops. Exit 0, or the code that `serve` would have ended with.
import { loadConfig } from '../../lib/config/load.ts';
import { ConfigError } from '../../lib/config/problem.ts';
import { systemLines } from '../../lib/config/system.ts';
import { warningsOf } from '../../lib/config/warnings.ts';
import { localPrefixes } from '../../lib/io/local-routes.ts';
import { systemFacts } from '../../lib/io/system.ts';
import { type FlagValues, layerOf } from '../flags.ts';

/** Throws ConfigError, for main.ts to say on standard error; with `--json` standard output has it, too. */
export async function check(
	values: FlagValues & { readonly json?: boolean; readonly system?: boolean },
): Promise<void> {
	try {
		const { config } = await loadConfig({ file: values.config, env: process.env, flags: layerOf(values) });
		const warnings = warningsOf(config);
		const system = values.system ? systemLines(config, systemFacts(), localPrefixes()) : null;
		if (values.json) say({ ok: true, problems: [], warnings, ...(system && { system }) });
		else {
			const lines = (system ?? []).map(({ level, text }) => (level === 'ok' ? text : `${level}: ${text}`));
			console.log(
				[...warnings.map((warning) => `warning: ${warning}`), ...lines, 'the configuration is valid'].join('\n'),
			);
		}
	} catch (error) {
		if (values.json && error instanceof ConfigError) say({ ok: false, problems: error.problems, warnings: [] });
		throw error;
	}
}

function say(result: object): void {
	process.stdout.write(`${JSON.stringify(result)}\n`);
}
