// Groups for specs: a clock turned by hand, numbers that come out the same each time, and members whose dials end as told.
import { Member } from '../../lib/balance/member.ts';
import { Roster } from '../../lib/balance/roster.ts';
import { MemorySessions } from '../../lib/balance/session-store.ts';
import type { Pick } from '../../lib/balance/strategy.ts';
import type { DialContext, Outbound } from '../../lib/core/dialer.ts';
import { type Code, type ErrorDetails, GatewayError } from '../../lib/core/error.ts';
import { type Flow, newFlow } from '../../lib/core/flow.ts';
import type { Link } from '../../lib/core/link.ts';
import { type Target, targetOfHost } from '../../lib/core/target.ts';
import { Group, type GroupOptions } from '../../lib/outbound/group.ts';
import { SessionReader } from '../../lib/policy/sessions.ts';
import { STRATEGIES, type StrategyName } from '../../lib/registry.ts';

export class HandClock {
	ms = 1_000;
	nowMs(): number {
		return this.ms;
	}
}

/** Numbers from 0 up to 1 by a linear congruence, from the same start each time. */
export function numbers(seed = 1): () => number {
	let state = seed;
	return () => {
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
		return state / 2 ** 32;
	};
}

export type Text = Member<string>;

/** A roster of members called `1` to `count`, with weights if given. */
export function rosterOf(count: number, weightOf: (i: number) => number = () => 1): Roster<string> {
	const roster = new Roster<string>();
	const ids = Array.from({ length: count }, (_, i) => String(i + 1));
	roster.replace(ids.map((id, i) => new Member(id, `pool:${id}`, weightOf(i), () => id)));
	return roster;
}

/** A pick for `key` that skips those. */
export function pickFor(key: string | null = null, skipped: readonly Text[] = []): Pick<string> {
	return { key, skips: (member) => skipped.includes(member) };
}

/** How a dial of a fake member ends; `hang` waits for the signal. */
export type End = 'open' | 'hang' | GatewayError;

export interface FakeMember extends Outbound {
	end: End;
	/** Targets that were dialled. */
	readonly dials: Target[];
	/** Ends every link it has opened. */
	readonly gone: (() => void)[];
}

export function fakeMember(tag: string, end: End = 'open'): FakeMember {
	const member: FakeMember = {
		type: 'fake',
		tag,
		namesTravel: true,
		end,
		dials: [],
		gone: [],
		dial(target, { signal }: DialContext) {
			member.dials.push(target);
			if (member.end instanceof GatewayError) return Promise.reject(member.end);
			if (member.end === 'hang')
				return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
			const gone = new Promise<void>((resolve) => member.gone.push(resolve));
			return Promise.resolve({ early: Buffer.alloc(0), gone: () => gone, destroy() {} } as unknown as Link);
		},
		close() {},
	};
	return member;
}

/** What a dead, an unwilling or a broken hop gives. */
export function hopError(details: Partial<ErrorDetails> = {}, code: Code = 'hop_unavailable'): GatewayError {
	return new GatewayError(code, { side: 'hop', phase: 'hop', retry: 'next', ...details });
}

export interface Noted {
	readonly event: string;
	readonly facts: Readonly<Record<string, unknown>>;
}

export interface Stand {
	readonly group: Group;
	readonly clock: HandClock;
	readonly members: readonly FakeMember[];
	readonly notes: Noted[];
	/** The next note that comes. */
	noted(): Promise<Noted>;
	/** The exit of a new use. */
	exit(flow?: Flow, target?: Target): string;
}

const OPTIONS: GroupOptions = {
	tag: 'pool',
	sticky: 'none',
	rotate: 'request',
	tries: 3,
	attemptMs: 60_000,
	eject: { after: 3, restMs: 10_000, longestRestMs: 60_000, floorPercent: 0 },
	avoidMs: 60_000,
	retry: null,
};

/** A group called `pool` of fake members `a`, `b`, ... that all open. */
export function standOf(
	count: number,
	strategy: StrategyName = 'failover',
	options: Partial<GroupOptions> = {},
): Stand {
	const clock = new HandClock();
	const notes: Noted[] = [];
	const waiting: ((note: Noted) => void)[] = [];
	const noted = (): Promise<Noted> => new Promise((resolve) => waiting.push(resolve));
	const group = new Group(
		{ ...OPTIONS, ...options },
		{
			strategy: STRATEGIES[strategy](numbers(), clock),
			sessions: new MemorySessions({ limit: 1_000, limitPerOwner: 1_000 }, clock),
			clock,
			note: (_level, event, facts = {}) => {
				notes.push({ event, facts });
				for (const tell of waiting.splice(0)) tell({ event, facts });
			},
		},
	);
	const members = Array.from({ length: count }, (_, i) => fakeMember(String.fromCharCode(97 + i)));
	group.replace(members.map(specOf));
	const exit = (flow = flowOf(), target = SITE): string => group.choose({ flow, target }).exit;
	return { group, clock, members, notes, noted, exit };
}

/** A member for a group's list. */
export function specOf(member: Outbound): Parameters<Group['replace']>[0][number] {
	return {
		id: member.tag,
		name: member.tag,
		weight: 1,
		tag: member.tag,
		traits: { namesTravel: true },
		make: () => member,
	};
}

export const SITE: Target = targetOfHost('www.example.com', 443)!;

const READER = new SessionReader(
	{ separator: '-', ttlMs: 600_000, maxTtlMs: 86_400_000, sliding: false, strict: false },
	null,
);

/** `session`: as the client calls it, and what else it says of it, as in `s-ttl-1h-strict`. */
export function flowOf({ session, ...part }: Partial<Omit<Flow, 'session'>> & { session?: string } = {}): Flow {
	const flow = { ...newFlow(1, 'listen-1', '192.0.2.1', 0), ...part };
	if (session === undefined) return flow;
	const { words } = READER.read(`x-session-${session}`);
	if (words === null || words === 'wrong') throw new Error('no session');
	return { ...flow, session: READER.sessionOf(words, flow.user ?? '', flow.user === null ? flow.client : null) };
}
