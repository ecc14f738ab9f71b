// How the process ends: the codes of sysexits(3), so that a service manager can tell what a restart would help against.

/** Values of sysexits.h. */
export const EXIT = {
	ok: 0,
	/** No code of sysexits.h: `bauta route` says that a target is refused, `bauta judge` that a proxy leaks. */
	refused: 1,
	/** EX_USAGE: the command line. */
	usage: 64,
	/** EX_NOINPUT: no such configuration file. */
	noInput: 66,
	/** EX_UNAVAILABLE: an address that is taken, or not here (yet). */
	unavailable: 69,
	/** EX_SOFTWARE: a bug of ours. */
	software: 70,
	/** EX_NOPERM: a port or a file that this user may not have. */
	noPermission: 77,
	/** EX_CONFIG: a configuration that cannot be used. */
	config: 78,
} as const;

/** The code for a listener that did not start, by the errno name of bind(2) or listen(2). */
export function exitCodeOfListen(errno: string): number {
	return errno === 'EACCES' || errno === 'EPERM' || errno === 'EROFS' ? EXIT.noPermission : EXIT.unavailable;
}
