// All that is fuzzed: a new subject is a line here.
import type { Subject } from './subject.ts';
import { CHAIN } from './subjects/chain.ts';
import { CODECS } from './subjects/codecs.ts';
import { CONFIG } from './subjects/config.ts';
import { DNS } from './subjects/dns.ts';
import { EXCHANGE } from './subjects/exchange.ts';
import { FETCH } from './subjects/fetch.ts';
import { FILTER } from './subjects/filter.ts';
import { HTTP } from './subjects/http.ts';
import { PROCESSES } from './subjects/process.ts';
import { SOCKS_PACKAGE } from './subjects/socks-package.ts';
import { TEXTS } from './subjects/texts.ts';
import { UDP } from './subjects/udp.ts';

export const SUBJECTS: readonly Subject[] = [
	...CODECS,
	SOCKS_PACKAGE,
	...TEXTS,
	CONFIG,
	...FILTER,
	UDP,
	...HTTP,
	...EXCHANGE,
	FETCH,
	CHAIN,
	DNS,
	...PROCESSES,
];

/** Throws for a name that is none. */
export function subjectOf(name: string): Subject {
	const found = SUBJECTS.find((subject) => subject.name === name);
	if (!found) throw new Error(`no subject ${name}`);
	return found;
}
