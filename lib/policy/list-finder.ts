// Which line of a list it was: for those who ask why, and not for the path of a connection. Reads the whole list again.
import type { Ip } from '../core/ip.ts';
import { linesOf } from './list.ts';
import { type EntrySink, readLine } from './list-line.ts';
import type { Pattern } from './pattern.ts';
import { PatternSet } from './pattern-set.ts';
import { contains, type Prefix, prefixOf } from './prefix.ts';

/** The first line that lists a name or an address, counted from 1; null when none does. Exceptions list nothing. */
export function lineOf(bytes: Buffer, name: string | null, ip: Ip | null): number | null {
	const finder = new Finder(name, ip);
	for (const [line, text] of linesOf(bytes)) {
		if (text !== null) readLine(text, finder);
		if (finder.found) return line;
	}
	return null;
}

class Finder implements EntrySink {
	found = false;
	readonly #name: string | null;
	readonly #ip: Ip | null;

	constructor(name: string | null, ip: Ip | null) {
		this.#name = name;
		this.#ip = ip;
	}

	name(name: string, exact: boolean, except: boolean): void {
		if (except || this.#name === null) return;
		this.found ||= this.#name === name || (!exact && this.#name.endsWith(`.${name}`));
	}

	prefix(prefix: Prefix, except: boolean): void {
		if (!except && this.#ip !== null) this.found ||= contains(prefix, prefixOf(this.#ip));
	}

	pattern(pattern: Pattern, except: boolean): string | null {
		if (!except && this.#name !== null) this.found ||= new PatternSet([pattern]).test(this.#name);
		return null;
	}
}
