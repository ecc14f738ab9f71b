// A way out with several exits: a member is picked for each use, by health, by what sticks together and by a strategy, and
// when it fails before anything of the client could have been seen the next one is asked, under the same deadline.
//
// What a client calls a session keeps its member for as long as the client says, unless the group's rotation is about
// sessions; a wish for a member by its tag is granted or fails.
//
// A group is an outbound as any other, so it stands wherever a tag does: at any position of a chain and in other groups.
import { isDeepStrictEqual } from 'node:util';
import { Health, type HealthOptions } from '../balance/health.ts';
import { type HoldLimits, Holds } from '../balance/holds.ts';
import { Member, type MemberRecord } from '../balance/member.ts';
import { Roster } from '../balance/roster.ts';
import { Scores } from '../balance/scores.ts';
import type { PromptSessions } from '../balance/session-store.ts';
import type { Sticky } from '../balance/sticky.ts';
import type { Strategy } from '../balance/strategy.ts';
import type { Clock } from '../core/clock.ts';
import type { DatagramPath, PathSink } from '../core/datagram.ts';
import {
	type Choice,
	type DialContext,
	type MemberCount,
	type MemberReport,
	type Outbound,
	type Question,
	type RetryRule,
	type Use,
	unsupported,
} from '../core/dialer.ts';
import type { Flow } from '../core/flow.ts';
import type { Link } from '../core/link.ts';
import type { Observer } from '../core/observer.ts';
import type { Session } from '../core/session.ts';
import { type Target, targetOfIp } from '../core/target.ts';
import { GroupUse } from './group-use.ts';

/** How long an exit is kept: for one client connection, for one request of plain HTTP, or until a hold is over. */
export type Rotation = 'connection' | 'request' | HoldLimits;

/** What an association is for: no target is known before its first datagram. */
const ANYWHERE: Target = targetOfIp(0, 0);

export interface GroupOptions {
	readonly tag: string;
	readonly sticky: Sticky;
	readonly rotate: Rotation;
	/** Members that one dial may ask. */
	readonly tries: number;
	/** One of several may take this long before the next one is asked. */
	readonly attemptMs: number;
	readonly eject: HealthOptions;
	/** An exit that refuses a site, or that a site refuses, is kept from it for so long. */
	readonly avoidMs: number;
	readonly retry: RetryRule | null;
}

export interface GroupDeps {
	readonly strategy: Strategy<Outbound>;
	readonly sessions: PromptSessions;
	readonly clock: Clock;
	readonly note?: Observer['note'];
	/** Hears of members that fail. */
	readonly observer?: Pick<Observer, 'memberFailed' | 'memberEjected'>;
}

/** A member as a list has it. */
export interface MemberSpec {
	/** Two with the same are one member: the first. */
	readonly id: string;
	readonly name: string;
	readonly weight: number;
	/** By which a client may wish for it; null: it may not. */
	readonly tag: string | null;
	/** Asked again and again: a nested group may change its mind. */
	readonly traits: Traits;
	make(): Outbound;
}

/** What is known of a member that is not made yet. */
export type Traits = Pick<Outbound, 'namesTravel' | 'carriesOnion' | 'rotates'>;

export class Group implements Outbound {
	readonly type = 'group';
	readonly tag: string;
	readonly options: GroupOptions;
	readonly roster: Roster<Outbound> = new Roster();
	readonly health: Health<Outbound>;
	readonly scores: Scores;
	readonly strategy: Strategy<Outbound>;
	readonly clock: Clock;
	readonly #sessions: PromptSessions;
	readonly #holds: Holds<Outbound> | null;
	/** With `connection`: what a client connection that asks several times goes by. */
	readonly #byFlow: WeakMap<Flow, Member<Outbound>> = new WeakMap();
	readonly #byId: Map<string, Member<Outbound>> = new Map();
	readonly #byTag: Map<string, Member<Outbound>> = new Map();
	#traits: readonly Traits[] = [];
	/** Of members that an earlier configuration knew and that no list has brought yet, by id. */
	readonly #known: Map<string, MemberRecord> = new Map();

	constructor(options: GroupOptions, deps: GroupDeps) {
		const { tag, rotate } = options;
		this.tag = tag;
		this.options = options;
		this.strategy = deps.strategy;
		this.clock = deps.clock;
		this.#sessions = deps.sessions;
		this.scores = new Scores(deps.clock);
		this.#holds = typeof rotate === 'string' ? null : new Holds(rotate, deps.clock);
		this.health = new Health(options.eject, this.roster, deps.clock, {
			failed: (_, why) => deps.observer?.memberFailed?.(tag, why),
			ejected: (member, why, restMs) => {
				deps.observer?.memberEjected?.(tag);
				// Each member once, until it was back: a pool of dead ones must not fill the log.
				if (member.ejections > 1) return;
				deps.note?.('warn', 'exit ejected', { group: tag, exit: member.name, why, restMs });
			},
			restored: (member) => deps.note?.('info', 'exit restored', { group: tag, exit: member.name }),
		});
	}

	get members(): MemberCount {
		const count = { open: 0, ejected: 0, halfOpen: 0, total: this.roster.size };
		for (const member of this.roster.members) {
			const state = this.#stateOf(member);
			if (state === 'half-open') count.halfOpen++;
			else count[state]++;
		}
		return count;
	}

	*reports(): Iterable<MemberReport> {
		for (const member of this.roster.members) {
			const { name, latencyMs, opened, faults } = member;
			const state = this.#stateOf(member);
			const restsMs = state === 'ejected' ? member.restsUntilMs - this.clock.nowMs() : 0;
			const inner = member.made?.reports?.() ?? null;
			yield { name, state, restsMs, latencyMs, opened, faults: faults ?? NONE, inner };
		}
	}

	/** One that has rested is on trial with the next pick, whenever that is. */
	#stateOf({ state, restsUntilMs }: Member<Outbound>): MemberReport['state'] {
		if (state === 'open') return 'open';
		return state === 'ejected' && restsUntilMs > this.clock.nowMs() ? 'ejected' : 'half-open';
	}

	/** Whether the name of a target may leave as a name by one of its members. */
	get namesTravel(): boolean {
		return this.#traits.some(({ namesTravel }) => namesTravel);
	}

	/** Whether all of its members lead into Tor. */
	get carriesOnion(): boolean {
		return this.#traits.length > 0 && this.#traits.every(({ carriesOnion }) => carriesOnion);
	}

	/** Of the links of one member: those of two are told apart by the use's `exit`. */
	rotates(flow: Flow): boolean {
		return this.#traits.some((traits) => traits.rotates?.(flow));
	}

	offers(exit: string): boolean {
		return this.#byTag.has(exit);
	}

	/** The members from now on. Who was there before keeps health and counts; links by those that are gone live on. */
	replace(specs: readonly MemberSpec[]): void {
		const members: Member<Outbound>[] = [];
		const before = new Map(this.#byId);
		this.#byId.clear();
		this.#byTag.clear();
		for (const spec of specs) {
			const { id, name, weight } = spec;
			if (this.#byId.has(id)) continue;
			const member = before.get(id) ?? new Member(id, name, weight, () => spec.make());
			member.name = name;
			member.weight = weight;
			this.#byId.set(id, member);
			if (spec.tag !== null) this.#byTag.set(spec.tag, member);
			members.push(member);
			before.delete(id);
		}
		// Thousands of chains have but three of them, and those are asked with each connection.
		this.#traits = [...new Set(specs.map(({ traits }) => traits))];
		this.roster.replace(members);
		this.health.replaced();
		for (const member of members) this.#remember(member);
		for (const gone of before.values()) gone.made?.close();
	}

	/**
	 * Begins with what the same group knew under the configuration before: health, latency, bans by sites and, where they mean
	 * the same, what is held. Members that a list brings later have theirs when they come.
	 */
	inherit(before: Group): void {
		for (const [id, member] of before.#byId) this.#known.set(id, member.record);
		for (const member of this.roster.members) this.#remember(member);
		const here = ({ id }: Member<unknown>): Member<Outbound> | null => this.#byId.get(id) ?? null;
		this.scores.inherit(before.scores, here);
		const { sticky, rotate } = this.options;
		const isSame = isDeepStrictEqual([sticky, rotate], [before.options.sticky, before.options.rotate]);
		if (isSame && before.#holds !== null) this.#holds?.inherit(before.#holds, here);
	}

	#remember(member: Member<Outbound>): void {
		const record = this.#known.get(member.id);
		if (record === undefined) return;
		this.#known.delete(member.id);
		this.health.remember(member, record);
	}

	choose(choice: Choice): Use {
		return new GroupUse(this, choice);
	}

	dial(target: Target, context: DialContext): Promise<Link> {
		return this.choose({ flow: context.flow, target }).dial(target, context);
	}

	/** By a member that carries datagrams: the association keeps it, whatever the rotation says. */
	associate(sink: PathSink, context: DialContext): Promise<DatagramPath> {
		const use = new GroupUse(this, { flow: context.flow, target: ANYWHERE });
		return use.ask(
			context.signal,
			(way) => way.associate?.(sink, context) ?? Promise.reject(unsupported('no datagrams')),
		);
	}

	/** By a member that can be asked for names. */
	resolve(question: Question, context: DialContext): Promise<Target> {
		const use = new GroupUse(this, { flow: context.flow, target: question.target });
		return use.ask(
			context.signal,
			(way) => way.resolve?.(question, context) ?? Promise.reject(unsupported('no names')),
		);
	}

	/** The member for a new use: what it holds, if that is still good, else a pick. */
	first(use: GroupUse): Member<Outbound> | null {
		this.health.wake();
		if (use.wish !== null && this.offers(use.wish)) return this.#wished(use, use.wish);
		if (use.session !== null) return this.#ofSession(use, use.session);
		if (this.#holds === null) return this.#ofFlow(use) ?? this.pick(use);
		const key = use.holdKey;
		const hold = this.#holds.of(key);
		const lasts = hold !== null && this.#holds.lasts(hold);
		use.isBound = lasts && use.isStrict;
		if (lasts && this.roster.isOpen(hold.member) && (use.isBound || !use.skips(hold.member))) {
			this.#holds.use(key, hold);
			return hold.member;
		}
		if (lasts && use.isBound) return null;
		// A hold that is over ends in another exit, as long as there is one.
		if (hold !== null) use.leave(hold.member, lasts ? hold.turn : hold.turn + 1);
		const member = this.pick(use);
		if (member !== null) this.#holds.take(key, member, use.turn);
		return member;
	}

	#wished(use: GroupUse, tag: string): Member<Outbound> | null {
		const member = this.#byTag.get(tag) as Member<Outbound>;
		use.isBound = true;
		return this.roster.isOpen(member) ? member : null;
	}

	#ofSession(use: GroupUse, session: Session): Member<Outbound> | null {
		const id = this.#sessions.get(this.#placeOf(session), session.sliding ? session.ttlMs : null);
		const member = id === null ? undefined : this.#byId.get(id);
		use.isBound = id !== null && use.isStrict;
		if (member && this.roster.isOpen(member)) return member;
		return use.isBound ? null : this.pick(use);
	}

	#keepSession(session: Session, member: Member<Outbound>): void {
		const place = this.#placeOf(session);
		const kept = this.#sessions.get(place, null);
		if (kept !== member.id) this.#sessions.put(place, member.id, session.ttlMs, session.owner, kept);
	}

	#placeOf({ key }: Session): string {
		return `${this.tag} group\n${key}`;
	}

	#ofFlow(use: GroupUse): Member<Outbound> | null {
		const { flow } = use.choice;
		if (this.options.rotate !== 'connection' || flow.protocol !== 'http') return null;
		const member = this.#byFlow.get(flow);
		return member && this.roster.isOpen(member) && !use.skips(member) ? member : null;
	}

	/** The best member that this use has not tried; of those that the site bans only where there is no other. */
	pick(use: GroupUse): Member<Outbound> | null {
		const member = this.strategy.pick(this.roster, use);
		if (member !== null || !use.isChoosy) return member;
		use.isChoosy = false;
		return this.strategy.pick(this.roster, use);
	}

	/** The use goes by this member now: what sticks to it does, too. */
	keep(use: GroupUse, member: Member<Outbound>): void {
		if (use.session !== null) return this.#keepSession(use.session, member);
		const { flow } = use.choice;
		if (this.#holds === null) {
			if (this.options.rotate === 'connection' && flow.protocol === 'http') this.#byFlow.set(flow, member);
			return;
		}
		const key = use.holdKey;
		if (this.#holds.of(key)?.member !== member) this.#holds.take(key, member, use.turn);
	}

	close(): void {
		for (const member of this.roster.members) member.made?.close();
	}
}

const NONE: MemberReport['faults'] = new Map();
