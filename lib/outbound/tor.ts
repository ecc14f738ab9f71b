// Tor as an upstream: SOCKS 5 with credentials that keep apart the circuits of those who shall not share one. A session has
// a secret of its own, kept where sessions are kept: as long as it lasts its circuits do, as far as Tor lets them, and every
// gateway that knows the session gives Tor the same credentials.
import { randomBytes } from 'node:crypto';
import { exitOf, type SessionStore } from '../balance/session-store.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import type { DialContext, Outbound, Question } from '../core/dialer.ts';
import type { Flow } from '../core/flow.ts';
import type { Target } from '../core/target.ts';
import { type IsolationOptions, isolationOf, TOR_USER } from '../policy/tor-isolation.ts';
import { Socks5Client } from '../protocol/socks5.ts';
import { Hop, type HopDeps, type HopOptions } from './hop.ts';

export interface IsolationDeps {
	readonly sessions: SessionStore;
	/** Keys the credentials of who has no session. */
	readonly secret: Buffer;
}

/** The credentials for one gateway's flows. */
export class TorCredentials {
	readonly #options: IsolationOptions;
	readonly #sessions: SessionStore;
	readonly #clock: Clock;
	readonly #secret: Buffer;

	constructor(options: IsolationOptions, deps: IsolationDeps, clock: Clock = systemClock) {
		this.#options = options;
		this.#sessions = deps.sessions;
		this.#secret = deps.secret;
		this.#clock = clock;
	}

	/** User and password for a stream of this flow; `place` is the tag of the way out. */
	async of(place: string, flow: Flow, target: Target): Promise<{ user: string; password: string }> {
		const session = this.#options.by.includes('session') && flow.session?.key ? flow.session : null;
		const secret = session === null ? this.#secret : await exitOf(session, this.#sessions, { place, ...NONCE });
		const nowMs = this.#clock.nowMs();
		const password = isolationOf(flow, target, this.#options, secret, nowMs, session?.key ?? null);
		return { user: TOR_USER, password };
	}
}

/** A session's secret never goes away before its time. */
const NONCE = { isThere: () => true, choose: () => randomBytes(16).toString('base64url') };

export interface TorDeps extends HopDeps {
	readonly isolation: TorCredentials;
}

/**
 * Names go to Tor as names, those under .onion too; nothing is resolved here, and RESOLVE is Tor's to answer. What a client
 * sends behind its request goes along: Tor carries it to the exit before that has connected, which saves a way there and back.
 */
export function torHop(options: HopOptions, deps: TorDeps): Outbound {
	const codecOf = async (target: Target, { flow }: DialContext): Promise<Socks5Client> =>
		new Socks5Client({ target, credentials: await deps.isolation.of(options.tag, flow, target) });
	const resolve = async ({ target, reverse }: Question, { flow }: DialContext): Promise<Socks5Client> =>
		new Socks5Client({
			target,
			command: reverse ? 'resolveReverse' : 'resolve',
			credentials: await deps.isolation.of(options.tag, flow, target),
		});
	const protocol = { type: 'tor', namesTravel: true, secure: null, optimistic: true, codecOf, more: { resolve } };
	return new Hop(protocol, options, deps);
}
