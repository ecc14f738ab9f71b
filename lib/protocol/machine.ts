// What all codecs share: a bounded buffer of unread bytes and the state as a method. A state looks at the buffer, takes
// what it understands and returns a Step, or null for "more bytes, please". The limit is checked before anything is
// stored, so that "too large" does not depend on how the bytes were cut.
import { type Code, type ErrorDetails, GatewayError, type Side } from '../core/error.ts';
import type { Protocol } from '../core/flow.ts';
import type { Answer, Codec, Step } from './codec.ts';

const NOTHING: Buffer = Buffer.alloc(0);
const READ: Step = { kind: 'read' };

export type State = () => Step | null;

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

	/** `limitBytes`: most that may wait unread; early data held while a dial goes on counts too. */
	protected constructor(limitBytes: number) {
		this.#limitBytes = limitBytes;
		this.#state = () => null;
	}

	receive(chunk: Uint8Array): void {
		if (this.#over) return;
		if (this.buffer.length + chunk.length > this.#limitBytes && !this.mayOverflow()) {
			this.#over = true;
			this.#queue = [this.fail('handshake_malformed', { note: 'too many bytes' })];
			return;
		}
		this.buffer = this.buffer.length === 0 ? asBuffer(chunk) : Buffer.concat([this.buffer, chunk]);
	}

	next(): Step {
		for (;;) {
			const queued = this.#queue.shift();
			if (queued) return queued;
			if (this.#pending || this.#over) return READ;
			const state = this.#state;
			const step = state();
			if (step) return step;
			// Null with nothing to say and no new state: the state waits for bytes.
			if (state === this.#state && this.#queue.length === 0) return READ;
		}
	}

	answer(answer: Answer): void {
		const pending = this.#pending;
		if (!pending) throw new Error('answer without a question');
		this.#pending = null;
		pending(answer);
	}

	/** True while bytes beyond the limit are payload that a reader will hold back by itself. */
	protected mayOverflow(): boolean {
		return this.#pending !== null;
	}

	protected become(state: State): null {
		this.#state = state;
		return null;
	}

	/** Says `steps` in order, before the state is asked again. */
	protected say(...steps: Step[]): void {
		this.#queue.push(...steps);
	}

	/** Returns `step` and holds the machine until it is answered. */
	protected ask(step: Step, pending: (answer: Answer) => void): Step {
		this.#pending = pending;
		return step;
	}

	/** Removes and returns the first `length` bytes. */
	protected take(length: number): Buffer {
		const taken = this.buffer.subarray(0, length);
		this.buffer = this.buffer.subarray(length);
		return taken;
	}

	/** The last step of a good end: what is left unread is early data. */
	protected established(): Step {
		const early = this.buffer;
		this.buffer = NOTHING;
		this.#over = true;
		return { kind: 'established', early };
	}

	/** The last step of a bad end. */
	protected fail(code: Code, details: ErrorDetails = {}): Step {
		this.#over = true;
		this.buffer = NOTHING;
		return { kind: 'fail', error: new GatewayError(code, { side: this.peer, phase: 'handshake', ...details }) };
	}
}

function asBuffer(bytes: Uint8Array): Buffer {
	return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
