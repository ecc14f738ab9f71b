// Everything that configures a gateway, in one go: defaults < file < conf.d/*.toml < environment < flags.
import type { Config, ConfigInput } from './config.ts';
import { readFiles } from './file.ts';
import { type Layer, Merged, type Table } from './layers.ts';
import { ConfigError, type Finding, type Path, type Place, type Problem, placeOf, problemOf } from './problem.ts';
import { check } from './resolve.ts';

export interface LoadOptions {
	/** The configuration file; a folder `conf.d` beside it counts too. */
	readonly file?: string | undefined;
	readonly env?: Readonly<Record<string, string | undefined>>;
	readonly flags?: Flags;
}

/** What flags say, and which flag says it. */
export interface Flags {
	readonly input: ConfigInput;
	/** The name of the flag that stands for a key: `--allow-ports` for `exit.ports`. */
	readonly nameOf: (path: Path) => string;
}

export interface Loaded {
	readonly config: Config;
	/** What was written, merged, without defaults. */
	readonly input: ConfigInput;
	/** Where the value at a path was written; null for a default. */
	place(path: Path): Promise<Place | null>;
}

/** Throws ConfigError with every problem there is. */
export async function loadConfig({ file, env = {}, flags }: LoadOptions): Promise<Loaded> {
	const files = file === undefined ? null : readFiles(file);
	const environment = await readEnvironment(env);
	const layers = [...(files?.layers ?? []), environment.layer, flags && flagsLayer(flags)];
	const merged = new Merged(layers.filter((layer) => !!layer));
	const problems = [...(files?.problems ?? []), ...environment.problems];
	const { config, findings } = check(merged.data, { alone: !!files?.problems.length });
	for (const finding of findings) problems.push(await located(finding, merged));
	if (config && problems.length === 0) {
		const place: Loaded['place'] = async (path) => (await merged.place(path, 'key')) ?? null;
		return { config, input: merged.data as ConfigInput, place };
	}
	throw new ConfigError(inOrder(problems), files?.kind);
}

async function readEnvironment(
	env: Readonly<Record<string, string | undefined>>,
): Promise<{ readonly layer: Layer | null; readonly problems: readonly Problem[] }> {
	if (!Object.keys(env).some((name) => name.startsWith('BAUTA_'))) return { layer: null, problems: [] };
	const { environmentLayer } = await import('./environment.ts');
	return environmentLayer(env);
}

function flagsLayer({ input, nameOf }: Flags): Layer {
	return { data: input as Table, adds: false, place: (path) => placeOf(nameOf(path)) };
}

async function located(finding: Finding, merged: Merged): Promise<Problem> {
	const place = finding.place ?? (await merged.place(finding.path, finding.at));
	return problemOf(finding, place ?? placeOf('configuration'));
}

/** As a reader goes through the files: those of one place together, from its top. */
function inOrder(problems: readonly Problem[]): Problem[] {
	const places = [...new Set(problems.map(({ where }) => where))];
	const rank = ({ where }: Problem): number => places.indexOf(where);
	return problems.toSorted(
		(a, b) => rank(a) - rank(b) || (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
	);
}
