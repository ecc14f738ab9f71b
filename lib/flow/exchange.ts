// Plain HTTP on one client connection: pairs of request and response, one after the other, in the order in which they were
// asked. The next head is not read before the last answer is over; what a client sends ahead of that waits, bounded. Each
// request is judged and routed by itself. HTTP/1.1: RFC 9110, RFC 9112.
//
//   open, no pair     a head is waited for
//   open, a pair      a request is at its origin or on its way there, see exchange-pair.ts
//   flushing          the last response has not left yet, because the client is slow
//   over              the link is somebody else's or closed
import { isLastHop } from '../anonymity/request-head.ts';
import { GatewayError } from '../core/error.ts';
import type { Flow, Outcome } from '../core/flow.ts';
import type { Link, Sink } from '../core/link.ts';
import type { Moving } from '../io/sweep.ts';
import { refusal } from '../protocol/http-refusal.ts';
import { framingOfRequest } from '../protocol/http1-body.ts';
import { keepsAlive, type RequestHead, RequestHeadReader, valuesOf } from '../protocol/http1-head.ts';
import type { ExchangeDeps } from './exchange-deps.ts';
import { Pair, type PairOwner } from './exchange-pair.ts';
import { isConnectionBound, prepare } from './exchange-prepare.ts';
import type { ForwardedRequest } from './exchange-request.ts';
import { HeadWait } from './head-wait.ts';
import { outcomeOf } from './tunnel.ts';
import { Unread } from './unread.ts';

export type { ExchangeDeps } from './exchange-deps.ts';

const NOTHING: Buffer = Buffer.alloc(0);
const CR = 13;
const CRLF_BYTES = 2;

/** What a client may send ahead of its turn before it waits in its own kernel. */
const AHEAD_BYTES = 65_536;

/** Requests of one client that are answered here in one turn: who sends thousands at once does not keep others waiting. */
const ANSWERS = 32;

/** The answer to an OPTIONS that may go no further. */
const LAST_HOP: Buffer = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 'latin1');
const LAST_HOP_CLOSE: Buffer = Buffer.from(
	'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
	'latin1',
);

/**
 * `handshake`: the next head is no plain request or carries other credentials than the first one; `link.early` holds
 * everything from that head on, the link is paused and has no reader.
 */
export type ExchangeEnd = { readonly kind: 'ended'; readonly outcome: Outcome } | { readonly kind: 'handshake' };

/**
 * Serves plain HTTP on `link`, whose `early` begins with the first request head, its credentials already judged. Owns the
 * link unless it resolves with `handshake`. Writes target, route, requests and bytes into the flow: bytes are those of the
 * client's connection, heads included. Rejects for bugs alone.
 */
export function exchange(link: Link, flow: Flow, deps: ExchangeDeps): Promise<ExchangeEnd> {
	return new Promise((resolve, reject) => new Exchange(link, flow, deps, resolve, reject).start());
}

class Exchange implements Sink, Moving, PairOwner {
	readonly flow: Flow;
	readonly deps: ExchangeDeps;
	readonly #link: Link;
	readonly #resolve: (end: ExchangeEnd) => void;
	readonly #reject: (bug: unknown) => void;
	readonly #heads: RequestHeadReader = new RequestHeadReader();
	readonly #unread: Unread = new Unread();
	readonly #wait: HeadWait;
	#phase: 'open' | 'flushing' | 'over' = 'open';
	#pair: Pair | null = null;
	/** What the first head proved. */
	#credentials: string | null = null;
	/** An origin was shown credentials that count for the connection: this flow's links are nobody else's from then on. */
	#bound = false;
	/** The client takes no more for now. */
	#full = false;
	#paused = false;
	/** It is others' turn: what is unread waits until the next one. */
	#yielded = false;
	/** Moves that no byte count shows. */
	#moves = 0;
	/** Of the last request, if it was refused: what the flow's record says when it ends there. */
	#failure: GatewayError | null = null;
	#outcome: Outcome = { cause: 'closed' };

	constructor(
		link: Link,
		flow: Flow,
		deps: ExchangeDeps,
		resolve: (end: ExchangeEnd) => void,
		reject: (bug: unknown) => void,
	) {
		this.#link = link;
		this.flow = flow;
		this.deps = deps;
		this.#resolve = resolve;
		this.#reject = reject;
		this.#wait = new HeadWait(deps, (wait) => this.#waitedTooLong(wait));
	}

	start(): void {
		const early = this.#link.early;
		this.#link.early = NOTHING;
		this.deps.sweep.add(this);
		this.#link.attach(this);
		if (this.#link.closed) this.closed(null);
		else this.data(early);
	}

	data(chunk: Buffer): void {
		if (this.#phase !== 'open') return;
		this.flow.upBytes += chunk.length;
		if (!this.#pair || this.#pair.request.complete) this.#unread.push(chunk);
		else if (!this.#feed(this.#pair.request, chunk)) return;
		if (this.#pair) this.regulate();
		else this.#advance();
	}

	/** Behind a whole request a FIN is a half-close: what was asked is still answered. */
	end(): void {
		if (this.#phase !== 'open') return;
		if (!this.#pair) this.#advance();
		else if (!this.#pair.request.complete) this.#fail(this.#pair, this.#pair.request.end());
	}

	drain(): void {
		this.#full = false;
		this.#moves++;
		if (this.#pair) this.#pair.drained();
		else if (this.#phase === 'open') this.#advance();
	}

	closed(error: GatewayError | null): void {
		if (this.#phase === 'over') return;
		if (error?.code === 'proxy_internal_error') return this.broken(error);
		if (this.#phase === 'flushing') return this.#end(error ? outcomeOf(error) : this.#outcome);
		const cut = this.#pair || this.#unread.length > 0 ? clientLeft() : null;
		const cause = error ?? cut ?? this.#failure;
		this.#end(cause ? outcomeOf(cause) : this.#outcome);
	}

	/** Takes request after request, as long as each is over at once. */
	#advance(): void {
		for (let left = ANSWERS; this.#mayAdvance; left--) {
			if (left === 0) return this.#yield();
			const head = this.#heads.read(this.#unread.bytes);
			if (head === null) break;
			if (head instanceof GatewayError) this.#refuse(head, null, false);
			else if (this.#isForHandshake(head)) return this.#handBack();
			else {
				this.#unread.drop(head.length);
				this.#begin(head);
			}
		}
		if (this.#phase !== 'open') return;
		if (!this.#pair && !this.#full && !this.#yielded) this.#awaitHead();
		this.regulate();
	}

	get #mayAdvance(): boolean {
		return !this.#pair && this.#phase === 'open' && !this.#full && !this.#yielded && this.#unread.length > 0;
	}

	#yield(): void {
		this.#yielded = true;
		this.regulate();
		setImmediate(onTurn, this);
	}

	turn(): void {
		this.#yielded = false;
		if (this.#phase === 'open' && !this.#pair) this.#advance();
	}

	#awaitHead(): void {
		const partial = this.#unread.length > 0;
		if (!this.#link.ended) return this.#wait.wait(partial ? 'head' : 'idle');
		if (partial) this.#failure = clientLeft();
		this.#goodbye();
	}

	#isForHandshake(head: RequestHead): boolean {
		if (head.method === 'CONNECT') return true;
		if (!this.deps.authRequired) return false;
		const credentials = valuesOf(head.fields, 'proxy-authorization').join('\n');
		this.#credentials ??= credentials;
		return this.#credentials !== credentials;
	}

	#begin(head: RequestHead): void {
		this.#wait.stop();
		this.#failure = null;
		this.flow.requests++;
		const framing = framingOfRequest(head);
		if (framing instanceof GatewayError) return this.#refuse(framing, head, false);
		const whole = framing.kind === 'none';
		const permission = this.deps.permission();
		if (permission instanceof GatewayError) return this.#refuse(permission, head, whole);
		if (isLastHop(head)) return this.#answerLastHop(head, whole);
		this.#bound ||= isConnectionBound(head);
		const prepared = prepare(head, framing, { flow: this.flow, deps: this.deps, bound: this.#bound });
		if (prepared instanceof GatewayError) return this.#refuse(prepared, head, whole);
		const pair = new Pair(this, prepared.request, prepared.to);
		this.#pair = pair;
		if (!whole && !this.#feed(pair.request, this.#unread.takeAll())) return;
		pair.start(permission);
	}

	/** More of a request's body; false when the request failed by it. */
	#feed(request: ForwardedRequest, chunk: Buffer): boolean {
		const rest = request.take(chunk);
		if (rest instanceof GatewayError) this.#fail(this.#pair as Pair, rest);
		else this.#unread.push(rest);
		return !(rest instanceof GatewayError);
	}

	/** Reads the client no faster than its bytes find a place. */
	regulate(): void {
		const request = this.#pair?.request;
		const stop = request && !request.complete ? !request.hungry : this.#isFarAhead();
		if (stop === this.#paused || this.#phase !== 'open') return;
		this.#paused = stop;
		if (stop) this.#link.pause();
		else this.#link.resume();
	}

	/** A head that is waited for may be as long as its parser lets it be. */
	#isFarAhead(): boolean {
		return this.#unread.length >= AHEAD_BYTES && (this.#pair !== null || this.#full || this.#yielded);
	}

	toClient(bytes: Buffer): boolean {
		this.flow.downBytes += bytes.length;
		this.#full = !this.#link.write(bytes);
		return !this.#full;
	}

	answered(keepAlive: boolean): void {
		this.#pair = null;
		if (keepAlive) this.#advance();
		else this.#goodbye();
	}

	switched(origin: Link): void {
		this.#letGo();
		this.deps.upgraded(this.#link, origin).then((outcome) => this.#resolve({ kind: 'ended', outcome }), this.#reject);
	}

	/** The request at hand cannot be served: says so while that can be said, else lets the client see that it was cut off. */
	failed(error: GatewayError, begun: boolean): void {
		const { head, complete } = (this.#pair as Pair).request;
		this.#pair = null;
		if (begun) return this.#cut(outcomeOf(error));
		this.#refuse(error, head, complete);
		this.#advance();
	}

	#fail(pair: Pair, error: GatewayError): void {
		const { begun } = pair;
		pair.drop();
		this.failed(error, begun);
	}

	#answerLastHop(head: RequestHead, whole: boolean): void {
		const keepAlive = this.#mayKeep(head, whole);
		this.toClient(keepAlive ? LAST_HOP : LAST_HOP_CLOSE);
		if (!keepAlive) this.#goodbye();
	}

	/** Answers in the gateway's own name. */
	#refuse(error: GatewayError, head: RequestHead | null, whole: boolean): void {
		const keepAlive = head !== null && this.#mayKeep(head, whole) && !this.deps.slowed();
		this.#failure = error;
		const page = head !== null && acceptsPage(head) ? this.deps.page : null;
		this.toClient(refusal(error, { method: head?.method ?? null, keepAlive, page }));
		if (!keepAlive) this.#goodbye();
	}

	/** Unless all of the request has been read, nobody knows where the next one begins. */
	#mayKeep(head: RequestHead, whole: boolean): boolean {
		return whole && head.minor === 1 && keepsAlive(head) && !this.deps.draining();
	}

	#waitedTooLong(wait: 'idle' | 'head'): void {
		const late = () => new GatewayError('handshake_timeout', { side: 'client', phase: 'exchange' });
		if (wait === 'head') return this.#refuse(late(), null, false);
		this.#outcome = { cause: 'idle' };
		this.#goodbye();
	}

	progress(): number {
		return this.flow.upBytes + this.flow.downBytes + this.#moves + (this.#pair?.moves ?? 0);
	}

	/** Nothing has moved for long. A head that is waited for and a dial have limits of their own. */
	idle(): void {
		this.deps.sweep.add(this);
		if (this.#phase === 'flushing' || this.#full || this.#pair?.begun) this.#cut({ cause: 'idle' });
		else if (this.#pair?.asked) this.#fail(this.#pair, this.#pair.stillness());
	}

	/** Says goodbye once all is sent: a link that finishes waits for its peer only shortly, and a slow one needs longer. */
	#goodbye(): void {
		if (this.#failure) this.#outcome = outcomeOf(this.#failure);
		else if (this.deps.draining()) this.#outcome = { cause: 'drained' };
		if (this.#link.pendingBytes === 0) {
			this.#link.finish();
			return this.#end(this.#outcome);
		}
		this.#phase = 'flushing';
		this.#wait.close();
		this.#link.closeWrite();
		this.#link.resume();
	}

	/** Makes it plain to the client that something is missing. */
	#cut(outcome: Outcome): void {
		this.#link.reset();
		this.#end(outcome);
	}

	#end(outcome: Outcome): void {
		this.#over();
		this.#resolve({ kind: 'ended', outcome });
	}

	/** A bug of ours costs this flow and no other. */
	broken(bug: unknown): void {
		this.#over();
		this.#link.destroy();
		this.#reject(bug);
	}

	/** Without the empty line that may come before a head (RFC 9112 section 2.2): a handshake begins with its first byte. */
	#handBack(): void {
		if (this.#unread.bytes[0] === CR) this.#unread.drop(CRLF_BYTES);
		this.#letGo();
		this.#resolve({ kind: 'handshake' });
	}

	/** The link goes to another reader, who counts what is unread. */
	#letGo(): void {
		this.#link.pause();
		this.flow.upBytes -= this.#unread.length;
		this.#link.early = this.#unread.takeAll();
		this.#over();
	}

	#over(): void {
		this.#phase = 'over';
		this.#pair?.drop();
		this.#pair = null;
		this.#wait.close();
		this.deps.sweep.delete(this);
	}
}

function onTurn(exchange: Exchange): void {
	exchange.turn();
}

/** Browsers say so when they are to show what comes, and not when it is for a part of a page. */
function acceptsPage({ fields }: RequestHead): boolean {
	return valuesOf(fields, 'accept').some((value) => /\btext\/html\b/i.test(value));
}

function clientLeft(): GatewayError {
	return new GatewayError('connection_terminated', { side: 'client', phase: 'exchange' });
}
