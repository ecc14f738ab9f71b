// The README, and the commands that its table of flags has beside those of its blocks.
import { Page } from './page.ts';

export const README: Page = new Page('README.md');

/** Commands in the table of flags, each with the line of a file that says the same. */
export const PAIRS: readonly (readonly [command: string, toml: string])[] = README.table('| command | file | |').map(
	([command, toml]) => [command!.replaceAll('`', ''), toml!.replaceAll('`', '')],
);

export const COMMANDS: readonly string[] = [...README.commands, ...PAIRS.map(([command]) => command)];
