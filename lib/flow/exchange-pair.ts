// One request and its response: finds a kept link or dials one, sends, and follows the response to its end. A request that
// met a link which was already dying is sent once more on a fresh one, if that can do no harm; nothing else is ever repeated.
import type { Level } from '../anonymity/levels.ts';
import type { Removal } from '../anonymity/removal.ts';
import { asGatewayError, GatewayError } from '../core/error.ts';
import type { Flow } from '../core/flow.ts';
import type { Link } from '../core/link.ts';
import { type ResponseHead, valuesOf } from '../protocol/http1-head.ts';
import type { ExchangeDeps } from './exchange-deps.ts';
import type { Destination } from './exchange-prepare.ts';
import type { ForwardedRequest } from './exchange-request.ts';
import { ForwardedResponse, type ResponseOwner } from './exchange-response.ts';
import { type DialOwner, OriginDial } from './origin-dial.ts';
import type { OriginLink } from './origin-pool.ts';

/** The client's end of a pair. After `answered`, `failed`, `switched` and `broken` the pair says nothing more. */
export interface PairOwner {
	readonly flow: Flow;
	readonly deps: ExchangeDeps;
	/** Writes to the client; false when it takes no more for now, `drained` tells when it does. */
	toClient(bytes: Buffer): boolean;
	/** The request finds more or less room than before. */
	regulate(): void;
	answered(keepAlive: boolean): void;
	/** The pair has let its origin go. `begun`: a part of the response is with the client. */
	failed(error: GatewayError, begun: boolean): void;
	/** The origin speaks another protocol from now on; the owner has to take its link. */
	switched(origin: Link): void;
	broken(bug: unknown): void;
}

export class Pair implements ResponseOwner, DialOwner {
	readonly request: ForwardedRequest;
	readonly #owner: PairOwner;
	readonly #to: Destination;
	#dial: OriginDial | null = null;
	#response: ForwardedResponse | null = null;
	#dropped = false;
	/** Moves of this pair that no byte count shows. */
	moves = 0;
	/** Answers that were another exit's to better. */
	#declined = 0;

	constructor(owner: PairOwner, request: ForwardedRequest, to: Destination) {
		this.request = request;
		this.#owner = owner;
		this.#to = to;
	}

	get level(): Level {
		return this.#owner.deps.level;
	}

	get removal(): Removal | null {
		return this.#to.removal;
	}

	/** A part of the response is with the client. */
	get begun(): boolean {
		return this.#response?.begun ?? false;
	}

	/** The request is on its way, or as much of it as the client has sent. */
	get asked(): boolean {
		return this.#response !== null;
	}

	/** Goes as soon as it may. */
	start(permission: Promise<GatewayError | null> | null = null): void {
		if (permission === null) return this.#go();
		permission
			.then((error) => {
				if (this.#dropped) return;
				if (error) this.#owner.failed(error, false);
				else this.#go();
			})
			.catch((bug) => this.broken(bug));
	}

	#go(): void {
		const { use, keeps } = this.#to;
		if (use) this.#owner.flow.exit = use.exit;
		const { deps } = this.#owner;
		const kept = keeps ? deps.pool.take(this.#to.key(), deps.nowMs()) : null;
		if (kept) this.#ask(kept);
		else this.#dialOrigin();
	}

	#dialOrigin(): void {
		const { flow, deps } = this.#owner;
		this.#dial = new OriginDial(this, this.#to.use, this.#to.way, this.#to.target, flow, deps.dialMs);
	}

	dialled(link: Link): void {
		this.#dial = null;
		const { flow, deps } = this.#owner;
		const origin = deps.pool.adopt(link, this.#to.key(), flow.session?.exitEndsMs);
		if (link.early.length === 0) return this.#ask(origin);
		origin.discard();
		const note = 'spoke before it was asked';
		this.#owner.failed(new GatewayError('http_protocol_error', { side: 'target', phase: 'exchange', note }), false);
	}

	undialled(error: GatewayError): void {
		this.#dial = null;
		this.#owner.failed(error, false);
	}

	#ask(origin: OriginLink): void {
		const refusal = this.#owner.flow.openedMs === null ? this.#announce() : null;
		if (refusal) {
			origin.discard();
			return this.#owner.failed(refusal, false);
		}
		const response = new ForwardedResponse(this, this.request, origin);
		this.#response = response;
		origin.link.attach(response);
		this.request.sendTo(origin.link);
		if (origin.link.closed || origin.link.ended) response.end();
		else this.#owner.regulate();
	}

	/** The flow's first way out is open. Returns why it shall not be used. */
	#announce(): GatewayError | null {
		const { flow, deps } = this.#owner;
		try {
			flow.openedMs = deps.nowMs();
			deps.connected();
			return null;
		} catch (thrown) {
			flow.openedMs = null;
			return asGatewayError(thrown, { phase: 'connect' });
		}
	}

	declines(status: number): boolean {
		const { use } = this.#to;
		if (use === null) return false;
		use.answered(status);
		const { retry } = use;
		if (!retry?.statuses.has(status) || !retry.methods.has(this.request.head.method)) return false;
		if (!this.request.repeatable || this.#declined >= retry.tries || !use.again()) return false;
		this.#declined++;
		(this.#response as ForwardedResponse).origin.discard();
		this.#response = null;
		this.request.recall();
		this.#owner.regulate();
		this.#go();
		return true;
	}

	judgeAnswer({ fields }: ResponseHead): GatewayError | null {
		return this.#to.way.judgeAnswer?.(valuesOf(fields, 'content-type')) ?? null;
	}

	mayKeep(): boolean {
		return this.request.complete && this.request.persistent && !this.#owner.deps.draining();
	}

	toClient(bytes: Buffer): void {
		if (!this.#owner.toClient(bytes)) this.#response?.origin.link.pause();
	}

	/** The client takes more again. */
	drained(): void {
		this.#response?.origin.link.resume();
	}

	originDrained(): void {
		this.request.stalled = false;
		this.moves++;
		this.#owner.regulate();
	}

	answered(keepAlive: boolean, reusable: boolean): void {
		const origin = (this.#response as ForwardedResponse).origin;
		this.#response = null;
		if (reusable && this.#to.keeps && this.request.complete) this.#owner.deps.pool.put(origin);
		else origin.discard();
		this.#owner.answered(keepAlive);
	}

	switched(rest: Buffer): void {
		const origin = (this.#response as ForwardedResponse).origin;
		this.#response = null;
		this.#owner.deps.pool.release(origin);
		origin.link.pause();
		origin.link.early = rest;
		this.#owner.switched(origin.link);
	}

	failed(error: GatewayError): void {
		const { silent, origin, begun } = this.#response as ForwardedResponse;
		this.#response = null;
		origin.discard();
		if (silent && !origin.reused) this.#to.use?.silent();
		if (!silent || !origin.reused || !this.request.replayable) return this.#owner.failed(error, begun);
		this.request.recall();
		this.#owner.regulate();
		this.#dialOrigin();
	}

	broken(bug: unknown): void {
		this.drop();
		this.#owner.broken(bug);
	}

	/** Nobody waits for it any more. */
	drop(): void {
		this.#dropped = true;
		this.#dial?.cancel();
		this.#dial = null;
		this.#response?.origin.discard();
		this.#response = null;
	}

	/** Who stands still, when nothing has moved for long and the response has not begun. */
	stillness(): GatewayError {
		const { complete, stalled } = this.request;
		if (complete) return new GatewayError('http_response_timeout', { side: 'target', phase: 'exchange' });
		if (stalled) return new GatewayError('connection_write_timeout', { side: 'target', phase: 'exchange' });
		return new GatewayError('handshake_timeout', { side: 'client', phase: 'exchange' });
	}
}
