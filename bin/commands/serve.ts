// `bauta serve`: a service and the signals it hears. SIGTERM and the first SIGINT drain, the second SIGINT ends at once;
// both are good ends. SIGHUP reloads, SIGUSR2 upgrades. A bug that nobody caught is written down and ends the process with 70.
import { isatty } from 'node:tty';
import type { Log } from '../../lib/observe/log.ts';
import { EXIT } from '../exit-codes.ts';
import type { FlagValues } from '../flags.ts';
import { keepMemorySmall } from '../memory.ts';
import { Service } from '../service/service.ts';

/** Ctrl-C under npm is two SIGINTs, the terminal's and the one npm hands on: within this time they are one. */
const SAME_SIGINT_MS = 100;

/** Resolves when the gateway listens; the process goes on until a signal ends it. Throws ConfigError, and what `listen` throws. */
export async function serve(values: FlagValues): Promise<void> {
	hideArguments(values);
	const service = await Service.create(values);
	process.on('exit', () => service.log.flush());
	endOnBug(service.log);
	hearSignals(service);
	await service.start();
	keepMemorySmall();
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

function hearSignals(service: Service): void {
	const hadTerminal = isatty(0);
	let interruptedAt = 0;
	process.on('SIGTERM', () => void service.drain('SIGTERM'));
	process.on('SIGINT', () => {
		const again = service.draining && (!isatty(0) || performance.now() - interruptedAt >= SAME_SIGINT_MS);
		if (!service.draining) interruptedAt = performance.now();
		void (again ? service.end() : service.drain('SIGINT'));
	});
	// A terminal that is closed says so by SIGHUP, too, and is none any more by then.
	process.on('SIGHUP', () => void (hadTerminal && !isatty(0) ? service.drain('SIGHUP') : service.reload()));
	process.on('SIGUSR2', () => void service.upgrade());
}
