// The command line as data: what a shell completes and what the manual lists, read off the tree of commands that parses it.
import type { Argument, Command, Option } from 'commander';
import { schemaAt } from '../../lib/config/json-schema.ts';
import { pathOfFlag } from '../flags.ts';

/** What follows a flag, or stands as an argument. */
export type Takes = 'nothing' | 'word' | 'file' | { readonly choices: readonly string[] };

export interface FlagNode {
	/** Without dashes. */
	readonly short: string | null;
	readonly long: string;
	/** As help writes it: `-c, --config <file>`. */
	readonly term: string;
	readonly description: string;
	readonly takes: Takes;
	readonly repeatable: boolean;
}

export interface ArgumentNode {
	/** As help writes it: `<target>`. */
	readonly term: string;
	readonly description: string;
	readonly takes: Takes;
}

export interface CommandNode {
	/** From the program on: `['bauta', 'config', 'print']`. */
	readonly path: readonly string[];
	readonly description: string;
	readonly flags: readonly FlagNode[];
	readonly arguments: readonly ArgumentNode[];
	readonly commands: readonly CommandNode[];
}

/** The command that runs when none is named, whose flags the program takes as well. */
const DEFAULT = 'serve';

/** The tree below `command`, less commander's own `help` commands, for there is `--help`. */
export function nodeOf(command: Command, parents: readonly string[] = []): CommandNode {
	const help = command.createHelp();
	const path = [...parents, command.name()];
	const visible = help.visibleCommands(command).filter((child) => child.name() !== 'help');
	const commands = visible.map((child) => nodeOf(child, path));
	const own = help.visibleOptions(command).map(flagNode);
	const flags = [...own, ...(commands.find((child) => isDefault(child))?.flags ?? [])];
	return {
		path,
		description: command.description(),
		flags: flags.filter(({ long }, i) => flags.findIndex((other) => other.long === long) === i),
		arguments: command.registeredArguments.map(argumentNode),
		commands,
	};
}

/** Whether it is what the program does when no command is named. */
export function isDefault({ path }: CommandNode): boolean {
	return path.length === 2 && path[1] === DEFAULT;
}

/** A command and all below it, in the order of help. */
export function withDescendants(node: CommandNode): readonly CommandNode[] {
	return [node, ...node.commands.flatMap(withDescendants)];
}

/** How a flag is written: `-c` and `--config`. */
export function spellings({ short, long }: FlagNode): string[] {
	return short === null ? [`--${long}`] : [`-${short}`, `--${long}`];
}

function flagNode(option: Option): FlagNode {
	return {
		short: option.short?.slice(1) ?? null,
		long: option.name(),
		term: option.flags,
		description: option.description,
		takes: option.required || option.optional ? valueFor(option) : 'nothing',
		// The only flags that read their values themselves are those that gather them.
		repeatable: option.parseArg !== undefined,
	};
}

/** A flag for a key of the configuration takes what the schema says. */
function valueFor(option: Option): Takes {
	const path = pathOfFlag(option);
	const choices = path && schemaAt(path)?.enum;
	return Array.isArray(choices) ? { choices: choices.map(String) } : takesOf(option.flags);
}

function argumentNode(argument: Argument): ArgumentNode {
	const { description, required, argChoices } = argument;
	const term = required ? `<${argument.name()}>` : `[${argument.name()}]`;
	return { term, description, takes: argChoices ? { choices: argChoices } : takesOf(term) };
}

/** By the placeholder: `<file>` and `<address:port|path>` are files, or may be. */
function takesOf(placeholder: string): Takes {
	return /\b(file|path)\b/.test(placeholder.replace(/^.*?[<[]/, '')) ? 'file' : 'word';
}
