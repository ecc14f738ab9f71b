// What a worker and its supervisor can ask of each other, on the channel of talk.ts.
import type { SharedStatus } from '../../lib/admin/summed-status.ts';
import type { Members } from '../../lib/admin/view.ts';
import type { ConfigInput } from '../../lib/config/config.ts';
import type { Decision } from '../../lib/gateway.ts';
import type { Question, Remark } from '../../lib/limits/memory-store.ts';
import type { DayKey } from '../../lib/observe/client-word.ts';
import type { MetricsRecord } from '../../lib/observe/metrics.ts';
import type { Subject } from '../../lib/policy/exit-policy.ts';

/** What a worker has to know before it serves. */
export interface Beginning {
	readonly input: ConfigInput;
	/** Of all that there ever were, the first is 1: no two have the same. */
	readonly serial: number;
	readonly count: number;
	/** See `Siblings` of the gateway. */
	readonly secret: Uint8Array;
	/** What clients are hashed with in the log. */
	readonly dayKey: DayKey;
	readonly bans: readonly (readonly [name: string, ms: number])[];
	/** Another listener of the gateway that no client gets to. */
	readonly protected: string | null;
	/** Somebody wants to know what is counted. */
	readonly counts: boolean;
	/** What it is called in metrics. */
	readonly name: string;
	readonly version: string;
}

/** What a worker looks like. */
export interface Look {
	readonly live: number;
	readonly addresses: readonly string[];
	/** Null where nobody wants to know. */
	readonly status: SharedStatus | null;
}

/** What a worker says each second. */
export type Beat = Pick<Look, 'live' | 'status'>;

export type WorkerVerbs = {
	/** Answers when it serves. */
	begin(beginning: Beginning): Promise<Look>;
	reload(input: ConfigInput): Promise<Look>;
	look(): Look;
	members(group: string, from: number): Members | null;
	metrics(): Promise<MetricsRecord | null>;
	/** Begins to count. */
	count(): Promise<void>;
	decide(subject: Subject): Decision;
	protect(address: string | null): void;
	learn(bans: readonly (readonly [name: string, ms: number])[]): void;
	/** Lets live flows end for so long, null for as long as they like; then the process ends. */
	drain(deadlineMs: number | null): void;
	/** The process ends now. */
	end(): void;
};

export type SupervisorVerbs = {
	ask(question: Question): unknown;
	hear(remarks: readonly Remark[]): void;
	beat(beat: Beat): void;
};
