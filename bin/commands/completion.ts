// `bauta completion SHELL`: what makes a shell complete the command line.
import type { Command } from 'commander';
import { bashCompletion } from '../completion/bash.ts';
import { fishCompletion } from '../completion/fish.ts';
import { type CommandNode, nodeOf } from '../completion/tree.ts';
import { zshCompletion } from '../completion/zsh.ts';

export type Shell = 'bash' | 'zsh' | 'fish';

const SCRIPTS: Readonly<Record<Shell, (program: CommandNode) => string>> = {
	bash: bashCompletion,
	zsh: zshCompletion,
	fish: fishCompletion,
};

/** The script of this shell for the commands of `program`. */
export function completionOf(program: Command, shell: Shell): string {
	return SCRIPTS[shell](nodeOf(program));
}

/** Prints it. */
export function completion(program: Command, shell: Shell): void {
	process.stdout.write(completionOf(program, shell));
}
