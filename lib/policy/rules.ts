// An operator's rules: in order, the first that matches decides, none is an allow. All conditions of a rule must hold; one
// that is left out or empty always holds. Compiled once; what a rule lists costs a connection little more than one entry.
//
// Addresses. A rule with addresses is asked about an address: the target's when that is a literal, else each one that
// the target's name resolves to. Until then it is undecided, and exit-policy.ts sees to it that nothing is decided over
// its head. A deny also holds for an IPv6 address that carries a listed IPv4 address (NAT64 and the like), an allow only
// for the address as it is listed.
//
// Lists. A rule with lists holds for what one of them lists, by name or by address, and none of them excepts: exceptions
// of any of its lists win. A name that no list has is undecided like one of a rule with addresses, if there are prefixes
// in a list. Lists change while they are asked, and open nothing of what is closed by default.
//
// Plain HTTP. A rule with methods or paths holds for no other protocol. One with media types waits for the answer to the
// request, and decides then if no rule above it has decided before; it sees names and literals, not what names resolve to.
//
// What a rule opens. Special addresses, this machine's own, special names and unlisted ports stay refused under an allow
// rule, unless it names them: by a prefix that lies within the special range (10.1.2.3/32 or 10.0.0.0/8, not 0.0.0.0/0),
// by an address of this machine alone, by a name within the special name, by `ports`. So "allow everything to these
// users" stays safe, and one inside host is one rule: its address, its port, and its name where clients use that.
import type { Client } from '../core/client.ts';
import type { Ip } from '../core/ip.ts';
import type { Session } from '../core/session.ts';
import type { Target } from '../core/target.ts';
import { ListCondition, type LiveList, type Met } from './list-condition.ts';
import { type NamePattern, NameSet, parseNamePattern, suffixesOf } from './name-set.ts';
import type { PortSet } from './ports.ts';
import { type Prefix, PrefixSet, parsePrefix } from './prefix.ts';
import {
	type AskedRequest,
	type PathPattern,
	parseMediaType,
	parsePathPattern,
	RequestCondition,
	TypeCondition,
} from './request-condition.ts';
import { embeddedIp4s, rangeAround } from './special-addresses.ts';
import { specialNameOf } from './special-names.ts';
import type { SpecialRange } from './special-ranges.ts';
import { isWithin, parseWeekTime, type WeekTime } from './times.ts';
import { wireText } from './wire-text.ts';

/** What is judged: who wants to go where, and by which listener. */
export interface Subject {
	readonly client: Client;
	/** As the client sent it, a character a byte; null when nobody has said who they are. */
	readonly user: string | null;
	/** Tag of the listener. */
	readonly inbound: string;
	readonly target: Target;
	/** Nothing is connected to at the target's port: it is a peer that comes, or a question. */
	readonly portless?: boolean;
	/** What the name asked of its exit. */
	readonly session?: Session | null;
	/** Plain HTTP alone. */
	readonly request?: AskedRequest;
}

/** A rule as configuration has it. */
export interface RuleSpec {
	/** For logs and reports. */
	readonly name: string;
	/** `report`: it is noted that the rule holds, and the ones below it are asked. */
	readonly action: 'allow' | 'deny' | 'report';
	/** Prefixes of clients. */
	readonly clients?: readonly string[];
	readonly users?: readonly string[];
	/** Name patterns of targets; a target given as an address has no name and does not match. */
	readonly names?: readonly string[];
	/** Prefixes of targets. */
	readonly addresses?: readonly string[];
	readonly ports?: PortSet | null;
	/** Tags of listeners. */
	readonly inbounds?: readonly string[];
	/** Names of sessions; one that ends in `*` stands for every name that begins so. */
	readonly sessions?: readonly string[];
	/** Exits that a name wishes for. */
	readonly exits?: readonly string[];
	/** Times of the week, as times.ts reads them. */
	readonly times?: readonly string[];
	/** Tags of lists. */
	readonly lists?: readonly string[];
	/** Of plain HTTP requests; in upper case. */
	readonly methods?: readonly string[];
	/** What the path of a request begins with, or `~` and an expression. */
	readonly paths?: readonly string[];
	/** Media types of answers, `video/*` for all of a kind. Not where the rule allows. */
	readonly types?: readonly string[];
	/** Tag of the way out of what the rule allows; null for the default. */
	readonly route?: string | null;
}

/** What is wrong with one text of one rule. */
export interface RuleProblem {
	readonly rule: number;
	readonly field: 'clients' | 'names' | 'addresses' | 'times' | 'paths' | 'types';
	readonly item: number;
	readonly problem: string;
}

/** What rules are compiled with. */
export interface RuleDeps {
	/** Asked where a rule has times, once for each question. */
	readonly now?: () => Date;
	/** Every list that a rule names, by its tag. */
	readonly lists?: ReadonlyMap<string, LiveList>;
}

/**
 * Compiles rules. What has a problem is left out of its rule: use the rules only when there is none. Throws plain Error
 * for a list that is not there.
 */
export function compileRules(
	specs: readonly RuleSpec[],
	{ now = () => new Date(), lists = NO_LISTS }: RuleDeps = {},
): {
	readonly rules: readonly Rule[];
	readonly problems: readonly RuleProblem[];
} {
	const problems: RuleProblem[] = [];
	const rules = specs.map((spec, rule) => {
		const read = <T>(field: RuleProblem['field'], parse: (text: string) => T | string): T[] =>
			(spec[field] ?? []).flatMap((text, item) => {
				const parsed = parse(text);
				if (typeof parsed !== 'string') return [parsed];
				problems.push({ rule, field, item, problem: parsed });
				return [];
			});
		return new Rule(
			spec,
			{
				clients: read('clients', parsePrefix),
				names: read('names', parseNamePattern),
				addresses: read('addresses', parsePrefix),
				times: read('times', parseWeekTime),
				paths: read('paths', parsePathPattern),
				types: read('types', parseMediaType).map(({ type }) => type),
				lists: (spec.lists ?? []).map((tag) => named(lists, tag)),
			},
			now,
		);
	});
	return { rules, problems };
}

const NO_LISTS: ReadonlyMap<string, LiveList> = new Map();

function named(lists: ReadonlyMap<string, LiveList>, tag: string): LiveList {
	const list = lists.get(tag);
	if (!list) throw new Error('no list has this tag');
	return list;
}

/** What the texts of a rule say. */
interface Parts {
	readonly clients: readonly Prefix[];
	readonly names: readonly NamePattern[];
	readonly addresses: readonly Prefix[];
	readonly times: readonly WeekTime[];
	readonly paths: readonly PathPattern[];
	readonly types: readonly string[];
	readonly lists: readonly LiveList[];
}

/** One rule, ready to be asked. */
export class Rule {
	readonly name: string;
	readonly allows: boolean;
	/** It is noted that it holds, and nothing else comes of it. */
	readonly reports: boolean;
	readonly route: string | null;
	/** Whether it is decided by the answer to a request alone. */
	readonly awaitsAnswer: boolean;
	/** Whether it is about what there is on the web, and not about what is dangerous to reach. */
	readonly filters: boolean;
	readonly #clients: PrefixSet | null;
	readonly #users: ReadonlySet<string> | null;
	readonly #inbounds: ReadonlySet<string> | null;
	readonly #names: NameSet | null;
	readonly #ports: PortSet | null;
	readonly #sessions: readonly string[] | null;
	readonly #exits: ReadonlySet<string> | null;
	readonly #times: readonly WeekTime[] | null;
	readonly #now: () => Date;
	readonly #addresses: PrefixSet | null;
	readonly #lists: ListCondition | null;
	readonly #request: RequestCondition | null;
	readonly #types: TypeCondition;
	/** Of the addresses: prefixes within a special range, by that range; and single ones. */
	readonly #opened: ReadonlyMap<SpecialRange, PrefixSet>;
	readonly #singles: PrefixSet;
	/** Of the names: those within a special name. */
	readonly #openedNames: NameSet;

	constructor(spec: RuleSpec, parts: Parts, now: () => Date) {
		const { clients, names, addresses, times, paths, types, lists } = parts;
		const { methods = [] } = spec;
		this.name = spec.name;
		this.allows = spec.action === 'allow';
		this.reports = spec.action === 'report';
		this.route = spec.route ?? null;
		this.awaitsAnswer = types.length > 0;
		this.#clients = clients.length > 0 ? new PrefixSet(clients) : null;
		this.#users = setOf(spec.users?.map(wireText));
		this.#inbounds = setOf(spec.inbounds);
		this.#names = names.length > 0 ? new NameSet(names) : null;
		this.#ports = spec.ports ?? null;
		this.#sessions = spec.sessions?.length ? spec.sessions : null;
		this.#exits = setOf(spec.exits);
		this.#times = times.length > 0 ? times : null;
		this.#now = now;
		this.#addresses = addresses.length > 0 ? new PrefixSet(addresses) : null;
		this.#lists = lists.length > 0 ? new ListCondition(lists) : null;
		this.#request = methods.length + paths.length > 0 ? new RequestCondition(methods, paths) : null;
		this.#types = new TypeCondition(types);
		this.filters = this.#lists !== null || this.#request !== null || this.awaitsAnswer;
		this.#opened = bySpecialRange(addresses);
		this.#singles = new PrefixSet(addresses.filter(isSingle));
		this.#openedNames = new NameSet(names.filter((pattern) => specialNameOf(pattern.name)));
	}

	/** Whether the rule is about clients alone, so that it holds wherever they go. */
	get isOfClients(): boolean {
		return this.#names === null && this.#addresses === null && this.#ports === null && !this.filters;
	}

	/** Whether a name can be undecided until its address is known. */
	get awaitsAddress(): boolean {
		return this.#addresses !== null || (this.#lists?.hasPrefixes ?? false);
	}

	/** Whether every condition holds but addresses, lists and media types. `suffixes`: of the target's name; none for an address. */
	concerns({ client, user, inbound, target, session, request }: Subject, suffixes: readonly string[]): boolean {
		if (this.#ports !== null && !this.#ports.has(target.port)) return false;
		if (this.#names !== null && !this.#names.has(suffixes)) return false;
		if (this.#clients !== null && !this.#clients.has(client.ip)) return false;
		if (this.#users !== null && (user === null || !this.#users.has(user))) return false;
		if (this.#inbounds !== null && !this.#inbounds.has(inbound)) return false;
		if (this.#sessions !== null && !isNamed(session?.name ?? null, this.#sessions)) return false;
		if (this.#exits !== null && !this.#exits.has(session?.exit ?? '')) return false;
		if (request === undefined ? this.#request !== null || this.awaitsAnswer : this.#request?.holds(request) === false)
			return false;
		return this.#times === null || this.#isTime(this.#times);
	}

	#isTime(times: readonly WeekTime[]): boolean {
		const at = this.#now();
		return times.some((time) => isWithin(time, at));
	}

	/** Whether the rule names targets, so that it wants the suffixes of a name. */
	get readsNames(): boolean {
		return this.#names !== null;
	}

	/** Whether the rule is about exits that names wish for. */
	get readsExit(): boolean {
		return this.#exits !== null;
	}

	/** Whether addresses and lists hold. `ip`: an address of the target, not IPv4-mapped; null while there is none. */
	met({ target }: Subject, ip: Ip | null): Met {
		const covered = ip === null ? this.#addresses === null || 'later' : this.covers(ip);
		if (covered === false || this.#lists === null) return covered;
		const listed = this.#lists.met(nameOf(target), this.#ipsOf(ip));
		return listed === true ? covered : listed;
	}

	/** Counts a decision for the list that made it. */
	count({ target }: Subject, ip: Ip | null): void {
		const list = this.#lists?.find(nameOf(target), this.#ipsOf(ip));
		if (list) list.hits++;
	}

	/** An address, and those that it carries where the rule is not to be got around. */
	#ipsOf(ip: Ip | null): readonly Ip[] {
		if (ip === null) return [];
		return this.allows || typeof ip === 'number' ? [ip] : [ip, ...embeddedIp4s(ip)];
	}

	/** Whether the media types hold for an answer with these Content-Type fields. */
	isOfType(values: readonly string[]): boolean {
		return this.#types.holds(values);
	}

	/** Whether the addresses hold for this one. `ip` is not IPv4-mapped. */
	covers(ip: Ip): boolean {
		if (this.#addresses === null || this.#addresses.has(ip)) return true;
		if (this.allows || typeof ip === 'number') return false;
		for (const inner of embeddedIp4s(ip)) if (this.#addresses.has(inner)) return true;
		return false;
	}

	/** Whether the rule names the special range that an address lies in, or the part of it where the address is. */
	opensRange(range: SpecialRange, ip: Ip): boolean {
		return this.#opened.get(range)?.has(ip) ?? false;
	}

	/** Whether the rule names this address alone. */
	opensOwn(ip: Ip): boolean {
		return this.#singles.has(ip);
	}

	/** Whether the rule names a special name, or one that this name is under. */
	opensName(name: string): boolean {
		return this.#openedNames.has(suffixesOf(name));
	}

	opensPort(port: number): boolean {
		return this.#ports?.has(port) ?? false;
	}
}

function nameOf({ ip, host }: Target): string | null {
	return ip === null ? host : null;
}

function isNamed(name: string | null, patterns: readonly string[]): boolean {
	if (name === null) return false;
	return patterns.some((one) => (one.endsWith('*') ? name.startsWith(one.slice(0, -1)) : name === one));
}

function setOf(items: readonly string[] | undefined): ReadonlySet<string> | null {
	return items !== undefined && items.length > 0 ? new Set(items) : null;
}

function isSingle({ ip, bits }: Prefix): boolean {
	return bits === (typeof ip === 'number' ? 32 : 128);
}

/** The prefixes that lie within one special range, each under its own. */
function bySpecialRange(prefixes: readonly Prefix[]): ReadonlyMap<SpecialRange, PrefixSet> {
	const byRange = Map.groupBy(prefixes, rangeAround);
	byRange.delete(null);
	return new Map([...byRange].map(([range, inside]) => [range as SpecialRange, new PrefixSet(inside)]));
}
