/** Somebody's bug is nobody else's: whoever else is to be told of something is, before the process hears of `thrown`. */
export function uncaught(thrown: unknown): void {
	process.nextTick(() => {
		throw thrown;
	});
}
