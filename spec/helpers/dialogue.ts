// Plays dialogues to a codec and writes down what it did. The rule all helpers keep: what a codec does must not depend on
// how its input was cut, so a transcript joins neighbouring sends, leaves reads out, and counts bytes that come after
// `established` to the early ones. Expected bytes are written from the RFC, as hex with a comment a field.
import { deepStrictEqual } from 'node:assert/strict';
import type { ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { Code, GatewayError } from '../../lib/core/error.ts';
import type { Credentials, Intent } from '../../lib/core/intent.ts';
import type { Answer, Codec, Step } from '../../lib/protocol/codec.ts';

/** Bytes from hex pairs and 'quoted' latin1 text; `#` begins a comment. */
export function hex(text: string): Buffer {
	const parts: Buffer[] = [];
	for (const line of text.split('\n')) {
		for (const [token, quoted] of line.matchAll(/'([^']*)'|#.*|\S+/g)) {
			if (token.startsWith('#')) break;
			if (quoted === undefined && !/^([0-9a-fA-F]{2})+$/.test(token)) throw new Error(`not hex: ${token}`);
			parts.push(quoted === undefined ? Buffer.from(token, 'hex') : Buffer.from(quoted, 'latin1'));
		}
	}
	return Buffer.concat(parts);
}

export type Event =
	| { readonly send: string }
	| { readonly authenticate: Credentials | null }
	| { readonly open: Intent }
	| { readonly established: string }
	| { readonly fail: Code; readonly note: string | undefined };

export interface Transcript {
	/** In order, neighbouring sends joined; bytes as hex. */
	readonly events: readonly Event[];
	readonly end: 'read' | 'established' | 'fail';
	readonly protocol: string;
	/** All that was sent. */
	readonly sent: Buffer;
	/** All that belongs to whoever reads next; empty unless established. */
	readonly early: Buffer;
	readonly credentials: Credentials | null | undefined;
	readonly intent: Intent | undefined;
	readonly error: GatewayError | undefined;
}

/** How the owner of a codec decides. By default everybody is who they say and everything opens. */
export interface Owner {
	authenticate?(credentials: Credentials | null): Answer;
	open?(intent: Intent): Answer;
	/** Answers only when all input has come. */
	late?: boolean;
}

/** One codec being played to: feed it, then read what it did. */
export class Player {
	readonly codec: Codec;
	readonly #owner: Owner;
	readonly #events: Event[] = [];
	readonly #sent: Buffer[] = [];
	readonly #early: Buffer[] = [];
	#unsent: Buffer[] = [];
	#question: (() => Answer) | null = null;
	#end: 'read' | 'established' | 'fail' = 'read';
	#credentials: Credentials | null | undefined;
	#intent: Intent | undefined;
	#error: GatewayError | undefined;

	constructor(codec: Codec, owner: Owner = {}) {
		this.codec = codec;
		this.#owner = owner;
		this.#run();
	}

	get end(): 'read' | 'established' | 'fail' {
		return this.#end;
	}

	feed(chunk: Uint8Array): void {
		if (this.#end === 'established') {
			this.#early.push(Buffer.from(chunk));
			return;
		}
		this.codec.receive(Buffer.from(chunk));
		this.#run();
	}

	/** The bytes sent since the last call. */
	takeSent(): Buffer {
		const bytes = Buffer.concat(this.#unsent);
		this.#unsent = [];
		return bytes;
	}

	/** Answers what is still open and gives the transcript. */
	finish(): Transcript {
		while (this.#question) this.#reply();
		const early = Buffer.concat(this.#early);
		const events = [...this.#events];
		if (this.#end === 'established') events.push({ established: early.toString('hex') });
		return {
			events,
			end: this.#end,
			protocol: this.codec.protocol,
			sent: Buffer.concat(this.#sent),
			early,
			credentials: this.#credentials,
			intent: this.#intent,
			error: this.#error,
		};
	}

	#run(): void {
		for (let n = 0; this.#end === 'read'; n++) {
			if (n > 64) throw new Error('the codec does not come to rest');
			const step = this.codec.next();
			if (step.kind === 'read') return;
			this.#note(step);
			if (this.#question && !this.#owner.late) this.#reply(false);
		}
		const rest = this.codec.next().kind;
		if (rest !== 'read') throw new Error(`the codec says ${rest} after its end`);
	}

	#reply(run: boolean = true): void {
		const question = this.#question as () => Answer;
		this.#question = null;
		this.codec.answer(question());
		if (run) this.#run();
	}

	#note(step: Exclude<Step, { kind: 'read' }>): void {
		switch (step.kind) {
			case 'send':
				this.#send(Buffer.from(step.bytes));
				break;
			case 'authenticate':
				this.#credentials = step.credentials;
				this.#events.push({ authenticate: step.credentials });
				this.#question = () => this.#owner.authenticate?.(step.credentials) ?? { kind: 'authenticated' };
				break;
			case 'open':
				this.#intent = step.intent;
				this.#events.push({ open: step.intent });
				this.#question = () => this.#owner.open?.(step.intent) ?? { kind: 'opened' };
				break;
			case 'established':
				this.#end = 'established';
				this.#early.push(step.early);
				break;
			case 'fail':
				this.#end = 'fail';
				this.#error = step.error;
				this.#events.push({ fail: step.error.code, note: step.error.note });
		}
	}

	#send(bytes: Buffer): void {
		this.#sent.push(bytes);
		this.#unsent.push(bytes);
		const last = this.#events.at(-1);
		if (last && 'send' in last) this.#events[this.#events.length - 1] = { send: last.send + bytes.toString('hex') };
		else this.#events.push({ send: bytes.toString('hex') });
	}
}

/** The codec's answer to input cut as `chunks`. */
export function play(codec: Codec, chunks: Iterable<Uint8Array>, owner?: Owner): Transcript {
	const player = new Player(codec, owner);
	for (const chunk of chunks) player.feed(chunk);
	return player.finish();
}

export function bytewise(input: Uint8Array): Buffer[] {
	return Array.from(input, (byte) => Buffer.of(byte));
}

export type Make = () => Codec;

/**
 * Plays `input` whole, bytewise, answered late, and with trailing bytes, and asserts that nothing but the trailing bytes
 * differs and that no good end comes before the last byte. Returns the transcript of the whole.
 */
export function playAllWays(t: ExecutionContext, make: Make, input: Buffer, owner: Owner = {}): Transcript {
	const whole = play(make(), [input], owner);
	t.deepEqual(play(make(), bytewise(input), owner).events, whole.events, 'bytewise');
	for (const chunks of [[input], bytewise(input)]) {
		t.deepEqual(play(make(), chunks, { ...owner, late: true }).events, whole.events, 'answered late');
	}
	if (whole.end !== 'established') return whole;
	const trailing = Buffer.from('\u0000trailing\r\n', 'latin1');
	const longer = Buffer.concat([input, trailing]);
	for (const late of [false, true]) {
		for (const chunks of [[longer], bytewise(longer), [input, trailing]]) {
			const { events, early } = play(make(), chunks, { ...owner, late });
			t.deepEqual(early, Buffer.concat([whole.early, trailing]), 'trailing bytes are kept');
			t.deepEqual(events.slice(0, -1), whole.events.slice(0, -1), 'with trailing bytes');
		}
	}
	if (whole.early.length > 0) return whole;
	for (let length = 0; length < input.length; length++) {
		t.is(play(make(), [input.subarray(0, length)], owner).end, 'read', `after ${length} bytes`);
	}
	return whole;
}

/** Cuts `input` at these places, in any order and with repeats. */
export function cutAt(input: Buffer, places: readonly number[]): Buffer[] {
	const cuts = [0, ...places.map((place) => place % (input.length + 1)), input.length].sort((a, b) => a - b);
	return cuts.slice(1).map((end, i) => input.subarray(cuts[i], end));
}

/** Property: however a dialogue of the corpus is cut, the transcript is that of the whole. */
export function assertAnyCut(t: ExecutionContext, make: Make, corpus: readonly Buffer[], owner: Owner = {}): void {
	const wholes = corpus.map((input) => play(make(), [input], owner));
	t.true(
		corpus.some((input) => play(make(), [input]).end === 'established'),
		'a corpus without a good dialogue finds nothing',
	);
	const cases = fc.tuple(fc.nat(corpus.length - 1), fc.array(fc.nat(100_000), { maxLength: 8 }), fc.boolean());
	const property = fc.property(cases, ([index, places, late]) => {
		const chunks = cutAt(corpus[index] as Buffer, places);
		deepStrictEqual(play(make(), chunks, { ...owner, late }).events, wholes[index]?.events);
	});
	t.notThrows(() => fc.assert(property, { numRuns: 300 }));
}

/**
 * Property: neither noise nor a damaged dialogue makes the codec throw, spin, or end in anything but a step of its own,
 * and however it is cut it does the same. A byte that repeats for ever ends within `limitBytes`.
 */
export function assertBearsGarbage(
	t: ExecutionContext,
	make: Make,
	corpus: readonly Buffer[],
	limitBytes: number,
	owner: Owner = {},
): void {
	const damaged = fc
		.tuple(fc.constantFrom(...corpus), fc.nat(100_000), fc.nat(8), fc.uint8Array({ maxLength: 8 }))
		.map(([input, place, gone, instead]) => {
			const at = place % (input.length + 1);
			return Buffer.concat([input.subarray(0, at), instead, input.subarray(at + gone)]);
		});
	const noise = fc.uint8Array({ maxLength: 700 }).map((bytes) => Buffer.from(bytes));
	const cases = fc.tuple(fc.oneof(damaged, noise), fc.array(fc.nat(100_000), { maxLength: 8 }));
	const property = fc.property(cases, ([input, places]) => {
		const whole = play(make(), [input], owner);
		deepStrictEqual(play(make(), cutAt(input, places), owner).events, whole.events);
	});
	t.notThrows(() => fc.assert(property, { numRuns: 500 }));
	for (let byte = 0; byte < 256; byte++) {
		for (const prefix of [Buffer.alloc(0), ...corpus.map((input) => input.subarray(0, input.length - 1))]) {
			const player = new Player(make(), owner);
			player.feed(prefix);
			const same = Buffer.alloc(64, byte);
			for (let n = 0; player.end === 'read' && n <= limitBytes; n += same.length) player.feed(same);
			t.not(player.end, 'read', `byte ${byte} after ${prefix.length} bytes of a dialogue goes on for ever`);
		}
	}
}

export interface Pair {
	readonly server: Transcript;
	readonly client: Transcript;
}

/** Joins a server and a client until both rest. `cut` cuts each message on its way. */
export function converse(
	server: Codec,
	client: Codec,
	owner: Owner = {},
	cut: (bytes: Buffer) => Iterable<Buffer> = (bytes) => [bytes],
): Pair {
	const left = new Player(client);
	const right = new Player(server, owner);
	for (let moved = true; moved; ) {
		moved = false;
		for (const [from, to] of [
			[left, right],
			[right, left],
		] as const) {
			const bytes = from.takeSent();
			if (bytes.length === 0) continue;
			moved = true;
			for (const chunk of cut(bytes)) to.feed(chunk);
		}
	}
	return { server: right.finish(), client: left.finish() };
}
