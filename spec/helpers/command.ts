// `bauta` as a person runs it: the real command in a process of its own, run to its end.
import { join } from 'node:path';
import { run } from './process.ts';
import type { Scope } from './scope.ts';

export const BIN: string = join(import.meta.dirname, '../../bin/bauta.ts');

export interface CommandResult {
	readonly code: number | null;
	readonly stdout: string;
	readonly stderr: string;
}

export interface CommandOptions {
	/** Variables beside those of this process. */
	readonly env?: Readonly<Record<string, string>>;
	/** Standard input. */
	readonly input?: string;
}

/** Runs `bauta` with these arguments. */
export async function bauta(scope: Scope, args: string[], options: CommandOptions = {}): Promise<CommandResult> {
	const variables = Object.entries(options.env ?? {}).map(([name, value]) => `${name}=${value}`);
	const input = Buffer.from(options.input ?? '');
	const result = await run(scope, 'env', [...variables, process.execPath, BIN, ...args], input);
	return { ...result, stdout: result.stdout.toString() };
}
