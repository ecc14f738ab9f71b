/** Tells each of them, in order; what one throws is thrown when all have heard. */
export function tellAll<T>(hearers: readonly T[], tell: (hearer: T) => void): void {
	let thrown: { readonly error: unknown } | null = null;
	for (const hearer of hearers) {
		try {
			tell(hearer);
		} catch (error) {
			thrown ??= { error };
		}
	}
	if (thrown) throw thrown.error;
}
