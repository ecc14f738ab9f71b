// The command line: which command, its flags, and the exit code of what comes of it. What a command needs is imported when
// it runs, so that none waits for what only another one uses.
import { Argument, Command, CommanderError } from 'commander';
import { didYouMean } from '../lib/config/suggestion.ts';
import type { Shell } from './commands/completion.ts';
import type { LimitsValues } from './commands/limits.ts';
import { EXIT, exitCodeOfListen } from './exit-codes.ts';
import { type FlagValues, withFlags } from './flags.ts';
import { manifest } from './manifest.ts';

/** Runs the command that the arguments name. Never rejects: what goes wrong is said, and is the exit code. */
export async function main(): Promise<void> {
	process.stdout.on('error', () => {}); // `bauta config print | head` is no error
	try {
		await commands().parseAsync();
	} catch (error) {
		process.exitCode = await explained(error);
	}
}

/** The tree of commands, for whoever parses, completes or describes it. */
export function commands(): Command {
	const { version, description } = manifest();
	const program = new Command('bauta')
		.description(description)
		.version(version)
		.showHelpAfterError('(see bauta --help)')
		// A flag mistyped as `--usr=alice:password` must not be repeated whole.
		.configureOutput({ outputError: (text, write) => write(text.replace(/(unknown option '[^'=]*)=[^']*'/, "$1'")) })
		.exitOverride();
	addServe(program);
	addWorker(program);
	addAdmin(program);
	addCheck(program);
	addRoute(program);
	addJudge(program);
	addConfig(program.command('config').description('the configuration as text'));
	addUser(program.command('user').description('users'));
	addLimits(program.command('limits').description('what a client or a user has used of the shared limits'));
	addCompletion(program);
	return program;
}

function addServe(program: Command): void {
	const serve = withFlags(program.command('serve', { isDefault: true }))
		.description('serve clients; the command when none is named')
		.allowExcessArguments()
		.action(async (values: FlagValues) => {
			if (serve.args.length > 0) refuseCommand(program, serve.args[0] as string);
			await (await import('./commands/serve.ts')).serve(values);
		});
	program.addHelpText('after', () => `\n${serve.helpInformation()}`);
}

/** What `serve` starts several of: nobody else's to use, so no help names it. */
function addWorker(program: Command): void {
	program
		.command('worker', { hidden: true })
		.argument('[index]')
		.action(async () => {
			if (!process.send) program.error('error: bauta serve --workers starts workers');
			(await import('./service/worker.ts')).work();
		});
}

/** Any word that is no command lands at the default command. It is not repeated: it may be a password gone astray. */
function refuseCommand(program: Command, word: string): void {
	const names = program.commands.map((command) => command.name());
	program.error(`error: unknown command${didYouMean(word, names)}`);
}

/** The commands that ask a gateway which runs. */
function addAdmin(program: Command): void {
	const asking = (name: string, description: string): Command =>
		withFlags(program.command(name), { section: 'admin' }).description(`${description}, by its admin listener`);
	const run = async () => import('./commands/admin.ts');
	asking('status', 'what a running gateway does')
		.option('-w, --watch', 'again each second')
		.option('--json', 'as JSON')
		.action(async (values) => (await run()).status(values));
	asking('exits', 'the ways out of a running gateway, and how the exits of its groups are')
		.argument('[group]', 'all exits of this one')
		.option('--json', 'as JSON')
		.action(async (group: string | undefined, values) => (await run()).exits(group, values));
	asking('reload', 'have a running gateway read its configuration again').action(async (values) =>
		(await run()).reload(values),
	);
	asking('upgrade', 'have a new process take over from a running one').action(async (values) =>
		(await run()).upgrade(values),
	);
	asking('drain', 'have a running gateway take no more connections and end with the last one')
		.option('--deadline <duration>', 'at most that long, "30s"; by default timeouts.drain')
		.action(async (values) => (await run()).drain(values));
}

function addCheck(program: Command): void {
	withFlags(program.command('check'))
		.description('say everything that is wrong with the configuration')
		.option('--json', 'as JSON')
		.option('--system', 'and what this machine grants: routes of sources, ports, descriptors')
		.action(async (values: FlagValues) => (await import('./commands/check.ts')).check(values));
}

function addRoute(program: Command): void {
	withFlags(program.command('route'), { without: ['user'] })
		.argument('<target>', 'host:port or a URL; without a port 443')
		.description('say which rule and which way out a target gets, without connecting')
		.option('--user <name>', 'asked for by this user, whose name may have a session behind it')
		.option('--client <address>', 'from there')
		.option('--inbound <tag>', 'by this listener')
		.option('--at <time>', 'then, such as "2026-11-23T12:00"')
		.option('--json', 'as JSON')
		.action(async (target: string, values: FlagValues) => (await import('./commands/route.ts')).route(target, values));
}

function addJudge(program: Command): void {
	const collect = (url: string, before: readonly string[] = []): string[] => [...before, url];
	withFlags(program.command('judge'), { without: ['listen', 'admin', 'redis', 'log-level', 'log-clients'] })
		.description(
			'send requests full of what identifies through a gateway to an origin of its own, and say what arrived',
		)
		.option('--through <url>', 'judge this proxy and not a gateway made for it, as -F takes it; repeatable', collect)
		.option('--origin <host:port[,port]>', 'where proxies find this machine; the last port is for tunnels')
		.option('--dns <address:port>', 'answer there for the names under --zone, and say who asked')
		.option('--zone <name>', 'a zone that is delegated to this machine; else one of example.com')
		.option('--expect <grade>', 'transparent, anonymous, elite or byte-true; exit 1 below it; elite if not said')
		.option('--json', 'as JSON')
		.action(async (values: FlagValues) => (await import('./commands/judge.ts')).judge(values));
}

function addConfig(config: Command): void {
	withFlags(config.command('print'))
		.description('the merged configuration as TOML, secrets masked')
		.action(async (values: FlagValues) => (await import('./commands/config.ts')).print(values));
	config
		.command('schema')
		.description('the JSON Schema of a configuration file, for editors')
		.action(async () => (await import('./commands/config.ts')).schema());
}

function addUser(user: Command): void {
	user
		.command('hash')
		.argument('[name]', 'the name of the user; without it standard input says "name:password"')
		.description('read a password and print the line for the users file')
		.action(async (name: string | undefined) => (await import('./commands/user-hash.ts')).userHash(name));
}

function addLimits(limits: Command): void {
	const command = (name: string, description: string): Command =>
		withFlags(limits.command(name).argument('<address|user>', 'an IP address, or the name of a user'), {
			section: 'redis',
		}).description(description);
	command('show', 'what is counted of it')
		.option('--json', 'as JSON')
		.action(async (who: string, values: LimitsValues) => (await import('./commands/limits.ts')).show(who, values));
	command('reset', 'count rates, bytes and failures from nothing again, and end a ban').action(
		async (who: string, values: LimitsValues) => (await import('./commands/limits.ts')).reset(who, values),
	);
	command('ban', 'refuse it everywhere')
		.option('--for <duration>', '"10m" if not said; no longer than its key in Redis can be told, a day or two')
		.action(async (who: string, values: LimitsValues) => (await import('./commands/limits.ts')).ban(who, values));
	command('unban', 'end its ban, and forget the failures before it').action(async (who: string, values: LimitsValues) =>
		(await import('./commands/limits.ts')).unban(who, values),
	);
}

function addCompletion(program: Command): void {
	program
		.command('completion')
		.addArgument(new Argument('<shell>', 'the shell to complete in').choices(['bash', 'zsh', 'fish']))
		.description('print what makes a shell complete the command line')
		.action(async (shell: Shell) => (await import('./commands/completion.ts')).completion(program, shell));
}

/** Says what went wrong, unless commander has, and how the process ends. */
async function explained(error: unknown): Promise<number> {
	if (error instanceof CommanderError) return error.exitCode === 1 ? EXIT.usage : error.exitCode; // 1 is commander's own
	const { ConfigError } = await import('../lib/config/problem.ts');
	if (error instanceof ConfigError) {
		console.error(error.message);
		return { invalid: EXIT.config, missing: EXIT.noInput, forbidden: EXIT.noPermission }[error.kind];
	}
	const { AdminClientError } = await import('./admin-client.ts');
	if (error instanceof AdminClientError) {
		console.error(error.message);
		return error.exitCode;
	}
	const { ListenError } = await import('../lib/io/bind.ts');
	if (error instanceof ListenError) {
		console.error(`bauta: ${error.message}`);
		return exitCodeOfListen(error.code);
	}
	console.error(error);
	return EXIT.software;
}
