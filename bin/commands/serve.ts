// `bauta serve`: configuration, gateway, signals. SIGTERM and the first SIGINT drain, the second SIGINT ends at once; both
// are good ends. A bug that nobody caught is written down and ends the process with 70.
import { isatty } from 'node:tty';
import { loadConfig } from '../../lib/config/load.ts';
import { warningsOf } from '../../lib/config/warnings.ts';
import { createGateway, type Gateway } from '../../lib/gateway.ts';
import { createLog, type Log } from '../../lib/observe/log.ts';
import { EXIT } from '../exit-codes.ts';
import { type FlagValues, layerOf } from '../flags.ts';

/** Ctrl-C under npm is two SIGINTs, the terminal's and the one npm hands on: within this time they are one. */
const SAME_SIGINT_MS = 100;

/** Resolves when the gateway listens; the process goes on until a signal ends it. Throws ConfigError, and what `listen` throws. */
export async function serve(values: FlagValues): Promise<void> {
	hideArguments(values);
	const { config } = await loadConfig({ file: values.config, env: process.env, flags: layerOf(values) });
	const log = createLog(config.log);
	const gateway = createGateway(config, { observer: log });
	process.on('exit', () => log.flush());
	endOnBug(log);
	endOnSignal(gateway, log, config.timeouts.drainMs);
	for (const warning of warningsOf(config)) log.note('warn', 'configuration', { warning });
	await gateway.start();
}

/** A password in an argument is for everybody to read in the list of processes; a title takes the place of the arguments. */
function hideArguments({ user, upstream, redis }: FlagValues): void {
	if (user || upstream || redis) process.title = 'bauta serve';
}

function endOnBug(log: Log): void {
	process.on('uncaughtException', (error) => {
		log.bug(error);
		process.exit(EXIT.software);
	});
}

function endOnSignal(gateway: Gateway, log: Log, drainMs: number): void {
	let drainedAt: number | null = null;
	const end = async (): Promise<void> => {
		await gateway.close();
		// Not by running out of work: a handle that is left open by a bug, node's or ours, must not keep a service that was stopped.
		process.exit(EXIT.ok);
	};
	const drain = async (signal: NodeJS.Signals): Promise<void> => {
		if (drainedAt !== null) return;
		drainedAt = performance.now();
		log.note('info', 'draining', { signal, deadlineMs: drainMs });
		await gateway.drain(drainMs);
		await end();
	};
	process.on('SIGTERM', (signal) => void drain(signal));
	process.on('SIGINT', (signal) => {
		if (drainedAt === null) void drain(signal);
		else if (!isatty(0) || performance.now() - drainedAt >= SAME_SIGINT_MS) void end();
	});
}
