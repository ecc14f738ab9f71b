// What the exchange of one client connection has to know of its surroundings.
import type { Level } from '../anonymity/levels.ts';
import type { Removal } from '../anonymity/removal.ts';
import type { Outcome } from '../core/flow.ts';
import type { Link } from '../core/link.ts';
import type { Target } from '../core/target.ts';
import type { Sweep } from '../io/sweep.ts';
import type { Permission } from '../limits/limiter.ts';
import type { AskedRequest } from '../policy/request-condition.ts';
import type { OriginPool } from './origin-pool.ts';
import type { Way } from './tunnel.ts';

export interface ExchangeDeps {
	/** Judges and routes one request; throws GatewayError when its target may not be reached. */
	route(target: Target, request: AskedRequest): Way;
	/** Says whether one more request may go, as far as limits are concerned. */
	permission(): Permission;
	readonly pool: OriginPool;
	/** Ends exchanges in which nothing moves. */
	readonly sweep: Sweep;
	readonly level: Level;
	/** What is taken off what is exchanged with that target, beyond what the level says; null: nothing. */
	removal(target: Target): Removal | null;
	/** For the level that tells it; else null. */
	readonly clientIp: string | null;
	/** Whose origin links are whose. */
	readonly clientKey: string;
	/** Credentials count: a head that carries others than the first one goes back to the handshake. */
	readonly authRequired: boolean;
	/** HTML for browsers whose request a rule refuses; null: a line of text. */
	readonly page: string | null;
	readonly dialMs: number;
	/** From the first byte of a head to its end. */
	readonly headMs: number;
	/** Between two requests. */
	readonly idleMs: number;
	nowMs(): number;
	/** True: the connection ends behind the current response. */
	draining(): boolean;
	/** The client has failed so often that its next attempt has to wait: behind a refusal it gets no more here. */
	slowed(): boolean;
	/** The first way out of this flow is open; throws GatewayError when it shall not be used. */
	connected(): void;
	/** Takes both links, early bytes included, for what the origin agreed to speak; resolves when they are over. */
	upgraded(client: Link, origin: Link): Promise<Outcome>;
}
