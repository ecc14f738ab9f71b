// Joins a codec to a link, under one deadline. The only place where a handshake meets a socket: the codec says what to
// do, this file does it. What came behind the handshake ends up in `link.early`.
import { abortError, type Optimistic } from '../core/dialer.ts';
import { asGatewayError, GatewayError } from '../core/error.ts';
import type { Halt } from '../core/halt.ts';
import type { Credentials, Intent } from '../core/intent.ts';
import type { Link, Sink } from '../core/link.ts';
import type { Target } from '../core/target.ts';
import type { Answer, Codec, Step } from '../protocol/codec.ts';

const NOTHING: Buffer = Buffer.alloc(0);
const OPENED: Answer = { kind: 'opened' };

/** Payload held, or sent on, while a dial goes on. Past it the client waits in its own kernel: one stream buffer is enough to lose no time. */
const EARLY_BYTES = 65_536;

export interface ServerHandshakeOptions {
	/** From the first look to the intent, authentication included. */
	readonly deadlineMs: number;
	/** Rejects when it cannot be told: the client then hears of that error in its protocol. */
	authenticate(credentials: Credentials | null): Promise<boolean>;
}

/**
 * A client's handshake: `intent()` runs it up to what the client asks for, then either `opened()` or `refuse()` ends it.
 * In between the link is still read, within a bound, so that a client that leaves is noticed: `onGone` then fires once. What
 * is read is held, or goes where `sendTo` said.
 */
export class ServerHandshake implements Sink, Optimistic {
	/** Set it after `intent()`; called once if the client leaves before `opened()` or `refuse()`. */
	onGone: ((error: GatewayError) => void) | null = null;
	/** Why the client left, once it has: look here before setting `onGone`. */
	gone: GatewayError | null = null;
	/** Payload that has gone by `sendTo`: no other reader of the link will see it. */
	sentBytes = 0;
	readonly #link: Link;
	readonly #codec: Codec;
	readonly #options: ServerHandshakeOptions;
	#ahead: Pick<Link, 'write'> | null = null;
	#timer: NodeJS.Timeout | undefined;
	#resolve: ((intent: Intent) => void) | null = null;
	#reject: ((error: GatewayError) => void) | null = null;
	/** A question is with its answerer: bytes only pile up. */
	#asking = false;

	/** The link is the handshake's until `opened()`; `link.early` is read first. */
	constructor(link: Link, codec: Codec, options: ServerHandshakeOptions) {
		this.#link = link;
		this.#codec = codec;
		this.#options = options;
	}

	/**
	 * Runs until the client has said what it wants. Rejects with GatewayError when the handshake failed; its refusal, if
	 * the protocol has one, was then sent and the link is closing.
	 */
	intent(): Promise<Intent> {
		return new Promise((resolve, reject) => {
			this.#resolve = resolve;
			this.#reject = reject;
			this.#timer = setTimeout(onDeadline, this.#options.deadlineMs, this);
			const early = this.#link.early;
			this.#link.early = NOTHING;
			this.#link.attach(this);
			if (early.length > 0) this.#codec.receive(early);
			this.#pump();
		});
	}

	/**
	 * Says yes, with an address where the reply carries one. From here on the link has no reader; its `early` holds what came
	 * behind the handshake.
	 */
	opened(bound?: Target): void {
		this.#link.pause();
		this.#answer(bound === undefined ? OPENED : { kind: 'opened', bound });
	}

	/** The first reply of two: `opened` or `refuse` follows, and a client that leaves is still noticed. */
	listening(bound: Target): void {
		this.#codec.answer({ kind: 'listening', bound });
		this.#speak();
	}

	/** Says no in the client's own protocol and closes. */
	refuse(error: GatewayError): void {
		this.#answer({ kind: 'failed', error });
		this.#link.finish();
	}

	sendTo(link: Pick<Link, 'write'>): void {
		this.#ahead = link;
		const held = this.#codec.takeEarly?.() ?? NOTHING;
		if (held.length > 0) this.#send(link, held);
	}

	/** The bound is one of this dial's, whatever the far side has taken of it. */
	#send(link: Pick<Link, 'write'>, bytes: Buffer): void {
		this.sentBytes += bytes.length;
		link.write(bytes);
		if (this.sentBytes > EARLY_BYTES) this.#link.pause();
	}

	data(chunk: Buffer): void {
		if (this.#ahead !== null) return this.#send(this.#ahead, chunk);
		this.#codec.receive(chunk);
		if (!this.#asking) return this.#pump();
		if (this.#codec.heldBytes > EARLY_BYTES) this.#link.pause();
	}

	end(): void {
		if (this.#resolve) {
			if (!this.#asking) this.#fail(new GatewayError('connection_terminated', { side: 'client' }));
			return;
		}
		// A FIN behind payload is a half-close and the payload counts; a FIN behind nothing is a client that gave up.
		if (this.#codec.heldBytes === 0 && this.sentBytes === 0)
			this.#gone(new GatewayError('connection_terminated', { side: 'client', phase: 'connect' }));
	}

	drain(): void {}

	closed(error: GatewayError | null): void {
		const cause = error ?? new GatewayError('connection_terminated', { side: 'client' });
		if (this.#resolve) this.#fail(cause);
		else this.#gone(cause);
	}

	#gone(error: GatewayError): void {
		const onGone = this.onGone;
		this.onGone = null;
		this.gone ??= error;
		onGone?.(error);
	}

	/** Takes steps until the codec wants bytes or an answer. */
	#pump(): void {
		while (this.#reject) {
			const step = this.#codec.next();
			if (step.kind === 'read') {
				if (this.#link.ended) this.#fail(new GatewayError('connection_terminated', { side: 'client' }));
				return;
			}
			if (step.kind === 'send') this.#link.write(step.bytes);
			else if (step.kind === 'fail') return this.#fail(step.error);
			else if (step.kind === 'open') return this.#settle(step.intent);
			else if (step.kind === 'authenticate') return this.#authenticate(step.credentials);
			else throw new Error('a server codec established nothing that was opened');
		}
	}

	#authenticate(credentials: Credentials | null): void {
		this.#asking = true;
		this.#options
			.authenticate(credentials)
			.then(
				(ok) => this.#authenticated({ kind: ok ? 'authenticated' : 'rejected' }),
				(error) => this.#authenticated({ kind: 'failed', error: asGatewayError(error) }),
			)
			.catch((bug) => this.#fail(asGatewayError(bug)));
	}

	#authenticated(answer: Answer): void {
		this.#asking = false;
		if (!this.#reject) return;
		this.#codec.answer(answer);
		this.#link.resume(); // more may be wanted than was held
		this.#pump();
	}

	#settle(intent: Intent): void {
		clearTimeout(this.#timer);
		this.#asking = true;
		this.#resolve?.(intent);
		this.#resolve = null;
		this.#reject = null;
	}

	#fail(error: GatewayError): void {
		clearTimeout(this.#timer);
		const reject = this.#reject;
		this.#resolve = null;
		this.#reject = null;
		this.#link.finish();
		reject?.(error);
	}

	/** Out of time: the client hears it in its protocol where that has a word for it. */
	expire(): void {
		const reply = this.#codec.lateReply?.() ?? null;
		if (reply) this.#link.write(reply);
		this.#fail(new GatewayError('handshake_timeout', { side: 'client' }));
	}

	#answer(answer: Answer): void {
		this.onGone = null;
		this.#ahead = null;
		this.#asking = false;
		this.#codec.answer(answer);
		const step = this.#speak();
		if (step.kind === 'established') this.#link.early = step.early;
	}

	/** Writes what the codec says to send; returns the first step that is another. */
	#speak(): Step {
		for (;;) {
			const step: Step = this.#codec.next();
			if (step.kind !== 'send') return step;
			this.#link.write(step.bytes);
		}
	}
}

function onDeadline(handshake: ServerHandshake): void {
	handshake.expire();
}

/**
 * Drives a client codec over `link` until it is established; `link.early` then holds what came behind the hop's reply.
 * Throws GatewayError: the codec's own, or `hop_unavailable` when the hop leaves or `signal` aborts (then its reason if
 * that is a GatewayError). On failure the link is destroyed; on success it has no reader and is paused. `behind`: what goes
 * right behind the request, where the hop takes that before it has answered.
 */
export function runClientHandshake(
	link: Link,
	codec: Codec,
	signal: Halt,
	behind: Optimistic | null = null,
): Promise<void> {
	return new Promise((resolve, reject) => new ClientHandshake(link, codec, signal, behind, resolve, reject).start());
}

class ClientHandshake implements Sink {
	readonly #link: Link;
	readonly #codec: Codec;
	readonly #signal: Halt;
	#behind: Optimistic | null;
	readonly #resolve: () => void;
	readonly #reject: (error: GatewayError) => void;
	readonly #onAbort: () => void = () => this.#fail(abortError(this.#signal));
	#over = false;

	constructor(
		link: Link,
		codec: Codec,
		signal: Halt,
		behind: Optimistic | null,
		resolve: () => void,
		reject: (error: GatewayError) => void,
	) {
		this.#link = link;
		this.#codec = codec;
		this.#signal = signal;
		this.#behind = behind;
		this.#resolve = resolve;
		this.#reject = reject;
	}

	start(): void {
		if (this.#signal.aborted) return this.#fail(abortError(this.#signal));
		this.#signal.addEventListener('abort', this.#onAbort);
		const early = this.#link.early;
		this.#link.early = NOTHING;
		if (early.length > 0) this.#codec.receive(early);
		this.#pump();
		if (this.#over) return;
		if (this.#link.closed || this.#link.ended) return this.#fail(hopLeft());
		this.#link.attach(this);
	}

	data(chunk: Buffer): void {
		this.#codec.receive(chunk);
		this.#pump();
	}

	end(): void {
		if (!this.#over) this.#fail(hopLeft());
	}

	drain(): void {}

	closed(error: GatewayError | null): void {
		this.#fail(hopLeft(error ?? undefined));
	}

	#pump(): void {
		while (!this.#over) {
			const step = this.#codec.next();
			if (step.kind === 'read') return this.#follow();
			if (step.kind === 'send') this.#link.write(step.bytes);
			else if (step.kind === 'established') this.#establish(step.early);
			else if (step.kind === 'fail') this.#fail(step.error);
			else throw new Error('a client codec asked a server question');
		}
	}

	#follow(): void {
		if (this.#behind === null || !this.#codec.asked) return;
		this.#behind.sendTo(this.#link);
		this.#behind = null;
	}

	#establish(early: Buffer): void {
		this.#finish();
		this.#link.pause();
		this.#link.early = early;
		this.#resolve();
	}

	#fail(error: GatewayError): void {
		if (this.#over) return;
		this.#finish();
		this.#link.destroy();
		this.#reject(error);
	}

	#finish(): void {
		this.#over = true;
		this.#signal.removeEventListener('abort', this.#onAbort);
	}
}

function hopLeft(cause?: unknown): GatewayError {
	const note = 'closed inside its handshake';
	return new GatewayError('hop_unavailable', { side: 'hop', phase: 'hop', retry: 'next', unclear: true, cause, note });
}
