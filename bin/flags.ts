// The flags that stand for keys of the configuration: one table for what commander reads, where the value goes, and which
// flag a problem names.
import { type Command, Option } from 'commander';
import type { Flags } from '../lib/config/load.ts';

/** What commander makes of the flags below, and `--config`. */
export type FlagValues = Readonly<Record<string, unknown>> & { readonly config?: string };

interface Flag {
	readonly flags: string;
	readonly help: string;
	/** Section and key; a section alone for a top-level list. */
	readonly path: readonly [string, string?];
}

const FLAGS: readonly Flag[] = [
	{
		flags: '-L, --listen <address:port>',
		help: 'listen there; repeatable, ":1080" is every address',
		path: ['listen'],
	},
	{
		flags: '-F, --upstream <url[,url...]>',
		help: 'a way out, commas make a chain; repeatable, the first is the default',
		path: ['upstream'],
	},
	{
		flags: '--source <address|prefix[,...]>',
		help: 'leave from these addresses of this machine; repeatable',
		path: ['egress', 'source'],
	},
	{
		flags: '--user <name:password>',
		help: 'let only users in; repeatable (a users file keeps passwords out of the process list)',
		path: ['users', 'list'],
	},
	{
		flags: '--allow-private',
		help: 'let clients reach private and loopback addresses',
		path: ['exit', 'allow_private'],
	},
	{
		flags: '--allow-ports <list>',
		help: 'where clients may go: "80,443,8000-8099", "default,22" or "all"',
		path: ['exit', 'ports'],
	},
	{ flags: '--anonymity <level>', help: 'elite, anonymous or transparent', path: ['anonymity', 'level'] },
	{
		flags: '--admin <address:port|path>',
		help: 'status, metrics and control there; over TCP with admin.token',
		path: ['admin', 'listen'],
	},
	{
		flags: '--redis <url[,url...]>',
		help: 'share limits with other gateways: redis:// or rediss://, several for a cluster',
		path: ['redis', 'url'],
	},
	{
		flags: '--workers <number|auto>',
		help: 'processes that share the ports; "auto" is one for each CPU',
		path: ['workers'],
	},
	{ flags: '--log-level <level>', help: 'debug, info, warn, error or off', path: ['log', 'level'] },
	{ flags: '--log-clients <how>', help: 'none, truncate or hash', path: ['log', 'clients'] },
];

const REPEATABLE: ReadonlySet<string> = new Set(['listen', 'upstream', 'source', 'user', 'redis']);

/** Which flags a command takes: of one section alone, or without those that mean something else to it. */
export interface FlagChoice {
	readonly section?: string;
	readonly without?: readonly string[];
}

/** Gives a command `-c` and flags of the configuration. */
export function withFlags(command: Command, { section, without = [] }: FlagChoice = {}): Command {
	command.option('-c, --config <file>', 'read FILE, and conf.d/*.toml beside it');
	for (const { flags, help, path } of FLAGS) {
		if (section !== undefined && section !== path[0]) continue;
		const option = new Option(flags, help);
		if (without.includes(option.name())) continue;
		if (REPEATABLE.has(option.name())) option.argParser(option.name() === 'redis' ? collectWords : collect);
		command.addOption(option);
	}
	return command;
}

/** Section and key that a flag stands for; null for one that stands for none. */
export function pathOfFlag({ flags }: Option): readonly string[] | null {
	return FLAGS.find((flag) => flag.flags === flags)?.path.filter((part) => part !== undefined) ?? null;
}

function collect(value: string, before: readonly string[] = []): string[] {
	return [...before, value];
}

/** With commas in between as well; one inside a URL is written `%2C`. */
function collectWords(value: string, before: readonly string[] = []): string[] {
	return [...before, ...value.split(',')];
}

/** The flags as a layer of configuration. */
export function layerOf(values: FlagValues): Flags {
	const input: Record<string, unknown> = {};
	const names = new Map<string, string>();
	for (const { flags, path } of FLAGS) {
		const option = new Option(flags);
		const value = values[option.attributeName()];
		if (value === undefined) continue;
		const [section, key] = path;
		if (key === undefined) input[section] = value;
		else input[section] = { ...(input[section] as object | undefined), [key]: value };
		names.set(path.join('.'), `--${option.name()}`);
	}
	return { input, nameOf: (path) => names.get(path.slice(0, 2).join('.')) ?? names.get(String(path[0])) ?? 'flags' };
}
