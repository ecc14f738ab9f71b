// `bauta check`: loads the configuration and stops. Exit 0, or the code that `serve` would have ended with.
import { loadConfig } from '../../lib/config/load.ts';
import { ConfigError } from '../../lib/config/problem.ts';
import { systemLines } from '../../lib/config/system.ts';
import { warningsOf } from '../../lib/config/warnings.ts';
import { localPrefixes } from '../../lib/io/local-routes.ts';
import { systemFacts } from '../../lib/io/system.ts';
import { type ListSpec, readListNow } from '../../lib/lists.ts';
import type { ListCounts } from '../../lib/policy/list.ts';
import { type FlagValues, layerOf } from '../flags.ts';

/** Throws ConfigError, for main.ts to say on standard error; with `--json` standard output has it, too. */
export async function check(
	values: FlagValues & { readonly json?: boolean; readonly system?: boolean },
): Promise<void> {
	try {
		const { config } = await loadConfig({ file: values.config, env: process.env, flags: layerOf(values) });
		const warnings = warningsOf(config);
		const system = values.system ? systemLines(config, systemFacts(), localPrefixes()) : null;
		const lists = await Promise.all(config.lists.map(listReport));
		if (values.json) say({ ok: true, problems: [], warnings, ...(system && { system }), lists });
		else {
			const lines = (system ?? []).map(({ level, text }) => (level === 'ok' ? text : `${level}: ${text}`));
			lines.push(...lists.map(listLine));
			console.log(
				[...warnings.map((warning) => `warning: ${warning}`), ...lines, 'the configuration is valid'].join('\n'),
			);
		}
	} catch (error) {
		if (values.json && error instanceof ConfigError) say({ ok: false, problems: error.problems, warnings: [] });
		throw error;
	}
}

interface ListReport extends ListCounts {
	readonly tag: string;
	/** The file that was looked at. */
	readonly file: string | null;
	/** Of the first bad lines. */
	readonly lines: readonly number[];
	/** Why it could not be read. */
	readonly why: string | null;
}

async function listReport(spec: ListSpec): Promise<ListReport> {
	const { list, path, why } = await readListNow(spec);
	return { tag: spec.tag, file: path, ...list.counts, lines: list.badLines, why };
}

function listLine({ tag, file, why, lines, ...counts }: ListReport): string {
	const { names, prefixes, patterns, exceptions, otherLines, badLines } = counts;
	const where = file === null ? '' : ` (${file})`;
	if (why !== null) return `list ${tag}${where}: not here yet (${why})`;
	const bad = badLines === 0 ? '' : ` (${lines.join(', ')}${badLines > lines.length ? ', ...' : ''})`;
	const entries = `${names} names, ${prefixes} prefixes, ${patterns} expressions, ${exceptions} exceptions`;
	return `list ${tag}${where}: ${entries}; ignored lines: ${otherLines} of other kinds, ${badLines} bad${bad}`;
}

function say(result: object): void {
	process.stdout.write(`${JSON.stringify(result)}\n`);
}
