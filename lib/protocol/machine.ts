// What all codecs share: a bounded buffer of unread bytes and the state as a method. A state looks at the buffer, takes
// what it understands and returns a Step, or null for "more bytes, please".
//
// Two bounds, so that "too many bytes" never depends on how they were cut. What a state still wants bytes for may fill
// the budget of a handshake and no more; that is asked when the state wants more, not when a chunk comes, since a chunk
// may rightly carry the end of a handshake and much payload behind it. What comes behind is held up to BEHIND_BYTES,
// which only a driver that does not pause its socket can reach.
// oxlint-disable typescript/unbound-method -- a Machine calls its states with itself as `this`
import { type Code, type ErrorDetails, GatewayError, type Side } from '../core/error.ts';
import type { Protocol } from '../core/flow.ts';
import type { Answer, Codec, Step } from './codec.ts';

const NOTHING: Buffer = Buffer.alloc(0);
const READ: Step = { kind: 'read' };

/** One stream buffer (64 KiB) with the end of the handshake in it, and one that was on its way when the driver paused. */
const BEHIND_BYTES = 131_072;

/** A method of the machine; called with the machine as `this`. */
export type State = () => Step | null;

export type FailStep = Extract<Step, { kind: 'fail' }>;

export abstract class Machine implements Codec {
	abstract protocol: Protocol;
	/** Bytes received and not yet taken. */
	protected buffer: Buffer = NOTHING;
	/** Whose bytes these are: the side of a failure. */
	protected abstract readonly peer: Side;
	readonly #limitBytes: number;
	#state: State;
	#queue: Step[] = [];
	#pending: ((answer: Answer) => void) | null = null;
	#over = false;
	/** Storage of our own that `buffer` ends in, once it had to be put together, and where it ends there. */
	#store: Buffer = NOTHING;
	#storeEnd = 0;

	/** `limitBytes`: the longest handshake, all its messages together. A state must not take more than that. */
	protected constructor(limitBytes: number) {
		this.#limitBytes = limitBytes;
		this.#state = rest;
	}

	get heldBytes(): number {
		return this.buffer.length;
	}

	takeEarly(): Buffer {
		return this.take(this.buffer.length);
	}

	receive(chunk: Uint8Array): void {
		if (this.#over || chunk.length === 0) return;
		if (this.buffer.length > this.#limitBytes + BEHIND_BYTES) {
			// The answer to a question still open is then of no use to anybody.
			if (this.#pending) this.#pending = rest;
			this.#queue = [this.malformed('too many bytes')];
		} else if (this.buffer.length === 0) {
			this.buffer = asBuffer(chunk);
			this.#store = NOTHING;
			this.#storeEnd = 0;
		} else this.#append(chunk);
	}

	/** Doubles its room when it is full: a byte at a time must not cost a copy of everything at a time. */
	#append(chunk: Uint8Array): void {
		const heldBytes = this.buffer.length;
		if (this.#store.length - this.#storeEnd < chunk.length) {
			const store = Buffer.allocUnsafe(2 * (heldBytes + chunk.length));
			store.set(this.buffer);
			this.#store = store;
			this.#storeEnd = heldBytes;
		}
		this.#store.set(chunk, this.#storeEnd);
		this.#storeEnd += chunk.length;
		this.buffer = this.#store.subarray(this.#storeEnd - heldBytes - chunk.length, this.#storeEnd);
	}

	next(): Step {
		for (;;) {
			const queued = this.#queue.shift();
			if (queued) return queued;
			if (this.#pending || this.#over) return READ;
			const state = this.#state;
			const step = state.call(this);
			if (step) return step;
			// Null with nothing to say and no new state: the state waits for bytes.
			if (state !== this.#state || this.#queue.length > 0) continue;
			return this.buffer.length > this.#limitBytes ? this.malformed('too many bytes') : READ;
		}
	}

	answer(answer: Answer): void {
		const pending = this.#pending;
		if (!pending) throw new Error('answer without a question');
		this.#pending = null;
		pending.call(this, answer);
	}

	protected become(state: State): null {
		this.#state = state;
		return null;
	}

	/** Says `steps` in order, before the state is asked again. */
	protected say(...steps: Step[]): void {
		this.#queue.push(...steps);
	}

	/** Returns `step` and holds the machine until it is answered; `pending` is a method, as a state is. */
	protected ask(step: Step, pending: (answer: Answer) => void): Step {
		this.#pending = pending;
		return step;
	}

	/** Holds the machine for a further answer to what it has asked. */
	protected hold(pending: (answer: Answer) => void): void {
		this.#pending = pending;
	}

	/** Removes and returns the first `length` bytes. */
	protected take(length: number): Buffer {
		const { buffer } = this;
		// Nearly always all of it is wanted: two buffers less are made then.
		this.buffer = length === buffer.length ? NOTHING : buffer.subarray(length);
		return length === buffer.length ? buffer : buffer.subarray(0, length);
	}

	/** Sends the reply that says yes and ends well. */
	protected grant(reply: Uint8Array): null {
		this.say({ kind: 'send', bytes: reply });
		return this.become(this.established);
	}

	/** Sends the reply that says no and ends badly. */
	protected refuse(reply: Uint8Array, failure: FailStep): null {
		this.say({ kind: 'send', bytes: reply }, failure);
		return null;
	}

	/** The last step of a good end: what is left unread is early data. */
	protected established(): Step {
		const early = this.buffer;
		this.#end();
		return { kind: 'established', early };
	}

	/** The last step of a bad end. */
	protected fail(code: Code, details: ErrorDetails = {}): FailStep {
		const phase = this.peer === 'hop' ? 'hop' : 'handshake';
		return this.failWith(new GatewayError(code, { side: this.peer, phase, ...details }));
	}

	/** The last step of a bad end whose cause came from elsewhere. */
	protected failWith(error: GatewayError): FailStep {
		this.#end();
		return { kind: 'fail', error };
	}

	/** The bad end of bytes that are not the protocol. */
	protected malformed(note: string): FailStep {
		return this.peer === 'hop' ? this.unavailable(note) : this.fail('handshake_malformed', { note });
	}

	/** The bad end with a hop that is of no use; another may be. */
	protected unavailable(note: string): FailStep {
		return this.fail('hop_unavailable', { retry: 'next', note });
	}

	#end(): void {
		this.#over = true;
		this.buffer = NOTHING;
		this.#store = NOTHING;
	}
}

/** The state before the first one, and the answer that nobody waits for. */
function rest(): null {
	return null;
}

function asBuffer(bytes: Uint8Array): Buffer {
	return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
