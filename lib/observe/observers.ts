// Several observers as one.
import type { Observer } from '../core/observer.ts';
import { tellAll } from '../core/tell-all.ts';

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

type Telling = (...facts: never[]) => void;

/** Tells each of them, in order; what one throws is thrown when all have heard. Verbs that none knows are left out. */
export function observers(...all: readonly Observer[]): Observer {
	const together: Record<string, Telling> = {};
	for (const verb of VERBS) {
		const hearers = all.flatMap((observer) => (observer[verb] as Telling | undefined)?.bind(observer) ?? []);
		if (hearers.length > 0) together[verb] = hearers.length === 1 ? (hearers[0] as Telling) : tellingAll(hearers);
	}
	return together;
}

/** No verb has more than three facts; to gather them in an array would cost each flow two. */
function tellingAll(hearers: readonly Telling[]): Telling {
	return (first, second, third) => tellAll(hearers, (tell) => tell(first, second, third));
}
