// What a rule asks of lists: whether one of them lists the target and none of them excepts it. By name before anything is
// resolved; by address once that is known, which a name is undecided until then, unless it is listed itself.
import type { Ip } from '../core/ip.ts';
import { emptyList, type FilterList } from './list.ts';

/** A list under its name, which somebody puts another one in the place of while rules ask it. */
export class LiveList {
	readonly tag: string;
	current: FilterList = emptyList();
	/** Decisions that it has made. */
	hits = 0;

	constructor(tag: string) {
		this.tag = tag;
	}
}

/** `later`: it takes an address to tell. */
export type Met = boolean | 'later';

export class ListCondition {
	readonly #lists: readonly LiveList[];

	constructor(lists: readonly LiveList[]) {
		this.#lists = lists;
	}

	/** Whether an address can have a say, with the lists as they are now. */
	get hasPrefixes(): boolean {
		return this.#lists.some(({ current }) => current.hasPrefixes);
	}

	/** `name` is null for a target that is an address; no `ips`: they are not known yet. */
	met(name: string | null, ips: readonly Ip[]): Met {
		if (this.find(name, ips) !== null) return true;
		return ips.length === 0 && this.hasPrefixes && !this.#excepts(name, ips) ? 'later' : false;
	}

	/** The first list that lists it, unless one excepts it. */
	find(name: string | null, ips: readonly Ip[]): LiveList | null {
		const found = this.#lists.find(({ current }) => lists(current, name, ips));
		return found === undefined || this.#excepts(name, ips) ? null : found;
	}

	#excepts(name: string | null, ips: readonly Ip[]): boolean {
		return this.#lists.some(
			({ current }) => (name !== null && current.exceptsName(name)) || ips.some((ip) => current.exceptsAddress(ip)),
		);
	}
}

function lists(list: FilterList, name: string | null, ips: readonly Ip[]): boolean {
	return (name !== null && list.hasName(name)) || ips.some((ip) => list.hasAddress(ip));
}
