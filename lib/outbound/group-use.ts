// One use of a group: the member picked for it, the dial that goes on to the next one when that fails, and what the member
// is told to have done. Who fails for a reason of its own is marked; a refusal by its policy is none of that, but its site
// is better served by another.
import { noteLatency } from '../balance/latency.ts';
import type { Member } from '../balance/member.ts';
import type { Bans } from '../balance/scores.ts';
import { exitGone } from '../balance/session-store.ts';
import { siteOf } from '../balance/site.ts';
import { stickyKeyOf } from '../balance/sticky.ts';
import type { Pick } from '../balance/strategy.ts';
import { abortError, type Choice, type DialContext, type Outbound, type RetryRule, type Use } from '../core/dialer.ts';
import { asGatewayError, GatewayError } from '../core/error.ts';
import type { Halt } from '../core/halt.ts';
import type { Link } from '../core/link.ts';
import type { Session } from '../core/session.ts';
import type { Target } from '../core/target.ts';
import type { Group } from './group.ts';

export class GroupUse implements Use, Pick<Outbound> {
	readonly choice: Choice;
	/** Keeps its exit by its own time; null where the group's rotation is what counts. */
	readonly session: Session | null;
	/** The exit that the client would like. */
	readonly wish: string | null;
	/** An exit that was kept is the only one that will do. */
	readonly isStrict: boolean;
	/** No other exit will do than the one it has. */
	isBound = false;
	/** How often what sticks together has changed its exit: a hash of the key must then lead elsewhere. */
	turn = 0;
	/** Passes over what the site bans, and what a rotation has just left. */
	isChoosy = true;
	readonly #group: Group;
	readonly #key: string | null;
	readonly #tried: Member<Outbound>[] = [];
	#left: Member<Outbound> | null = null;
	#site: string | null = null;
	#bans: Bans | null = null;
	#member: Member<Outbound> | null = null;
	/** Where the member is a group itself. */
	#inner: Use | null = null;

	constructor(group: Group, choice: Choice) {
		this.#group = group;
		this.choice = choice;
		const { stickyKey, flow, target } = choice;
		const { sticky } = group.options;
		const session = stickyKey === undefined ? flow.session : null;
		this.session = session === null || session.key === null || sticky === 'session' ? null : session;
		this.wish = session?.exit ?? null;
		this.isStrict = session !== null && session.key !== null && session.strict;
		const by = this.session === null ? sticky : 'session';
		this.#key = stickyKey === undefined ? stickyKeyOf(by, flow, target) : stickyKey;
		this.#look();
		this.#settle(group.first(this));
	}

	get key(): string | null {
		return this.turn === 0 || this.#key === null ? this.#key : `${this.#key}\n${this.turn}`;
	}

	/** What holds are kept by: the key without its turn. */
	get holdKey(): string {
		return this.#key ?? '';
	}

	get exit(): string {
		return this.#inner?.exit ?? this.#member?.name ?? this.#group.tag;
	}

	get retry(): RetryRule | null {
		return this.#group.options.retry;
	}

	skips(member: Member<Outbound>): boolean {
		if (this.#tried.includes(member)) return true;
		if (!this.isChoosy) return false;
		return member === this.#left || this.#bans?.has(member) === true;
	}

	/** Goes to another one than this, by that turn of its key. */
	leave(member: Member<Outbound>, turn: number): void {
		this.#left = member;
		this.turn = turn;
	}

	/** What the site bans, where any site bans anything. */
	#look(): void {
		const { scores } = this.#group;
		this.#bans = scores.isEmpty ? null : scores.bansOf(this.#siteOf());
	}

	#siteOf(): string {
		this.#site ??= siteOf(this.choice.target);
		return this.#site;
	}

	#settle(member: Member<Outbound> | null): void {
		this.#member = member;
		this.#inner = null;
		if (member === null) return;
		this.#group.health.used(member);
		this.#inner = member.way.choose?.(this.choice) ?? null;
		this.#group.keep(this, member);
	}

	again(): boolean {
		return this.#inner?.again() === true || this.#next();
	}

	#next(): boolean {
		if (this.isBound) return false;
		if (this.#member !== null) this.#tried.push(this.#member);
		this.#group.health.wake();
		this.#look();
		const next = this.#group.pick(this);
		if (next !== null) this.#settle(next);
		return next !== null;
	}

	answered(status: number | null): void {
		const member = this.#member;
		if (member === null) return;
		this.#inner?.answered(status);
		const { health, scores, options } = this.#group;
		health.proved(member);
		if (status !== null && options.retry?.statuses.has(status)) scores.ban(this.#siteOf(), member, options.avoidMs);
		else if (!scores.isEmpty) scores.forgive(this.#siteOf(), member);
	}

	silent(): void {
		if (this.#member === null) return;
		this.#inner?.silent();
		this.#group.health.doubted(this.#member, this.#siteOf(), 'nothing came');
	}

	dial(target: Target, context: DialContext): Promise<Link> {
		return this.#each(context.signal, async (member, isLast) => {
			const startedMs = this.#group.clock.nowMs();
			const way = this.#inner ?? member.way;
			const { attemptMs } = this.#group.options;
			const link = await (isLast ? way.dial(target, context) : dialWithin(attemptMs, way, target, context));
			this.#opened(member, link, startedMs);
			return link;
		});
	}

	/** Asks members something else than a dial, until one has an answer. */
	ask<T>(signal: Halt, question: (way: Outbound) => Promise<T>): Promise<T> {
		return this.#each(signal, ({ way }) => question(way));
	}

	async #each<T>(signal: Halt, attempt: (member: Member<Outbound>, isLast: boolean) => Promise<T>): Promise<T> {
		for (let left = this.#group.options.tries; ; left--) {
			const member = this.#member;
			if (member === null) throw this.isBound ? exitGone() : noMember();
			try {
				return await attempt(member, left <= 1 || !this.#mayGoOn());
			} catch (thrown) {
				const error = asGatewayError(thrown, { phase: 'hop' });
				this.#blame(member, error, signal);
				if (signal.aborted || error.retry !== 'next' || left <= 1 || !this.#next()) throw error;
			}
		}
	}

	#mayGoOn(): boolean {
		return this.#group.roster.openCount > 1 && !this.isBound;
	}

	#opened(member: Member<Outbound>, link: Link, startedMs: number): void {
		const { clock, health, strategy } = this.#group;
		const nowMs = clock.nowMs();
		noteLatency(member, nowMs - startedMs, nowMs);
		health.succeeded(member);
		member.opened++;
		if (!strategy.countsLinks) return;
		member.links++;
		void link.gone().then(() => member.links--);
	}

	/** By side and phase of the cause: what is about the target or the client is no mark. */
	#blame(member: Member<Outbound>, error: GatewayError, signal: Halt): void {
		const { health, scores, options } = this.#group;
		const late = error.code === 'connection_timeout';
		if (signal.aborted ? !late && error.code !== 'hop_unavailable' : error.side !== 'hop') return;
		if (error.code === 'command_unsupported') return; // it never said that it could
		if (!error.unclear && !late) return health.failed(member, error.note ?? error.code);
		if (error.code === 'http_request_denied') return scores.ban(this.#siteOf(), member, options.avoidMs);
		// Whoever is at fault, for now this site and this exit do not get on.
		scores.ban(this.#siteOf(), member, options.eject.restMs);
		health.doubted(member, this.#siteOf(), error.note ?? error.code);
	}
}

function noMember(): GatewayError {
	return new GatewayError('hop_unavailable', { side: 'gateway', phase: 'hop', retry: 'next', note: 'no exit' });
}

/** A dial with a deadline of its own inside that of its context. */
async function dialWithin(ms: number, way: Use | Outbound, target: Target, context: DialContext): Promise<Link> {
	const { signal, flow } = context;
	const abort = new AbortController();
	const onAbort = (): void => abort.abort(abortError(signal));
	const timer = setTimeout(onLate, ms, abort);
	signal.addEventListener('abort', onAbort);
	if (signal.aborted) onAbort();
	try {
		return await way.dial(target, { signal: abort.signal, flow, permits: (ip) => context.permits(ip) });
	} finally {
		clearTimeout(timer);
		signal.removeEventListener('abort', onAbort);
	}
}

function onLate(abort: AbortController): void {
	const details = { side: 'hop', phase: 'hop', retry: 'next', unclear: true, note: 'attempt' } as const;
	abort.abort(new GatewayError('connection_timeout', details));
}
