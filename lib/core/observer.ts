// What the gateway tells about itself. Logs and metrics implement it; nothing here names a client.
import type { Flow } from './flow.ts';

/** Who keeps the limits: `shared` a store for all gateways, `local` this process; `open` nobody, `closed` refuses all. */
export type LimitsMode = 'shared' | 'local' | 'open' | 'closed';

export interface Observer {
	/** A flow came in; its record is still filling. */
	flowStarted?(flow: Flow): void;
	/** The way out of a flow is open. Again for a connection that asks for a tunnel behind plain HTTP. */
	flowOpened?(flow: Flow): void;
	/** A flow is over; its record is final. Called once for each flow that started. */
	flowEnded?(flow: Flow): void;
	/** A connection was closed unheard: over a ceiling, so that not even a refusal could be said. */
	dropped?(inbound: string, why: string): void;
	/**
	 * Limits are kept in another way from now on: by the fleet, by this process alone, not at all, or everybody is refused.
	 * `cause` is constant text.
	 */
	limits?(mode: LimitsMode, cause: string): void;
	/** A member of a group was of no use to a client or to a probe. `why` is constant text. */
	memberFailed?(group: string, why: string): void;
	/** A member of a group is left alone for a while. */
	memberEjected?(group: string): void;
	/** Something of the gateway's own: a listener, a resolver, a full table. `event` is constant text. */
	note?(level: 'debug' | 'info' | 'warn' | 'error', event: string, facts?: Readonly<Record<string, unknown>>): void;
	/** A broken invariant: a bug of ours. It cost one flow. */
	bug?(error: unknown): void;
}
