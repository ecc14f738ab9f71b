// bauta(1): the tree of commands, and what stands nowhere else about the program as a process.
import { isDeepStrictEqual } from 'node:util';
import { type CommandNode, type FlagNode, isDefault, withDescendants } from '../../bin/completion/tree.ts';
import { EXIT } from '../../bin/exit-codes.ts';
import { bold, example, item, prose, section, subsection, text, title } from './roff.ts';

const EXITS: Readonly<Record<keyof typeof EXIT, string>> = {
	ok: 'what was asked is done; after SIGTERM or SIGINT: connections have ended or had `timeouts.drain`',
	refused: '`bauta route`: the target is refused',
	usage: 'the command line is wrong',
	noInput: 'there is no such configuration file',
	unavailable:
		'an address to listen on is taken or not of this machine; for the commands that ask a running gateway: it does not answer, or refuses',
	software: 'a bug of bauta',
	noPermission: 'no permission for a file, a port or the admin listener',
	config: 'the configuration is wrong: every problem is said as FILE:LINE:COLUMN',
};

const SIGNALS: readonly (readonly [name: string, does: string])[] = [
	['SIGTERM', 'takes no more connections, lets live ones end until `timeouts.drain`, and ends'],
	['SIGINT', 'the same; a second one ends at once'],
	['SIGHUP', 'reads the configuration again and applies it whole, or says what is wrong with it and changes nothing'],
	['SIGUSR2', 'starts the program as it is installed now with the sockets of this one, which then drains'],
];

const FILES: readonly (readonly [path: string, is: string])[] = [
	['/etc/bauta/bauta.toml', 'the configuration of the service, bauta.toml(5)'],
	['/etc/bauta/conf.d/*.toml', 'more of it, in the order of their names'],
	['/run/bauta/admin.sock', 'the admin listener of the service, which the commands above ask'],
	['/var/lib/bauta', 'what the service may keep, for `group.keep`'],
];

const ENVIRONMENT: readonly (readonly [name: string, is: string])[] = [
	['BAUTA_SECTION__KEY', 'a key of the configuration: `BAUTA_LIMITS__BURST=50`, `BAUTA_LISTEN=:1080`'],
	['NOTIFY_SOCKET, WATCHDOG_USEC', 'set by systemd: where readiness, reloads and the watchdog are told, sd_notify(3)'],
	['LISTEN_FDS, LISTEN_FDNAMES', 'set by systemd: sockets for `listen = ["fd:NAME"]`, systemd.socket(5)'],
	['CREDENTIALS_DIRECTORY', 'set by systemd: where the files named `credential:NAME` are, systemd.exec(5)'],
	['RUNTIME_DIRECTORY', 'set by systemd: the folder of the admin socket'],
	['NO_COLOR', 'no colours on a terminal'],
];

const EXAMPLES: readonly (readonly [what: string, lines: string])[] = [
	[
		'An open port for everybody, with limits and an exit policy, and a client:',
		'bauta --listen :1080\ncurl --socks5-hostname 127.0.0.1:1080 https://example.com/',
	],
	[
		'Users, and a chain through Tor:',
		'bauta user hash alice >> users\nBAUTA_USERS__FILE=users bauta -F tor://127.0.0.1:9050',
	],
	[
		'What is wrong with a file, and what becomes of a target:',
		'bauta check -c bauta.toml\nbauta route www.example.com:443 -c bauta.toml',
	],
	[
		'A running service: look at it, change it, upgrade it:',
		'bauta status --watch\nsystemctl reload bauta\nbauta upgrade',
	],
];

/** The page. */
export function commandPage(program: CommandNode, version: string): string {
	const [, ...commands] = withDescendants(program);
	const shared = (commands.find(isDefault)?.flags ?? []).filter((flag) => !ofAll(flag));
	return `${[
		title('bauta', 1, version),
		section('NAME', `bauta \\- ${text(firstLower(program.description))}`),
		section('SYNOPSIS', ...commands.filter(runs).map(synopsis)),
		section('DESCRIPTION', prose(DESCRIPTION)),
		section('COMMANDS', ...commands.filter(runs).map((node) => commandPart(node, isDefault(node) ? [] : shared))),
		section('OPTIONS OF ALL COMMANDS', ...program.flags.filter(ofAll).map(flagItem)),
		section(
			'EXIT STATUS',
			...Object.entries(EXIT).map(([name, code]) => item(bold(String(code)), EXITS[name as keyof typeof EXIT])),
		),
		section('SIGNALS', ...SIGNALS.map(([name, does]) => item(bold(name), does))),
		section('ENVIRONMENT', ...ENVIRONMENT.map(([name, is]) => item(bold(name), is))),
		section('FILES', ...FILES.map(([path, is]) => item(bold(path), is))),
		section('EXAMPLES', ...EXAMPLES.map(([what, lines]) => `.PP\n${prose(what)}\n${example(lines)}`)),
		section('SEE ALSO', '.BR bauta.toml (5),\n.BR curl (1),\n.BR tor (1),\n.BR systemd.service (5)'),
	].join('\n')}\n`;
}

const DESCRIPTION =
	'One port takes SOCKS4, SOCKS4a, SOCKS5, HTTP CONNECT and plain HTTP, takes off whatever names the client, and sends the traffic out directly or through chains of other proxies. Without a file and without flags it listens on 127.0.0.1:1080. What flags say, a file can say: defaults, then the file, `conf.d/*.toml` beside it, the environment and flags, of which the later one wins.';

/** Whether it does something itself, and not only what is below it. */
function runs({ commands }: CommandNode): boolean {
	return commands.length === 0;
}

function ofAll({ long }: FlagNode): boolean {
	return long === 'help' || long === 'version';
}

function synopsis(node: CommandNode): string {
	const [name, ...rest] = node.path as [string, ...string[]];
	const words = isDefault(node) ? ['[serve]'] : [bold(rest.join(' '))];
	const taken = node.arguments.map(({ term }) => text(term));
	return `.br\n${[bold(name), ...words, ...taken, '[options]'].join(' ')}`;
}

/** A command with its own flags. Those of `shared`, which the page has told before, are named alone. */
function commandPart(node: CommandNode, shared: readonly FlagNode[]): string {
	const name = [...node.path, ...node.arguments.map(({ term }) => term)].join(' ');
	const described = node.arguments.filter(({ description }) => description !== '');
	const isTold = (flag: FlagNode): boolean => shared.some((other) => isDeepStrictEqual(other, flag));
	const told = node.flags.filter(isTold).map(({ long }) => bold(`--${long}`));
	return subsection(
		name,
		prose(sentence(node.description)),
		...described.map(({ term, description }) => item(bold(term), description)),
		...node.flags.filter((flag) => !ofAll(flag) && !isTold(flag)).map(flagItem),
		...(told.length > 0 ? [`.PP\nAs with ${bold('serve')}: ${told.join(', ')}.`] : []),
	);
}

function flagItem({ term, description }: FlagNode): string {
	return item(bold(term), description);
}

function firstLower(words: string): string {
	return words.charAt(0).toLowerCase() + words.slice(1);
}

function sentence(words: string): string {
	return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}
