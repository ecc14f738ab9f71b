// All ways out of one gateway: upstreams and groups by their tags, each group with the list its members come from. A group
// or a chain that stands in several places (in a rule, in a chain, in another group) is made once for each of them,
// because what is before it differs; its list is read once.
import { hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { PromptSessions } from './balance/session-store.ts';
import type { Clock } from './core/clock.ts';
import type { Dialer, Outbound } from './core/dialer.ts';
import type { Observer } from './core/observer.ts';
import type { Discovery } from './discovery/discovery.ts';
import { type MemberList, readList } from './discovery/lines.ts';
import type { Egress, EgressDeps, EgressOptions, SourceUse } from './io/egress.ts';
import type { ChainDeps, ChainHop, ChainOptions, ChainTag } from './outbound/chain.ts';
import { Group, type GroupOptions, type MemberSpec, type Traits } from './outbound/group.ts';
import { type ProbeOptions, Prober } from './outbound/probe.ts';
import {
	BLOCK_TAG,
	DIRECT_TAG,
	DISCOVERIES,
	egressOf,
	type ListSource,
	OUTBOUNDS,
	STRATEGIES,
	type StrategyName,
} from './registry.ts';

/** A member as it is written in a list. */
export interface ParsedMember {
	/** At least one; a single tag stands for that way out. */
	readonly hops: readonly (ChainHop | ChainTag)[];
	readonly weight: number;
}

export interface GroupSpec extends GroupOptions {
	readonly strategy: StrategyName;
	readonly source: { readonly kind: 'members'; readonly members: readonly ParsedMember[] } | ListSource;
	readonly probe: ProbeOptions | null;
	/** A line of a list; null for what is no member. Lists have no tags. */
	readonly parse: (line: string) => ParsedMember | null;
}

export interface WaysOptions {
	readonly upstreams: readonly ChainOptions[];
	readonly groups: readonly GroupSpec[];
	/** Tag of the default route; null: the first upstream, else the first group, else `direct`. */
	readonly route: string | null;
	/** Where `direct` and the first hops of chains leave from. */
	readonly egress: Omit<EgressOptions, 'tag'>;
	/** More ways straight out, each from addresses of its own. */
	readonly sources: readonly EgressOptions[];
}

export interface WaysDeps extends Omit<ChainDeps, 'via' | 'named' | 'egress'>, EgressDeps {
	readonly sessions: PromptSessions;
	readonly clock: Clock;
	/** Hears of members of groups that fail. */
	readonly observer?: Pick<Observer, 'memberFailed' | 'memberEjected'>;
	/** Default: Math.random, for an exit is no secret. */
	readonly random?: () => number;
}

/** A prefix that a way straight out leaves from. */
export interface TaggedSource extends SourceUse {
	readonly tag: string;
}

/** A list in which so much is no member, compared with what is one, is something else: a page in HTML. */
const MOST_BAD = 1;

/** Numbers of bad lines that are named; all are counted. */
const NAMED_LINES = 10;

export class Ways {
	/** The default route first. */
	readonly outbounds: readonly Outbound[];
	readonly #options: WaysOptions;
	readonly #deps: WaysDeps;
	readonly #pools: Map<string, Pool> = new Map();
	readonly #probers: Prober[] = [];
	/** Every group by its tag and by its place, which is how often it was made before. */
	readonly #groups: Map<string, Group[]> = new Map();
	readonly #byTag: Map<string, Outbound> = new Map();
	/** By the tag of the way straight out, wherever that stands: what is counted of an address is counted once. */
	readonly #egresses: ReadonlyMap<string, Egress | null>;

	/** Tags are unique, and every tag that is named is there; no way leads through itself. Throws plain Error otherwise. */
	constructor(options: WaysOptions, deps: WaysDeps) {
		this.#options = options;
		this.#deps = deps;
		const { upstreams, groups, sources, route } = options;
		const straight = [{ ...options.egress, tag: DIRECT_TAG }, ...sources];
		this.#egresses = new Map(straight.map((source) => [source.tag, egressOf(source, deps)]));
		const tags = [...upstreams, ...groups].map(({ tag }) => tag);
		const first = route ?? tags[0] ?? DIRECT_TAG;
		const all = new Set([first, ...tags, ...this.#egresses.keys(), BLOCK_TAG]);
		this.outbounds = Array.from(all, (tag) => this.#make(tag, tag, null));
	}

	/** At its own place, which is behind nothing, a way out is made once. */
	#make(tag: string, as: string, via: Dialer | null): Outbound {
		if (via !== null || as !== tag) return this.#makeNew(tag, as, via);
		const made = this.#byTag.get(tag) ?? this.#makeNew(tag, as, via);
		this.#byTag.set(tag, made);
		return made;
	}

	#makeNew(tag: string, as: string, via: Dialer | null): Outbound {
		const upstream = this.#options.upstreams.find((each) => each.tag === tag);
		if (upstream) return this.#chain(as, upstream.hops, via);
		const spec = this.#options.groups.find((each) => each.tag === tag);
		if (spec) return this.#group(spec, as, via);
		if (via !== null) throw new Error('only what is a proxy can be behind another one');
		if (tag === BLOCK_TAG) return OUTBOUNDS.block();
		const egress = this.#egresses.get(tag);
		if (egress !== undefined) return OUTBOUNDS.direct(as, { ...this.#deps, egress });
		throw new Error('no way out has this tag');
	}

	#chain(tag: string, hops: readonly (ChainHop | ChainTag)[], via: Dialer | null): Outbound {
		const named = (name: string, as: string, behind: Dialer | null): Outbound => this.#make(name, as, behind);
		const egress = this.#egresses.get(DIRECT_TAG) ?? null;
		return OUTBOUNDS.chain({ tag, hops }, { ...this.#deps, egress, via, named });
	}

	#group(spec: GroupSpec, as: string, via: Dialer | null): Group {
		const { sessions, clock, note, observer, random = Math.random } = this.#deps;
		const strategy = STRATEGIES[spec.strategy](random, clock);
		const group = new Group(
			{ ...spec, tag: as },
			{
				strategy,
				sessions,
				clock,
				...(note ? { note } : {}),
				...(observer ? { observer } : {}),
			},
		);
		const place = (members: readonly Named[]): void => {
			group.replace(members.map((member) => this.#member(member, via)));
		};
		this.#pool(spec).add(place);
		this.#groups.set(spec.tag, [...(this.#groups.get(spec.tag) ?? []), group]);
		if (spec.probe !== null) this.#probers.push(new Prober(group, spec.probe));
		return group;
	}

	#pool(spec: GroupSpec): Pool {
		const there = this.#pools.get(spec.tag);
		if (there) return there;
		const pool = new Pool(spec, this.#deps.note);
		this.#pools.set(spec.tag, pool);
		return pool;
	}

	/** A member that has a name of its own is made at once: a group has to be there to be told its list. */
	#member({ name, member }: Named, via: Dialer | null): MemberSpec {
		const { weight, hops } = member;
		const id = idOf(member);
		const last = hops.at(-1) as ChainHop | ChainTag;
		if (last.type !== 'tag')
			return { id, name, weight, tag: null, traits: traitsOf(last), make: () => this.#chain(name, hops, via) };
		const made = this.#chain(name, hops, via);
		const tag = hops.length === 1 ? last.tag : null;
		return { id, name, weight, tag, traits: made, make: () => made };
	}

	/**
	 * Begins to read lists; resolves when those of this machine have been read. A list that `before` had from the same
	 * source is there until it is read anew: a reload must not wait for the web.
	 */
	async start(before: Ways | null = null): Promise<void> {
		const pools = before === null ? null : before.#pools;
		for (const [tag, pool] of this.#pools) pool.inherit(pools?.get(tag));
		if (before !== null) this.#inherit(before);
		const through = (tag: string): Dialer => this.#make(tag, tag, null);
		await Promise.all(Array.from(this.#pools.values(), (pool) => pool.start(through)));
	}

	/** A group that stands elsewhere now goes on with what was known at another place: no more than a hint, and soon corrected. */
	#inherit(before: Ways): void {
		for (const [tag, groups] of this.#groups) {
			const known = before.#groups.get(tag) ?? [];
			for (const [i, group] of groups.entries()) if (known[i]) group.inherit(known[i]);
		}
	}

	/** What leaves from where, by the tag of the way straight out. */
	get sources(): readonly TaggedSource[] {
		return [...this.#egresses].flatMap(([tag, egress]) => (egress?.uses ?? []).map((use) => ({ tag, ...use })));
	}

	/** Begins to probe members. */
	probe(): void {
		for (const prober of this.#probers) prober.start();
	}

	/** Stops reading and probing. The outbounds are their owner's to close. */
	close(): void {
		for (const pool of this.#pools.values()) pool.close();
		for (const prober of this.#probers) prober.close();
	}
}

const NAMES: Traits = { namesTravel: true };
const ADDRESSES: Traits = { namesTravel: false };
const ONION: Traits = { namesTravel: true, carriesOnion: true };

/** Of a chain that is not made yet, by its last hop. */
function traitsOf({ type }: ChainHop): Traits {
	if (type === 'tor') return ONION;
	return type === 'socks4' ? ADDRESSES : NAMES;
}

interface Named {
	readonly name: string;
	readonly member: ParsedMember;
}

/** The members of one group, wherever it stands. */
class Pool {
	readonly #spec: GroupSpec;
	readonly #note: Observer['note'];
	readonly #places: ((members: readonly Named[]) => void)[] = [];
	#members: readonly Named[] = [];
	#discovery: Discovery | null = null;
	/** What was last said about bad lines: the same is said once. */
	#complaint = '';

	constructor(spec: GroupSpec, note: Observer['note']) {
		this.#spec = spec;
		this.#note = note;
		if (spec.source.kind !== 'members') return;
		this.#members = spec.source.members.map((member, i) => ({ name: nameOf(spec.tag, i + 1, member), member }));
	}

	/** Told the members now and whenever they change. */
	add(place: (members: readonly Named[]) => void): void {
		this.#places.push(place);
		place(this.#members);
	}

	/** Begins with the members of this one, if they came from the same list. */
	inherit(before: Pool | undefined): void {
		if (!before || this.#spec.source.kind === 'members') return;
		if (isDeepStrictEqual(before.#spec.source, this.#spec.source)) this.#place(before.#members);
	}

	#place(members: readonly Named[]): void {
		this.#members = members;
		for (const place of this.#places) place(members);
	}

	async start(through: (tag: string) => Dialer): Promise<void> {
		const { source } = this.#spec;
		if (source.kind === 'members') return;
		const deps = { through, note: this.#say.bind(this) };
		this.#discovery = source.kind === 'file' ? DISCOVERIES.file(source, deps) : DISCOVERIES.url(source, deps);
		await this.#discovery.start((bytes) => this.#read(bytes.toString('utf8')));
		if (this.#members.length === 0) this.#say('warn', 'group without members');
	}

	#say(level: 'debug' | 'info' | 'warn', event: string, facts: Readonly<Record<string, unknown>> = {}): void {
		this.#note?.(level, event, { group: this.#spec.tag, ...facts });
	}

	/** False for a list that is none, which changes nothing. */
	#read(text: string): boolean {
		const list = readList(text, this.#spec.parse, idOf);
		const { members, bad } = list;
		const isList = members.length > 0 && (this.#spec.source.kind === 'file' || bad.length <= members.length * MOST_BAD);
		if (!isList) {
			this.#say('warn', 'list refused', { members: members.length, badLines: bad.length });
			return false;
		}
		this.#complain(list);
		this.#place(members.map(({ line, member }) => ({ name: nameOf(this.#spec.tag, line, member), member })));
		this.#say('info', 'list read', { members: members.length });
		return true;
	}

	#complain({ bad, repeated }: MemberList<ParsedMember>): void {
		const complaint = `${bad.join()} ${repeated}`;
		if (complaint === this.#complaint || (bad.length === 0 && repeated === 0)) return;
		this.#complaint = complaint;
		const facts = { badLines: bad.length, lines: bad.slice(0, NAMED_LINES), repeated };
		this.#say('warn', 'lines of a list left out', facts);
	}

	close(): void {
		this.#discovery?.close();
	}
}

/** The same for the same way, however it is written, in every gateway. Two passwords can be two exits, and are not to be read in it. */
function idOf({ hops }: ParsedMember): string {
	return hash('sha256', hops.map((hop) => (hop.type === 'tag' ? hop.tag : textOf(hop))).join(), 'base64url');
}

function textOf({ type, user, password, host, port }: ChainHop): string {
	return `${type}://${user ?? ''}:${password?.reveal() ?? ''}@${host}:${port}`;
}

/** A tag where the member is one, else the group and the line: an address is no name. */
function nameOf(group: string, line: number, { hops }: ParsedMember): string {
	const [only] = hops;
	return only?.type === 'tag' && hops.length === 1 ? only.tag : `${group}:${line}`;
}
