// Asks the members of a group in turn whether they do their work, so that one that is dead is known before a client meets
// it, and one that is back is used again. So many at once and no more, and each round no sooner than it is due.
import type { Member } from '../balance/member.ts';
import type { Outbound } from '../core/dialer.ts';
import { asGatewayError, GatewayError } from '../core/error.ts';
import { newFlow } from '../core/flow.ts';
import { parseIp } from '../core/ip.ts';
import type { Target } from '../core/target.ts';
import { fetchOnce, type HttpUrl } from '../io/fetch.ts';
import { type Prefix, PrefixSet } from '../policy/prefix.ts';
import type { Group } from './group.ts';

/** What a probe does: connects to the member, opens a way to a target by it, or asks a URL and looks at the answer. */
export type ProbeAsk =
	| { readonly kind: 'tcp' }
	| { readonly kind: 'tunnel'; readonly target: Target }
	| {
			readonly kind: 'request';
			readonly url: HttpUrl;
			/** To be found in the answer; empty: any answer of status 200. */
			readonly expect: string;
			/** The answer is an address of these: the one that the member leaves from. Empty: it need be none. */
			readonly exits: readonly Prefix[];
	  };

export interface ProbeOptions {
	readonly ask: ProbeAsk;
	/** From the start of one round to that of the next. */
	readonly everyMs: number;
	readonly deadlineMs: number;
	readonly atOnce: number;
}

/** An answer is a page at most. */
const ANSWER_BYTES = 65_536;

export class Prober {
	readonly #group: Group;
	readonly #options: ProbeOptions;
	readonly #abort: AbortController = new AbortController();
	readonly #exits: PrefixSet | null;
	#timer: NodeJS.Timeout | null = null;

	constructor(group: Group, options: ProbeOptions) {
		this.#group = group;
		this.#options = options;
		this.#exits =
			options.ask.kind === 'request' && options.ask.exits.length > 0 ? new PrefixSet(options.ask.exits) : null;
	}

	start(): void {
		void this.#round();
	}

	close(): void {
		this.#abort.abort(new GatewayError('connection_terminated', { phase: 'hop' }));
		if (this.#timer) clearTimeout(this.#timer);
	}

	async #round(): Promise<void> {
		const { everyMs, atOnce } = this.#options;
		const startedMs = this.#group.clock.nowMs();
		const members = this.#group.roster.members.values();
		await Promise.all(Array.from({ length: atOnce }, () => this.#lane(members)));
		if (this.#abort.signal.aborted) return;
		// A round that took too long is followed by a pause, too: an empty group or dead members make no busy loop.
		const waitMs = Math.max(everyMs / 10, everyMs - (this.#group.clock.nowMs() - startedMs));
		this.#timer = setTimeout(() => void this.#round(), waitMs).unref();
	}

	async #lane(members: Iterator<Member<Outbound>>): Promise<void> {
		for (let next = members.next(); !next.done && !this.#abort.signal.aborted; next = members.next())
			await this.#probe(next.value);
	}

	async #probe(member: Member<Outbound>): Promise<void> {
		const { health } = this.#group;
		try {
			const why = await this.#ask(member, this.#options.ask);
			if (why !== null) health.failed(member, why);
		} catch (thrown) {
			const error = asGatewayError(thrown);
			// Who says that the target does not answer does its work.
			if (error.side === 'target' && error.phase === 'hop') health.succeeded(member);
			else if (!this.#abort.signal.aborted) health.failed(member, error.note ?? error.code);
		}
	}

	/** Why the member is of no use, as constant text; null when it is. */
	async #ask(member: Member<Outbound>, ask: ProbeAsk): Promise<string | null> {
		const { health } = this.#group;
		if (ask.kind !== 'request') {
			await this.#open(member.way, ask);
			health.succeeded(member);
			return null;
		}
		const limits = { signal: this.#abort.signal, deadlineMs: this.#options.deadlineMs, limitBytes: ANSWER_BYTES };
		const { status, body } = await fetchOnce(ask.url, member.way, limits);
		if (status !== 200) return `probe: status ${status}`;
		const text = body.toString('latin1');
		if (!text.includes(ask.expect)) return 'probe: another answer';
		if (this.#exits !== null && !this.#leavesWell(text, this.#exits)) return 'probe: another exit address';
		health.proved(member);
		return null;
	}

	#leavesWell(text: string, exits: PrefixSet): boolean {
		const ip = parseIp(text.trim());
		return ip !== null && exits.has(ip);
	}

	/** Opens what is asked for and closes it. */
	async #open(way: Outbound, ask: Exclude<ProbeAsk, { kind: 'request' }>): Promise<void> {
		const abort = new AbortController();
		const late = (): void => abort.abort(new GatewayError('connection_timeout', { side: 'hop', phase: 'connect' }));
		const timer = setTimeout(late, this.#options.deadlineMs);
		const stop = (): void => abort.abort(this.#abort.signal.reason);
		this.#abort.signal.addEventListener('abort', stop);
		const context = { signal: abort.signal, flow: newFlow(0, '', '', 0), permits: () => null };
		try {
			(await (ask.kind === 'tcp' ? way.reach?.(context) : way.dial(ask.target, context)))?.destroy();
		} finally {
			clearTimeout(timer);
			this.#abort.signal.removeEventListener('abort', stop);
		}
	}
}
