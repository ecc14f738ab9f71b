// Several observers as one.
import type { Observer } from '../core/observer.ts';

type Verb = keyof Observer;

const VERBS: readonly Verb[] = [
	'flowStarted',
	'flowOpened',
	'flowEnded',
	'dropped',
	'limits',
	'memberFailed',
	'memberEjected',
	'note',
	'bug',
];

/** Tells each of them, in order; what one throws is thrown when all have heard. Verbs that none knows are left out. */
export function observers(...all: readonly Observer[]): Observer {
	const together: Record<string, (...facts: never[]) => void> = {};
	for (const verb of VERBS) {
		const hearers = all.filter((observer) => observer[verb] !== undefined);
		if (hearers.length > 0) together[verb] = (...facts) => tell(hearers, verb, facts);
	}
	return together;
}

function tell(hearers: readonly Observer[], verb: Verb, facts: never[]): void {
	let thrown: { readonly error: unknown } | null = null;
	for (const hearer of hearers) {
		try {
			(hearer[verb] as (...facts: never[]) => void)(...facts);
		} catch (error) {
			thrown ??= { error };
		}
	}
	if (thrown) throw thrown.error;
}
