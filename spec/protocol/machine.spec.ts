// oxlint-disable typescript/unbound-method -- a Machine calls its states with itself as `this`
import test from 'ava';
import { GatewayError, type Side } from '../../lib/core/error.ts';
import { targetOfIp4 } from '../../lib/core/target.ts';
import type { Answer, Step } from '../../lib/protocol/codec.ts';
import { Machine } from '../../lib/protocol/machine.ts';

const LIMIT_BYTES = 16;
/** What the machine holds beyond its limit before it calls its driver's bluff. */
const BEHIND_BYTES = 131_072;

/** A toy protocol: a line is echoed and asked about, a second one ends it; an empty one is only wondered at. */
class Lines extends Machine {
	readonly protocol = 'unknown';
	protected readonly peer: Side;
	seen: string[] = [];

	constructor(peer: Side = 'client') {
		super(LIMIT_BYTES);
		this.peer = peer;
		this.become(this.#first);
	}

	#line(): string | null {
		const end = this.buffer.indexOf('\n');
		return end < 0 ? null : this.take(end + 1).toString('latin1', 0, end);
	}

	#first(): Step | null {
		const line = this.#line();
		if (line === null) return null;
		if (line === '') {
			this.say({ kind: 'send', bytes: Buffer.from('?') });
			return null;
		}
		this.seen.push(line);
		this.say({ kind: 'send', bytes: Buffer.from(line) });
		const intent = { kind: 'tunnel', target: targetOfIp4(1, 1) } as const;
		this.say(this.ask({ kind: 'open', intent }, this.#answered));
		return null;
	}

	#answered(answer: Answer): void {
		if (answer.kind === 'failed') this.refuse(Buffer.from('no'), this.failWith(answer.error));
		else if (answer.kind === 'rejected') this.refuse(Buffer.from('no'), this.fail('authentication_required'));
		else if (answer.kind === 'opened') this.grant(Buffer.from('yes'));
		else this.become(this.#second);
	}

	#second(): Step | null {
		const line = this.#line();
		if (line === null) return null;
		this.seen.push(line);
		return this.established();
	}
}

function kinds(machine: Machine): string[] {
	const out: string[] = [];
	for (;;) {
		const step = machine.next();
		if (step.kind === 'read') return out;
		out.push(step.kind === 'send' ? Buffer.from(step.bytes).toString() : step.kind);
	}
}

test('a machine reads until its state has enough, then says what it queued in order', (t) => {
	const machine = new Lines();
	t.deepEqual(kinds(machine), []);
	machine.receive(Buffer.from('he'));
	t.deepEqual(kinds(machine), []);
	machine.receive(Buffer.from('llo\n'));
	t.deepEqual(kinds(machine), ['hello', 'open']);
});

test('a state that said something without moving on is asked again', (t) => {
	const machine = new Lines();
	machine.receive(Buffer.from('\n\nhello\n'));
	t.deepEqual(kinds(machine), ['?', '?', 'hello', 'open']);
});

test('a machine waits for its answer, whatever comes meanwhile', (t) => {
	const machine = new Lines();
	machine.receive(Buffer.from('a\nb\nrest'));
	t.deepEqual(kinds(machine), ['a', 'open']);
	machine.receive(Buffer.from(' and more'));
	t.deepEqual(kinds(machine), []);
	t.deepEqual(machine.seen, ['a']);
	machine.answer({ kind: 'authenticated' });
	const step = machine.next();
	t.is(step.kind === 'established' && step.early.toString(), 'rest and more');
	t.deepEqual(machine.seen, ['a', 'b']);
});

test('yes is said before the good end, no before the bad one, whose error is the one given', (t) => {
	const yes = new Lines();
	yes.receive(Buffer.from('a\n'));
	kinds(yes);
	yes.answer({ kind: 'opened' });
	t.deepEqual(kinds(yes), ['yes', 'established']);

	const no = new Lines();
	no.receive(Buffer.from('a\n'));
	kinds(no);
	const error = new GatewayError('dns_error');
	no.answer({ kind: 'failed', error });
	t.is(no.next().kind, 'send');
	const step = no.next();
	t.is(step.kind === 'fail' && step.error, error);
	t.is(no.next().kind, 'read');
});

test('bytes that come between the answer and the good end are early bytes too', (t) => {
	const machine = new Lines();
	machine.receive(Buffer.from('a\n'));
	kinds(machine);
	machine.answer({ kind: 'opened' });
	t.is(machine.next().kind, 'send');
	machine.receive(Buffer.from('late'));
	const step = machine.next();
	t.is(step.kind === 'established' && step.early.toString(), 'late');
});

test('an answer that nobody asked for is a bug, and so is a second one', (t) => {
	const machine = new Lines();
	t.throws(() => machine.answer({ kind: 'opened' }), { instanceOf: Error, message: 'answer without a question' });
	machine.receive(Buffer.from('a\n'));
	kinds(machine);
	machine.answer({ kind: 'opened' });
	t.throws(() => machine.answer({ kind: 'opened' }));
});

test('held bytes are those received and not taken', (t) => {
	const machine = new Lines();
	t.is(machine.heldBytes, 0);
	machine.receive(Buffer.from('abc'));
	t.is(machine.heldBytes, 3);
	machine.receive(Buffer.from('\nearly'));
	kinds(machine);
	t.is(machine.heldBytes, 5);
	machine.receive(Buffer.from('!'));
	t.is(machine.heldBytes, 6);
	machine.answer({ kind: 'opened' });
	kinds(machine);
	t.is(machine.heldBytes, 0);
});

test('what is held while a question waits can be taken, and is then not early', (t) => {
	const machine = new Lines();
	machine.receive(Buffer.from('one\nearly'));
	kinds(machine);
	t.is(String(machine.takeEarly()), 'early');
	t.is(machine.takeEarly().length, 0);
	machine.receive(Buffer.from('later'));
	machine.answer({ kind: 'opened' });
	t.is(machine.next().kind, 'send');
	t.deepEqual(machine.next(), { kind: 'established', early: Buffer.from('later') });
});

test('a state that wants more than the limit fails, one byte later and not before', (t) => {
	const machine = new Lines();
	machine.receive(Buffer.alloc(LIMIT_BYTES, 'x'));
	t.deepEqual(kinds(machine), []);
	machine.receive(Buffer.from('x'));
	const step = machine.next();
	t.true(step.kind === 'fail' && step.error.code === 'handshake_malformed' && step.error.note === 'too many bytes');
	t.is(machine.heldBytes, 0);
	machine.receive(Buffer.from('\n'));
	t.deepEqual(kinds(machine), []);
});

test('payload behind the handshake is not counted to it, in one chunk or in many', (t) => {
	const payload = Buffer.alloc(100_000, 'p');
	for (const size of [1, 7, 1000, 200_000]) {
		const machine = new Lines();
		const all = Buffer.concat([Buffer.from('hello\n'), payload]);
		for (let at = 0; at < all.length; at += size) {
			machine.receive(all.subarray(at, at + size));
			if (machine.heldBytes < 10) kinds(machine);
		}
		kinds(machine);
		machine.answer({ kind: 'opened' });
		t.is(machine.next().kind, 'send');
		const step = machine.next();
		t.true(step.kind === 'established' && step.early.equals(payload), `cut by ${size}`);
	}
});

test('a driver that does not pause its socket ends the handshake, within a bound, and its answer is let go', (t) => {
	const machine = new Lines();
	machine.receive(Buffer.from('a\n'));
	kinds(machine);
	const chunk = Buffer.alloc(10_000);
	let mostBytes = 0;
	for (let n = 0; n < 100; n++) {
		machine.receive(chunk);
		mostBytes = Math.max(mostBytes, machine.heldBytes);
	}
	t.true(mostBytes <= LIMIT_BYTES + BEHIND_BYTES + chunk.length);
	t.true(mostBytes >= 2 * 65_536, 'two stream buffers are held');
	t.is(machine.heldBytes, 0);
	machine.answer({ kind: 'opened' });
	t.deepEqual(kinds(machine), ['fail']);
});

test('putting bytes together one at a time costs a number of copies, not a copy a byte', (t) => {
	const machine = new Lines();
	machine.receive(Buffer.from('a\n'));
	kinds(machine);
	const allocUnsafe = Buffer.allocUnsafe;
	let allocatedBytes = 0;
	Buffer.allocUnsafe = (size) => {
		allocatedBytes += size;
		return allocUnsafe(size);
	};
	const byte = Buffer.from('x');
	for (let n = 0; n < 65_536; n++) machine.receive(byte);
	Buffer.allocUnsafe = allocUnsafe;
	t.is(machine.heldBytes, 65_536);
	t.true(allocatedBytes > 0 && allocatedBytes <= 8 * 65_536, `${allocatedBytes} bytes were allocated`);
});

test('bytes taken stay what they were while more are received', (t) => {
	class Keeper extends Machine {
		readonly protocol = 'unknown';
		protected readonly peer = 'client';
		kept: Buffer[] = [];
		constructor() {
			super(LIMIT_BYTES);
			this.become(this.#pair);
		}
		#pair(): Step | null {
			if (this.buffer.length < 2) return null;
			this.kept.push(this.take(2));
			return this.become(this.#another);
		}
		#another(): Step | null {
			return this.become(this.#pair);
		}
	}
	const machine = new Keeper();
	const sent = Buffer.from(Array.from({ length: 300 }, (_, i) => i));
	for (let at = 0; at < sent.length; at += 3) {
		machine.receive(Buffer.from(sent.subarray(at, at + 3)));
		machine.next();
	}
	t.true(Buffer.concat(machine.kept).equals(sent));
});

test('what a hop gets wrong is the hop\u2019s failure, in its phase, and another hop may do better', (t) => {
	const machine = new Lines('hop');
	machine.receive(Buffer.alloc(LIMIT_BYTES + 1, 'x'));
	const step = machine.next();
	const details = { code: 'hop_unavailable', side: 'hop', phase: 'hop', retry: 'next' } as const;
	t.like(step.kind === 'fail' ? step.error : null, details);
});

test('any kind of byte array will do', (t) => {
	const machine = new Lines();
	const bytes = new TextEncoder().encode('..hello\n..');
	machine.receive(new Uint8Array(bytes.buffer, 2, 6));
	machine.receive(new Uint8Array(0));
	t.deepEqual(kinds(machine), ['hello', 'open']);
});
