// The shape of what is configured of ways out, and of what clients may ask of them: as config.ts has it for all the rest.
import type { MemorySessionOptions } from '../balance/session-store.ts';
import type { Sticky } from '../balance/sticky.ts';
import type { Prefix } from '../policy/prefix.ts';
import type { SessionOptions } from '../policy/sessions.ts';
import type { SourceStrategy } from '../policy/source-choice.ts';
import type { TorIsolation } from '../policy/tor-isolation.ts';
import type { StrategyName } from '../registry.ts';
import type { HopConfig } from './config.ts';

/** Where sockets leave from. No source: the kernel decides. */
export interface EgressConfig {
	readonly source: readonly Prefix[];
	readonly strategy: SourceStrategy;
	/** 0: none. */
	readonly mark: number;
	/** Empty: any. */
	readonly device: string;
}

export interface SourceConfig extends EgressConfig {
	/** Unique among the ways out. */
	readonly tag: string;
}

/** What policy/sessions.ts and balance/session-store.ts take; an empty separator: no sessions. */
export interface SessionConfig extends SessionOptions, MemorySessionOptions {}

export interface TorConfig {
	readonly isolate: readonly TorIsolation[];
	/** 0: never. */
	readonly rotateMs: number;
}

/** A way out with a name of its own. */
export interface UpstreamInput {
	readonly tag: string;
	readonly via: readonly string[];
}

/** One `[[group]]`. */
export interface GroupInput {
	readonly tag: string;
	readonly members?: readonly string[] | undefined;
	readonly file?: string | undefined;
	readonly url?: string | undefined;
	readonly through?: string | undefined;
	readonly refresh?: string | undefined;
	readonly keep?: string | undefined;
	readonly scheme?: HopConfig['type'] | undefined;
	readonly strategy?: 'auto' | StrategyName | undefined;
	readonly sticky?: Sticky | undefined;
	readonly rotate?: string | undefined;
	readonly tries?: number | undefined;
	readonly attempt?: string | undefined;
	readonly avoid?: string | undefined;
	readonly eject?:
		| {
				readonly after?: number | undefined;
				readonly rest?: string | undefined;
				readonly longest?: string | undefined;
				readonly floor?: number | undefined;
		  }
		| undefined;
	readonly retry?:
		| {
				readonly statuses?: readonly number[] | undefined;
				readonly methods?: readonly string[] | undefined;
				readonly tries?: number | undefined;
				readonly body?: number | undefined;
		  }
		| undefined;
	readonly probe?:
		| {
				readonly ask?: string | undefined;
				readonly every?: string | undefined;
				readonly timeout?: string | undefined;
				readonly at_once?: number | undefined;
				readonly expect?: string | undefined;
				readonly exits?: readonly string[] | undefined;
		  }
		| undefined;
}

/** One `[[source]]`. */
export interface SourceInput {
	readonly tag: string;
	readonly from: readonly string[];
	readonly strategy?: SourceStrategy | undefined;
	readonly mark?: number | undefined;
	readonly device?: string | undefined;
}
