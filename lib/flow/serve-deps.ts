// What a flow server is given, and what a library user may hang into it.
import type { Level } from '../anonymity/levels.ts';
import type { Removal } from '../anonymity/removal.ts';
import type { Client } from '../core/client.ts';
import type { Clock } from '../core/clock.ts';
import type { GatewayError } from '../core/error.ts';
import type { Flow } from '../core/flow.ts';
import type { Credentials } from '../core/intent.ts';
import type { Ip } from '../core/ip.ts';
import type { Observer } from '../core/observer.ts';
import type { Session } from '../core/session.ts';
import type { Target } from '../core/target.ts';
import type { Sweep } from '../io/sweep.ts';
import type { Limiter } from '../limits/limiter.ts';
import type { Subject, Verdict } from '../policy/exit-policy.ts';
import type { Rule } from '../policy/rules.ts';
import type { SessionReader } from '../policy/sessions.ts';
import type { Codec } from '../protocol/codec.ts';
import type { BindOptions } from './bind.ts';
import type { OriginPool } from './origin-pool.ts';
import type { Relays } from './relays.ts';
import type { Router } from './router.ts';

export interface ServeOptions {
	readonly handshakeMs: number;
	readonly dialMs: number;
	readonly lifetimeMs: number | null;
	/** A kept-alive HTTP client between two requests. */
	readonly httpIdleMs: number;
	readonly level: Level;
	/** HTML for browsers whose request a rule refuses; null: a line of text. */
	readonly page: string | null;
	/** As exchange-deps.ts says. */
	readonly removal: (target: Target) => Removal | null;
	readonly authRequired: boolean;
}

/** What a library user may hang in. Each may throw GatewayError to refuse; a plain throw is a bug and refuses too. */
export interface Hooks {
	/** A connection came in. False closes it unheard. */
	accept?(inbound: string, client: Client): boolean;
	/** Takes the place of the users file. */
	authenticate?(credentials: Credentials | null, flow: Flow): boolean | Promise<boolean>;
	/** Names the way out by tag; null leaves it to rules and default. Asked after the exit policy has said yes. */
	route?(target: Target, flow: Flow): string | null;
	/** The way out is open, the client is about to hear it. */
	connected?(flow: Flow): void;
	/** The flow is over; its record is final. */
	closed?(flow: Flow): void;
}

export interface ServeDeps {
	readonly limiter: Limiter;
	readonly policy: {
		judge(subject: Subject): Verdict;
		judgeClient(subject: Omit<Subject, 'target'>): Verdict;
		judgeAddress(subject: Subject, ip: Ip, report: (rule: string) => void): GatewayError | null;
		judgeAnswer(
			asked: { readonly subject: Subject; readonly awaiting: readonly Rule[] },
			types: readonly string[],
			report: (rule: string) => void,
		): GatewayError | null;
	};
	readonly router: Router;
	readonly pool: OriginPool;
	/** Null: UDP ASSOCIATE is not served. */
	readonly udp: Relays | null;
	readonly bind: BindOptions;
	readonly sweep: Sweep;
	readonly clock: Clock;
	readonly observer: Observer;
	readonly hooks: Hooks;
	readonly options: ServeOptions;
	/** Numbers of flows, of this server and of others that share them. */
	readonly ids: { next(): number };
	/** Reads what user names ask of their exit; null: a name is a name. */
	readonly sessions: SessionReader | null;
	/** Where gateways share sessions: reads what the others know of one; null where there is nothing to wait for. */
	readonly recall: (session: Session) => Promise<void> | null;
	/** `client` is the limit key of who asks. */
	readonly verify: (credentials: Credentials, client: string) => Promise<boolean>;
}

/** What a flow has to know of the listener it came in by. */
export interface Entrance {
	/** Names it in rules and logs. */
	readonly tag: string;
	/** A new codec for what is spoken there. */
	codec(): Codec;
}
