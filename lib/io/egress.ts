// Leaves from addresses of this machine that the operator has named, and from no others. An address that does not do (its
// ports are used up, or no interface has it) costs the dial nothing but a try at another one; a prefix of which no address
// does is told of once and passed over for a while.
import { createHmac, randomFillSync } from 'node:crypto';
import { exitGone, exitOf, type SessionStore } from '../balance/session-store.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { GatewayError } from '../core/error.ts';
import type { Flow } from '../core/flow.ts';
import { formatIp, type Ip, parseIp } from '../core/ip.ts';
import type { Link } from '../core/link.ts';
import type { Observer } from '../core/observer.ts';
import type { Session } from '../core/session.ts';
import { contains, type Prefix, prefixOf } from '../policy/prefix.ts';
import { type SourceAddress, SourceChoice, type SourcePrefix, type SourceStrategy } from '../policy/source-choice.ts';
import { type ConnectOptions, connectTcp, SourceFault } from './connect.ts';
import { isLocal, localPrefixes } from './local-routes.ts';
import { nativeCalls } from './native.ts';
import type { Source, SourceCalls } from './source-socket.ts';

export interface EgressOptions {
	/** Tells the exits of one way out from those of another, where sessions are remembered. */
	readonly tag: string;
	/** Empty: the kernel decides. */
	readonly source: readonly Prefix[];
	readonly strategy: SourceStrategy;
	/** 0: none. */
	readonly mark: number;
	/** Empty: any. */
	readonly device: string;
}

export interface EgressDeps {
	readonly sessions: SessionStore;
	/** Keys the hash by which an address sticks to somebody. */
	readonly secret: Buffer;
	readonly note?: Observer['note'];
	readonly clock?: Clock;
	/** What the kernel takes for its own; read when made, and again when a prefix did not do. */
	readonly locals?: () => readonly Prefix[];
	/** Default: those of this machine. */
	readonly calls?: SourceCalls | null;
}

/** What leaves from one of the configured prefixes now. */
export interface SourceUse {
	/** As the configuration has it. */
	readonly source: string;
	/** Addresses that may be left from; a rounded number for many. */
	readonly addresses: number;
	/** TCP connections, each with a port. */
	readonly open: number;
	/** None of its addresses did, so it is passed over for a while. */
	readonly rests: boolean;
}

/** Addresses that one dial tries. */
const TRIES = 5;

/** How long a prefix of which no address does is passed over: routes come and go by somebody's hand. */
const REST_MS = 10_000;

type Family = 4 | 6;

/** The near ends of one way out. */
export class Egress {
	readonly #options: EgressOptions;
	readonly #deps: EgressDeps;
	readonly #clock: Clock;
	readonly #choices: ReadonlyMap<Family, SourceChoice>;
	readonly #told: Set<SourcePrefix> = new Set();
	readonly #calls: SourceCalls | null;
	/** Those that are local as a whole. */
	readonly #routed: Set<SourcePrefix> = new Set();

	constructor(options: EgressOptions, deps: EgressDeps) {
		this.#options = options;
		this.#deps = deps;
		this.#clock = deps.clock ?? systemClock;
		this.#calls = deps.calls === undefined ? nativeCalls() : deps.calls;
		this.#choices = choicesOf(options, this.#calls !== null);
		const locals = options.source.length > 0 ? this.#readLocals() : [];
		for (const choice of this.#choices.values()) for (const from of choice.prefixes) this.#look(from, locals);
	}

	/** Each prefix, IPv4 first. */
	get uses(): readonly SourceUse[] {
		const nowMs = this.#clock.nowMs();
		const all = [this.#choices.get(4), this.#choices.get(6)].flatMap((choice) => choice?.prefixes ?? []);
		return all.map(({ prefix, count, open, restsUntilMs }) => ({
			source: textOf(prefix),
			addresses: count,
			open,
			rests: restsUntilMs > nowMs,
		}));
	}

	/** Whether an address of this kind can be reached. */
	reaches(ip: Ip): boolean {
		return this.#options.source.length === 0 || this.#choices.has(familyOf(ip));
	}

	/** Whether each dial of this flow may leave from another address than the one before. */
	rotates(session: Session | null): boolean {
		return this.#choices.size > 0 && this.#options.strategy !== 'sticky' && (session?.key ?? null) === null;
	}

	/** As `connectTcp`, from an address of ours. Rejects with `SourceFault` when none does. */
	connect(ip: Ip, port: number, options: ConnectOptions, flow: Flow): Promise<Link> {
		const open = (source: Source): Promise<Link> => connectTcp(ip, port, { ...options, source });
		return this.leave(ip, flow, open, (link) => link.gone());
	}

	/**
	 * Opens from an address of ours of the family of `like`, and from another one after a `SourceFault`, which it rejects
	 * with when none does. `goneOf` tells when an address is used no more; what has none is not counted.
	 */
	async leave<T>(
		like: Ip,
		flow: Flow,
		open: (source: Source) => Promise<T>,
		goneOf?: (opened: T) => Promise<void>,
	): Promise<T> {
		const choice = this.#choices.get(familyOf(like));
		if (!choice) {
			if (!this.reaches(like)) throw noFamily();
			return open(this.#sourceOf(null, null));
		}
		const { session } = flow;
		if (session !== null && session.key !== null)
			return this.#leaveBySession(familyOf(like), open, goneOf, session, choice);
		const sticky = this.#options.strategy === 'sticky' ? this.#hash(flow.user ?? flow.client) : null;
		return this.#leaveByAny(open, goneOf, sticky, choice);
	}

	async #leaveBySession<T>(
		family: Family,
		open: (source: Source) => Promise<T>,
		goneOf: ((opened: T) => Promise<void>) | undefined,
		session: Session,
		choice: SourceChoice,
	): Promise<T> {
		const { sessions } = this.#deps;
		const place = `${this.#options.tag} ${family}`;
		const isThere = (exit: string): boolean => this.#prefixOf(exit, choice) !== null;
		const choose = (): string => this.#chooseText(choice);
		let exit = await exitOf(session, sessions, { place, isThere, choose });
		for (let tries = 1; ; tries++) {
			const from = this.#prefixOf(exit, choice);
			try {
				const opened = await open(this.#sourceOf(parseIp(exit), from));
				if (from !== null) count(from, goneOf?.(opened));
				return opened;
			} catch (error) {
				if (!(error instanceof SourceFault) || tries === TRIES) throw error;
				if (error.isForeign && from !== null) this.#rest(from);
				if (session.strict) throw exitGone();
			}
			const gone = exit;
			exit = await exitOf(session, sessions, { place, isThere: (kept) => kept !== gone && isThere(kept), choose });
		}
	}

	#chooseText(choice: SourceChoice): string {
		const source = choice.pick(null, this.#clock.nowMs());
		if (source === null) throw noSource();
		choice.release(source);
		return formatIp(source.ip);
	}

	async #leaveByAny<T>(
		open: (source: Source) => Promise<T>,
		goneOf: ((opened: T) => Promise<void>) | undefined,
		sticky: Buffer | null,
		choice: SourceChoice,
	): Promise<T> {
		const tried: SourceAddress[] = [];
		let failed: SourceFault | null = null;
		while (tried.length < TRIES) {
			const source = choice.pick(sticky, this.#clock.nowMs(), tried);
			if (source === null) break;
			try {
				const opened = await open(this.#sourceOf(source.ip, source.from));
				const gone = goneOf?.(opened);
				count(source.from, gone);
				if (source.slot >= 0) void Promise.resolve(gone).then(() => choice.release(source));
				return opened;
			} catch (error) {
				choice.release(source);
				if (!(error instanceof SourceFault)) throw error;
				failed = error;
				if (error.isForeign) this.#rest(source.from);
				tried.push(source);
			}
		}
		throw failed ?? noSource();
	}

	#rest(from: SourcePrefix): void {
		from.restsUntilMs = this.#clock.nowMs() + REST_MS;
		this.#look(from, this.#readLocals());
		this.#tell(from);
	}

	/** A system that does not tell its routes may have this one. */
	#look(from: SourcePrefix, locals: readonly Prefix[]): void {
		if (isLocal(from.prefix, locals)) this.#routed.add(from);
		else this.#routed.delete(from);
		if (locals.length > 0 && !this.#routed.has(from)) this.#tell(from);
	}

	#tell(from: SourcePrefix): void {
		if (this.#told.has(from)) return;
		this.#told.add(from);
		const source = textOf(from.prefix);
		this.#deps.note?.('warn', 'source is not an address of this machine', { source });
	}

	#readLocals(): readonly Prefix[] {
		return (this.#deps.locals ?? localPrefixes)();
	}

	#sourceOf(ip: Ip | null, from: SourcePrefix | null): Source {
		const { mark, device } = this.#options;
		// A prefix without a route must fail at once: bound all the same, it would wait for answers that cannot come.
		return { ip, mark, device, calls: this.#calls, freebind: from !== null && this.#routed.has(from) };
	}

	/** What an address of a session is out of; null: it is no source any more. */
	#prefixOf(exit: string, choice: SourceChoice): SourcePrefix | null {
		const ip = parseIp(exit);
		if (ip === null) return null;
		return choice.prefixes.find(({ prefix }) => contains(prefix, prefixOf(ip))) ?? null;
	}

	#hash(who: string): Buffer {
		return createHmac('sha256', this.#deps.secret).update(who).digest();
	}
}

function textOf({ ip, bits }: Prefix): string {
	return `${formatIp(ip)}/${bits}`;
}

/** Until it is gone; what does not tell when that is, is not counted. */
function count(from: SourcePrefix, gone: Promise<void> | undefined): void {
	if (gone === undefined) return;
	from.open++;
	void gone.then(() => from.open--);
}

function familyOf(ip: Ip): Family {
	return typeof ip === 'number' ? 4 : 6;
}

function choicesOf({ source, strategy }: EgressOptions, portless: boolean): Map<Family, SourceChoice> {
	// Where node binds, an address has a port for each connection, so the least used has the most of them left.
	const counted = strategy === 'random' && !portless ? 'least-used' : strategy;
	const byFamily = Map.groupBy(source, ({ ip }) => familyOf(ip));
	return new Map([...byFamily].map(([family, prefixes]) => [family, new SourceChoice(prefixes, counted, dice())]));
}

/** Numbers of 32 bits from a CSPRNG, a page of them at a time. */
function dice(): () => number {
	const page = new Uint32Array(1_024);
	let next = page.length;
	return () => {
		if (next === page.length) {
			randomFillSync(page);
			next = 0;
		}
		return page[next++] as number;
	};
}

function noFamily(): GatewayError {
	const note = 'no source of this family';
	return new GatewayError('destination_ip_unroutable', { side: 'gateway', phase: 'connect', retry: 'next', note });
}

function noSource(): GatewayError {
	const note = 'no source does';
	return new GatewayError('proxy_configuration_error', { side: 'gateway', phase: 'connect', retry: 'next', note });
}
